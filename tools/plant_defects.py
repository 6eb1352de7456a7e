#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The conformance suite is tested: `tools/plant_defects.py [--check | NUMBER...]`.

Plants each defect of tests/conformance/defects.toml in a copy of HEAD, builds there, and demands
that the tests named turn red. --check only looks whether each defect still finds its place.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = "conformance_test"


def load() -> list[dict[str, str]]:
    with (ROOT / "tests/conformance/defects.toml").open("rb") as file:
        return tomllib.load(file)["defect"]


def misplaced(defect: dict[str, str]) -> bool:
    text = (ROOT / defect["file"]).read_text(encoding="utf-8")
    return text.count(defect["find"]) != 1


def run(*command: str | Path) -> bool:
    done = subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode == 0


def build(tree: Path) -> bool:
    return run("ninja", "-C", tree / "build/release", TARGET)


def copy_of_head(tree: Path) -> None:
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", "HEAD"], stdout=subprocess.PIPE, check=True
    )
    subprocess.run(["tar", "-x", "-C", str(tree)], input=archive.stdout, check=True)
    options = ("-DHVLAB_BUILD_PYTHON=OFF", "-DHVLAB_BUILD_BENCH=OFF", "-DHVLAB_WERROR=OFF")
    configured = run("cmake", "--preset", "release", "-S", tree, *options)
    if not configured or not build(tree):
        sys.exit(f"{tree}: the tree does not build without a defect")


def turns_red(tree: Path, defect: dict[str, str]) -> str:
    """Empty if it does, else what happened."""
    path = tree / defect["file"]
    sound = path.read_text(encoding="utf-8")
    program = tree / "build/release/tests/conformance" / TARGET
    test = (program, f"--gtest_filter={defect['red']}")
    if not run(*test):
        return "is red without the defect"
    path.write_text(sound.replace(defect["find"], defect["replace"]), encoding="utf-8")
    try:
        if not build(tree):
            return "does not build"
        return "STAYS GREEN" if run("timeout", "120", *test) else ""
    finally:
        path.write_text(sound, encoding="utf-8")
        build(tree)


def main(arguments: list[str]) -> int:
    defects = load()
    lost = [defect["what"] for defect in defects if misplaced(defect)]
    print(*(f"not found once: {what}" for what in lost), sep="\n", end="\n" if lost else "")
    if lost or arguments == ["--check"]:
        return 1 if lost else 0
    chosen = [int(number) for number in arguments] or list(range(1, len(defects) + 1))
    failed = 0
    with tempfile.TemporaryDirectory(prefix="hvlab-defects-") as folder:
        tree = Path(folder)
        copy_of_head(tree)
        for number in chosen:
            defect = defects[number - 1]
            problem = turns_red(tree, defect)
            failed += bool(problem)
            print(f"{number:3} {problem or 'red'}: {defect['what']} ({defect['red']})", flush=True)
    print(f"{len(chosen) - failed} of {len(chosen)} defects turned their test red")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
