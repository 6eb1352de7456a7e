# SPDX-License-Identifier: GPL-2.0-or-later
"""How far the fluid fidelity differs from the quantum one on the same input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hvlab.sim.cluster import VM, Cluster, Host
from hvlab.sim.validation.rows import Row
from hvlab.sim.validation.runs import Runs

SECOND = 1_000_000_000
_FREE = {"context_switch": "0ns", "migration": "0ns", "remote_migration": "0ns"}

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
_TOLERANCE = {"response.mean": 0.05, "run": 0.02, "ready": 0.10}


def fluid_against_quantum(runs: Runs) -> Iterator[Row]:
    """The same seeds, hence the same work; EEVDF in slices of 1 ms without costs of switching. Relative
    differences; of ready time relative to vCPU time.
    """
    for setting, groups in _SETTINGS.items():
        vms = [VM(**group) for group in groups]
        host = Host("node", cores=8, scheduler={"eevdf": {"slice": "1ms"}}, **_FREE)
        found: dict[str, dict[str, list[float]]] = {}
        duration = round(400 * runs.scale * SECOND)
        for fidelity in ("fluid", "quantum"):
            for seed in range(max(2, runs.replications // 3)):
                cluster = Cluster([host], vms, seed=seed, fidelity=fidelity)
                result = runs.run(cluster, duration, warmup=duration // 10)
                for measure in _TOLERANCE:
                    values = found.setdefault(measure, {}).setdefault(fidelity, [])
                    values.append(result.measure(measure))
        for measure, tolerance in _TOLERANCE.items():
            fluid = sum(found[measure]["fluid"]) / len(found[measure]["fluid"])
            quantum = sum(found[measure]["quantum"]) / len(found[measure]["quantum"])
            if fluid != fluid:  # NaN: nobody answers requests here
                continue
            apart = quantum / fluid - 1 if measure != "ready" else quantum - fluid
            quantity = f"{measure}, quantum less fluid, relative"
            yield Row("fluid against quantum", setting, quantity, 0.0, apart, tolerance)
