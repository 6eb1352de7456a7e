# SPDX-License-Identifier: GPL-2.0-or-later
"""Clusters from Python: described and checked with the same models and words as in documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from hvlab.errors import SimulationError
from hvlab.scenario import explain
from hvlab.scenario.context import Places
from hvlab.scenario.explain import Language
from hvlab.scenario.source import Source
from hvlab.scenario.tree import Mark, Marks, format_path
from hvlab.scenario.tree import Path as Place
from hvlab.sim import choices, consistency
from hvlab.sim.description import ClusterSpec, Fidelity, HostSpec, VmSpec

# A scheduler, a workload: its name, or {NAME: {parameters}}.
Choice = str | Mapping[str, Any]


class Host(HostSpec):
    """A group of equal hosts; the arguments are the keys of `hosts` in an experiment.

    Raises SimulationError: something is wrong with it; the attribute `field` says with what.
    """

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
        scheduler: Choice = "eevdf",
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
            "scheduler": scheduler,
        }
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise _explained(error, HostSpec, given) from None


class VM(VmSpec):
    """A group of equal VMs; the arguments are the keys of `vms` in an experiment (`with_` is `with`).

    Raises SimulationError: something is wrong with it; the attribute `field` says with what.
    """

    def __init__(
        self,
        name: str,
        *,
        workload: Choice,
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
            "workload": workload,
        }
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise _explained(error, VmSpec, given) from None


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
