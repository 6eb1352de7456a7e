# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the vCPUs' time went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hvlab.sim.frame import Frame, Value
from hvlab.sim.plots import data, style
from hvlab.sim.plots.style import COLUMN, PAGE, Drawing, PlotError
from hvlab.sim.plots.ticks import show_levels

# States of a vCPU: what is done, what hinders, what is not wanted. Colour and hatch of each.
STATES = {
    "run": ("#009E73", ""),
    "ready": ("#D55E00", "////"),
    "costop": ("#CC79A7", "xxxx"),
    "throttled": ("#E69F00", "...."),
    "idle": ("#dddddd", ""),
}


def shares(
    frame: Frame,
    *,
    x: str,
    by: Sequence[str] | str = (),
    where: Mapping[str, Value] | None = None,
    scope: str = "",
    width: float | None = None,
    title: str = "",
) -> Drawing:
    """Bars of the time of vCPUs by state (run, ready, co-stop, throttled, idle), as shares that add up to 1.

    Args:
        frame: a summary or replications with two of these measures or more, which are put in proportion to
            their sum.
        x: the factor along the axis; by: factors of which each combination of levels has axes of its own.
        scope: `web` for the measures `web.run`, `web.ready`, ...

    Raises PlotError, UnknownColumn; ImportError without matplotlib (`hvlab[sim]`).
    """
    by = (by,) if isinstance(by, str) else tuple(by)
    rows = frame.where(**(where or {}))
    names = {state: f"{scope}.{state}" if scope else state for state in STATES}
    there = {state: name for state, name in names.items() if data.has(rows, name)}
    if len(there) < 2:
        raise PlotError(f"shares of time take two of the measures {', '.join(names.values())}")
    lines = {state: data.lines(rows, name, x, by, 0.95) for state, name in there.items()}
    # Few policies have the states that hinder; a legend of colours that are nowhere is a riddle.
    for state in ("costop", "throttled"):
        if state in lines and not any(mean > 0 for line in lines[state] for mean in line.mean):
            del lines[state]
    panels = len(next(iter(lines.values())))
    width = width or (COLUMN if panels == 1 else PAGE)
    with style.style():
        figure, axes = style.axes(width, panels)
        for panel, axis in enumerate(axes):
            levels = next(iter(lines.values()))[panel].x
            means = np.array([lines[state][panel].mean for state in lines])
            total = np.nansum(means, axis=0)
            bottom = np.zeros(len(levels))
            for state, mean in zip(lines, means, strict=True):
                colour, hatch = STATES[state]
                height = np.nan_to_num(mean / np.where(total > 0, total, 1))
                axis.bar(
                    range(len(levels)), height, 0.8, bottom, color=colour, hatch=hatch, label=state,
                    edgecolor="#333333", linewidth=0.4,
                )  # fmt: skip
                bottom += height
            along = data.scale(rows.units[x], rows[x]) if rows[x].dtype != object else None
            shown = [
                data.shown(str(v)) if along is None else f"{float(v) / along.divisor:g}"
                for v in levels
            ]
            show_levels(axis, shown)
            axis.set_xlabel(data.words(x) if along is None else along.label(data.words(x)))
            if panels > 1:
                axis.set_title(next(iter(lines.values()))[panel].label, fontsize=8)
        axes[0].set_ylim(0, 1)
        axes[0].set_ylabel(f"share of vCPU time{f' of {data.shown(scope)}' if scope else ''}")
        style.finish(figure, axes[0], title, width)
    return Drawing(figure, f"Shares of vCPU time ({', '.join(lines)}) against {data.words(x)}.")
