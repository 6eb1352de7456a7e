# SPDX-License-Identifier: GPL-2.0-or-later
"""What came of one simulation: frames, and the measures that experiments have."""

from __future__ import annotations

import html
import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hvlab import _core, units
from hvlab.errors import SimulationError
from hvlab.scenario.nearest import did_you_mean
from hvlab.sim import checkpoint, policies
from hvlab.sim.feeding import Feed
from hvlab.sim.frame import Frame
from hvlab.sim.measures import MEASURES, UnknownMeasure, shown, split

# Called with (simulated ns, events); False ends the run.
Progress = Callable[[int, int], bool | None]

FrameName = Literal[
    "vms", "vcpus", "hosts", "groups", "population", "series", "latency", "identities"
]
_SHARES = ("ready", "costop", "throttled", "run", "idle", "overhead", "lost", "spun")
_STATES = ("run", "ready", "costop", "throttled", "idle")
_RATES = ("arrivals", "switches", "migrations")
_RESPONSES = {
    "response.mean": "latency_mean",
    "response.p50": "latency_p50",
    "response.p90": "latency_p90",
    "response.p95": "latency_p95",
    "response.p99": "latency_p99",
    "response.p999": "latency_p999",
    "response.max": "latency_most",
}


def run_plain(
    cluster: Mapping[str, Any],
    seed: int,
    options: Mapping[str, Any],
    progress: Progress | None = None,
    feed: Feed | None = None,
    schedulers: Mapping[str, policies.Maker] | None = None,
) -> Result:
    """Runs a cluster as ClusterSpec.plain gives it. `schedulers`: those written in Python, by group of
    hosts. Raises SimulationError.
    """
    description = checkpoint.told(cluster, seed, options)

    def made() -> _core.SimCluster:
        own = dict(schedulers or {})
        return _core.SimCluster(dict(cluster), seed=seed, schedulers=own, **options)

    return finish(made, description, progress, feed, patient=bool(schedulers))


def finish(
    made: Callable[[], _core.SimCluster],
    description: str,
    progress: Progress | None,
    feed: Feed | None,
    *,
    patient: bool,
) -> Result:
    """Makes a cluster and goes on with it to its end.

    `description`: for a checkpoint; `patient`: it has schedulers in Python, which Ctrl-C must not break into.

    Raises SimulationError.
    """
    patience: AbstractContextManager[Callable[[], None] | None] = nullcontext()
    if patient:
        patience = policies.patient_interrupts()
    with patience as between:

        def watched(now: int, events: int) -> bool:
            if between is not None:
                between()
            return progress is None or progress(now, events) is not False

        core = made()
        began = time.monotonic()
        outcome = core.run(watched if progress or between else None, feed)
        return Result(core, outcome, time.monotonic() - began, description)


