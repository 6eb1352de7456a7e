# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures of earlier runs, for the plots: what `hvlab run --save` and `--json` left."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hvlab.errors import ReportError
from hvlab.performance import files
from hvlab.performance.runs import CPU, GUEST_TIME, INSTRUCTIONS, WALL, Run
from hvlab.scenario.results import CaseResult, MeasureResult


@dataclass(frozen=True)
class Earlier:
    """What a run measured: values by case id and name of the measure, one for each repetition that
    passed.
    """

    name: str
    started: datetime.datetime
    values: Mapping[str, Mapping[str, Sequence[int | float]]]


def read(places: Iterable[str]) -> list[Earlier]:
    """Reads runs, oldest first. A place is the name of a saved run, a file, or a folder of files.
    Raises ReportError.
    """
    found = [_read(file) for place in places for file in _files(place)]
    return sorted(found, key=lambda earlier: earlier.started)


def of_run(run: Run, name: str) -> Earlier:
    """The values of a saved run."""
    values = {
        case.id: {
            measure.name: [value for value in measure.samples if value is not None]
            for measure in case.measures
        }
        for case in run.cases
    }
    started = datetime.datetime.fromisoformat(run.started)
    # Times without a zone cannot be compared with those that have one.
    return Earlier(name, started if started.tzinfo else started.astimezone(), values)


def built_in(case: CaseResult) -> Iterator[MeasureResult]:
    """What is measured of every case that ran, unless its scenario has a measure of that name."""
    named = {measure.name for measure in case.measures}
    found: list[tuple[str, int | float | None, str]] = [
        (GUEST_TIME, case.guest_time, "ns"),
        (INSTRUCTIONS, case.instructions, ""),
        (WALL, case.wall if case.machines else None, "s"),
        (CPU, case.cpu if case.machines else None, "s"),
    ]
    for name, value, unit in found:
        if value is not None and name not in named:
            yield MeasureResult(name, value, unit, "", None)


def _read(place: str) -> Earlier:
    run = files.load(place)
    try:
        return of_run(run, Path(place).stem if place.endswith(".json") else place)
    except ValueError:
        message = f"{place}: 'started' is no time: {run.started[:40]!r}"
        raise ReportError(message, place, "started") from None


def _files(place: str) -> Sequence[str]:
    folder = Path(place)
    if not folder.is_dir():
        return [place]
    found = sorted(str(path) for path in folder.glob("*.json"))
    if not found:
        raise ReportError(f"{place}: no saved run (*.json) in this folder", place)
    return found
