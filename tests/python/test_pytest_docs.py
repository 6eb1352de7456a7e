# SPDX-License-Identifier: GPL-2.0-or-later
"""The examples of docs/pytest.md: its files are written into one folder, its commands run there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from pytest_runs import run

TEXT = (Path(__file__).resolve().parents[2] / "docs/pytest.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', TEXT, re.MULTILINE | re.DOTALL))
COMMANDS = re.findall(
    r"^```console\n\$ pytest ([^\n]+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL
)


@pytest.fixture
def examples(pytester: pytest.Pytester) -> pytest.Pytester:
    for name, text in FILES.items():
        (pytester.path / name).write_text(text, encoding="utf-8")
    return pytester


@pytest.mark.parametrize(("arguments", "shown"), COMMANDS, ids=[c for c, _ in COMMANDS])
def test_a_command_shows_what_it_is_said_to(
    examples: pytest.Pytester, arguments: str, shown: str
) -> None:
    result = run(examples, *shlex.split(arguments))
    lines = [line for line in shown.splitlines() if line != "..."]
    result.stdout.re_match_lines([re.escape(line).replace(r"\.\.\.", ".*") for line in lines])


def test_all_of_them_do_what_they_should(examples: pytest.Pytester) -> None:
    result = run(examples, "--hvlab-backend=unicorn", "--strict-markers")
    passed = ["greeting.hvlab.yaml", "test_echo.py", "test_pair.py", "test_marks.py"]
    assert sorted(FILES) == sorted([*passed, "wrong_sum.hvlab.yaml", "test_wrong.py"])
    result.assert_outcomes(passed=len(passed) + 1, failed=2, deselected=5)


def test_every_option_is_documented(pytester: pytest.Pytester) -> None:
    known = set(re.findall(r"^  (--hvlab-[a-z]+)", run(pytester, "--help").stdout.str(), re.M))
    assert known
    assert set(re.findall(r"^\| `(--hvlab-[a-z]+)", TEXT, re.M)) == known
