# SPDX-License-Identifier: GPL-2.0-or-later
"""What schedulers promise: work conservation, weights, reservations and limits, bounded skew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from hvlab.sim import kinds
from hvlab.sim.cluster import VM, Cluster, Host
from hvlab.sim.validation.rows import Row
from hvlab.sim.validation.runs import Runs

SECOND = 1_000_000_000
PERIOD = 100_000_000  # ns: the accounting period of a host, unless it says another
_FREE = {"context_switch": "0ns", "migration": "0ns", "remote_migration": "0ns"}
BUSY = {"constant": {"utilisation": 1}}


def work_conservation(runs: Runs) -> Iterator[Row]:
    """More vCPUs that always want a pCPU than there are pCPUs: none is ever free. (Each assignment of the
    simulator is held to it too, at every instant: a policy that leaves a pCPU free is an error.)
    """
    for scheduler in runs.work_conserving:
        vms = [VM("one", count=5, workload=BUSY), VM("two", count=3, vcpus=2, workload=BUSY)]
        cluster = Cluster([Host("node", cores=8, scheduler=scheduler)], vms, seed=1)
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
        cluster = Cluster([Host("node", cores=8, scheduler=scheduler, **_FREE)], vms, seed=1)
        result = runs.run(cluster, 60 * SECOND, warmup=10 * SECOND)
        frame = result.frame("vms")
        weight = np.array([groups[name] for name in frame["group"]], dtype=float)
        share = frame["run"] / frame["run"].sum()
        worst = float(np.abs(share / (weight / weight.sum()) - 1).max())
        yield Row("weights", scheduler, "worst relative error of a share", 0.0, worst, 0.05, True)


def accounting(runs: Runs) -> Iterator[Row]:
    """Over each accounting period a VM runs no more than its limit, whatever the scheduler; and no less
    than its reservation, where the scheduler keeps any.
    """
    for kind in kinds.schedulers().values():
        reserved = "reservations" in kind.promises
        given: dict[str, Any] = {"reservation": 1.5} if reserved else {}
        vms = [
            VM("capped", vcpus=2, limit=0.75, workload=BUSY),
            VM("kept", vcpus=2, workload=BUSY, **given),
            VM("noise", count=6, vcpus=2, weight=4096, workload=BUSY),
        ]
        host = Host("node", cores=4, scheduler=kind.name, **_FREE)
        result = runs.run(Cluster([host], vms, seed=1), 20 * SECOND, resolution=PERIOD)
        series = result.frame("series")
        periods = {
            name: series["run"][series["group"] == name] / PERIOD for name in ("capped", "kept")
        }
        most = float(periods["capped"].max())
        yield Row("limit", kind.name, "most pCPUs in a period", 0.75, most, 1e-6, True)
        if reserved:
            # The first period has the start of everybody in it; a slice may straddle two.
            least = -float(periods["kept"][1:].min())
            yield Row(
                "reservation", kind.name, "minus the least pCPUs in a period", -1.5, least, 0.075, True
            )
