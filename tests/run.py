#!/usr/bin/env python3
"""Runs all tests and checks, and ends with one line that says how many passed, failed and were not run.

Every step runs, whatever the others did. A check counts as one; a step that counts its own (cargo
test, the template's checks) counts as many. An optional tool that is absent is named and counted as
not run; with REQUIRE_TOOLS=1 it is a failure. Needs nothing but Python's standard library.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CARGO = ["--workspace", "--locked"]
REQUIRE_TOOLS = os.environ.get("REQUIRE_TOOLS") == "1"


@dataclass
class Tally:
    passed: int = 0
    failed: int = 0
    not_run: int = 0
    failures: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    def add(self, name: str, passed: int, failed: int, not_run: int = 0) -> None:
        self.passed += passed
        self.failed += failed
        self.not_run += not_run
        if failed:
            self.failures.append(name)


def run(command: list[str], env: dict[str, str] | None = None) -> tuple[int, str]:
    """Runs a command, shows what it prints as it comes, and returns it with the exit code."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    lines = []
    for line in process.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        lines.append(line)
    return process.wait(), "".join(lines)


def step(tally: Tally, name: str, command: list[str], count=None, env=None) -> None:
    print(f"\n== {name}: {' '.join(command)}", flush=True)
    begun = time.monotonic()
    code, output = run(command, env)
    passed, failed, not_run = count(output) if count else (0, 0, 0)
    if code != 0 and failed == 0:
        failed = 1
    if code == 0 and passed == 0 and failed == 0:
        passed = 1
    tally.add(name, passed, failed, not_run)
    print(f"== {name}: {'FAILED' if failed else 'ok'} in {time.monotonic() - begun:.0f} s", flush=True)


def cargo_tests(output: str) -> tuple[int, int, int]:
    results = re.findall(r"^test result: .*? (\d+) passed; (\d+) failed; (\d+) ignored", output, re.MULTILINE)
    return tuple(sum(int(result[at]) for result in results) for at in range(3))


def counted(output: str) -> tuple[int, int, int]:
    found = re.findall(r"^(\d+) passed, (\d+) failed$", output, re.MULTILINE)
    return (int(found[-1][0]), int(found[-1][1]), 0) if found else (0, 1, 0)


def missing(tally: Tally, name: str, how: str) -> None:
    """An optional tool that is absent: named, and a failure where tools are required."""
    print(f"\nnot run: {name} ({how})", flush=True)
    tally.absent.append(name)
    if REQUIRE_TOOLS:
        tally.add(name, 0, 1)
    else:
        tally.not_run += 1


def target() -> str:
    """Cargo's folder, as cargo sees it."""
    return os.environ.get("CARGO_TARGET_DIR", "target")


def python_environment(tally: Tally) -> Path | None:
    """The environment that `kinetick up` makes, too; made here by the same code."""
    step(tally, "python environment", [str(ROOT / target() / "debug" / "kinetick"), "prepare"])
    python = ROOT / ".kinetick" / "venv" / "bin" / "python"
    return python if python.exists() else None


def main() -> int:
    parser = argparse.ArgumentParser(description="run all tests and checks")
    parser.add_argument("--lint", action="store_true", help="checks only, no tests")
    arguments = parser.parse_args()
    begun = time.monotonic()
    tally = Tally()

    step(tally, "formatting", ["cargo", "fmt", "--all", "--check"])
    deny = shutil.which("cargo-deny")
    if deny:
        step(tally, "licences, bans, sources", [deny, "--locked", "check", "bans", "licenses", "sources"])
    else:
        missing(tally, "cargo-deny", "`make tools` installs it")
    step(tally, "build", ["cargo", "build", *CARGO, "--bins"])
    python = python_environment(tally)
    if python:
        step(tally, "templates", [str(python), "tests/template/check.py"], counted, {"PYTHONDONTWRITEBYTECODE": "1"})
    else:
        tally.add("templates", 0, 1)
    if sys.version_info >= (3, 11):
        step(tally, "mutants in place", [sys.executable, "tests/mutants/run.py", "--check"])
    else:
        missing(tally, "mutants in place", "reading their list needs Python 3.11")
    if not arguments.lint:
        step(tally, "tests", ["cargo", "test", *CARGO, "--no-fail-fast"], cargo_tests)
    if not arguments.lint:
        if shutil.which("valgrind"):
            step(tally, "instructions", ["cargo", "bench", "--locked", "-p", "instructions"])
        else:
            missing(tally, "valgrind", "it counts instructions; the system's packages have it")
    step(tally, "clippy", ["cargo", "clippy", *CARGO, "--all-targets", "--", "-D", "warnings"])

    print(f"\nran for {time.monotonic() - begun:.0f} s")
    for name in tally.absent:
        print(f"not run: {name}")
    for name in tally.failures:
        print(f"failed: {name}")
    print(f"total: {tally.passed} passed, {tally.failed} failed, {tally.not_run} skipped")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
