# SPDX-License-Identifier: GPL-2.0-or-later
"""What a study says, as text for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from hvlab import units
from hvlab.scenario.template import as_text
from hvlab.sim.experiments.outcome import name_of
from hvlab.sim.experiments.statistics import Interval
from hvlab.sim.experiments.study import CellResult, Comparison, Reason, Study
from hvlab.sim.measures import Measure, Unit, shown

_MOST_COLUMNS = 6  # measures beside each other
_MOST_LINES = 40
_MOST_WARNINGS = 5


def with_half(found: Interval, measure: Measure) -> str:
    """`0.2317 ± 0.0041`; without the half width where there is none."""
    if math.isnan(found.mean):
        return "none"
    mean = shown(found.mean, measure.unit)
    return mean if math.isnan(found.half) else f"{mean} ± {_half(found.half, measure.unit)}"


def _half(half: float, unit: Unit) -> str:
    return units.format_duration(round(half)) if unit is Unit.TIME else f"{half:.2g}"


def cell_line(study: Study, cell: CellResult) -> str:
    """A cell that is done."""
    if cell.reason is Reason.FAILED:
        return f"FAILED  {name_of(study, cell)}: {cell.error}"
    count = len(cell.replications)
    times = f"{count} replication{'s' * (count != 1)}, {cell.reason.value}"
    return f"done    {name_of(study, cell)}  {times}"


def one_cell(study: Study, cell: CellResult) -> Iterator[str]:
    """All measures of a cell."""
    experiment = cell.cell.experiment
    measured = units.format_duration(experiment.duration - cell.warmup)
    count = len(cell.replications)
    yield (
        f"{name_of(study, cell)}: {experiment.fidelity}, {measured} measured after a warm-up of "
        f"{units.format_duration(cell.warmup)}, {count} replication{'s' * (count != 1)} "
        f"({cell.reason.value}), {experiment.confidence:.0%} intervals"
    )
    rows = []
    for name in study.everything:
        found = cell.interval(name)
        if not math.isnan(found.mean):
            rows.append((name, with_half(found, study.measure(name))))
    width = max((len(name) for name, _ in rows), default=0)
    for name, text in rows:
        yield f"  {name:<{width}}  {text}"


def table(study: Study) -> Iterator[str]:
    """A line for each cell: its factors, and the first measures."""
    factors = list(study.document.factors)
    measures = study.measures[:_MOST_COLUMNS]
    rows = [[*factors, *measures, "n"]]
    for cell in study.cells:
        values = [as_text(cell.cell.factors[name]) for name in factors]
        found = [with_half(cell.interval(name), study.measure(name)) for name in measures]
        rows.append([*values, *found, str(len(cell.replications))])
    yield from _aligned(rows, len(factors))
    left = len(study.measures) - len(measures)
    if left > 0:
        yield f"({left} more measures are in the results)"


def comparisons(study: Study) -> Iterator[str]:
    """A line for each; of many the first ones."""
    for each in study.comparisons[:_MOST_LINES]:
        yield comparison_line(study, each)
    left = len(study.comparisons) - _MOST_LINES
    if left > 0:
        yield f"({left} more comparisons are in the results)"


def warnings(study: Study) -> Iterator[str]:
    """What to know about the figures of cells."""
    warned = [cell for cell in study.cells if cell.warning]
    for cell in warned[:_MOST_WARNINGS]:
        yield f"note: {name_of(study, cell)}: {cell.warning}"
    if len(warned) > _MOST_WARNINGS:
        yield f"note: {len(warned) - _MOST_WARNINGS} more cells have such notes, in the results"


def comparison_line(study: Study, each: Comparison) -> str:
    """`scheduler: gang against eevdf, ratio=2: ready 0.1200 more (0.11 to 0.13), p = 0.00012`."""
    unit = study.measure(each.measure).unit
    found = each.difference.interval
    others = "".join(f", {name}={as_text(value)}" for name, value in each.others.items())
    verdict = each.difference.verdict(1 - study.document.common.confidence)
    low, high = shown(found.low, unit), shown(found.high, unit)
    difference = f"{shown(found.mean, unit)} ({low} to {high})"
    chance = "" if math.isnan(each.difference.p) else f", p = {each.difference.p:.2g}"
    who = f"{each.factor}: {as_text(each.candidate)} against {as_text(each.baseline)}{others}"
    if math.isnan(found.mean):
        return f"{who}: {each.measure}: no pairs"
    return f"{who}: {each.measure} {difference}{chance}: {verdict}"


def checks(study: Study) -> Iterator[str]:
    """A line for each assert that does not hold."""
    for cell, check in study.failed_checks:
        yield f"FAILED  {name_of(study, cell)}: {check.text}: {check.operands}"


def _aligned(rows: Sequence[Sequence[str]], left: int) -> Iterator[str]:
    """The first `left` columns to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            f"{cell:<{width}}" if index < left else f"{cell:>{width}}"
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
