# SPDX-License-Identifier: GPL-2.0-or-later
"""Clusters from Python: described and checked with the same models and words as in documents, and run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, PrivateAttr, ValidationError

from hvlab import units
from hvlab.errors import SimulationError
from hvlab.scenario import explain
from hvlab.scenario.context import Places
from hvlab.scenario.explain import Language
from hvlab.scenario.nearest import did_you_mean
from hvlab.scenario.source import Source
from hvlab.scenario.tree import Mark, Marks, format_path
from hvlab.scenario.tree import Path as Place
from hvlab.sim import policies
from hvlab.sim.feeding import FED, FOR_PYTHON, Function, feed_of
from hvlab.sim.measures import KEPT, Percentiles
from hvlab.sim.model import choices, consistency
from hvlab.sim.model.description import ClusterSpec, Fidelity, HostSpec, VmSpec
from hvlab.sim.policies import OWN, Maker
from hvlab.sim.result import Progress, Result, run_plain

# A scheduler, a workload: its name, or {NAME: {parameters}}.
Choice = str | Mapping[str, Any]
MAX_DURATION = 100 * 365 * 24 * units.DURATION_UNITS["h"]


class Host(HostSpec):
    """A group of equal hosts; the arguments are the keys of `hosts` in an experiment.

    `scheduler` may be one of your own: a subclass of hvlab.sim.Scheduler, or a function of no arguments that
    makes one; each host has its own.

    Raises SimulationError: something is wrong with it; the attribute `field` says with what.
    """

    _maker: Maker | None = PrivateAttr(default=None)

    def __init__(
        self,
        name: str,
        *,
        count: int = 1,
        sockets: int = 1,
        cores: int = 1,
        threads: int = 1,
        numa_nodes: int = 1,
        smt_speed: float = 0.62,
        remote_speed: float = 0.85,
        context_switch: str = "2us",
        migration: str = "10us",
        remote_migration: str = "50us",
        accounting_period: str = "100ms",
        scheduler: Choice | Maker = "eevdf",
    ) -> None:
        given: dict[str, Any] = {
            "name": name,
            "count": count,
            "sockets": sockets,
            "cores": cores,
            "threads": threads,
            "numa_nodes": numa_nodes,
            "smt_speed": smt_speed,
            "remote_speed": remote_speed,
            "context_switch": context_switch,
            "migration": migration,
            "remote_migration": remote_migration,
            "accounting_period": accounting_period,
            "scheduler": choices.Scheduler(OWN, {}) if callable(scheduler) else scheduler,
        }
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise _explained(error, HostSpec, given) from None
        self._maker = scheduler if callable(scheduler) else None


class VM(VmSpec):
    """A group of equal VMs; the arguments are the keys of `vms` in an experiment (`with_` is `with`).

    `workload` may be a function of yours: of the numbers of some VMs of the group, of how many pairs of
    think time and work each of them had before, and of how many each wants now. It gives two arrays with a
    row for each VM, in ns:

        def mine(vms, first, pairs):
            draws = [
                np.random.default_rng([7, vm, start]).exponential(1e8, pairs)
                for vm, start in zip(vms, first)
            ]
            return draws, np.full((len(vms), pairs), 5e6)

    Raises SimulationError: something is wrong with it; the attribute `field` says with what.
    """

    _function: Function | None = PrivateAttr(default=None)

    def __init__(
        self,
        name: str,
        *,
        workload: Choice | Function,
        count: int | None = None,
        overcommit: float | None = None,
        vcpus: int = 1,
        weight: float = 1024,
        reservation: float = 0,
        limit: float | None = None,
        pcpus: Sequence[int] = (),
        hosts: str = "",
        with_: str = "",
        apart: Sequence[str] = (),
    ) -> None:
        given: dict[str, Any] = {
            "name": name,
            "count": count,
            "overcommit": overcommit,
            "vcpus": vcpus,
            "weight": weight,
            "reservation": reservation,
            "limit": limit,
            "pcpus": list(pcpus),
            "hosts": hosts,
            "with": with_,
            "apart": list(apart),
            "workload": {FED: {}} if callable(workload) else workload,
        }
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise _explained(error, VmSpec, given) from None
        self._function = workload if callable(workload) else None


class Cluster:
    """Hosts and the VMs on them; `run` simulates it, from the beginning each time.

    Args:
        hosts, vms: groups of equal ones, each with a name of its own.
        seed: of all randomness, 0 to 2^64 - 1; clusters that differ in a policy and have one seed see the
            same random numbers.
        fidelity: `quantum`: every time slice, by the hosts' schedulers; `fluid`: VMs get shares of their
            host continuously, for very many of them.
        control_latency: the least time that a message takes from one host to another.

    Raises SimulationError: something is wrong with it; the attribute `field` says with what.
    """

    def __init__(
        self,
        hosts: Sequence[HostSpec | Mapping[str, Any]],
        vms: Sequence[VmSpec | Mapping[str, Any]],
        *,
        seed: int = 0,
        fidelity: Fidelity = "quantum",
        control_latency: str = "1ms",
    ) -> None:
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 1 << 64:
            raise SimulationError(f"a seed is 0 to 2^64 - 1, not {seed!r}", "seed")
        self._spec = described(hosts, vms, fidelity, control_latency)
        self._seed = seed
        functions = {vm.name: vm._function for vm in vms if isinstance(vm, VM)}
        self._functions = {name: f for name, f in functions.items() if f is not None}
        for index, group in enumerate(self._spec.vms):
            if group.workload.name == FED and group.name not in self._functions:
                raise SimulationError(FOR_PYTHON, f"vms[{index}].workload")
        makers = {host.name: host._maker for host in hosts if isinstance(host, Host)}
        self._makers = {name: maker for name, maker in makers.items() if maker is not None}
        for index, host in enumerate(self._spec.hosts):
            if host.scheduler.name == OWN:
                policies.check(host.name in self._makers, fidelity, f"hosts[{index}].scheduler")

    @property
    def spec(self) -> ClusterSpec:
        """What was described."""
        return self._spec

    @property
    def seed(self) -> int:
        return self._seed

    def run(
        self,
        duration: int | str,
        *,
        warmup: int | str = 0,
        resolution: int | str | None = None,
        percentiles: Percentiles = "groups",
        threads: int = 1,
        memory: int | str | None = None,
        progress: Progress | None = None,
    ) -> Result:
        """Simulates the cluster. Ctrl-C ends it: the result says that it is not complete.

        Args:
            duration: simulated time, `"60s"` or ns; warmup: how much of the beginning is not measured.
            resolution: of the time series; without it there is none.
            percentiles: what has percentiles of its response times: `groups` of VMs alone, `hosts` too, or
                `vms` too. Those of hosts and VMs are within 6.3 % (or 0.5 us) and take 1264 bytes for each
                host, or for each VM.
            threads: how many work on it; the result does not hang on their number.
            memory: what the run may take, `"4GiB"` or bytes; what the host has, if not given.
            progress: called now and then with (simulated ns, events); False ends the run.

        Raises SimulationError: an argument is wrong, it would not fit in memory, or a policy or a workload
        failed.
        """
        options: dict[str, Any] = {"until": _ns(duration, "duration")}
        options["warmup"] = _ns(warmup, "warmup")
        options["resolution"] = 0 if resolution is None else _ns(resolution, "resolution")
        if resolution is not None and not options["resolution"]:
            raise SimulationError("the resolution must be more than 0", "resolution")
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
            raise SimulationError(f"threads must be at least 1, not {threads!r}", "threads")
        if percentiles not in KEPT:
            hint = did_you_mean(str(percentiles), KEPT) or f"; known: {', '.join(KEPT)}"
            raise SimulationError(f"percentiles of '{percentiles}'{hint}", "percentiles")
        options["percentiles"] = percentiles
        options["threads"] = threads
        options["memory"] = 0 if memory is None else _bytes(memory)
        feed = feed_of(self._functions) if self._functions else None
        makers = policies.makers(self._makers)
        return run_plain(self._spec.plain(), self._seed, options, progress, feed, makers)

    def __repr__(self) -> str:
        hosts = ", ".join(f"{host.count} {host.name}" for host in self._spec.hosts)
        numbers = ((v.number(self._spec.pcpus_for(v)), v.name) for v in self._spec.vms)
        vms = ", ".join(f"{count} {name}" for count, name in numbers)
        return f"<Cluster: hosts {hosts}; VMs {vms}; {self._spec.fidelity}, seed {self._seed}>"


def _ns(value: int | str, name: str) -> int:
    try:
        found = units.to_ns(value)
    except units.UnitError as error:
        raise SimulationError(f"{name}: {error}", name) from None
    if found > MAX_DURATION:
        raise SimulationError(f"{name}: {value} is too long", name)
    return found


def _bytes(value: int | str) -> int:
    try:
        return units.to_bytes(value)
    except units.UnitError as error:
        raise SimulationError(f"memory: {error}", "memory") from None


def described(
    hosts: Sequence[HostSpec | Mapping[str, Any]],
    vms: Sequence[VmSpec | Mapping[str, Any]],
    fidelity: Fidelity,
    control_latency: str,
) -> ClusterSpec:
    """A checked description. Raises SimulationError."""
    given = {
        "hosts": list(hosts),
        "vms": list(vms),
        "fidelity": fidelity,
        "control_latency": control_latency,
    }
    try:
        spec = ClusterSpec.model_validate(given)
    except ValidationError as error:
        raise _explained(error, ClusterSpec, given) from None
    faults = list(consistency.faults(spec))
    if faults:
        raise _error([(format_path(fault.path), fault.message) for fault in faults])
    return spec


def _explained(
    error: ValidationError, model: type[BaseModel], given: Mapping[str, Any]
) -> SimulationError:
    """The words of documents, for what was given in Python."""
    marks = Marks(values=dict.fromkeys(_places(given), Mark(1, 1)))
    places = Places(Source("", "", Path()), marks)
    found = explain.problems(error, dict(given), places, Language(model, choices.marks()))
    return _error([(problem.path, problem.message) for problem in found])


def _error(problems: Sequence[tuple[str, str]]) -> SimulationError:
    lines = [
        message if not path or message.startswith(f"{path} ") else f"{path}: {message}"
        for path, message in problems
    ]
    return SimulationError("\n".join(lines), problems[0][0])


def _places(data: Any, path: Place = ()) -> Iterator[Place]:
    yield path
    items: Any = ()
    if isinstance(data, Mapping):
        items = data.items()
    elif isinstance(data, list | tuple):
        items = enumerate(data)
    for part, value in items:
        yield from _places(value, (*path, part))
