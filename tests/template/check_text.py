"""Checks of the text: headers, documents beside the templates, the linter, parameters, outputs."""

import json
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import expected
from harness import ENVIRONMENTS, check, differ, exactly
from resolve import Refused, Stack
from templates import NESTED_TEMPLATES, REGION, ROOT, ROOT_TEMPLATE, load

# Ignored in transformed templates, and why.
IGNORED = {
    "W3002": "wants a packaged TemplateURL; it stays a file, so that the parameters are checked",
    "WS1004": "as in template.yaml, whose own list the command line overrides",
    "ES1001": "wants a destination of mappings of queues, which have none; check_functions.py asserts those of streams",
}


def lint(paths, *arguments):
    """Findings of cfn-lint with the serverless rules, one per line."""
    command = [Path(sys.executable).with_name("cfn-lint"), "--append-rules", "cfn_lint_serverless.rules",
               "--regions", REGION, "--format", "parseable", *arguments, "--template", *map(str, paths)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = run.stdout.splitlines() + run.stderr.splitlines()
    return lines or ([f"cfn-lint ended with {run.returncode}"] if run.returncode else [])


@check
def every_template_says_what_it_is(_cases):
    for path in [ROOT_TEMPLATE, *NESTED_TEMPLATES]:
        text, name = path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()
        if text.splitlines()[0] != f"# {name}":
            yield f"{name}: the first line is not `# {name}`"
        if not load(path).get("Description", "").startswith("kinetick: "):
            yield f"{name}: no Description that begins with `kinetick: `"
        for kind in ("Kinesis::Stream", "KinesisFirehose::DeliveryStream"):
            for found in re.finditer(rf"(.*)\n  \w+:\n    Type: AWS::{kind}\n", text):
                if not re.fullmatch(r"  # .+ --> .+", found[1]):
                    yield f"{name}: no `# producer --> consumer` above a {kind}"


@check
def only_the_root_has_serverless_resources(cases):
    for path in NESTED_TEMPLATES:
        template = load(path)
        if "Transform" in template:
            yield f"{path.name}: has a transform"
        for logical_id, resource in template["Resources"].items():
            if resource["Type"].startswith("AWS::Serverless::"):
                yield f"{path.name}: {logical_id} is {resource['Type']}"
    used = [r["Properties"]["TemplateURL"] for r in cases.source["Resources"].values()
            if r["Type"] == "AWS::CloudFormation::Stack"]
    yield from exactly("nested stacks", used, [f"infra/{p.name}" for p in NESTED_TEMPLATES])


@check
def the_readme_lists_every_parameter(cases):
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", (ROOT / "infra/README.md").read_text(), re.M))
    declared = {k: f"`{p['Default']}`" if p["Default"] != "" else "(empty)"
                for k, p in cases.source["Parameters"].items()}
    yield from exactly("infra/README.md", rows, declared)
    yield from differ("infra/README.md", rows, declared)


@check
def samconfig_begins_with_its_command(_cases):
    first = (ROOT / "samconfig.toml").read_text(encoding="utf-8").splitlines()[0]
    if not re.match(r"# sam build && sam deploy\b", first):
        yield f"samconfig.toml begins with `{first}`"


# ---- the linter -------------------------------------------------------------------------------


@check
def the_sources_lint_clean(_cases):
    yield from lint([ROOT_TEMPLATE, *NESTED_TEMPLATES])


@check
def the_transformed_templates_lint_clean(cases):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        # Nested templates beside them, so that the linter checks the parameters that they get.
        (folder / "infra").mkdir()
        for path in NESTED_TEMPLATES:
            (folder / "infra" / path.name).write_text(path.read_text(encoding="utf-8"))

        def findings(case):
            env, plan = case
            path = folder / f"{env}-{plan}.json"
            path.write_text(json.dumps(cases.transform(env, plan), indent=1))
            return lint([path], "--parameters", f"Env={env}", f"Plan={plan}", "--ignore-checks", *IGNORED)

        with ThreadPoolExecutor(max_workers=2) as pool:
            for lines in pool.map(findings, cases.stacks):
                yield from lines


@check
def simulation_is_refused_outside_local(cases):
    simulated = [{"MarketClock": "60@2026-01-05T14:30:00Z"}, {"Cooldowns": "record"},
                 {"VendorUrl": "http://127.0.0.1:9/query"}]
    for env, more in product(ENVIRONMENTS, simulated):
        try:
            cases.stack(env, "free", **more)
            refused = False
        except Refused:
            refused = True
        if refused == (env == "local"):
            yield f"{env}: {more} is {'refused' if refused else 'accepted'}"


@check
def malformed_lists_are_refused(cases):
    for more in ({"Symbols": ""}, {"Symbols": "AAPL, MSFT"}, {"Symbols": "AAPL,"},
                 {"Pairs": "BTCUSD"}, {"Pairs": "BTC/USD;ETH/USD"}, {"Plan": "p10"}, {"Env": "stage"},
                 {"Indicators": "SMA(20)\n"}, {"Indicators": "S" * 1501}, {"Alerts": "RSI(14) > 70 & close > 1"},
                 {"Alerts": "R" * 1501}):
        try:
            Stack(cases.source, {"Env": "dev", **more})
            yield f"{more} is accepted"
        except Refused:
            pass
    for more in ({"Indicators": "SMA(20), BBANDS(20,2.5); 5min|15min: none; 1day: VWAP(cumulative)"},
                 {"Alerts": "RSI(14) >= 70; 5min: MACD.hist crosses 0; 1day|60min: close <= -1e+3"}):
        try:
            Stack(cases.source, {"Env": "dev", **more})
        except Refused as refused:
            yield f"{more} is refused: {refused}"


@check
def outputs_are_what_a_deployer_reads(cases):
    for case, _, _, stack in cases.each():
        yield from exactly(f"{case} outputs", stack.outputs, expected.OUTPUTS)
        yield from differ(f"{case} outputs", stack.outputs, expected.OUTPUTS)
