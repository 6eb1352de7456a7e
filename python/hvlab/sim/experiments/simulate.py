# SPDX-License-Identifier: GPL-2.0-or-later
"""Does a job: what worker processes run."""

from __future__ import annotations

import math

from hvlab.sim.experiments.jobs import Columns, Job, JobResult
from hvlab.sim.frame import Frame
from hvlab.sim.result import run_plain


def simulate(job: Job) -> JobResult:
    """Runs it in this process. Raises SimulationError."""
    options = {
        "until": job.duration,
        "warmup": job.warmup,
        "resolution": job.resolution,
        "percentiles": job.percentiles,
    }
    result = run_plain(job.cluster, job.seed, options)
    return JobResult(
        {name: None if math.isnan(v) else float(v) for name, v in result.measures.items()},
        result.complete,
        result.end,
        result.events,
        result.wall,
        _columns(result.frame("series")) if job.resolution else {},
        _columns(result.frame("latency")),
    )


def _columns(frame: Frame) -> Columns:
    return {name: frame[name].tolist() for name in frame.columns}
