# SPDX-License-Identifier: GPL-2.0-or-later
"""Experiments from Python."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from hvlab import processors, units
from hvlab.errors import SimulationError
from hvlab.scenario.nearest import did_you_mean
from hvlab.scenario.problems import printable
from hvlab.scenario.template import as_text
from hvlab.scenario.tree import Scalar
from hvlab.sim.experiments import folder, outcome, sweep
from hvlab.sim.experiments.document import ExperimentCell, ExperimentDocument, load_experiment
from hvlab.sim.experiments.executor import Executor, ProcessExecutor
from hvlab.sim.experiments.results import ExperimentResults
from hvlab.sim.experiments.simulate import simulate
from hvlab.sim.experiments.store import Store
from hvlab.sim.experiments.study import Study


def run_experiment(
    path: str | os.PathLike[str],
    *,
    where: Mapping[str, Scalar] | None = None,
    jobs: int | None = None,
    output: str | os.PathLike[str] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    executor: Executor | None = None,
) -> ExperimentResults:
    """Runs an experiment as `hvlab sim sweep` does, and gives its frames. On Ctrl-C they are what was done:
    `results.complete` is False.

    Args:
        path: the document; where: only cells with these values of factors.
        jobs: runs at a time; one for each processor, if not given. executor: does the jobs in place of
            processes of this host.
        output: a folder for results and for going on; resume, overwrite: what to do if it has some.

    Raises ScenarioError: the document is wrong; SimulationError: an argument is; HostError: results cannot be
    written.
    """
    document = load_experiment(path)
    given = {name: [as_text(value)] for name, value in (where or {}).items()}
    cells = selected(document, given, "where")
    target = None if output is None else Path(output)
    if target is not None:
        folder.prepare(target, document, resume=resume, overwrite=overwrite)
    started = datetime.datetime.now().astimezone()
    store = None if target is None else Store(target)
    doing = executor or ProcessExecutor(jobs or processors.usable(), simulate)
    try:
        study = sweep.run(document, cells, doing, store, resume=resume)
    finally:
        if executor is None:
            doing.close()
    results = outcome.results(study, facts(study, started))
    if target is not None:
        folder.write(target, results)
    return results


def selected(
    document: ExperimentDocument, where: Mapping[str, Sequence[str]], option: str
) -> list[ExperimentCell]:
    """The cells that have one of these values of each factor. Raises SimulationError for what is none;
    `option`: what gives them.
    """
    factors = document.factors
    for name, wanted in where.items():
        if name not in factors:
            known = (
                f"; there are: {', '.join(factors)}" if factors else "; the document has no matrix"
            )
            hint = did_you_mean(name, factors) or known
            raise SimulationError(f"{option}: unknown factor '{printable(name)}'{hint}")
        values = [as_text(known) for known in factors[name]]
        for value in wanted:
            if value not in values:
                hint = did_you_mean(value, values) or f"; there are: {', '.join(values)}"
                message = f"{option}: '{printable(value)}' is no value of '{name}'{hint}"
                raise SimulationError(message)
    return [
        cell
        for cell in document.cells
        if all(as_text(cell.factors[name]) in values for name, values in where.items())
    ]


def facts(study: Study, started: datetime.datetime) -> dict[str, str]:
    """What is known about a run besides its figures: versions, the host, how long it took."""
    from hvlab.report import host_facts

    names = ("hvlab", "system", "kernel", "processor", "processors", "memory", "Python")
    host = host_facts.facts()
    events = sum(r.events for cell in study.cells for r in cell.replications)
    return {
        **{name: host[name] for name in names},
        "started": started.isoformat(timespec="seconds"),
        "took": units.format_duration(round(study.wall * 1e9)),
        "events": f"{events}",
    }
