"""The schema part: src/schema beside ajv, on the same schemas and documents (schema.mjs has them)."""
import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from rig import BUILD, ROOT, program

PACKAGES = ["ajv@8.20.0", "ajv-formats@3.0.1", "yaml@2.9.1", "@octokit/webhooks-schemas@7.6.1", "@octokit/webhooks-examples@7.6.1",
            "@seriousme/openapi-schema-validator@2.11.0", "@readme/oas-examples@8.2.2", "@open-rpc/meta-schema@1.14.9",
            "@open-rpc/examples@1.7.2", "@json-schema-tools/meta-schema@1.8.0"]
CASES = ["push", "openapi", "openrpc", "metaschema", "workflow"]
SCRIPT = str(ROOT / "bench" / "schema.mjs")
SPEC = ROOT.parent / "shared" / "spec"


def prepare(folder):
    """Once for each list of packages; the cases are written anew, and the last one is left out where there is no specification."""
    folder.mkdir(parents=True, exist_ok=True)
    installed = folder / "installed"
    if not installed.exists() or installed.read_text() != "\n".join(PACKAGES):
        (folder / "package.json").write_text('{"private": true}\n')
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES], cwd=folder, check=True)
        installed.write_text("\n".join(PACKAGES))
    for old in folder.glob("*.json"):
        if old.stem in CASES:
            old.unlink()
    subprocess.run(["node", SCRIPT, "prepare", folder, SPEC], check=True)
    return [name for name in CASES if (folder / f"{name}.json").exists()]


def measured(*command):
    return json.loads(subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True).stdout)


def part_schema(server, results, args):
    if not shutil.which("node") or not shutil.which("npm"):
        return print("bench: schema is left out: there is no node or npm", file=sys.stderr)
    folder = Path(BUILD) / "bench-schema"
    names, rounds = prepare(folder), {}
    for _ in range(args.rounds):
        for name in names:
            case = folder / f"{name}.json"
            ours = measured(program("bench-schema"), case, 1)
            ajv = measured("node", SCRIPT, "run", case, 1)
            for key, rate in ours.items():
                rounds.setdefault((name, key), []).append((rate, ajv[key]))
    results["schema"] = {}
    for (name, key), rates in rounds.items():
        ours, ajv = (statistics.median(column) for column in zip(*rates))
        results["schema"].setdefault(name, {})[key] = {"ours": ours, "ajv": ajv, "ratio": ours / ajv}
    for key, result in (("per_s", "schema_ratio"), ("parsed_per_s", "schema_parsed_ratio")):
        results[result] = statistics.geometric_mean(results["schema"][name][key]["ratio"] for name in names)
