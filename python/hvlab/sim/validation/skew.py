# SPDX-License-Identifier: GPL-2.0-or-later
"""Relaxed co-scheduling: how far a vCPU gets ahead of its slowest sibling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hvlab import _core
from hvlab.sim.cluster import VM, Cluster, Host
from hvlab.sim.frame import Frame
from hvlab.sim.model import kinds
from hvlab.sim.validation.promises import BUSY
from hvlab.sim.validation.rows import Row
from hvlab.sim.validation.runs import Runs

MS = 1_000_000  # ns


def bounded(runs: Runs) -> Iterator[Row]:
    """SMP VMs that always want all their vCPUs, twice overcommitted beside single vCPUs: looked at each
    millisecond, no vCPU is ahead of its slowest sibling by more than the skew, the interval at which the
    scheduler looks, and the one at which we do.
    """
    for kind in kinds.schedulers().values():
        parameters = {parameter.name for parameter in kind.parameters}
        if "coscheduling" not in kind.promises or "skew" not in parameters:
            continue  # strict co-scheduling has its own: all or none
        for skew in (3, 10):
            host = Host("node", cores=8, scheduler={kind.name: {"skew": f"{skew}ms"}})
            vms = [VM("smp", count=3, vcpus=4, workload=BUSY), VM("one", count=4, workload=BUSY)]
            greatest = _greatest_skew(Cluster([host], vms, seed=1), round(10_000 * runs.scale) * MS)
            setting = f"{kind.name}, skew {skew} ms"
            runs.count += 1
            yield Row("co-stop bound", setting, "greatest skew, ms", skew + 2, greatest, 0.1, True)


def _greatest_skew(cluster: Cluster, until: int) -> float:
    """In ms, of any VM of the group `smp`."""
    core = _core.SimCluster(cluster.spec.plain(), seed=cluster.seed, until=until, window=MS)
    base: NDArray[Any] | None = None
    greatest = 0.0

    def look(now: int, _events: int) -> bool:
        nonlocal base, greatest
        frame = Frame(core.table("vcpus"))
        mine = frame["group"] == "smp"
        progress = frame["progress"][mine].reshape(-1, 4)
        if base is None:
            base = progress
        ahead = progress - base
        greatest = max(greatest, float(np.max(ahead.max(axis=1) - ahead.min(axis=1))) / MS)
        return True

    if core.run(look) == "interrupted":
        raise KeyboardInterrupt
    return greatest
