"""Reads the part of Gherkin that the conformance kit uses: one Feature of Scenarios, steps, and doc strings. A line that
is none of these is an error, so that nothing of a feature is passed over in silence."""
import re
import textwrap
from dataclasses import dataclass, field

STEP = re.compile(r"(?:Given|When|Then|And|But)\s+(.*)")


@dataclass
class Step:
    text: str
    line: int
    doc: str = None


@dataclass
class Scenario:
    name: str
    line: int
    steps: list = field(default_factory=list)


def read_doc(lines, at):
    """The doc string that opens at lines[at] without its indentation, and the index after its end."""
    indent = len(lines[at]) - len(lines[at].lstrip())
    body = []
    for i in range(at + 1, len(lines)):
        if lines[i].strip() == '"""':
            return textwrap.dedent("\n".join(body)) + "\n", i + 1
        body.append(lines[i][indent:] if not lines[i][:indent].strip() else lines[i])
    raise ValueError(f"line {at + 1}: a doc string without an end")


def read_scenarios(text):
    lines = text.splitlines()
    scenarios, at = [], 0
    while at < len(lines):
        line = lines[at].strip()
        at += 1
        if not line or line.startswith("#") or line.startswith("Feature:"):
            continue
        step = STEP.fullmatch(line)
        if line.startswith("Scenario:"):
            scenarios.append(Scenario(line[len("Scenario:"):].strip(), at))
        elif line.startswith('"""') and scenarios and scenarios[-1].steps:
            scenarios[-1].steps[-1].doc, at = read_doc(lines, at - 1)
        elif step and scenarios:
            scenarios[-1].steps.append(Step(step[1], at))
        elif scenarios:
            raise ValueError(f"line {at}: not Gherkin: {line}")
    return scenarios
