# SPDX-License-Identifier: GPL-2.0-or-later
"""What no type can say about a cluster: names that are there, VMs that fit, promises that somebody
keeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hvlab.scenario.nearest import did_you_mean
from hvlab.scenario.tree import Path
from hvlab.sim.model.choices import Scheduler
from hvlab.sim.model.description import MAX_VMS, ClusterSpec, HostSpec, VmSpec
from hvlab.sim.model.quantities import exact


@dataclass(frozen=True)
class Fault:
    """Something wrong with a cluster. `path`: where, from the cluster on."""

    path: Path
    message: str


def faults(cluster: ClusterSpec) -> Iterator[Fault]:
    """Everything that is wrong."""
    yield from _names(cluster)
    groups = {vms.name: vms for vms in cluster.vms}
    for index, vms in enumerate(cluster.vms):
        at: Path = ("vms", index)
        if vms.hosts and vms.hosts not in {host.name for host in cluster.hosts}:
            known = [host.name for host in cluster.hosts]
            yield Fault((*at, "hosts"), _unknown("group of hosts", vms.hosts, known))
            continue
        yield from _number(cluster, vms, at)
        yield from _fits(cluster, vms, at)
        yield from _shares(cluster, vms, at)
        yield from _together(cluster, groups, vms, at)
    yield from _cycles(cluster, groups)
    yield from _reserved(cluster)


def _names(cluster: ClusterSpec) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    for key, what, names in (
        ("hosts", "hosts", [host.name for host in cluster.hosts]),
        ("vms", "VMs", [vms.name for vms in cluster.vms]),
    ):
        for index, name in enumerate(names):
            if name in seen:
                yield Fault(
                    (key, index, "name"), f"there is a group of {seen[name]} '{name}' already"
                )
            seen.setdefault(name, what)


def _unknown(what: str, name: str, known: Sequence[str]) -> str:
    return f"unknown {what} '{name}'{did_you_mean(name, known) or f'; there are: {_list(known)}'}"


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")


def _number(cluster: ClusterSpec, vms: VmSpec, at: Path) -> Iterator[Fault]:
    pcpus = cluster.pcpus_for(vms)
    count = vms.number(pcpus)
    if vms.overcommit is None:
        return
    if count < 1:
        message = f"overcommit {vms.overcommit:g} of {pcpus} pCPUs makes no VM of {vms.vcpus} vCPUs"
        yield Fault((*at, "overcommit"), message)
    elif count > MAX_VMS:
        message = f"overcommit {vms.overcommit:g} makes {count} VMs; at most {MAX_VMS}"
        yield Fault((*at, "overcommit"), message)


def _fits(cluster: ClusterSpec, vms: VmSpec, at: Path) -> Iterator[Fault]:
    hosts = cluster.hosts_for(vms)
    largest = max(host.pcpus for host in hosts)
    if vms.vcpus > largest:
        where = f"the hosts '{vms.hosts}' have" if vms.hosts else "the largest host has"
        message = f"a VM of {vms.vcpus} vCPUs fits on no host: {where} {largest} pCPUs"
        yield Fault((*at, "vcpus"), message)
    for number, pcpu in enumerate(vms.pcpus):
        lacking = next((host for host in hosts if pcpu >= host.pcpus), None)
        if lacking is not None:
            message = (
                f"the hosts '{lacking.name}' have no pCPU {pcpu}: they are 0 to {lacking.pcpus - 1}"
            )
            yield Fault((*at, "pcpus", number), message)
    if vms.pcpus and cluster.fidelity == "fluid":
        yield Fault((*at, "pcpus"), "the fidelity 'fluid' knows no single pCPUs; use 'quantum'")
    elif vms.pcpus and len(vms.pcpus) < vms.vcpus:
        strict = next((host for host in hosts if _runs_all_or_none(host.scheduler)), None)
        if strict is not None:
            message = (
                f"{vms.vcpus} vCPUs on {_pcpus(len(vms.pcpus))} can't run at once, and the scheduler "
                f"'{strict.scheduler.name}' of the hosts '{strict.name}' runs them so"
            )
            yield Fault((*at, "pcpus"), message)


def _runs_all_or_none(scheduler: Scheduler) -> bool:
    """Whether it runs all vCPUs of a VM at once, or leaves pCPUs free."""
    promises = scheduler.promises
    return "coscheduling" in promises and "work_conserving" not in promises


def _pcpus(count: int) -> str:
    return f"{count} pCPU" if count == 1 else f"{count} pCPUs"


def _shares(cluster: ClusterSpec, vms: VmSpec, at: Path) -> Iterator[Fault]:
    if vms.limit is not None and vms.limit > vms.vcpus:
        message = f"the limit {vms.limit:g} is more than its {_vcpus(vms.vcpus)} can use"
        yield Fault((*at, "limit"), message)
    if not vms.reservation:
        return
    most = min(vms.vcpus, len(vms.pcpus) or vms.vcpus)
    if vms.reservation > most:
        message = f"reservation {vms.reservation:g} is more than its {_vcpus(vms.vcpus)} can use"
        yield Fault((*at, "reservation"), message)
    if vms.limit is not None and vms.limit < vms.reservation:
        message = f"the limit {vms.limit:g} is below the reservation {vms.reservation:g}"
        yield Fault((*at, "limit"), message)
    if cluster.fidelity == "fluid":
        return
    for host in cluster.hosts_for(vms):
        if "reservations" not in host.scheduler.promises:
            message = (
                f"the scheduler '{host.scheduler.name}' of the hosts '{host.name}' has no reservations"
                f"{_with_reservations()}"
            )
            yield Fault((*at, "reservation"), message)
            return


def _vcpus(count: int) -> str:
    return f"{count} vCPU" if count == 1 else f"{count} vCPUs"


def _with_reservations() -> str:
    from hvlab.sim.model.kinds import schedulers

    able = [name for name, kind in schedulers().items() if "reservations" in kind.promises]
    return f"; those that have: {_list(able)}" if able else ""


def _together(
    cluster: ClusterSpec, groups: dict[str, VmSpec], vms: VmSpec, at: Path
) -> Iterator[Fault]:
    for number, other in enumerate(vms.apart):
        if other not in groups:
            message = _unknown("group of VMs", other, list(groups))
            yield Fault((*at, "apart", number), message)
        elif other == vms.with_:
            yield Fault((*at, "apart", number), f"'{other}' can't be both 'with' and 'apart'")
    if vms.name in vms.apart:
        count = vms.number(cluster.pcpus_for(vms))
        hosts = sum(host.count for host in cluster.hosts_for(vms))
        if count > hosts:
            message = f"{count} VMs that stand apart need as many hosts, and there are {hosts}"
            yield Fault((*at, "apart"), message)
    if not vms.with_:
        return
    partner = groups.get(vms.with_)
    if partner is None:
        yield Fault((*at, "with"), _unknown("group of VMs", vms.with_, list(groups)))
        return
    if vms.hosts and partner.hosts and vms.hosts != partner.hosts:
        message = (
            f"'{vms.with_}' is placed on the hosts '{partner.hosts}', and this on '{vms.hosts}'"
        )
        yield Fault((*at, "with"), message)
    count = vms.number(cluster.pcpus_for(vms))
    others = partner.number(cluster.pcpus_for(partner)) if _hosts_known(cluster, partner) else count
    if count > others:
        message = f"there are {count} VMs of '{vms.name}', and only {others} of '{vms.with_}'"
        yield Fault((*at, "with"), message)


def _hosts_known(cluster: ClusterSpec, vms: VmSpec) -> bool:
    return bool(cluster.hosts_for(vms))


def _cycles(cluster: ClusterSpec, groups: dict[str, VmSpec]) -> Iterator[Fault]:
    for index, vms in enumerate(cluster.vms):
        chain = [vms.name]
        while chain[-1] in groups and groups[chain[-1]].with_:
            following = groups[chain[-1]].with_
            if following == vms.name:
                shown = " -> ".join([*chain, following])
                yield Fault(("vms", index, "with"), f"'with' goes round in a circle: {shown}")
                break
            if following in chain:
                break  # the circle is somebody else's
            chain.append(following)


def _reserved(cluster: ClusterSpec) -> Iterator[Fault]:
    """Reservations of a group of hosts beyond its pCPUs; whether each host's fit hangs on where VMs
    are placed, which the core finds out.
    """

    def total(picked: Sequence[VmSpec]) -> float:
        counts = (vms.number(cluster.pcpus_for(vms)) for vms in picked)
        return float(sum(n * exact(vms.reservation) for n, vms in zip(counts, picked, strict=True)))

    def last(picked: Sequence[VmSpec]) -> int:
        return max(i for i, vms in enumerate(cluster.vms) if vms in picked and vms.reservation)

    known = [vms for vms in cluster.vms if _hosts_known(cluster, vms)]
    for where, picked, pcpus in _capacities(cluster.hosts, known):
        reserved = total(picked)
        if reserved > pcpus:
            message = f"reservations of {reserved:g} pCPUs in all on {where}, which {_has(pcpus)}"
            yield Fault(("vms", last(picked), "reservation"), message)
            return


def _capacities(
    hosts: Sequence[HostSpec], groups: Sequence[VmSpec]
) -> Iterator[tuple[str, list[VmSpec], int]]:
    for host in hosts:
        picked = [vms for vms in groups if vms.hosts == host.name]
        yield f"the hosts '{host.name}'", picked, host.count * host.pcpus
    yield "the cluster", list(groups), sum(host.count * host.pcpus for host in hosts)


def _has(pcpus: int) -> str:
    return f"has {_pcpus(pcpus)}"
