# SPDX-License-Identifier: GPL-2.0-or-later
"""What `hvlab run` keeps of measures: --save and --update-baseline."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hvlab.errors import HvlabError
from hvlab.scenario.document import Case
from hvlab.scenario.results import RunResult


def prepare(name: str) -> Path | None:
    """Where the run will be saved; None if it is not to be. Raises ReportError, HostError."""
    from hvlab.performance import files

    return files.prepare(name) if name else None


def not_compared(cases: Sequence[Case]) -> list[Case]:
    """The cases with measures that are taken only: they become the baselines."""
    return [replace(case, baselines=None) for case in cases]


def keep(
    saved: Path | None,
    update_baseline: bool,
    result: RunResult,
    cases: Sequence[Case],
    started: datetime.datetime,
    workers: int,
) -> bool:
    """Saves the run and writes baselines; False if something could not be, which has then been said.

    An interrupted run is not kept: it would be taken for a whole one.
    """
    if saved is None and not update_baseline:
        return True
    if result.interrupted:
        print("interrupted: nothing was saved, no baseline was changed", file=sys.stderr)
        return True
    try:
        if saved is not None:
            _save(saved, result, started, workers)
        if update_baseline:
            _update(result, cases)
    except HvlabError as error:
        print(f"hvlab: error: {error}", file=sys.stderr)
        return False
    return True


def _save(path: Path, result: RunResult, started: datetime.datetime, workers: int) -> None:
    from hvlab.performance import collect, files, runs

    when = started.isoformat(timespec="seconds")
    files.save(path, collect.run_of(result.cases, when, runs.facts(workers)))
    print(f"saved as {path}")


def _update(result: RunResult, cases: Sequence[Case]) -> None:
    from hvlab.performance import baseline

    for done in baseline.update(result.cases, {case.id: case.source for case in cases}):
        what = "wrote" if done.changed else "unchanged:"
        print(f"{what} {done.shown} ({done.values} values of cases that passed)")
