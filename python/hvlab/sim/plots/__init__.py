# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures for papers: vector graphics in column widths, in colours and shapes that everybody can tell apart,
also printed in grey. They need matplotlib (`hvlab[sim]`).

    from hvlab.sim import plots

    plots.line(results.summary, "ready", x="ratio", by="scheduler").save("ready.pdf")
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hvlab.scenario.nearest import one_of
from hvlab.sim.experiments.results import ExperimentResults, Plot
from hvlab.sim.plots import data
from hvlab.sim.plots.latency import latency
from hvlab.sim.plots.line import line
from hvlab.sim.plots.series import series
from hvlab.sim.plots.shares import STATES, shares
from hvlab.sim.plots.style import COLUMN, PAGE, Drawing, PlotError

__all__ = [
    "COLUMN",
    "PAGE",
    "Drawing",
    "PlotError",
    "draw",
    "latency",
    "line",
    "series",
    "shares",
    "telling",
    "usual",
]

_MOST_LINES = 8  # of a figure that nobody asked for
_MOST_MEASURES = 6


def draw(results: ExperimentResults, plot: Plot, width: float = COLUMN) -> Drawing:
    """The figure that was asked for. `width`: inches. Raises PlotError, UnknownColumn, ImportError."""
    by, where, title = plot.by, plot.where, plot.title
    if plot.kind == "line":
        return line(
            results.summary,
            plot.y,
            x=plot.x,
            by=by,
            where=where,
            width=width,
            title=title,
            log=plot.log,
        )
    if plot.kind == "shares":
        return shares(results.summary, x=plot.x, by=by, where=where, scope=plot.y, title=title,
                      width=None if width == COLUMN else width)  # fmt: skip
    if plot.kind == "latency" and results.latency is not None:
        return latency(results.latency, by=by, where=where, width=width, title=title)
    if plot.kind == "series" and results.series is not None:
        return series(results.series, plot.y, by=by, where=where, width=width, title=title)
    kinds = ("line", "latency", "shares", "series")
    if plot.kind in kinds:
        raise PlotError(f"the experiment kept no {plot.kind}")
    raise PlotError(f"a plot is a {one_of(kinds)}, not '{plot.kind}'")


def usual(results: ExperimentResults) -> list[Plot]:
    """What is worth a look if nothing was asked for: each measure against the factor with most levels, a line
    for each level of the others; the shares of time; latencies.
    """
    varied = {name: levels for name, levels in results.factors.items() if len(levels) > 1}
    if not varied:
        return [Plot("latency")] if results.latency is not None and len(results.latency) else []
    numeric = [name for name, levels in varied.items() if not isinstance(levels[0], str)]
    x = max(numeric or varied, key=lambda name: len(varied[name]))
    others = [name for name in varied if name != x]
    by, where = _affordable(results, others)
    return list(_usual(results, x, by, where))


def telling(results: ExperimentResults) -> list[str]:
    """The measures that are other than 0 somewhere."""
    rows = results.summary.take(np.nan_to_num(results.summary["mean"]) != 0)
    there = set(rows["measure"])
    return [measure for measure in results.measures if measure in there]


def _usual(
    results: ExperimentResults, x: str, by: tuple[str, ...], where: dict[str, int | float | str]
) -> Iterator[Plot]:
    states = [state for state in STATES if data.has(results.summary, state)]
    if {"run", "ready"} <= set(states):
        yield Plot("shares", x=x, by=by, where=where)
    compared = () if results.comparison is None else results.comparison.levels("measure")
    lines = [measure for measure in telling(results) if measure not in ("run", "idle")]
    lines.sort(key=lambda measure: (measure not in compared, measure not in results.asked))
    for measure in lines[:_MOST_MEASURES]:
        yield Plot("line", y=measure, x=x, by=by, where=where)
    if results.latency is not None and len(results.latency):
        # The heaviest load that there is: the last level.
        yield Plot("latency", by=by, where=where | {x: results.factors[x][-1]})


def _affordable(
    results: ExperimentResults, others: list[str]
) -> tuple[tuple[str, ...], dict[str, int | float | str]]:
    """Factors whose combinations make few enough lines; of the others the first level."""
    by: list[str] = []
    where: dict[str, int | float | str] = {}
    lines = 1
    for name in others:
        levels = results.factors[name]
        if lines * len(levels) <= _MOST_LINES:
            by.append(name)
            lines *= len(levels)
        else:
            where[name] = levels[0]
    return tuple(by), where
