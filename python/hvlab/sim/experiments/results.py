# SPDX-License-Identifier: GPL-2.0-or-later
"""What an experiment gives: frames, and what is known about them (docs/design/sim.md, Experiment results)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hvlab.sim.frame import Frame

# Columns that are there whatever an experiment varies and measures.
RESERVED = frozenset(
    {
        "cell", "replication", "seed", "complete", "measure", "unit", "mean", "low", "high", "deviation",
        "replications", "warmup", "measured", "reason", "width", "target", "baseline", "candidate",
        "difference", "p", "verdict", "group", "count", "time",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Plot:
    """A figure that was asked for.

    Attributes:
        kind: `line` (a measure against a factor, with intervals), `latency` (its distribution), `shares`
            (where the vCPUs' time went), `series` (a column of the time series).
        y: the measure, or the column of the series; x: the factor along the axis, of `line` and `shares`.
        by: factors of which each combination of levels is a line of its own.
        where: only cells with these levels.
        title: above the figure; none in a paper.
        log: which axes are logarithmic: "", "x", "y" or "xy".
    """

    kind: str
    y: str = ""
    x: str = ""
    by: tuple[str, ...] = ()
    where: Mapping[str, int | float | str] = field(default_factory=dict)
    title: str = ""
    log: str = ""


@dataclass(frozen=True)
class ExperimentResults:
    """The frames of an experiment and what is known about them.

    Attributes:
        name, description: of the experiment.
        factors: the levels of each factor, in the order of the document.
        measures: their names, in order; each is a column of `replications`.
        asked: those of them that the document asks for; empty: none in particular.
        replications, summary, stopping, comparison, latency, series: frames, with the columns of
            docs/design/sim.md, Experiment results. The last three may not be there.
        seed: of the experiment; confidence: of all intervals.
        complete: whether everything ran to its end; warnings: what a reader has to know.
        clusters: what was simulated, lines of text by title.
        facts: name -> text: version of hvlab, start, duration, host.
        plots: the figures that were asked for; empty: `plots.usual` chooses.
    """

    name: str
    factors: Mapping[str, Sequence[int | float | str]]
    measures: Sequence[str]
    replications: Frame
    summary: Frame
    stopping: Frame
    comparison: Frame | None = None
    latency: Frame | None = None
    series: Frame | None = None
    asked: Sequence[str] = ()
    description: str = ""
    seed: int = 0
    confidence: float = 0.95
    complete: bool = True
    warnings: Sequence[str] = ()
    clusters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    plots: Sequence[Plot] = ()
