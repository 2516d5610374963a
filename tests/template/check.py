"""Checks the templates without AWS and without a network: `python tests/template/check.py`.

Transforms template.yaml for every environment, lints what comes out, and asserts what an emulator
drops. What it must be stands in `expected.py`. One line per check; ends with `N passed, N failed`.
Wants a Python with localstack/python/requirements.txt.
"""

import sys

# Importing a module enters its checks in the list.
import check_text  # noqa: F401
import check_functions  # noqa: F401
import check_storage  # noqa: F401
import check_permissions  # noqa: F401
import check_local  # noqa: F401
from harness import CHECKS, Cases


def main():
    cases = Cases()
    failed = 0
    for function in CHECKS:
        name = function.__name__.replace("_", " ")
        try:
            problems = list(function(cases))
        except Exception as error:  # a check that cannot run has failed, and the others still say theirs
            problems = [f"{type(error).__name__}: {error}"]
        failed += bool(problems)
        print(f"{'FAIL' if problems else 'ok  '} {name}")
        for problem in problems:
            print(f"     {problem}")
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
