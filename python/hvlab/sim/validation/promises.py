# SPDX-License-Identifier: GPL-2.0-or-later
"""What schedulers promise: work conservation, weights, reservations and limits, bounded skew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hvlab.sim.cluster import VM, Cluster
from hvlab.sim.model import kinds
from hvlab.sim.validation.hosts import free_host
from hvlab.sim.validation.rows import Row
from hvlab.sim.validation.runs import Runs

SECOND = 1_000_000_000
PERIOD = 100_000_000  # ns: the accounting period of a host, unless it says another
BUSY = {"constant": {"utilisation": 1}}


def work_conservation(runs: Runs) -> Iterator[Row]:
    """More vCPUs that always want a pCPU than there are pCPUs: none is ever free. (Each assignment of the
    simulator is held to it too, at every instant: a policy that leaves a pCPU free is an error.)
    """
    for scheduler in runs.work_conserving:
        vms = [VM("one", count=5, workload=BUSY), VM("two", count=3, vcpus=2, workload=BUSY)]
        cluster = Cluster([free_host("node", cores=8, scheduler=scheduler)], vms, seed=1)
        result = runs.run(cluster, 5 * SECOND)
        used = result.measure("utilisation")
        yield Row("work conservation", scheduler, "pCPU time used, share", 1.0, used, 1e-9)


def weights(runs: Runs) -> Iterator[Row]:
    """Backlogged VMs get pCPU time by weight: the largest relative error of any of them. A weight that
    entitles a VM to more pCPUs than it has vCPUs is left out of it: nobody could give it that.
    """
    groups = {"quarter": 256, "half": 512, "one": 1024, "two": 2048}
    for scheduler in runs.promising("weights"):
        vms = [
            VM(name, count=4, vcpus=2, weight=weight, workload=BUSY)
            for name, weight in groups.items()
        ]
        cluster = Cluster([free_host("node", cores=8, scheduler=scheduler)], vms, seed=1)
        result = runs.run(cluster, 60 * SECOND, warmup=10 * SECOND)
        frame = result.frame("vms")
        weight = np.array([groups[name] for name in frame["group"]], dtype=float)
        share = frame["run"] / frame["run"].sum()
        worst = float(np.abs(share / (weight / weight.sum()) - 1).max())
        yield Row("weights", scheduler, "worst relative error of a share", 0.0, worst, 0.05, True)


def limits(runs: Runs) -> Iterator[Row]:
    """Over each accounting period a VM runs no more than its limit, whatever the scheduler; one that always
    wants more, beside others that leave it room, runs exactly as much.
    """
    for kind in kinds.schedulers().values():
        vms = [
            VM("capped", vcpus=2, limit=0.75, workload=BUSY),
            VM("noise", count=2, workload={"on-off": {"on": "13ms", "off": "7ms"}}),
        ]
        found = _pcpus_by_period(runs, kind.name, vms, "capped")
        yield Row(
            "limit", kind.name, "most pCPUs in a period", 0.75, float(found.max()), 1e-6, True
        )
        yield Row("limit", kind.name, "mean pCPUs of a period", 0.75, float(found.mean()), 0.01)


def reservations(runs: Runs) -> Iterator[Row]:
    """Over each accounting period a VM that wants it runs no less than its reservation, beside others with
    sixteen times its weight: where the scheduler keeps reservations.
    """
    for scheduler in runs.promising("reservations"):
        vms = [
            VM("kept", vcpus=2, weight=256, reservation=1.5, workload=BUSY),
            VM("noise", count=6, vcpus=2, weight=4096, workload=BUSY),
        ]
        # The first period has everybody's start in it.
        found = _pcpus_by_period(runs, scheduler, vms, "kept")[1:]
        least = float(found.min())
        # A slice may straddle two periods.
        yield Row(
            "reservation", scheduler, "least pCPUs in a period, negative", -1.5, -least, 0.075, True
        )


def _pcpus_by_period(runs: Runs, scheduler: str, vms: list[VM], group: str) -> NDArray[Any]:
    host = free_host("node", cores=4, scheduler=scheduler)
    result = runs.run(Cluster([host], vms, seed=1), 20 * SECOND, resolution=PERIOD)
    series = result.frame("series")
    found: NDArray[Any] = series["run"][series["group"] == group] / PERIOD
    return found
