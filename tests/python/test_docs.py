# SPDX-License-Identifier: GPL-2.0-or-later
"""Every example of the documentation is tried (doc_blocks.py says how), and what it says of commands,
options and keys is so.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from doc_blocks import TRIED, Session, blocks, matches
from hvlab._core import parse_scenario
from hvlab.scenario.tree import flatten

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_the_examples_of_a_page(page: Path, tmp_path: Path) -> None:
    session = Session(tmp_path)
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.reason or not (block.title or block.language in TRIED):
            continue
        try:
            session.attempt(block)
        except Exception as error:
            error.add_note(f"{page.relative_to(ROOT)}:{block.line}")
            raise


def test_there_are_examples() -> None:
    tried = [b for page in PAGES for b in blocks(page.read_text()) if b.language in TRIED]
    assert len([block for block in tried if not block.reason]) > 25


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a 1.5 ms b\n", "a 20 us b\n", True),
        ("a 5 s\n", "b 5 s\n", False),
        ("a\n...\nz\n", "a\nb\nc\nz\n", True),
        ("a\n...\nz\n", "a\nz\n", True),
        ("a\n...\nz\n", "a\nb\n", False),
        ("a\n", "a\nb\n", False),
        ("a ... d\n", "a b c d\n", True),
        ("a ... d\n", "a b c\n", False),
        ("  a  1\n", " a 12\n", True),
    ],
)
def test_how_output_is_compared(expected: str, printed: str, same: bool) -> None:
    assert matches(expected, printed) is same


def test_what_the_ci_files_run_is_what_hvlab_takes(tmp_path: Path) -> None:
    """The ready files of docs/ci.md: they are YAML, and their commands of hvlab work as they stand."""
    session = Session(tmp_path)
    files = {b.title: b for b in blocks((ROOT / "docs/ci.md").read_text()) if b.title}
    session.attempt(files["scenarios/hello.hvlab.yaml"])
    for name in (".github/workflows/guests.yml", ".gitlab-ci.yml"):
        text = files[name].text
        assert flatten(parse_scenario(text, name))[0]
        commands = re.findall(r"\bhvlab (?:run|check|doctor|fixtures) ?[^\n]*", text)
        assert {command.split()[1] for command in commands} == {"doctor", "fixtures", "run"}
        for command in commands:
            # What these two do is tested elsewhere; here, whether the command is one.
            if command.split()[1] in ("doctor", "fixtures"):
                command += " --help"
            done = subprocess.run(
                [sys.executable, "-m", *command.split()],
                cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
    assert (tmp_path / "results.xml").is_file()
