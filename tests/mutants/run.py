#!/usr/bin/env python3
"""Breaks the design on purpose, one edit of `mutants.toml` at a time, and shows that the simulation's checker notices.

The sources are copied beside the build, edited there, built and run with a few seeds; a mutant that no seed catches is
an error, and so is one that is caught by something else than its entry says. `--check` only looks whether every edit
still finds its place, in no time. Needs nothing but Python's standard library and cargo.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "mutants"
COPY, BUILD = HERE / "workspace", HERE / "target"
LIST = Path(__file__).with_name("mutants.toml")
# A small run takes a fifth of a second.
RECORDS, SEEDS = 3_000, 40


def mutants() -> list[dict]:
    return tomllib.loads(LIST.read_text())["mutant"]


def check(mutants: list[dict]) -> list[str]:
    """What is wrong with the list: each edit must find its place, once."""
    wrong = []
    names = [mutant["name"] for mutant in mutants]
    wrong += [f"{name}: there are two of that name" for name in set(names) if names.count(name) > 1]
    for mutant in mutants:
        if not mutant["breaks"] or not mutant["finds"]:
            wrong.append(f"{mutant['name']}: says not what it breaks, or what finds it")
        for edit in mutant["edit"]:
            count = (ROOT / edit["file"]).read_text().count(edit["find"])
            if count != 1:
                wrong.append(f"{mutant['name']}: `{edit['file']}` has {count} of `{edit['find'].strip()}`")
    return wrong


def copy() -> None:
    """Copies what git knows; a file that is the same keeps its time, so that cargo builds only what changed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout
    files = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    for old in [path for path in COPY.rglob("*") if path.is_file()]:
        if str(old.relative_to(COPY)) not in files:
            old.unlink()
    for name in files:
        source, target = ROOT / name, COPY / name
        if target.exists() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def build() -> str | None:
    """Builds the simulation; what cargo says if it does not build."""
    command = ["cargo", "build", "--quiet", "--locked", "-p", "simulation", "--bin", "simulation"]
    # Built fifty times and run for seconds: what builds sooner is sooner done.
    command += ["--config", "profile.dev.package.simulation.opt-level=1"]
    env = {**os.environ, "CARGO_TARGET_DIR": str(BUILD)}
    done = subprocess.run(command, cwd=COPY, env=env, capture_output=True, text=True)
    return done.stderr if done.returncode else None


def built() -> bytes:
    """What tells one build from another."""
    return hashlib.sha256((BUILD / "debug" / "simulation").read_bytes()).digest()


def simulate(seeds: int) -> tuple[int | None, list[str]]:
    """The seed that fails, with what the checker says in one word each."""
    command = [BUILD / "debug" / "simulation", "--seed", "1", "--seeds", str(seeds), "--records", str(RECORDS)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 0:
        return None, []
    failed = re.findall(r"^seed (\d+),", done.stdout, re.MULTILINE)
    words = re.findall(r"^  ([a-z ]+): \d+$", done.stdout, re.MULTILINE)
    # A panic of the code under test is no finding of the checker.
    return int(failed[-1]) if failed and words else -1, words or [done.stderr.strip().splitlines()[-1][:90]]


def run(mutant: dict, unchanged: bytes) -> tuple[str, str, str]:
    """Applies one mutant. Returns its verdict, what found it, and the seed."""
    originals = {}
    try:
        for edit in mutant["edit"]:
            path = COPY / edit["file"]
            text = path.read_text()
            originals.setdefault(path, text)
            path.write_text(text.replace(edit["find"], edit["replace"]))
        error = build()
        if error:
            return "does not build", error.strip().splitlines()[0], "-"
        if built() == unchanged:
            return "changes nothing", "-", "-"
        seed, words = simulate(mutant.get("seeds", SEEDS))
        if seed is None:
            return "SURVIVED", "-", "-"
        expected = any(word in mutant["finds"] for word in words)
        return "caught" if expected else "caught otherwise", ", ".join(words), str(seed)
    finally:
        for path, text in originals.items():
            path.write_text(text)


def main() -> int:
    parser = argparse.ArgumentParser(description="show that the simulation's checker catches every mutant of the design")
    parser.add_argument("--check", action="store_true", help="only look whether every edit finds its place")
    parser.add_argument("--only", help="run mutants whose name has this in it")
    arguments = parser.parse_args()
    all_of_them = mutants()
    wrong = check(all_of_them)
    print("\n".join(wrong), end="\n" if wrong else "")
    if arguments.check or wrong:
        print(f"{len(all_of_them)} mutants, {len(wrong)} of their edits out of place")
        return 1 if wrong else 0

    chosen = [mutant for mutant in all_of_them if not arguments.only or arguments.only in mutant["name"]]
    COPY.mkdir(parents=True, exist_ok=True)
    copy()
    error = build()
    if error:
        sys.exit(f"the unchanged sources do not build:\n{error}")
    seed, words = simulate(max(mutant.get("seeds", SEEDS) for mutant in chosen))
    if seed is not None:
        sys.exit(f"the unchanged sources fail already, at seed {seed}: {', '.join(words)}")
    caught, unchanged = 0, built()
    print(f"{'mutant':<42} {'verdict':<17} {'seed':>4} {'seconds':>7}  found by", flush=True)
    for mutant in chosen:
        begun = time.monotonic()
        verdict, words, seed = run(mutant, unchanged)
        caught += verdict == "caught"
        print(f"{mutant['name']:<42} {verdict:<17} {seed:>4} {time.monotonic() - begun:>7.0f}  {words}", flush=True)
    print(f"{caught} of {len(chosen)} mutants caught")
    return 0 if caught == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
