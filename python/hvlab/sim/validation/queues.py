# SPDX-License-Identifier: GPL-2.0-or-later
"""Models that queueing theory has an answer for: mean response times, in both fidelities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hvlab.sim.cluster import VM, Cluster, Host
from hvlab.sim.model.description import Fidelity
from hvlab.sim.validation import theory
from hvlab.sim.validation.hosts import free_host
from hvlab.sim.validation.rows import Row, from_replications
from hvlab.sim.validation.runs import Runs

MS = 1e6  # ns
_QUANTITY = "mean response time, ms"


def _responses(
    runs: Runs, fidelity: Fidelity, host: Host, vms: list[VM], seconds: float
) -> list[float]:
    """In ms, of each replication."""
    duration = round(seconds * runs.scale * 1e9)
    found = []
    for seed in range(runs.replications):
        cluster = Cluster([host], vms, seed=1000 + seed, fidelity=fidelity)
        result = runs.run(cluster, duration, warmup=duration // 10)
        found.append(result.measure("response.mean") / MS)
    return found


def mmc(runs: Runs) -> Iterator[Row]:
    """A VM with c vCPUs of its own, requests one by one: M/M/c. Nobody is preempted, so that both
    fidelities are exact.
    """
    for fidelity in runs.fidelities:
        for servers, load in ((1, 0.7), (4, 0.8), (16, 0.9)):
            rate = load * servers / 0.010
            host = free_host("node", cores=servers, scheduler="eevdf")
            workload = {"poisson": {"rate": rate, "service": {"exponential": "10ms"}}}
            vm = VM("vm", vcpus=servers, workload=workload)
            found = _responses(runs, fidelity, host, [vm], 20_000 / servers)
            expected = theory.mmc_response(rate / 1000, 10, servers)
            setting = f"{fidelity}, c = {servers}, load {load}"
            yield from_replications("M/M/c", setting, _QUANTITY, expected, found, 0)


_SERVICES: Mapping[str, Any] = {
    "constant": "10ms",
    "exponential": {"exponential": "10ms"},
    "hyperexponential, cv 3": {"hyperexponential": {"mean": "10ms", "cv": 3}},
}


def mg1_ps(runs: Runs) -> Iterator[Row]:
    """One pCPU that all requests of a VM share, each on a vCPU of its own: M/G/1 with processor sharing.

    The quantum fidelity shares in slices: with 100 us, a hundredth of the work, it is within 2 %.
    """
    for fidelity in runs.fidelities:
        quantum = fidelity == "quantum"
        scheduler = {"round-robin": {"slice": "100us"}}
        host = free_host("node", cores=128, scheduler=scheduler)
        pinned: dict[str, Any] = {"pcpus": [0]} if quantum else {"limit": 1.0}
        for name, service in _SERVICES.items():
            if quantum and runs.scale < 1 and name != "constant":
                continue
            poisson = {"rate": 70, "service": service, "discipline": "ps"}
            vm = VM("vm", vcpus=128, workload={"poisson": poisson}, **pinned)
            seconds = 300 if quantum else 4_000
            found = _responses(runs, fidelity, host, [vm], seconds)
            expected = theory.mg1_ps_response(0.070, 10)
            setting = f"{fidelity}, {name}"
            bias = 0.02 if quantum else 0
            yield from_replications("M/G/1-PS", setting, _QUANTITY, expected, found, bias)


def clients(runs: Runs) -> Iterator[Row]:
    """Clients of one VM who share its c vCPUs, each with a pCPU of its own: M/M/c//N. Nobody is preempted,
    so that both fidelities are exact.
    """
    for fidelity in runs.fidelities:
        for number, servers in ((8, 1), (24, 4)):
            host = free_host("node", cores=servers, scheduler="eevdf")
            think, service = {"exponential": "60ms"}, {"exponential": "10ms"}
            workload = {"closed": {"think": think, "service": service, "clients": number}}
            vm = VM("vm", vcpus=servers, workload=workload)
            found = _responses(runs, fidelity, host, [vm], 8_000 / servers)
            expected = theory.closed_response(number, servers, 60, 10)
            setting = f"{fidelity}, c = {servers}, {number} clients of a VM"
            yield from_replications("M/M/c//N", setting, _QUANTITY, expected, found, 0)


def closed(runs: Runs) -> Iterator[Row]:
    """Twice as many single-vCPU VMs as pCPUs, each with a client who thinks and asks: the machine
    repairman. Exponential work, so the mean does not hang on who is served first: every scheduler that
    conserves work has it, but for what fairness between VMs changes: within 2 %.
    """
    vms = [
        VM(
            "vm",
            count=16,
            workload={"closed": {"think": {"exponential": "1s"}, "service": {"exponential": "1s"}}},
        )
    ]
    expected = theory.closed_response(16, 8, 1000, 1000)
    for fidelity in runs.fidelities:
        schedulers = runs.work_conserving if fidelity == "quantum" else ["eevdf"]
        for scheduler in schedulers:
            host = free_host("node", cores=8, scheduler=scheduler)
            quantum = fidelity == "quantum"
            found = _responses(runs, fidelity, host, vms, 8_000 if quantum else 80_000)
            setting = f"quantum, {scheduler}" if quantum else "fluid"
            bias = 0.02 if quantum else 0
            yield from_replications("M/M/c//N", setting, _QUANTITY, expected, found, bias)
