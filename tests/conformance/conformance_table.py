"""The tables of docs/conformance.md: what is written there of a suite."""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = {m[1]: tuple(map(int, m.groups()[1:])) for m in
        re.finditer(r"^\| `([^`]+)` \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|", (ROOT / "docs/conformance.md").read_text(encoding="utf-8"), re.M)}


def hold(name, cases, passed, refused, left_out=0):
    """Fails when a suite went another way than is written."""
    assert cases == passed + refused + left_out, name
    assert ROWS.get(name) == (cases, passed, refused, left_out), f"docs/conformance.md has {ROWS.get(name)} for {name}"
