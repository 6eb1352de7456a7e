# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs on disk: written where they stand, and gone on with later, to the same bits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hvlab import _core
from hvlab.errors import SimulationError
from hvlab.scenario.nearest import did_you_mean
from hvlab.sim import policies
from hvlab.sim.feeding import FED, Function, feed_of
from hvlab.sim.policies import OWN, Maker

if TYPE_CHECKING:
    from hvlab.sim.result import Progress, Result

FORMAT = 2


def told(cluster: Mapping[str, Any], seed: int, options: Mapping[str, Any]) -> str:
    """What is written into the file: all that it takes to build the cluster again."""
    names = ("until", "warmup", "resolution", "percentiles")
    kept = {name: options[name] for name in names if name in options}
    return json.dumps({"format": FORMAT, "cluster": dict(cluster), "seed": seed, "options": kept})


def resume(
    path: str | Path,
    *,
    workloads: Mapping[str, Function] | None = None,
    schedulers: Mapping[str, Maker] | None = None,
    threads: int = 1,
    memory: int = 0,
    progress: Progress | None = None,
) -> Result:
    """Goes on with a run that `Result.save` wrote, to its end: its result is the same as if it had never
    stopped, whatever the number of threads.

    Args:
        workloads, schedulers: where the run has some that are written in Python, these, by the name of the
            group of VMs or hosts. The file has what a scheduler's `save` gave, and how many pairs of think
            time and work each VM had: a function that does not go on from there makes another run.
        threads, progress: as of Cluster.run; memory: in bytes, 0: what the host has.

    Raises HostError: the file can't be read. SimulationError: it is no such file, is damaged, or was
    written by another version; a function or a scheduler is missing, or the run has none of that name.
    """
    from hvlab.sim.result import finish

    functions, own = dict(workloads or {}), dict(schedulers or {})

    text = _core.SimCluster.saved_description(str(path))
    try:
        saved = json.loads(text)
        if saved["format"] != FORMAT:
            raise ValueError(f"format {saved['format']}, not {FORMAT}")
        cluster, seed, options = saved["cluster"], saved["seed"], dict(saved["options"])
        fed = [vm["name"] for vm in cluster["vms"] if vm["workload"]["name"] == FED]
        owning = [host["name"] for host in cluster["hosts"] if host["scheduler"]["name"] == OWN]
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(path, error) from None
    _check("workloads", "workload", fed, functions)
    _check("schedulers", "scheduler", owning, own)

    def made() -> _core.SimCluster:
        try:
            core = _core.SimCluster(
                cluster,
                seed=seed,
                threads=threads,
                memory=memory,
                schedulers=policies.makers(own),
                **options,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _unreadable(path, error) from None
        core.restore(str(path))
        return core

    feed = feed_of(functions) if functions else None
    return finish(made, text, progress, feed, patient=bool(own))


def _unreadable(path: str | Path, error: Exception) -> SimulationError:
    return SimulationError(f"{path}: what is described in it can't be read: {error}")


def _check(argument: str, what: str, wanted: Sequence[str], given: Mapping[str, object]) -> None:
    """Whether each that is written in Python is there, and no other."""
    for name in given:
        if name not in wanted:
            there = f"; there are: {', '.join(wanted)}" if wanted else "; the run has none"
            hint = did_you_mean(name, wanted) or there
            raise SimulationError(f"no {what} of '{name}' is written in Python{hint}", argument)
    for name in wanted:
        if name not in given:
            message = f"the {what} of '{name}' is written in Python: give it again"
            raise SimulationError(f"{message}, as {argument}={{'{name}': ...}}", argument)
