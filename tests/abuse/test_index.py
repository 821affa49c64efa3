"""README.md of this folder against the tests: each row names a family of the list and tests that exist; each number of the list stands
in a row of its family; each family has one."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (Path(__file__).parent / "README.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith("| family")]
LIST = {m[1]: [] if m[2] == "none" else m[2].split(", ") for m in re.finditer(r"^- ([\w-]+): (.+)$", TEXT, re.M)}
NUMBER = r"(?:20\d\d-\d{4,6}|GHSA-[\w-]+)"


def exists(reference):
    path, _, name = reference.partition("::")
    file = ROOT / path
    if not file.is_file() or not file.stat().st_size:
        return False
    return not name or re.search(rf"^\s*(?:def|static void) {name}\(", file.read_text(), re.M) is not None


def test_the_page_is_read():
    assert len(ROWS) > 30 and len(LIST) == 21 and all(len(row) == 4 for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]}: {row[1][:30]}" for row in ROWS])
def test_each_row_names_tests_that_exist(row):
    references = re.findall(r"`([^`]+)`", row[3])
    assert row[0] in LIST and references
    assert [r for r in references if not exists(r)] == []


@pytest.mark.parametrize("family", LIST)
def test_each_number_stands_in_a_row_of_its_family(family):
    rows = [row for row in ROWS if row[0] == family]
    assert rows and sorted(n for row in rows for n in re.findall(NUMBER, row[1])) == sorted(LIST[family])


def test_numbers_in_the_tests_are_in_the_list():
    """Who writes a case for another one adds it to the page."""
    known = {n for numbers in LIST.values() for n in numbers}
    for path in Path(__file__).parent.glob("*"):
        if path.suffix in (".py", ".txt", ".c") and path.name != "test_index.py":
            assert not {n for n in re.findall(r"CVE-(20\d\d-\d{4,6})", path.read_text())} - known, path


def test_what_the_last_test_would_miss():
    assert exists("tests/abuse/test_index.py::exists") and not exists("tests/abuse/test_index.py::nothing") and not exists("tests/abuse/nothing.txt")
