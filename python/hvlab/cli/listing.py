# SPDX-License-Identifier: GPL-2.0-or-later
"""`hvlab check`, `hvlab list` and `hvlab schema`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from hvlab.cli import NOTHING_RAN, OK, USAGE
from hvlab.scenario import plan as planning
from hvlab.scenario.plan import Plan
from hvlab.scenario.problems import ScenarioInvalid, printable
from hvlab.scenario.source import SUFFIX


def check(targets: Sequence[str]) -> int:
    """Prints what is wrong, or that nothing is. Raises HvlabError."""
    plan = planning.find(targets)
    if plan.errors:
        return show_errors(plan)
    skipped = sum(planning.on_host(case).barrier is not None for case in plan.cases)
    note = f", {skipped} of them skipped on this host" if skipped else ""
    found = f"{_plural(plan.documents - len(plan.experiments), 'scenario')}, "
    found += f"{_plural(len(plan.cases), 'case')}{note}"
    if plan.experiments:
        cells = sum(len(experiment.cells) for experiment in plan.experiments)
        found += f"; {_plural(len(plan.experiments), 'experiment')}, {_plural(cells, 'cell')}"
    print(f"{found}: no errors")
    say_empty(plan)
    return OK if plan.documents else NOTHING_RAN


def list_cases(targets: Sequence[str], keyword: str, tags: str, backend: str, verbose: bool) -> int:
    """Prints case ids, one a line. Raises HvlabError."""
    plan = planning.find(targets)
    if plan.errors:
        return show_errors(plan)
    cases = planning.choose(plan.cases, keyword, tags, backend)
    for case in cases:
        if verbose:
            facts = [case.scenario.backend, f"seed {case.seed}"]
            facts += [f"tags {' '.join(case.scenario.tags)}"] if case.scenario.tags else []
            barrier = planning.on_host(case).barrier
            facts += [f"skipped: {barrier.reason}"] if barrier else []
            print(f"{case.id}  ({', '.join(facts)})")
        else:
            print(case.id)
    # Experiments have no cases: what selects some of these selects none of their cells.
    chosen = [] if keyword or tags or backend else plan.experiments
    for experiment in chosen:
        for cell in experiment.cells:
            note = f"  (experiment, {cell.experiment.fidelity}, seed {experiment.seed})"
            print(f"{experiment.id(cell)}{note if verbose else ''}")
    say_empty(plan)
    return OK if cases or chosen else NOTHING_RAN


def print_schema(steps: bool, experiment: bool) -> int:
    """Prints the JSON Schema of scenario files, or of files of steps, or of experiments."""
    from hvlab.scenario.schema import experiment_schema, json_schema, steps_schema

    schema = steps_schema if steps else experiment_schema if experiment else json_schema
    print(json.dumps(schema(), indent=2))
    return OK


def say_experiments(plan: Plan) -> None:
    """Says which experiments were left aside: they are no scenarios, and another command runs them."""
    found = plan.experiments
    if len(found) == 1:
        name = printable(found[0].source.name)
        print(f"{name} is an experiment: '{found[0].command} {name}' runs it", file=sys.stderr)
    elif found:
        print(f"{len(found)} experiments are left aside: 'hvlab sim' runs them", file=sys.stderr)


def say_empty(plan: Plan) -> None:
    """Says which folders hold no scenario: what nobody runs must not look like success."""
    for folder in plan.empty:
        print(f"{printable(folder)}: holds no NAME{SUFFIX}", file=sys.stderr)


def show_errors(plan: Plan) -> int:
    """Prints the errors of all documents."""
    sys.stdout.flush()
    for error in plan.errors:
        print(printable(str(error)), file=sys.stderr)
    count = sum(len(e.problems) if isinstance(e, ScenarioInvalid) else 1 for e in plan.errors)
    files = f"{len(plan.errors)} of {_plural(plan.documents, 'scenario')}"
    print(f"{_plural(count, 'error')} in {files}", file=sys.stderr)
    return USAGE


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
