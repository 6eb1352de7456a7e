# SPDX-License-Identifier: GPL-2.0-or-later
"""Results of an experiment that was never run, for tests of what is made of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from hvlab.sim.experiments.results import ExperimentResults
from hvlab.sim.experiments.statistics import interval
from hvlab.sim.frame import Frame

RATIOS = (1, 2, 3, 4)
SCHEDULERS = ("credit2", "eevdf", "esx")
UNITS = {"ready": "1", "run": "1", "costop": "1", "idle": "1", "throughput": "1/s",
         "response.p99": "ns", "web.ready": "1"}  # fmt: skip
Columns = dict[str, list[Any]]


def results(
    schedulers: Sequence[str] = SCHEDULERS,
    ratios: Sequence[int] = RATIOS,
    count: int = 5,
    **more: Any,
) -> ExperimentResults:
    """`count` replications of each scheduler at each ratio."""
    replications = _replications(schedulers, ratios, count)
    given: dict[str, Any] = {
        "name": "overcommit",
        "description": "Ready time against the ratio of vCPUs to pCPUs.",
        "factors": {"ratio": tuple(ratios), "scheduler": tuple(schedulers)},
        "measures": tuple(UNITS),
        "replications": replications,
        "summary": _summary(replications),
        "stopping": _stopping(replications),
        "comparison": _comparison(ratios),
        "latency": _latency(schedulers, ratios),
        "series": _series(schedulers, ratios),
        "seed": 7,
        "clusters": {"every cell": ["hosts: 10 x node, 8 cores", "vms: 160 x web"]},
        "facts": {"hvlab": "0.1.0", "started": "2026-01-02 03:04:05 +00:00", "took": "12.5 s"},
    }
    return ExperimentResults(**(given | more))


def cells(schedulers: Sequence[str], ratios: Sequence[int]) -> list[tuple[str, int, str]]:
    return [(f"ratio={r}-scheduler={s}", r, s) for r, s in itertools.product(ratios, schedulers)]


def _replications(schedulers: Sequence[str], ratios: Sequence[int], count: int) -> Frame:
    random = np.random.default_rng(3)
    columns: Columns = {
        name: []
        for name in ("cell", "ratio", "scheduler", "replication", "seed", "complete", *UNITS)
    }
    for cell, ratio, scheduler in cells(schedulers, ratios):
        for replication in range(count):
            ready = 0.03 * ratio**2 * (1 + 0.3 * schedulers.index(scheduler))
            ready *= 1 + 0.1 * random.standard_normal()
            row = {
                "cell": cell, "ratio": ratio, "scheduler": scheduler, "replication": replication,
                "seed": 1000 + replication, "complete": 1, "ready": ready, "run": 0.4,
                "costop": 0.05, "idle": 0.55 - ready, "throughput": 100.0 / ratio,
                "response.p99": 2e8 * ratio, "web.ready": ready / 2,
            }  # fmt: skip
            for name, value in row.items():
                columns[name].append(value)
    return Frame.from_columns(columns, name="replications", units=UNITS)


def _summary(replications: Frame) -> Frame:
    names = ("cell", "ratio", "scheduler", "measure", "unit", "mean", "low", "high", "deviation")
    columns: Columns = {name: [] for name in (*names, "replications")}
    for cell in replications.levels("cell"):
        rows = replications.where(cell=cell)
        for measure, unit in UNITS.items():
            found = interval(rows[measure].tolist(), 0.95)
            row = (cell, int(rows["ratio"][0]), rows["scheduler"][0], measure, unit, found.mean,
                   found.low, found.high, found.deviation, found.count)  # fmt: skip
            for name, value in zip(columns, row, strict=True):
                columns[name].append(value)
    return Frame.from_columns(columns, name="summary")


def _stopping(replications: Frame) -> Frame:
    found = [replications.where(cell=cell) for cell in replications.levels("cell")]
    count = len(found)
    return Frame.from_columns(
        {
            "cell": [rows["cell"][0] for rows in found],
            "ratio": [int(rows["ratio"][0]) for rows in found],
            "scheduler": [rows["scheduler"][0] for rows in found],
            "replications": [len(rows) for rows in found],
            "warmup": [10**10] * count,
            "measured": [6 * 10**10] * count,
            "reason": ["precise"] * (count - 1) + ["most"],
            "measure": ["ready"] * count,
            "width": [0.04] * (count - 1) + [0.08],
            "target": [0.05] * count,
        },
        name="stopping",
        units={"warmup": "ns", "measured": "ns"},
    )


def _comparison(ratios: Sequence[int]) -> Frame:
    count = len(ratios)
    return Frame.from_columns(
        {
            "ratio": list(ratios),
            "measure": ["ready"] * count,
            "unit": ["1"] * count,
            "baseline": ["credit2"] * count,
            "candidate": ["esx"] * count,
            "difference": [0.01 * (i + 1) for i in range(count)],
            "low": [0.005] * count,
            "high": [0.02 * (i + 1) for i in range(count)],
            "p": [0.5, *[0.001] * (count - 1)],
            "replications": [5] * count,
            "verdict": ["unclear", *["more"] * (count - 1)],
        },
        name="comparison",
    )


def _latency(schedulers: Sequence[str], ratios: Sequence[int]) -> Frame:
    columns: Columns = {
        n: [] for n in ("cell", "ratio", "scheduler", "group", "low", "high", "count")
    }
    for cell, ratio, scheduler in cells(schedulers, ratios):
        for step in range(60):
            low = math.floor(1e6 * ratio * 1.15**step * (1 + 0.2 * schedulers.index(scheduler)))
            count = round(1000 * math.exp(-(((step - 20) / 9) ** 2)))
            row = (cell, ratio, scheduler, "web", low, math.floor(low * 1.007), count)
            for name, value in zip(columns, row, strict=True):
                columns[name].append(value)
    return Frame.from_columns(columns, name="latency", units={"low": "ns", "high": "ns"})


def _series(schedulers: Sequence[str], ratios: Sequence[int]) -> Frame:
    names = ("cell", "ratio", "scheduler", "group", "time", "run", "ready", "costop", "throttled", "idle",
             "responses", "latency_mean")  # fmt: skip
    columns: Columns = {name: [] for name in names}
    for cell, ratio, scheduler in cells(schedulers, ratios):
        for second in range(60):
            ready = 10**8 * ratio * (1 + schedulers.index(scheduler))
            ready = round(ready * (1 - math.exp(-second / 8)))
            row = (cell, ratio, scheduler, "web", second * 10**9, 3 * 10**9, ready, 0, 0,
                   5 * 10**9 - ready, 90 if second else 0, 5e8 if second else math.nan)  # fmt: skip
            for name, value in zip(columns, row, strict=True):
                columns[name].append(value)
    return Frame.from_columns(columns, name="series", units={"time": "ns", "ready": "ns"})
