# SPDX-License-Identifier: GPL-2.0-or-later
"""How response times are distributed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hvlab.sim.frame import Frame, Value
from hvlab.sim.latencies import cumulative, quantile
from hvlab.sim.plots import data, style
from hvlab.sim.plots.style import COLUMN, Drawing, PlotError
from hvlab.sim.plots.ticks import plain_log

_SHOWN = (0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999)


def latency(
    frame: Frame,
    *,
    by: Sequence[str] | str = (),
    where: Mapping[str, Value] | None = None,
    percentiles: bool = False,
    width: float = COLUMN,
    title: str = "",
) -> Drawing:
    """The distribution of response times, on a logarithmic axis.

    Args:
        frame: one with columns `low`, `high` and `count`: a cluster's or an experiment's `latency`.
        by: columns of which each combination of levels is a line; where: only rows with these levels.
        percentiles: the time by percentile, with as much room for 99 .. 99.9 % as for 90 .. 99 %; otherwise
            the cumulative distribution.

    Raises PlotError, UnknownColumn; ImportError without matplotlib (`hvlab[sim]`).
    """
    by = (by,) if isinstance(by, str) else tuple(by)
    rows = frame.where(**(where or {}))
    if not len(rows) or not rows["count"].sum():
        raise PlotError("there are no responses in these rows")
    parts = [(name, part) for name, part in data.split(rows, by) if part["count"].sum()]
    middles = [quantile(part, 0.5) for _, part in parts]
    scale = data.scale("ns", middles)
    with style.style():
        figure, (axis,) = style.axes(width)
        for index, (name, part) in enumerate(parts):
            look = style.line_style(index) | {"marker": ""}
            low, high, passed = cumulative(part)
            share = passed / passed[-1]
            if percentiles:
                beyond = passed[-1] / np.maximum(passed[-1] - passed, 0.5)
                axis.plot(beyond, scale.of(high), label=name, **look)
            else:
                times = np.concatenate([low[:1], high])
                axis.plot(
                    scale.of(times), [0.0, *share], drawstyle="steps-post", label=name, **look
                )
        if percentiles:
            plain_log(axis, "xy")
            most = max(float(part["count"].sum()) for _, part in parts)
            shown = [p for p in _SHOWN if 1 / (1 - p) <= 2 * most]
            axis.set_xticks([1 / (1 - p) for p in shown], [f"{p * 100:.6g}" for p in shown])
            axis.set_xticks([], minor=True)
            axis.set_xlim(1, None)
            axis.set_xlabel("percentile")
            axis.set_ylabel(scale.label("response time"))
        else:
            plain_log(axis, "x")
            axis.set_ylim(0, 1.02)
            axis.set_xlabel(scale.label("response time"))
            axis.set_ylabel("share of responses")
        style.finish(figure, axis, title, width)
    return Drawing(figure, _alt(parts))


def _alt(parts: Sequence[tuple[str, Frame]]) -> str:
    said = []
    for name, part in parts:
        values = [quantile(part, p) for p in (0.5, 0.99)]
        scale = data.scale("ns", values)
        half, most = scale.of(values)
        said.append(
            f"{name or 'all'}: median {half:.3g} {scale.unit}, 99th percentile {most:.3g} {scale.unit}"
        )
    return f"Distribution of response times. {'; '.join(said)}."
