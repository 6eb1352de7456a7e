# SPDX-License-Identifier: GPL-2.0-or-later
"""The overcommit simulator: how far can vCPUs be overcommitted before somebody's work suffers, and
under which scheduler?

    import hvlab.sim as sim

    cluster = sim.Cluster(
        hosts=[sim.Host("node", cores=8, scheduler="credit2")],
        vms=[sim.VM("web", count=16, workload={"closed": {"think": {"exponential": "1s"},
                                                          "service": {"exponential": "1s"}}})],
        seed=7)
    result = cluster.run("60s", warmup="10s")
    print(result.measure("ready"), result.measure("web.response.p99"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hvlab import lazy

if TYPE_CHECKING:
    from hvlab._core import SchedulerHost
    from hvlab.sim.checkpoint import resume
    from hvlab.sim.cluster import VM, Cluster, Host
    from hvlab.sim.experiments.results import ExperimentResults
    from hvlab.sim.experiments.running import run_experiment
    from hvlab.sim.frame import Frame
    from hvlab.sim.policies import Scheduler
    from hvlab.sim.result import Result

__all__ = [
    "VM",
    "Cluster",
    "ExperimentResults",
    "Frame",
    "Host",
    "Result",
    "Scheduler",
    "SchedulerHost",
    "resume",
    "run_experiment",
]

_HOMES = {
    "Cluster": "hvlab.sim.cluster",
    "ExperimentResults": "hvlab.sim.experiments.results",
    "Frame": "hvlab.sim.frame",
    "Host": "hvlab.sim.cluster",
    "Result": "hvlab.sim.result",
    "Scheduler": "hvlab.sim.policies",
    "SchedulerHost": "hvlab._core",
    "VM": "hvlab.sim.cluster",
    "resume": "hvlab.sim.checkpoint",
    "run_experiment": "hvlab.sim.experiments.running",
}

if not TYPE_CHECKING:  # a checker takes any name for one that __getattr__ knows
    __getattr__, __dir__ = lazy.attributes(__name__, _HOMES)