class Result:
    """What came of a run, as far as it came.

    Attributes:
        outcome: `complete`, `interrupted` by Ctrl-C, or `stopped` by the progress function; wall: seconds.
    """

    def __init__(self, core: _core.SimCluster, outcome: str, wall: float, description: str) -> None:
        self._core = core
        self._description = description
        self.outcome = outcome
        self.wall = wall

    @property
    def complete(self) -> bool:
        """Whether it came to its end; figures of one that did not are of its beginning alone."""
        return self.outcome == "complete"

    @property
    def end(self) -> int:
        """The simulated time that it came to, ns."""
        return self._core.now

    @property
    def events(self) -> int:
        """How many it took."""
        return self._core.events

    def save(self, path: str | Path) -> None:
        """Writes the run as it stands into a file, from which hvlab.sim.resume goes on: of one that was
        interrupted or stopped. An old file of that name is replaced whole or not at all.

        Raises HostError: the host refuses, as with a full disk. SimulationError: a scheduler is written in
        Python, and its class has no `save` and `load`.
        """
        self._core.save(str(path), self._description)

    def frame(self, name: FrameName) -> Frame:
        """A table of the run.

        `vms`, `vcpus` (not in the fluid fidelity), `hosts`: a row each; `groups`: a row for each group of
        VMs; `population`: one row; `series`: a row for each interval and group, if a resolution was given;
        `latency`: the histogram of response times; `identities`: what is true of every run, and by how much
        it was missed.

        Raises SimulationError.
        """
        known = get_args(FrameName)
        if name not in known:
            hint = did_you_mean(name, known) or f"; known: {', '.join(known)}"
            raise SimulationError(f"unknown frame '{name}'{hint}")
        return Frame(self._core.table(name))

    @cached_property
    def measures(self) -> Mapping[str, float]:
        """Every measure that experiments have, by name: `ready`, `web.ready`, `node.utilisation`; those of
        the worst VM or host if the run had `percentiles` of them. NaN where there is none, as the response
        time without a response.
        """
        population = _row(self.frame("population"), 0)
        measured = population["measured"]
        found = _of_vms(population, measured)
        found["utilisation"] = population["utilisation"]
        groups = self.frame("groups")
        for index, name in enumerate(groups["group"]):
            of_group = _of_vms(_row(groups, index), measured)
            found |= {f"{name}.{measure}": value for measure, value in of_group.items()}
        worst_vms = _worst(self.frame("vms"), "worst_vm")
        return found | worst_vms | self._of_hosts()

    def measure(self, name: str) -> float:
        """One of `measures`. Raises SimulationError."""
        if name not in self.measures:
            groups = self.frame("groups")["group"].tolist()
            hosts = list(dict.fromkeys(self.frame("hosts")["group"].tolist()))
            try:
                wanted = split(name, groups, hosts)[1].needs
            except UnknownMeasure as error:
                raise SimulationError(str(error)) from None
            raise SimulationError(
                f"'{name}' is of a run with percentiles='{wanted}'", "percentiles"
            )
        return self.measures[name]

    def _of_hosts(self) -> dict[str, float]:
        hosts = self.frame("hosts")
        sums: dict[str, list[int]] = {}
        for name, busy, idle in zip(hosts["group"], hosts["busy"], hosts["idle"], strict=True):
            both = sums.setdefault(name, [0, 0])
            both[0] += int(busy)
            both[1] += int(idle)
        used = {
            f"{name}.utilisation": _ratio(busy, busy + idle) for name, (busy, idle) in sums.items()
        }
        return used | _worst(hosts, "worst_host")

    def _lines(self) -> list[tuple[str, str]]:
        known = [name for name in MEASURES if name in self.measures]
        found = ((name, self.measures[name], MEASURES[name].unit) for name in known)
        return [(name, shown(value, unit)) for name, value, unit in found if not math.isnan(value)]

    def __repr__(self) -> str:
        width = max(len(name) for name, _ in self._lines())
        lines = [f"<Result: {self._headline()}>"]
        return "\n".join([*lines, *(f"{name:<{width}}  {text}" for name, text in self._lines())])

    def _repr_html_(self) -> str:
        """For notebooks: the measures of the population."""
        rows = "".join(
            f'<tr><th scope="row" title="{html.escape(MEASURES[name].meaning)}">{name}</th>'
            f"<td>{text}</td></tr>"
            for name, text in self._lines()
        )
        return f"<table><caption>{html.escape(self._headline())}</caption><tbody>{rows}</tbody></table>"

    def _headline(self) -> str:
        partial = "" if self.complete else f", {self.outcome}: partial"
        return f"{units.format_duration(self.end)} simulated, {self.events} events{partial}"


def _row(frame: Frame, index: int) -> dict[str, float]:
    return {
        name: frame[name][index].item() for name in frame.columns if frame[name].dtype != object
    }


def _worst(frame: Frame, suffix: str) -> dict[str, float]:
    """The longest percentiles of a row's response time, of all rows and of those of each group."""
    groups = frame["group"]
    found: dict[str, float] = {}
    for measure, column in _RESPONSES.items():
        name = f"{measure}.{suffix}"
        if name not in MEASURES or column not in frame.columns:
            continue
        values = frame[column]
        found[name] = _most(values)
        for group in dict.fromkeys(groups.tolist()):
            found[f"{group}.{name}"] = _most(values[groups == group])
    return found


def _most(values: NDArray[np.float64]) -> float:
    """NaN where none has a value."""
    there = values[~np.isnan(values)]
    return float(there.max()) if len(there) else math.nan


def _of_vms(row: Mapping[str, float], measured: float) -> dict[str, float]:
    all_time = sum(row[state] for state in _STATES)
    found = {name: _ratio(row[name], all_time) for name in _SHARES}
    found["fairness"] = row["fairness"]
    found["throughput"] = row["throughput"] if measured else math.nan
    found |= {name: _ratio(row[name] * 1e9, measured) for name in _RATES}
    return found | {name: row[column] for name, column in _RESPONSES.items()}


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
