#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes python/hvlab/_core.pyi from the built extension; --check says if it is up to date."""

from __future__ import annotations

import difflib
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STUB = ROOT / "python/hvlab/_core.pyi"
# What the generator can't know: __eq__ takes any object, a None default makes an argument optional,
# containers have element types.
HEADER = """\
# SPDX-License-Identifier: GPL-2.0-or-later
# Generated from the extension by `make stubs`.
# mypy: implicit-optional, disable-error-code="assignment,override,type-arg"
"""


def generate() -> str:
    with tempfile.TemporaryDirectory() as folder:
        tools = Path(sys.executable).parent
        subprocess.run(
            [tools / "pybind11-stubgen", "hvlab._core", "--output-dir", folder, "--exit-code"],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        text = (Path(folder) / "hvlab/_core.pyi").read_text(encoding="utf-8")
        draft = Path(folder) / "_core.pyi"
        draft.write_text(HEADER + text, encoding="utf-8")
        # In the project's own layout, so that the format check holds for it as for the rest.
        config = ["--config", str(ROOT / "pyproject.toml")]
        subprocess.run(
            [tools / "ruff", "check", "--quiet", "--fix", "--exit-zero", *config, draft], check=True
        )
        subprocess.run([tools / "ruff", "format", "--quiet", *config, draft], check=True)
        return draft.read_text(encoding="utf-8")


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print("usage: tools/stubs.py [--check]", file=sys.stderr)
        return 2
    new = generate()
    old = STUB.read_text(encoding="utf-8") if STUB.exists() else ""
    if not arguments:
        STUB.write_text(new, encoding="utf-8")
        return 0
    if new == old:
        return 0
    sys.stdout.writelines(
        difflib.unified_diff(
            old.splitlines(keepends=True),
            new.splitlines(keepends=True),
            "python/hvlab/_core.pyi",
            "generated from the extension",
        )
    )
    print("python/hvlab/_core.pyi is not what the extension gives: run `make stubs`")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
