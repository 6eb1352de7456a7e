# SPDX-License-Identifier: GPL-2.0-or-later
"""What a cluster is made of: groups of equal hosts and groups of equal VMs. One set of models serves
`experiment:` documents and Python (hvlab.sim.Host and VM).
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from hvlab import units
from hvlab.scenario.fields import Name, Strict, refuse
from hvlab.sim.model.choices import Scheduler, Workload
from hvlab.sim.model.quantities import duration, exact, number

MAX_GROUPS = 1000
# As the core has them (cpp/sim/model/check.h).
MAX_HOSTS = 1 << 22
MAX_VMS = 1 << 26
MAX_PCPUS = 4096  # of a host
_US = units.DURATION_UNITS["us"]
_MS = units.DURATION_UNITS["ms"]
_S = units.DURATION_UNITS["s"]

_HostCount: Any = number(1, MAX_HOSTS, whole=True)
_VmCount: Any = number(1, MAX_VMS, whole=True)
_Some: Any = number(1, MAX_PCPUS, whole=True)
_Threads: Any = number(1, 8, whole=True)
_Pcpu: Any = number(0, MAX_PCPUS - 1, whole=True)
_Speed: Any = number(1 / 1024, 1)
_Weight: Any = number(1e-6, 1e9)
_Ratio: Any = number(0, 1e6, above=True)
_Limit: Any = number(1e-3, MAX_PCPUS)
_Share: Any = number(0, MAX_PCPUS)
_Cost: Any = duration(0, _S)
_Period: Any = duration(_MS, 60 * _S)
_Latency: Any = duration(_US, 3600 * _S)


class HostSpec(Strict):
    """A group of equal hosts. Their pCPUs are numbered socket by socket, core by core, thread by thread."""

    model_config = ConfigDict(title="Hosts")

    name: Name = Field(description="The group's name.")
    count: _HostCount = Field(default=1, description="How many hosts.")
    sockets: _Some = Field(default=1, description="Of each host.")
    cores: _Some = Field(default=1, description="Of each socket.")
    threads: _Threads = Field(default=1, description="Of each core: its pCPUs.")
    numa_nodes: _Some = Field(
        default=1, description="Of each socket; they divide its cores evenly."
    )
    smt_speed: _Speed = Field(
        default=0.62, description="Of a thread while a sibling is busy; 1 when it is alone."
    )
    remote_speed: _Speed = Field(
        default=0.85, description="Of a vCPU that runs away from its VM's NUMA node."
    )
    context_switch: _Cost = Field(
        default=2 * _US,
        json_schema_extra={"default": "2us"},
        description="pCPU time it costs to put another vCPU on a pCPU.",
    )
    migration: _Cost = Field(
        default=10 * _US,
        json_schema_extra={"default": "10us"},
        description="pCPU time it costs more if that vCPU last ran on another core.",
    )
    remote_migration: _Cost = Field(
        default=50 * _US,
        json_schema_extra={"default": "50us"},
        description="The same, if it was on another NUMA node.",
    )
    accounting_period: _Period = Field(
        default=100 * _MS,
        json_schema_extra={"default": "100ms"},
        description="Over which limits hold.",
    )
    scheduler: Scheduler = Field(
        default_factory=lambda: _default_scheduler(),
        json_schema_extra={"default": "eevdf"},
        description="How vCPUs share the pCPUs: its name, or {NAME: {parameters}}. Of the fidelity "
        "'quantum' alone.",
    )

    @model_validator(mode="after")
    def _divides(self) -> HostSpec:
        if self.cores % self.numa_nodes:
            raise refuse(
                f"numa_nodes divide the cores of a socket evenly: {self.cores} cores, "
                f"{self.numa_nodes} nodes"
            )
        if self.pcpus > MAX_PCPUS:
            raise refuse(f"a host has at most {MAX_PCPUS} pCPUs, and this has {self.pcpus}")
        return self

    @property
    def pcpus(self) -> int:
        """Of each host."""
        return int(self.sockets * self.cores * self.threads)

    def plain(self) -> dict[str, Any]:
        """For JSON and for the core: durations in ns."""
        fields = ((name, getattr(self, name)) for name in HostSpec.model_fields)
        return {**dict(fields), "scheduler": self.scheduler.plain()}


def _default_scheduler() -> Scheduler:
    body = Scheduler.bodies()["eevdf"].model_validate({})
    return Scheduler.made("eevdf", body)


class VmSpec(Strict):
    """A group of equal VMs."""

    model_config = ConfigDict(
        title="VMs", json_schema_extra={"not": {"required": ["count", "overcommit"]}}
    )

    name: Name = Field(description="The group's name.")
    count: _VmCount | None = Field(default=None, description="How many VMs; 1 if nothing is said.")
    overcommit: _Ratio | None = Field(
        default=None,
        description="Instead of a count: as many VMs as make this number of their vCPUs for each pCPU "
        "of the hosts they are placed on, rounded down.",
    )
    vcpus: _Some = Field(default=1, description="Of each VM.")
    weight: _Weight = Field(
        default=1024.0, description="Its share of CPU time, relative to the others' weights."
    )
    reservation: _Share = Field(
        default=0.0, description="CPU time it gets if it wants it, in pCPUs."
    )
    limit: _Limit | None = Field(
        default=None, description="CPU time it gets at most, in pCPUs; none if not given."
    )
    pcpus: list[_Pcpu] = Field(
        default_factory=list,
        max_length=MAX_PCPUS,
        description="Affinity: where its vCPUs may run, numbers of pCPUs from 0; everywhere if not given.",
    )
    hosts: str = Field(
        default="", description="The group of hosts it is placed on; any if not given."
    )
    with_: str = Field(
        default="",
        alias="with",
        description="A group: each VM is placed on the host of that group's VM of the same number.",
    )
    apart: list[str] = Field(
        default_factory=list,
        max_length=MAX_GROUPS,
        description="Groups: never on a host that has a VM of these; its own name: of itself.",
    )
    workload: Workload = Field(description="What its guests do: a name, or {NAME: {parameters}}.")

    @field_validator("pcpus", mode="after")
    @classmethod
    def _once(cls, value: list[int]) -> list[int]:
        twice = next((pcpu for i, pcpu in enumerate(value) if pcpu in value[:i]), None)
        if twice is not None:
            raise refuse(f"the pCPU {twice} is there twice")
        return value

    @model_validator(mode="after")
    def _together(self) -> VmSpec:
        if self.count is not None and self.overcommit is not None:
            raise refuse("there are 'count' and 'overcommit': give one of them")
        return self

    def number(self, pcpus: int) -> int:
        """How many VMs, where they are placed on hosts of `pcpus` in all."""
        if self.overcommit is None:
            return self.count or 1
        return int(exact(self.overcommit) * pcpus / self.vcpus)

    def plain(self, count: int) -> dict[str, Any]:
        """For JSON and for the core. `count`: what `number` gave."""
        names = ("name", "vcpus", "weight", "reservation", "limit", "pcpus", "hosts", "apart")
        fields = {name: getattr(self, name) for name in names}
        fields["pcpus"] = sorted(self.pcpus)
        return {**fields, "count": count, "with": self.with_, "workload": self.workload.plain()}


Fidelity = Literal["quantum", "fluid"]


class ClusterSpec(Strict):
    """Hosts and VMs."""

    model_config = ConfigDict(title="Cluster")

    hosts: list[HostSpec] = Field(
        min_length=1, max_length=MAX_GROUPS, description="Groups of equal hosts."
    )
    vms: list[VmSpec] = Field(
        min_length=1, max_length=MAX_GROUPS, description="Groups of equal VMs."
    )
    fidelity: Fidelity = Field(
        default="quantum",
        description="'quantum': every time slice is simulated, by the hosts' schedulers. 'fluid': VMs "
        "get shares of their host continuously, for very many of them.",
    )
    control_latency: _Latency = Field(
        default=_MS,
        json_schema_extra={"default": "1ms"},
        description="The least time that a message takes from one host to another.",
    )

    def pcpus_for(self, vms: VmSpec) -> int:
        """pCPUs of the hosts that a group may be placed on, in all."""
        return sum(host.count * host.pcpus for host in self.hosts_for(vms))

    def hosts_for(self, vms: VmSpec) -> list[HostSpec]:
        """The groups of hosts that a group of VMs may be placed on."""
        return [host for host in self.hosts if vms.hosts in ("", host.name)]

    def plain(self) -> dict[str, Any]:
        """For JSON and for the core: durations in ns, counts instead of ratios; without a seed."""
        return {
            "hosts": [host.plain() for host in self.hosts],
            "vms": [vms.plain(vms.number(self.pcpus_for(vms))) for vms in self.vms],
            "fidelity": self.fidelity,
            "control_latency": self.control_latency,
        }
