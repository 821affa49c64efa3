"""The man pages that the build made: they are sound, say what --help says, and every option, key, rule and kind of task is in
its page. The tables that the manual has of the same things are held against the same source."""
import re
import shutil
import subprocess

import pytest

from sallyport import ROOT, build_folder, cli, program
from test_docs import DOCS, MANUAL, list_of, quoted, rows

PAGES = ["sallyport.1", "sallyport.yaml.5", "sallyport-workflow.7", "sallyportd.8"]


def page(name):
    return build_folder() / "src/man" / name


def rendered(name):
    r = subprocess.run(["mandoc", "-Tutf8", "-Owidth=500", page(name)], capture_output=True, text=True, check=True)
    return re.sub(".\x08", "", r.stdout)


def needs(tool):
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")


# --- form -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_mandoc_finds_nothing(name):
    needs("mandoc")
    r = subprocess.run(["mandoc", "-Tlint", "-Wall", page(name)], capture_output=True, text=True)
    # Whether the pages that it refers to are there depends on what is installed.
    assert [line for line in r.stdout.splitlines() if "referenced manual not found" not in line] == []


@pytest.mark.parametrize("name", PAGES)
def test_groff_warns_of_nothing(name):
    needs("groff")
    r = subprocess.run(["groff", "-mandoc", "-ww", "-z", "-Tutf8", page(name)], capture_output=True, text=True)
    assert (r.returncode, r.stderr) == (0, ""), r


def test_text_stays_text():
    """A help text may hold what roff takes for something else."""
    needs("mandoc")
    text = rendered("sallyport.1")
    assert "--" in text and '"$(cat audit.vkey)"' in text and "\\\n" in text


# --- content ----------------------------------------------------------------------------------------------------------------


def parts(text, heading):
    """A page from this heading to the next: {subsection: text}."""
    section = re.search(rf"^{heading}\n(.*?)(?=^[A-Z]|\Z)", text, re.M | re.S)[1]
    pieces = re.split(r"^   (\S.*)\n", section, flags=re.M)
    return dict(zip(pieces[1::2], pieces[2::2]))


def test_every_command_and_option():
    needs("mandoc")
    text = rendered("sallyport.1")
    commands, everywhere = parts(text, "COMMANDS"), text[:text.index("COMMANDS")] + text[text.index("OPTIONS FOR A SERVER"):]
    names = re.findall(r"^  ((?:[a-z]+ )?[a-z]+(?: [A-Z/.]+)*) {2,}", cli("--help").stdout, re.M)
    assert len(names) > 20 and names == list(commands)
    for name in names:
        shown = cli(*re.sub(r"(?: [A-Z/.]+)+$", "", name).split(), "--help").stdout
        options = re.findall(r"^  (--[a-z-]+(?: [A-Z][A-Z:=/]*)?)", shown.split("\nExamples:")[0], re.M)
        assert "--help" in options
        for option in options:
            assert re.search(rf"^     {re.escape(option)}(?:\n|  )", commands[name], re.M) or f"     {option}\n" in everywhere \
                or f"     {option}  " in everywhere, (name, option)
        for example in re.findall(r"\nExamples:\n(.*)", shown, re.S):
            assert example.splitlines()[0] in text


def test_the_supervisors_page():
    needs("mandoc")
    text = rendered("sallyportd.8")
    shown = subprocess.run([program("sallyportd"), "--help"], capture_output=True, text=True, check=True).stdout
    options = re.findall(r"^  (--[a-z-]+)", shown, re.M)
    assert len(options) > 8
    for option in options:
        assert option in text or option in ("--help", "--version")
    for name in re.findall(r"^  ([A-Z][A-Z_]+)", shown, re.M):
        assert name in text


