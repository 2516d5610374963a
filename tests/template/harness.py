"""What every check uses: the deployed cases, the list of checks, and comparisons as sentences."""

from itertools import product

from resolve import Stack
from templates import ROOT_TEMPLATE, load, transformed

ENVIRONMENTS = ("local", "dev", "prod")
PLANS = ("free", "p75")
CHECKS = []


def check(function):
    """A check yields one sentence per problem; without any it has passed."""
    CHECKS.append(function)
    return function


class Cases:
    """template.yaml as it would be deployed, by environment and plan."""

    def __init__(self):
        self.source = load(ROOT_TEMPLATE)
        self.stacks = {case: self.stack(*case) for case in product(ENVIRONMENTS, PLANS)}

    def transform(self, env, plan, **more):
        return transformed(self.source, self.parameters(env, plan, **more))

    def stack(self, env, plan, **more):
        return Stack(self.transform(env, plan, **more), self.parameters(env, plan, **more))

    @staticmethod
    def parameters(env, plan, **more):
        return {"Env": env, "Plan": plan, "ReserveConcurrency": "true", **more}

    def each(self):
        for (env, plan), stack in self.stacks.items():
            yield f"{env}/{plan}", env, plan, stack


def differ(name, actual, wanted):
    """Sentences on the keys of `wanted` that `actual` does not have so."""
    for key, value in wanted.items():
        if actual.get(key) != value:
            yield f"{name}: {key} is `{actual.get(key)}`, not `{value}`"


def exactly(name, actual, wanted):
    """Sentences on the members that only one of two collections has."""
    for extra in sorted(set(actual) - set(wanted)):
        yield f"{name}: `{extra}` is not expected"
    for missing in sorted(set(wanted) - set(actual)):
        yield f"{name}: `{missing}` is missing"
