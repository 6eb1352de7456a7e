# SPDX-License-Identifier: GPL-2.0-or-later
"""From frames to what figures show: lines with intervals, units for people."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hvlab.scenario.problems import printable
from hvlab.sim.experiments.statistics import interval
from hvlab.sim.frame import Frame, Value
from hvlab.sim.plots.style import PlotError

_TIMES = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"))
_MOST_LINES = 20


@dataclass(frozen=True)
class Line:
    """Means at levels of a factor. low, high: of their intervals, NaN where there is none."""

    label: str
    x: list[Value]
    mean: list[float]
    low: list[float]
    high: list[float]


@dataclass(frozen=True)
class Scale:
    """What values are divided by for an axis, and the unit that they then have ("": none)."""

    divisor: float
    unit: str

    def of(self, values: Sequence[float] | NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(values, dtype=np.float64) / self.divisor

    def label(self, name: str) -> str:
        return f"{name} ({self.unit})" if self.unit else name


def scale(unit: str, values: Sequence[float] | NDArray[Any]) -> Scale:
    """Nanoseconds in the largest unit that the greatest of them has one of; `1` is no unit."""
    if unit != "ns":
        return Scale(1, "" if unit == "1" else unit)
    finite = [abs(float(value)) for value in values if math.isfinite(value)]
    greatest = max(finite, default=0)
    return next((Scale(size, name) for size, name in _TIMES if greatest >= size), Scale(1, "ns"))


def words(name: str) -> str:
    """A measure or a factor as a label: `response.p99` and `cost_of` have no dots and lines."""
    return shown(name.replace("_", " ").replace(".", " "))


def shown(text: str) -> str:
    """A name as figures can have it: XML has no control characters, matplotlib hides what begins with `_`."""
    plain = printable(text).replace("\n", r"\n").replace("\t", r"\t")
    return f" {plain}" if plain.startswith("_") else plain


def split(frame: Frame, by: Sequence[str]) -> Iterator[tuple[str, Frame]]:
    """The rows of each combination of levels of `by` that there is, with its label."""
    count = 0
    for levels in itertools.product(*(frame.levels(column) for column in by)):
        part = frame.where(**dict(zip(by, levels, strict=True))) if by else frame
        if not len(part):
            continue
        count += 1
        if count > _MOST_LINES:
            raise PlotError(f"over {_MOST_LINES} lines can't be told apart: choose some by `where`")
        yield label(dict(zip(by, levels, strict=True))), part


def label(levels: Mapping[str, Value]) -> str:
    """`credit2, ratio = 2`: strings speak for themselves."""
    return ", ".join(
        shown(value) if isinstance(value, str) else f"{words(name)} = {value:g}"
        for name, value in levels.items()
    )


def is_summary(frame: Frame) -> bool:
    return "measure" in frame and "mean" in frame


def unit_of(frame: Frame, measure: str) -> str:
    """Of a measure, in a summary or in replications."""
    if not is_summary(frame):
        return frame.units[measure]
    return str(_of_measure(frame, measure)["unit"][0]) if "unit" in frame else "1"


def has(frame: Frame, measure: str) -> bool:
    """Whether a summary or replications have that measure."""
    return measure in (frame.levels("measure") if is_summary(frame) else frame.columns)


def lines(frame: Frame, y: str, x: str, by: Sequence[str], confidence: float) -> list[Line]:
    """The measure `y` over `x`, a line for each combination of levels of `by`.

    frame: a summary, whose intervals are taken; or replications, whose means and intervals are made here.
    Raises PlotError, UnknownColumn.
    """
    rows = _of_measure(frame, y) if is_summary(frame) else frame
    made = [
        _line(name, part, x, _summarised if is_summary(frame) else _replicated(y, confidence))
        for name, part in split(rows, by)
    ]
    if not any(math.isfinite(mean) for line in made for mean in line.mean):
        raise PlotError(f"'{y}' has no value in any of these {len(rows)} rows")
    return made


Point = tuple[float, float, float]


def _line(name: str, part: Frame, x: str, point: Callable[[Frame, str], Point]) -> Line:
    line = Line(name, [], [], [], [])
    for level in part.levels(x):
        mean, low, high = point(part.where(**{x: level}), f"{words(x)} = {level}")
        line.x.append(level)
        line.mean.append(mean)
        line.low.append(low)
        line.high.append(high)
    return line


def _summarised(rows: Frame, where: str) -> Point:
    if len(rows) > 1:
        raise PlotError(_several(rows, where))
    return float(rows["mean"][0]), float(rows["low"][0]), float(rows["high"][0])


def _replicated(y: str, confidence: float) -> Callable[[Frame, str], Point]:
    def point(rows: Frame, where: str) -> Point:
        if "replication" in rows and len(rows.levels("replication")) < len(rows):
            raise PlotError(_several(rows, where))
        if "complete" in rows:
            rows = rows.where(complete=1)
        found = interval(rows[y].tolist(), confidence)
        return found.mean, found.low, found.high

    return point


def _several(rows: Frame, where: str) -> str:
    cells = ", ".join(map(str, rows.levels("cell")[:3])) if "cell" in rows else f"{len(rows)} rows"
    return f"several cells have {where} ({cells}): name what else differs in `by`, or choose by `where`"


def _of_measure(frame: Frame, measure: str) -> Frame:
    found = frame.where(measure=measure)
    if not len(found):
        known = ", ".join(map(str, frame.levels("measure")))
        raise PlotError(f"the frame has no measure '{measure}'; there are: {known}")
    return found
