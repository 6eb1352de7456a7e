# SPDX-License-Identifier: GPL-2.0-or-later
"""Stands in for the simulator where its figures do not matter: a result is made of the job alone.

A worker process imports it, so it stands in a module of its own.
"""

from __future__ import annotations

import math
import os
import random
import signal
import time

from hvlab.errors import SimulationError
from hvlab.sim.experiments.jobs import Job, JobResult


def measures(job: Job) -> dict[str, float | None]:
    """`ready` grows with the number of VMs; its noise hangs on the seed alone, as under common random
    numbers.
    """
    vms = job.cluster["vms"][0]
    noise = random.Random(job.seed).gauss(0, 1)
    ready = 0.01 * vms["count"] + 0.001 * vms["weight"] / 1024 + 0.0006 * noise
    response = 1e6 * (1 + ready) if vms["vcpus"] == 1 else None
    return {"ready": ready, "web.ready": ready, "response.mean": response}


def work(job: Job) -> JobResult:
    series = {}
    if job.resolution:
        count = job.duration // job.resolution
        settled = [1000 + 10 * math.exp(-i / 20) * 100 for i in range(count)]
        series = {
            "group": ["web"] * count,
            "time": [i * job.resolution for i in range(count)],
            "run": [1000.0] * count,
            "ready": settled,
            "costop": [0.0] * count,
            "throttled": [0.0] * count,
            "idle": [9000.0] * count,
            "responses": [10] * count,
            "latency_mean": [1e6] * count,
        }
    latency = {"group": ["web", "web"], "low": [0, 8], "high": [7, 15], "count": [5, 1]}
    return JobResult(measures(job), True, job.duration, 1000, 0.001, series, latency)


def crash(job: Job) -> JobResult:
    """Dies for some cells."""
    if job.cluster["vms"][0]["count"] == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return work(job)


def refuse(job: Job) -> JobResult:
    if job.cluster["vms"][0]["count"] == 2:
        raise SimulationError("does not fit in memory", "vms[0].count")
    return work(job)


def slow(job: Job) -> JobResult:
    """Never ends by itself for some cells."""
    if job.cluster["vms"][0]["count"] == 3:
        time.sleep(600)
    return work(job)


def interruptible(job: Job) -> JobResult:
    caught = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    return JobResult({"ready": float(caught)}, True, job.duration, 1, 0.001)


def unpicklable(job: Job) -> JobResult:
    raise type("Strange", (Exception,), {})("strange")
