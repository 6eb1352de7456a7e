# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures over simulated time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hvlab.scenario.nearest import did_you_mean
from hvlab.sim.frame import Frame, Value
from hvlab.sim.plots import data, style
from hvlab.sim.plots.style import COLUMN, Drawing, PlotError

_STATES = ("run", "ready", "costop", "throttled", "idle")
Numbers = NDArray[np.float64]


def series(
    frame: Frame,
    y: str,
    *,
    by: Sequence[str] | str = (),
    where: Mapping[str, Value] | None = None,
    width: float = COLUMN,
    title: str = "",
) -> Drawing:
    """A measure over simulated time.

    Args:
        frame: a cluster's or an experiment's `series`.
        y: `run`, `ready`, `costop`, `throttled`, `idle` (shares of vCPU time), `throughput` (responses a
            second) or `response.mean`; of all groups of VMs, or of one, as in `web.ready`.
        by: columns of which each combination of levels is a line; `group` for one each.

    Raises PlotError, UnknownColumn; ImportError without matplotlib (`hvlab[sim]`).
    """
    by = (by,) if isinstance(by, str) else tuple(by)
    rows, measure, values = _measure(frame.where(**(where or {})), y)
    if not len(rows):
        raise PlotError("there are no intervals in these rows")
    parts = [(name, *_over_time(part, values)) for name, part in data.split(rows, by)]
    along = data.scale("ns", [float(rows["time"].max())])
    unit = "ns" if measure == "response.mean" else "1/s" if measure == "throughput" else "1"
    scale = data.scale(unit, np.concatenate([found for _, _, found in parts]))
    with style.style():
        figure, (axis,) = style.axes(width)
        for index, (name, times, found) in enumerate(parts):
            look = style.line_style(index)
            axis.plot(along.of(times), scale.of(found), label=name, markevery=0.1, **look)
        axis.set_xlabel(along.label("simulated time"))
        axis.set_ylabel(scale.label(data.words(y)))
        axis.set_ylim(bottom=0)
        style.finish(figure, axis, title, width)
    return Drawing(figure, f"{data.words(y)} over simulated time{_each(by)}.")


def _each(by: Sequence[str]) -> str:
    return f", one line for each {' and '.join(map(data.words, by))}" if by else ""


def _measure(frame: Frame, y: str) -> tuple[Frame, str, Callable[[Mapping[str, Numbers]], Numbers]]:
    """The rows and the measure that `y` is about, and how it is made of sums over an interval."""

    def share(state: str) -> Callable[[Mapping[str, Numbers]], Numbers]:
        return lambda sums: _divided(sums[state], np.sum([sums[s] for s in _STATES], axis=0))

    known: dict[str, Callable[[Mapping[str, Numbers]], Numbers]] = {
        state: share(state) for state in _STATES
    }
    known["throughput"] = lambda sums: _divided(sums["responses"] * 1e9, sums["interval"])
    known["response.mean"] = lambda sums: _divided(sums["latency"], sums["responses"])
    for group in ("", *map(str, frame.levels("group"))):
        measure = y.removeprefix(f"{group}.") if group else y
        if measure in known and (not group or measure != y):
            return frame.where(group=group) if group else frame, measure, known[measure]
    hint = did_you_mean(y, known) or f"; there are: {', '.join(known)}"
    raise PlotError(f"a series has no '{y}'{hint}")


def _over_time(
    part: Frame, values: Callable[[Mapping[str, Numbers]], Numbers]
) -> tuple[NDArray[np.int64], Numbers]:
    """The measure in each interval, over all groups in it."""
    times, place = np.unique(part["time"], return_inverse=True)

    def summed(column: Numbers) -> Numbers:
        result = np.zeros(len(times))
        np.add.at(result, place, column)
        return result

    sums = {column: summed(part[column]) for column in (*_STATES, "responses")}
    latency = np.nan_to_num(part["latency_mean"]) * part["responses"]
    sums["latency"] = summed(latency)
    # The last interval may be a shorter one; how short, nobody says.
    lengths = np.diff(times)
    last = lengths[-1:] if len(lengths) else np.full(1, np.nan)
    sums["interval"] = np.concatenate([lengths, last]).astype(np.float64)
    return times, values(sums)


def _divided(part: Numbers, whole: Numbers) -> Numbers:
    """NaN where there is nothing to divide by."""
    result: Numbers = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return result
