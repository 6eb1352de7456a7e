# SPDX-License-Identifier: GPL-2.0-or-later
"""What several test files share."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from hvlab.scenario.document import Document, load
from hvlab.scenario.plan import on_host
from hvlab.scenario.results import CaseResult
from hvlab.scenario.runner import run_case

pytest_plugins = ["pytester"]

# A job in the background of a script inherits that SIGINT is ignored, and so would what it starts: tests
# that send one would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A good beginning of a document: steps can be added to it as they are.
BASE = """\
schema: 1
name: t
machine: {boot: {flat: "fixture:hello"}}
steps:
- boot: {}
"""


def enter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Goes into a folder, for commands that are started there: the package may come from the source
    tree by a relative PYTHONPATH.
    """
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    absolute = os.pathsep.join(str(Path(path).absolute()) for path in paths if path)
    monkeypatch.setenv("PYTHONPATH", absolute)
    monkeypatch.chdir(folder)


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Document]:
    """Writes a text as `case.hvlab.yaml` in a folder of its own, and loads it from there."""
    monkeypatch.chdir(tmp_path)

    def load_text(text: str) -> Document:
        Path("case.hvlab.yaml").write_text(text, encoding="utf-8")
        return load("case.hvlab.yaml")

    return load_text


@pytest.fixture
def run_text(read: Callable[[str], Document]) -> Callable[[str], CaseResult]:
    """Runs the only case of a text with its real guests; skips where the host lacks its backend."""

    def run(text: str) -> CaseResult:
        (case,) = read(text).cases
        case = on_host(case)
        if case.barrier is not None:
            pytest.skip(case.barrier.reason)
        return run_case(case)

    return run
