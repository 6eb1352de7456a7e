# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/pytest.md: what its files do together, and its options (its commands: test_docs.py)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_runs import run

TEXT = (Path(__file__).resolve().parents[2] / "docs/pytest.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', TEXT, re.MULTILINE | re.DOTALL))


@pytest.fixture
def examples(pytester: pytest.Pytester) -> pytest.Pytester:
    for name, text in FILES.items():
        (pytester.path / name).write_text(text, encoding="utf-8")
    return pytester


def test_all_of_them_do_what_they_should(examples: pytest.Pytester) -> None:
    result = run(examples, "--hvlab-backend=unicorn", "--strict-markers")
    passed = ["greeting.hvlab.yaml", "test_echo.py", "test_pair.py", "test_marks.py"]
    assert sorted(FILES) == sorted([*passed, "wrong_sum.hvlab.yaml", "test_wrong.py"])
    result.assert_outcomes(passed=len(passed) + 1, failed=2, deselected=5)


def test_every_option_is_documented(pytester: pytest.Pytester) -> None:
    known = set(re.findall(r"^  (--hvlab-[a-z-]+)", run(pytester, "--help").stdout.str(), re.M))
    assert known
    assert set(re.findall(r"^\| `(--hvlab-[a-z-]+)", TEXT, re.M)) == known
