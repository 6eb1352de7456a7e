# SPDX-License-Identifier: GPL-2.0-or-later
"""The measures that experiments can ask for, by name: `ready` of all VMs, `web.ready` of a group."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from hvlab import units
from hvlab.scenario.nearest import did_you_mean

POPULATION = ""  # the scope of all VMs and hosts

# What has percentiles of its response times in a run; each has those before it as well.
Percentiles = Literal["groups", "hosts", "vms"]
KEPT: tuple[Percentiles, ...] = get_args(Percentiles)


class Unit(enum.StrEnum):
    """What a measure is counted in."""

    SHARE = "1"
    TIME = "ns"
    RATE = "1/s"


@dataclass(frozen=True)
class Measure:
    """A measure. `of_hosts`: a group of hosts has it, and not a group of VMs; else the other way round.
    The population has all. `needs`: what has to have percentiles, or there is none.
    """

    name: str
    unit: Unit
    meaning: str
    of_hosts: bool = False
    needs: Percentiles = "groups"


_PERCENTILES = {
    "p50": "median",
    "p90": "90th percentile",
    "p95": "95th percentile",
    "p99": "99th percentile",
    "p999": "99.9th percentile",
}


def _worst(of_hosts: bool) -> tuple[Measure, ...]:
    where, needs = ("host", KEPT[1]) if of_hosts else ("VM", KEPT[2])
    return tuple(
        Measure(
            f"response.{short}.worst_{where.lower()}",
            Unit.TIME,
            f"{name} of the response time on the {where} that has the longest",
            of_hosts,
            needs,
        )
        for short, name in _PERCENTILES.items()
    )


_ALL = (
    Measure("ready", Unit.SHARE, "ready (steal) time: of all vCPU time, the share that vCPUs wanted a pCPU "
            "and had none"),
    Measure("costop", Unit.SHARE, "of all vCPU time, the share that vCPUs were held back by co-scheduling"),
    Measure("throttled", Unit.SHARE, "of all vCPU time, the share that VMs were over their limit"),
    Measure("run", Unit.SHARE, "of all vCPU time, the share that vCPUs ran"),
    Measure("idle", Unit.SHARE, "of all vCPU time, the share that vCPUs wanted nothing"),
    Measure("overhead", Unit.SHARE, "of all vCPU time, the share that went into switching and migration"),
    Measure("lost", Unit.SHARE, "of all vCPU time, the share lost to busy siblings and remote memory"),
    Measure("spun", Unit.SHARE, "of all vCPU time, the share of busy waiting"),
    Measure("fairness", Unit.SHARE, "Jain's index of CPU time a weight, of the VMs that wanted more than "
            "they got: 1 is fair"),
    Measure("throughput", Unit.RATE, "responses a second"),
    Measure("arrivals", Unit.RATE, "requests a second"),
    Measure("response.mean", Unit.TIME, "mean response time"),
    *(Measure(f"response.{short}", Unit.TIME, f"{name} of the response time")
      for short, name in _PERCENTILES.items()),
    Measure("response.max", Unit.TIME, "the longest response time"),
    Measure("switches", Unit.RATE, "context switches a second"),
    Measure("migrations", Unit.RATE, "migrations of vCPUs to another core a second"),
    Measure("utilisation", Unit.SHARE, "of all pCPU time, the share with a vCPU on the pCPU", True),
    *_worst(of_hosts=False),
    *_worst(of_hosts=True),
)  # fmt: skip
MEASURES: Mapping[str, Measure] = {measure.name: measure for measure in _ALL}
_MEANT = {
    "steal": "ready", "utilization": "utilisation", "latency": "response.mean", "response": "response.mean",
    "co-stop": "costop", "jain": "fairness", "p99": "response.p99",
}  # fmt: skip


class UnknownMeasure(Exception):
    """A name is no measure; the text says what would be."""


def split(name: str, vms: Sequence[str], hosts: Sequence[str]) -> tuple[str, Measure]:
    """The scope (POPULATION, or a group) and the measure. Raises UnknownMeasure."""
    if name in MEASURES:
        return POPULATION, MEASURES[name]
    for scope in sorted((*vms, *hosts), key=len, reverse=True):
        if not name.startswith(f"{scope}."):
            continue
        below = [m.name for m in _ALL if m.of_hosts == (scope in hosts)]
        measure = name[len(scope) + 1 :]
        if measure in below:
            return scope, MEASURES[measure]
        if measure in MEASURES:
            groups = "VMs" if scope in hosts else "hosts"
            raise UnknownMeasure(f"'{scope}' has no '{measure}': it is a measure of {groups}")
        raise UnknownMeasure(f"unknown measure '{measure}' of '{scope}'{_hint(measure, below)}")
    scoped = [f"{scope}.{m.name}" for m in _ALL for scope in (hosts if m.of_hosts else vms)]
    near = did_you_mean(name, scoped) if "." in name else ""
    if near:
        raise UnknownMeasure(f"unknown measure '{name}'{near}")
    known = [*MEASURES, *vms, *hosts]
    raise UnknownMeasure(f"unknown measure '{name}'{_hint(name, known)}")


def finest(needs: Iterable[Percentiles]) -> Percentiles:
    """What all of them can be had from."""
    return max(needs, key=KEPT.index, default="groups")


def _hint(name: str, known: Sequence[str]) -> str:
    if _MEANT.get(name.casefold()) in known:
        return f" (did you mean '{_MEANT[name.casefold()]}'?)"
    usual = [each for each in known if each not in MEASURES or MEASURES[each].needs == "groups"]
    return did_you_mean(name, known) or f"; known: {', '.join(usual)}"


def shown(value: float | None, unit: Unit) -> str:
    """A value of a measure for a person."""
    if value is None:
        return "none"
    if unit is Unit.TIME:
        return units.format_duration(round(value))
    if unit is Unit.RATE:
        return f"{value:.4g}/s"
    return f"{value:.1e}" if 0 < abs(value) < 5e-5 else f"{value:.4f}"
