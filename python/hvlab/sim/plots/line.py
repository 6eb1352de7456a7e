# SPDX-License-Identifier: GPL-2.0-or-later
"""A measure against a factor, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hvlab.sim.frame import Frame, Value
from hvlab.sim.plots import data, style
from hvlab.sim.plots.data import Line, Scale
from hvlab.sim.plots.style import COLUMN, Drawing
from hvlab.sim.plots.ticks import plain_log, show_levels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BANDS_FROM = 13  # points of a line, from which on bars would hide each other


def line(
    frame: Frame,
    y: str,
    *,
    x: str,
    by: Sequence[str] | str = (),
    where: Mapping[str, Value] | None = None,
    confidence: float = 0.95,
    width: float = COLUMN,
    title: str = "",
    log: str = "",
) -> Drawing:
    """The mean of measure `y` against factor `x`, with its interval: bars, or bands where points are many.

    Args:
        frame: a summary of an experiment (its intervals are shown), or its replications (Student's interval
            of `confidence` is).
        by: factors of which each combination of levels is a line; where: only rows with these levels.
        width: inches; `COLUMN` and `PAGE` are those of papers.
        log: axes that are logarithmic: "", "x", "y" or "xy".

    Levels that are strings stand beside each other and are not joined. Raises PlotError, UnknownColumn;
    ImportError without matplotlib (`hvlab[sim]`).
    """
    by = (by,) if isinstance(by, str) else tuple(by)
    rows = frame.where(**(where or {}))
    lines = data.lines(rows, y, x, by, confidence)
    scale = data.scale(
        data.unit_of(rows, y), [v for line in lines for v in (*line.mean, *line.high)]
    )
    with style.style():
        figure, (axis,) = style.axes(width)
        if rows[x].dtype == object:
            _categories(axis, lines, scale)
        else:
            _numbers(axis, lines, scale, data.scale(rows.units[x], rows[x]), x)
        axis.set_ylabel(scale.label(data.words(y)))
        plain_log(axis, log)
        style.finish(figure, axis, title, width)
    return Drawing(figure, _alt(y, x, by, lines, scale))


def _categories(axis: Axes, lines: Sequence[Line], scale: Scale) -> None:
    levels = list(dict.fromkeys(str(level) for line in lines for level in line.x))
    step = 0.7 / len(lines) if len(lines) > 1 else 0
    for index, line in enumerate(lines):
        shift = (index - (len(lines) - 1) / 2) * step
        at = [levels.index(str(level)) + shift for level in line.x]
        look = style.line_style(index) | {"linestyle": "none"}
        axis.errorbar(at, scale.of(line.mean), _errors(line, scale), label=line.label, **look)
    show_levels(axis, [data.shown(level) for level in levels])


def _numbers(axis: Axes, lines: Sequence[Line], scale: Scale, along: Scale, x: str) -> None:
    bands = max(len(line.x) for line in lines) >= _BANDS_FROM
    for index, line in enumerate(lines):
        at = along.of([float(level) for level in line.x])
        look = style.line_style(index)
        if bands:
            axis.plot(at, scale.of(line.mean), label=line.label, markevery=0.1, **look)
            low, high = scale.of(line.low), scale.of(line.high)
            axis.fill_between(at, low, high, color=look["color"], alpha=0.2, linewidth=0)
        else:
            axis.errorbar(at, scale.of(line.mean), _errors(line, scale), label=line.label, **look)
    levels = sorted({float(level) for line in lines for level in line.x})
    if len(levels) <= 8:
        shown = along.of(levels)
        axis.set_xticks(shown, [f"{level:g}" for level in shown])
        axis.set_xticks([], minor=True)
    axis.set_xlabel(along.label(data.words(x)))


def _errors(line: Line, scale: Scale) -> NDArray[np.float64]:
    """Below and above the mean; nothing where there is no interval."""
    low = scale.of(np.subtract(line.mean, line.low))
    high = scale.of(np.subtract(line.high, line.mean))
    return np.nan_to_num(np.vstack([low, high]))


def _alt(y: str, x: str, by: Sequence[str], lines: Sequence[Line], scale: Scale) -> str:
    lead = f"{data.words(y)} against {data.words(x)}"
    each = f", one line for each {' and '.join(map(data.words, by))}" if by else ""
    said = []
    for line in lines:
        ends = f"{scale.of(line.mean)[0]:.4g} at {line.x[0]}, {scale.of(line.mean)[-1]:.4g} at {line.x[-1]}"
        said.append(f"{line.label}: {ends}" if line.label else ends)
    unit = f" Unit: {scale.unit}." if scale.unit else ""
    return f"{lead}{each}. {'; '.join(said)}.{unit}"
