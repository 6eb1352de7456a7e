# SPDX-License-Identifier: GPL-2.0-or-later
"""Models that queueing theory has an answer for: mean response times, in both fidelities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hvlab.sim.cluster import VM, Cluster
from hvlab.sim.validation import theory
from hvlab.sim.validation.hosts import free_host
from hvlab.sim.validation.rows import Row, from_replications
from hvlab.sim.validation.runs import Runs

MS = 1e6  # ns
_QUANTITY = "mean response time, ms"


def _responses(runs: Runs, title: str, cluster: Cluster, seconds: float) -> list[float]:
    """In ms, of each replication."""
    found = runs.replicate(title, cluster, seconds)
    return [measures["response.mean"] / MS for measures in found]


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
            setting = f"{fidelity}, c = {servers}, load {load}"
            cluster = Cluster([host], [vm], fidelity=fidelity)
            found = _responses(runs, f"M/M/c, {setting}", cluster, 20_000 / servers)
            expected = theory.mmc_response(rate / 1000, 10, servers)
            yield from_replications("M/M/c", setting, _QUANTITY, expected, found, 0)


_SERVICES: Mapping[str, Any] = {
    "constant": "10ms",
    "exponential": {"exponential": "10ms"},
    "hyperexponential, cv 3": {"hyperexponential": {"mean": "10ms", "cv": 3}},
}
# Of requests at once: more than so many in an infinite queue are seen a share of 0.7^40 of the time, 6e-7.
_MOST = 40


def mg1_ps(runs: Runs) -> Iterator[Row]:
    """One pCPU that all requests of a VM share, each on a vCPU of its own: M/G/1 with processor sharing.

    The quantum fidelity shares in slices of a hundredth of the work: 100 us. A request's last slice ends up
    to one turn (a slice of each other) from where sharing would end it, and there are 2.3 others, so the
    mean is within 0.7 % of the 33 ms. It is held against fluid runs of the same requests too: what the
    requests happened to be is in both, and the interval of the difference is narrow.
    """
    expected = theory.mg1_ps_response(0.070, 10)
    for name, service in _SERVICES.items():
        fluid = _responses(runs, f"M/G/1-PS, fluid, {name}", _shared(service, "fluid"), 4_000)
        yield from_replications("M/G/1-PS", f"fluid, {name}", _QUANTITY, expected, fluid, 0)
    for name, service in _SERVICES.items():
        title = f"M/G/1-PS, quantum, {name}"
        quantum = _responses(runs, title, _shared(service, "quantum"), 300)
        fluid = _responses(runs, f"{title}, fluid beside it", _shared(service, "fluid"), 300)
        apart = [a - b for a, b in zip(quantum, fluid, strict=True)]
        setting = f"quantum, {name}"
        bias = 0.007 * expected
        yield from_replications("M/G/1-PS", setting, _QUANTITY, expected, quantum, bias)
        yield from_replications("M/G/1-PS", setting, "less the fluid one, ms", 0, apart, bias)


def _shared(service: Any, fidelity: Any) -> Cluster:
    quantum = fidelity == "quantum"
    host = free_host("node", cores=_MOST, scheduler={"round-robin": {"slice": "100us"}})
    pinned: dict[str, Any] = {"pcpus": [0]} if quantum else {"limit": 1.0}
    poisson = {"rate": 70, "service": service, "discipline": "ps"}
    vm = VM("vm", vcpus=_MOST, workload={"poisson": poisson}, **pinned)
    return Cluster([host], [vm], fidelity=fidelity)


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
            cluster = Cluster([host], [vm], fidelity=fidelity)
            setting = f"{fidelity}, c = {servers}, {number} clients of a VM"
            found = _responses(runs, f"M/M/c//N, {setting}", cluster, 8_000 / servers)
            expected = theory.closed_response(number, servers, 60, 10)
            yield from_replications("M/M/c//N", setting, _QUANTITY, expected, found, 0)


def closed(runs: Runs) -> Iterator[Row]:
    """Twice as many single-vCPU VMs as pCPUs, each with a client who thinks and asks: the machine
    repairman. Work is exponential, so how many are served and how many wait does not hang on who is served
    first: every scheduler that conserves work has the same mean.
    """
    work = {"closed": {"think": {"exponential": "1s"}, "service": {"exponential": "1s"}}}
    vms = [VM("vm", count=16, workload=work)]
    expected = theory.closed_response(16, 8, 1000, 1000)
    for fidelity in runs.fidelities:
        quantum = fidelity == "quantum"
        for scheduler in runs.work_conserving if quantum else ["eevdf"]:
            host = free_host("node", cores=8, scheduler=scheduler)
            setting = f"quantum, {scheduler}" if quantum else "fluid"
            cluster = Cluster([host], vms, fidelity=fidelity)
            seconds = 8_000 if quantum else 80_000
            found = _responses(runs, f"M/M/c//N, {setting}", cluster, seconds)
            yield from_replications("M/M/c//N", setting, _QUANTITY, expected, found, 0)
