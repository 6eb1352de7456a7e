# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the warm-up of a cell ends, found in a pilot run of it by MSER-5."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hvlab import units
from hvlab.sim.experiments.experiment import Experiment
from hvlab.sim.experiments.jobs import Columns, JobResult
from hvlab.sim.experiments.statistics import mser5
from hvlab.sim.measures import POPULATION, split

PILOT = "pilot"
_OBSERVATIONS = 1000  # of a pilot
_STATES = ("run", "ready", "costop", "throttled", "idle")


@dataclass(frozen=True)
class Warmup:
    """ns, and what is to be known about it."""

    length: int
    warning: str = ""


def pilot_resolution(duration: int) -> int:
    """ns."""
    return max(duration // _OBSERVATIONS, 1)


def from_pilot(experiment: Experiment, pilot: JobResult) -> Warmup:
    """The longest that any of the experiment's measures asks for."""
    asked = list(experiment.measures)
    if experiment.precision is not None:
        asked.append(experiment.precision.measure)
    resolution = pilot_resolution(experiment.duration)
    half = experiment.duration // 2
    longest, unsettled = 0, ""
    for name in dict.fromkeys(asked or ["run", "ready", "response.mean"]):
        scope, measure = _scope(experiment, name)
        observed = observations(pilot.series, scope, measure)
        if not observed:
            continue
        cut = mser5(observed)
        if cut is None:
            unsettled = unsettled or name
        else:
            longest = max(longest, cut * resolution)
    if unsettled:
        shown = units.format_duration(half)
        return Warmup(half, f"'{unsettled}' does not settle in the pilot run: warm-up is {shown}")
    return Warmup(longest)


def _scope(experiment: Experiment, name: str) -> tuple[str, str]:
    """The group of VMs and the measure. Hosts have no series: all VMs stand for them."""
    hosts = [host.name for host in experiment.hosts]
    scope, measure = split(name, [vms.name for vms in experiment.vms], hosts)
    return POPULATION if scope in hosts else scope, measure.name


def observations(series: Columns, scope: str, measure: str) -> Sequence[float]:
    """One number for each interval of a time series, which moves as the measure does: the share of a state,
    the mean response, responses; for all else the share of run time. Empty without a series.
    """
    rows = _rows(series, scope)
    if not rows:
        return []
    if measure.startswith("response"):
        return _held([_ratio(row["latency"], row["responses"]) for row in rows])
    if measure in ("throughput", "arrivals"):
        return [row["responses"] for row in rows]
    state = measure if measure in _STATES else "run"
    return _held([_ratio(row[state], sum(row[s] for s in _STATES)) for row in rows])


def _rows(series: Columns, scope: str) -> list[dict[str, float]]:
    """Sums over the groups of the scope, for each interval in order; `latency`: of all responses."""
    names = (*_STATES, "responses")
    sums: dict[float, dict[str, float]] = {}
    for index, at in enumerate(series.get("time", ())):
        if scope not in (POPULATION, series["group"][index]):
            continue
        row = sums.setdefault(at, dict.fromkeys((*names, "latency"), 0.0))
        for name in names:
            row[name] += series[name][index]
        if series["responses"][index]:
            row["latency"] += series["latency_mean"][index] * series["responses"][index]
    return [sums[at] for at in sorted(sums)]


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _held(found: list[float]) -> list[float]:
    """Where there is none, the one before; before the first, that."""
    last = next((value for value in found if not math.isnan(value)), None)
    if last is None:
        return []
    held = []
    for value in found:
        last = last if math.isnan(value) else value
        held.append(last)
    return held
