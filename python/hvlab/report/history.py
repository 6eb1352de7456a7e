# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures of earlier runs, for the plots."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hvlab.errors import ReportError
from hvlab.report import load
from hvlab.scenario.results import CaseResult, MeasureResult, Outcome


@dataclass(frozen=True)
class Earlier:
    """What a run measured: values by case id and name of the measure, one for each repetition."""

    name: str
    started: datetime.datetime
    values: Mapping[str, Mapping[str, Sequence[int | float]]]


def read(paths: Iterable[Path]) -> list[Earlier]:
    """Reads results files, and those in folders (`*.json`), oldest first. Raises ReportError."""
    found = [of_run(load.read(file)) for path in paths for file in _files(path)]
    return sorted(found, key=lambda earlier: earlier.started)


def of_run(saved: load.SavedRun) -> Earlier:
    """The measures of a run: of cases that passed, since others measured something else."""
    values: dict[str, dict[str, list[int | float]]] = {}
    for case in saved.run.cases:
        if case.outcome is Outcome.PASSED:
            of_case = values.setdefault(case.id, {})
            for measure in (*case.measures, *built_in(case)):
                of_case.setdefault(measure.name, []).append(measure.value)
    return Earlier(saved.name, saved.started, values)


def built_in(case: CaseResult) -> Iterator[MeasureResult]:
    """What is measured of every case that ran, unless its scenario has a measure of that name."""
    named = {measure.name for measure in case.measures}
    found: list[tuple[str, int | float | None, str]] = [
        ("guest_time", case.guest_time, "ns"),
        ("instructions", case.instructions, ""),
        ("wall", case.wall if case.machines else None, "s"),
    ]
    for name, value, unit in found:
        if value is not None and name not in named:
            yield MeasureResult(name, value, unit, "", None)


def _files(path: Path) -> Sequence[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(path.glob("*.json"))
    if not found:
        raise ReportError(f"{path}: no results file (*.json) in this folder", str(path))
    return found
