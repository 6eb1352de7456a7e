# SPDX-License-Identifier: GPL-2.0-or-later
"""How far the fluid fidelity differs from the quantum one on the same input."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from hvlab.sim.cluster import VM, Cluster
from hvlab.sim.model.description import Fidelity
from hvlab.sim.validation.hosts import free_host
from hvlab.sim.validation.rows import Row
from hvlab.sim.validation.runs import Runs

# Setting -> the VMs on a host of 8 pCPUs.
_SETTINGS: dict[str, list[dict[str, Any]]] = {
    "16 single-vCPU VMs, closed": [
        {
            "name": "vm",
            "count": 16,
            "workload": {
                "closed": {"think": {"exponential": "100ms"}, "service": {"exponential": "100ms"}}
            },
        }
    ],
    "weights 3:1, on and off": [
        {
            "name": "heavy",
            "count": 8,
            "weight": 3072,
            "workload": {"on-off": {"on": {"exponential": "1s"}, "off": {"exponential": "1s"}}},
        },
        {
            "name": "light",
            "count": 16,
            "weight": 1024,
            "workload": {"on-off": {"on": {"exponential": "1s"}, "off": {"exponential": "1s"}}},
        },
    ],
    "2 and 4 vCPUs, open": [
        {
            "name": "two",
            "count": 4,
            "vcpus": 2,
            "workload": {"poisson": {"rate": 10, "service": {"exponential": "80ms"}}},
        },
        {
            "name": "four",
            "count": 2,
            "vcpus": 4,
            "workload": {"poisson": {"rate": 20, "service": {"exponential": "80ms"}}},
        },
    ],
}
_TOLERANCE = {"response.mean": 0.05, "run": 0.02, "ready": 0.02}


def fluid_against_quantum(runs: Runs) -> Iterator[Row]:
    """The same seeds, hence the same work; EEVDF in slices of 1 ms without costs of switching. For each
    group of VMs: mean response time and run time relative to the fluid one, and ready time as a share.
    """
    for setting, groups in _SETTINGS.items():
        fluid = _measured(runs, setting, groups, "fluid")
        quantum = _measured(runs, setting, groups, "quantum")
        for name, expected in fluid.items():
            if math.isnan(expected):
                continue  # nobody answers requests there
            measure = name.partition(".")[2]
            apart = quantum[name] - expected
            relative = measure != "ready"
            quantity = f"{name}, quantum less fluid" + (", relative" if relative else "")
            found = apart / expected if relative else apart
            yield Row("fluid against quantum", setting, quantity, 0.0, found, _TOLERANCE[measure])


def _measured(
    runs: Runs, setting: str, groups: list[dict[str, Any]], fidelity: Fidelity
) -> dict[str, float]:
    """Means over replications, by GROUP.MEASURE."""
    host = free_host("node", cores=8, scheduler={"eevdf": {"slice": "1ms"}})
    cluster = Cluster([host], [VM(**group) for group in groups], fidelity=fidelity)
    found = runs.replicate(f"fluid against quantum, {setting}, {fidelity}", cluster, 400)
    names = [f"{group['name']}.{measure}" for group in groups for measure in _TOLERANCE]
    return {name: sum(measures[name] for measures in found) / len(found) for name in names}