def test_every_configuration_key():
    needs("mandoc")
    text = rendered("sallyport.yaml.5")
    shown = subprocess.run([program("sallyportd"), "--help"], capture_output=True, text=True, check=True).stdout
    keys = re.findall(r'K\(\w+, "(\w*)", "(\w+)"', list_of("supervisor/config.h", "CONFIG_KEYS"))
    assert len(keys) > 20
    for group, key in keys:
        name = f"{group}.{key}" if group else key
        assert re.search(rf"^     {re.escape(name)}(?:\n|  )", text, re.M), name
        assert f"\n  {name}: " in shown, name


def test_the_default_configuration_shows_every_key():
    text = (ROOT / "dist/sallyport.yaml").read_text()
    for group, key in re.findall(r'K\(\w+, "(\w*)", "(\w+)"', list_of("supervisor/config.h", "CONFIG_KEYS")):
        assert re.search(rf"^#?{'  ' if group else ''}#?{key}:", text, re.M), key
        assert not group or re.search(rf"^#?{group}:", text, re.M), group


def test_the_manuals_table_of_keys():
    """docs/manual/configuration.md has what `manual-pages configuration.md` prints."""
    table = subprocess.run([page("manual-pages"), "configuration.md"], capture_output=True, text=True, check=True).stdout
    written = (MANUAL / "configuration.md").read_text().splitlines()
    assert table.count("\n") > 20 and [line for line in table.splitlines() if line not in written] == []


def test_the_workflows_page():
    needs("mandoc")
    text = rendered("sallyport-workflow.7")
    kinds = re.findall(r'K\([A-Z]+, "([a-z]+)"', list_of("flow/definition.h", "FLOW_TASK_KINDS"))
    rules = re.findall(r'R\("([a-z0-9*-]+)"', list_of("flow/rules.h", "FLOW_RULES"))
    keys = [prefix + key for name, prefix in (("SALLYPORT", ""), ("WEBHOOK", "webhook."), ("RATE", "rate."), ("ORIGIN", "origins[]."))
            for key in re.findall(r'M\("(\w+)"', list_of("flow/metadata.h", f"METADATA_{name}"))]
    assert len(kinds) > 10 and len(rules) > 25 and len(keys) > 12
    for name in kinds + rules + keys:
        assert re.search(rf"^     {re.escape(name)}(?:\n|  )", text, re.M), name


def is_known(rule, rules):
    return rule in rules or (rule.startswith("unsupported-") and "unsupported-*" in rules)


def test_every_rule_is_in_the_table():
    rules = set(re.findall(r'R\("([a-z0-9*-]+)"', list_of("flow/rules.h", "FLOW_RULES")))
    used = set()
    for text in (p.read_text() for p in (ROOT / "src/flow").glob("*.c")):
        for argument in re.findall(r"\b(?:complain|advise|note)\(c,\s*([^,]*),|FINDING_[A-Z]+,\s*([^,]*),", text):
            used |= set(re.findall(r'"([a-z0-9-]+)"', "".join(argument)))
    used |= set(re.findall(r"^(?:error|warning|note) ([a-z0-9-]+)", (ROOT / "tests/unit/flow/cases/findings.txt").read_text(), re.M))
    assert len(used) > 20 and {rule for rule in used if not is_known(rule, rules)} == set()


def test_the_formats_table_of_rules():
    rules = set(re.findall(r'R\("([a-z0-9*-]+)"', list_of("flow/rules.h", "FLOW_RULES")))
    text = (DOCS / "formats/findings.md").read_text()
    table = text[text.index("| rule | level |"):text.index("## Manifest")]
    written = {name.replace("…", "*") for row in re.findall(r"^\| (`.*?) \|", table, re.M) for name in quoted(row)}
    assert written == rules


def test_sarif_says_what_a_rule_is_about(tmp_path):
    (tmp_path / "w.yaml").write_text("document: { dsl: '1.0.3', namespace: a, name: b, version: '1.0.0' }\n"
                                     "do: [{ l: { listen: { to: { one: { with: { type: x } } } } } }]\n")
    r = cli("check", "--format", "sarif", tmp_path / "w.yaml")
    assert '"id":"unsupported-listen","shortDescription":{"text":"a part of the DSL is not supported yet' in r.stdout, r
