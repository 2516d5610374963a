"""Checks of the environment `local`: what the emulator can take, and what it does without."""

from pathlib import Path

from harness import PLANS, check, exactly
from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS as KNOWN_TYPES

LEFT_OUT = Path(__file__).with_name("left_out_locally.txt")


@check
def the_emulator_knows_every_type_of_local(cases):
    for plan in PLANS:
        for name, resource in cases.stacks["local", plan].every_resource():
            if resource["Type"] not in KNOWN_TYPES:
                yield f"{name}: {resource['Type']} is unknown to MiniStack; put it under a condition"


def left_out(local, other):
    """What another environment has and local has not: resources, properties, enabled schedules."""
    here = dict(local.every_resource())
    for name, resource in other.every_resource():
        if name not in here:
            yield f"{name} ({resource['Type']})"
            continue
        for key, value in resource["Properties"].items():
            if key not in here[name]["Properties"]:
                yield f"{name}.{key}"
            if key == "State" and value == "ENABLED" != here[name]["Properties"][key]:
                yield f"{name} is disabled"


@check
def local_leaves_out_what_is_listed(cases):
    found = sorted(set(left_out(cases.stacks["local", "p75"], cases.stacks["prod", "p75"])))
    for line in found:
        print(f"     local leaves out: {line}")
    listed_lines = [line for line in LEFT_OUT.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    yield from exactly(LEFT_OUT.name, found, listed_lines)
