"""Roles and whole servers die at random moments under load: the short form of tests/soak/chaos.py, which has the model."""
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "soak"))
from chaos import MODES, chaos  # noqa: E402


@pytest.mark.parametrize("mode", MODES)
def test_random_deaths(mode):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    findings, told = chaos(mode, 6, seed)
    assert not findings, f"seed {seed}: {told}\n" + "\n".join(findings)
