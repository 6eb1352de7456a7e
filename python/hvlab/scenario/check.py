# SPDX-License-Identifier: GPL-2.0-or-later
"""What no type can say about a scenario: files that are there, names in their order, a machine to
talk to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import TypeAdapter, ValidationError

from hvlab.backends import UNCOUNTED
from hvlab.scenario import images
from hvlab.scenario.boots import references
from hvlab.scenario.context import CheckContext, Places
from hvlab.scenario.model import Limits, Scenario
from hvlab.scenario.problems import MAX_PROBLEMS, Problem
from hvlab.scenario.regex import Patterns
from hvlab.scenario.shapes import NOT_COUNTED, Kind, Shape
from hvlab.scenario.steps import Step
from hvlab.scenario.tree import Data

_STEP: TypeAdapter[Step] = TypeAdapter(Step)


def check(
    scenario: Scenario, places: Places, axes: tuple[str, ...], patterns: Patterns
) -> list[Problem]:
    """Every problem of one case's scenario. Runs nothing and imports nothing that the scenario
    names. `patterns` are those of the document's cases so far.
    """
    backend = scenario.machine.backend
    context = _context(scenario.limits, scenario.vars, backend, places, axes, patterns)
    _steps(context, scenario.steps)
    boot = scenario.machine.boot.model_dump()
    problems = [*_images(boot, places), *context.problems]
    if scenario.machine.cpu == "host" and backend != "kvm":
        message = f"the CPU model 'host' goes with the backend kvm only, and this is {backend}"
        problems.append(places.at_value(("machine", "cpu"), message))
    return problems


def check_partly(
    data: Mapping[str, Data], places: Places, axes: tuple[str, ...], patterns: Patterns
) -> list[Problem]:
    """The same for a document that the model refused: of its parts that are right in themselves."""
    variables = data.get("vars")
    try:
        limits = Limits.model_validate(data.get("limits", {}))
    except ValidationError:
        limits = Limits(wall="1s", time="1s", instructions=1)  # type: ignore[arg-type]
    named = dict.fromkeys(variables) if isinstance(variables, dict) else {}
    machine = data.get("machine")
    backend = machine.get("backend") if isinstance(machine, dict) else None
    context = _context(limits, named, backend, places, axes, patterns)
    entries = data.get("steps")
    _steps(context, [_step(entry) for entry in entries] if isinstance(entries, list) else [])
    boot = machine.get("boot") if isinstance(machine, dict) else None
    return [*_images(boot, places), *context.problems]


def _images(boot: Data, places: Places) -> list[Problem]:
    problems: list[Problem] = []
    for path, reference in references(boot):
        if len(problems) >= MAX_PROBLEMS:
            break
        fault = images.fault(reference, places.source.folder)
        if fault is not None:
            problems.append(places.at_value(("machine", "boot", *path), fault))
    return problems


def _context(
    limits: Limits,
    variables: Mapping[str, object],
    backend: Data,
    places: Places,
    axes: tuple[str, ...],
    patterns: Patterns,
) -> CheckContext:
    counts = backend not in UNCOUNTED
    context = CheckContext(
        places=places,
        patterns=patterns,
        limits_time=limits.time is not None,
        limits_instructions=limits.instructions is not None,
        counts=counts,
        scope={
            "matrix": Shape(dict.fromkeys(axes, Kind.ANY)),
            "vars": Shape(dict.fromkeys(variables, Kind.ANY)),
        },
    )
    path = ("limits", "instructions")
    if not counts and path in places.marks.keys:
        message = f"{NOT_COUNTED}, so it cannot stop after a number of them; use 'time'"
        context.problems.append(places.at_key(path, message))
    return context


def _step(entry: Data) -> Step | Data:
    try:
        return _STEP.validate_python(entry)
    except ValidationError:
        return entry


def _steps(context: CheckContext, steps: Sequence[Step | Data]) -> None:
    for index, step in enumerate(steps):
        if len(context.problems) >= MAX_PROBLEMS:
            break
        if isinstance(step, Step):
            context.path = ("steps", index, step.keyword)
            step.body.check(context)
        else:
            context.path = ("steps", index)
            _assume(context, step)


def _assume(context: CheckContext, entry: Data) -> None:
    """What a step that is wrong was meant to do, so that one mistake is one error."""
    if context.booted is None:
        context.boots()
    for body in entry.values() if isinstance(entry, dict) else ():
        name = body.get("as") if isinstance(body, dict) else None
        if isinstance(name, str):
            context.scope[name] = Shape({}, anything=True)
