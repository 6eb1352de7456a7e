# SPDX-License-Identifier: GPL-2.0-or-later
"""Axes whose labels are plain text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NARROW = 32  # characters that stand beside each other under an axes


def plain_log(axis: Axes, which: str) -> None:
    """Makes these axes (letters of "xy") logarithmic. Raises PlotError for others."""
    from hvlab.sim.plots.style import PlotError

    if set(which) - set("xy"):
        raise PlotError(f"axes are x and y, not '{which}'")
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for letter in which:
        getattr(axis, f"set_{letter}scale")("log")
        one = axis.xaxis if letter == "x" else axis.yaxis
        low, high = sorted(one.get_view_interval())
        # Within less than two decades, 2 and 5 have labels too.
        narrow = low > 0 and high / low < 100
        one.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if narrow else (1.0,)))
        one.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        one.set_minor_formatter(NullFormatter())


def show_levels(axis: Axes, levels: Sequence[str]) -> None:
    """Names under the positions 0, 1, ...; on a slant if they would run into each other."""
    shown = [level if len(level) <= 24 else f"{level[:23]}…" for level in levels]
    axis.set_xticks(range(len(shown)), shown)
    axis.set_xlim(-0.6, len(shown) - 0.4)
    axis.grid(visible=False, axis="x")
    if sum(map(len, shown)) > _NARROW:
        for text in axis.get_xticklabels():
            text.set(rotation=25, horizontalalignment="right", rotation_mode="anchor")
