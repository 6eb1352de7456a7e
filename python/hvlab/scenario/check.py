# SPDX-License-Identifier: GPL-2.0-or-later
"""What no type can say about a scenario: files that are there, names in their order, a machine to
talk to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import TypeAdapter, ValidationError

from hvlab import plugins
from hvlab.backends import UNCOUNTED
from hvlab.scenario import images
from hvlab.scenario.boots import references
from hvlab.scenario.context import CheckContext, Places
from hvlab.scenario.model import LONE_NAME, DeviceSpec, Limits, Scenario
from hvlab.scenario.nearest import did_you_mean
from hvlab.scenario.problems import MAX_PROBLEMS, Problem
from hvlab.scenario.regex import Patterns
from hvlab.scenario.shapes import NOT_COUNTED, Kind, Shape
from hvlab.scenario.steps import Step
from hvlab.scenario.tree import Data, Path

_STEP: TypeAdapter[Step] = TypeAdapter(Step)


def check(
    scenario: Scenario, places: Places, axes: tuple[str, ...], patterns: Patterns
) -> list[Problem]:
    """Every problem of one case's scenario. Runs nothing and imports nothing that the scenario
    names. `patterns` are those of the document's cases so far.
    """
    backend, names = scenario.backend, tuple(scenario.specs)
    context = _context(scenario.limits, scenario.vars, names, backend, places, axes, patterns)
    _steps(context, scenario.steps)
    problems = []
    for name, spec in scenario.specs.items():
        described = scenario.described_at(name)
        problems += _images(spec.boot.model_dump(), (*described, "boot"), places)
        problems += _devices(spec.devices, (*described, "devices"), places)
        if spec.backend != backend:
            message = f"all machines of a case have one backend: '{names[0]}' has {backend}"
            problems.append(places.at_value((*described, "backend"), message))
        if spec.cpu == "host" and backend != "kvm":
            message = f"the CPU model 'host' goes with the backend kvm only, and this is {backend}"
            problems.append(places.at_value((*described, "cpu"), message))
    return [*problems, *context.problems]


def _devices(devices: Sequence[DeviceSpec], at: Path, places: Places) -> Iterator[Problem]:
    known = sorted(plugins.find(plugins.DEVICES, taken=())) if devices else []
    names: set[str] = set()
    for index, device in enumerate(devices):
        if device.type not in known:
            there = f"; there are: {', '.join(known)}" if known else "; no plugin brings any"
            hint = did_you_mean(device.type, known) or there
            message = f"unknown device '{device.type}'{hint}"
            yield places.at_value((*at, index, "type"), message)
        if device.called in names:
            message = f"there is a device '{device.called}' already: give this one a 'name'"
            yield places.at_value((*at, index), message)
        names.add(device.called)


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
    specs, found = _described(data)
    first = next(iter(specs.values()), None)
    backend = first.get("backend") if isinstance(first, dict) else None
    context = _context(limits, named, tuple(specs), backend, places, axes, patterns)
    entries = data.get("steps")
    _steps(context, [_step(entry) for entry in entries] if isinstance(entries, list) else [])
    problems: list[Problem] = []
    for name, spec in specs.items():
        boot = spec.get("boot") if isinstance(spec, dict) else None
        problems += _images(
            boot, (*found, *((name,) if found == ("machines",) else ()), "boot"), places
        )
    return [*problems, *context.problems]


def _described(data: Mapping[str, Data]) -> tuple[Mapping[str, Data], Path]:
    """The machines of a document by name, as far as it says them, and where they stand."""
    several = data.get("machines")
    if isinstance(several, dict) and several:
        return several, ("machines",)
    return {LONE_NAME: data.get("machine")}, ("machine",)


def _images(boot: Data, at: Path, places: Places) -> list[Problem]:
    problems: list[Problem] = []
    for path, reference in references(boot):
        if len(problems) >= MAX_PROBLEMS:
            break
        fault = images.fault(reference, places.source.folder)
        if fault is not None:
            problems.append(places.at_value((*at, *path), fault))
    return problems


def _context(
    limits: Limits,
    variables: Mapping[str, object],
    machines: tuple[str, ...],
    backend: Data,
    places: Places,
    axes: tuple[str, ...],
    patterns: Patterns,
) -> CheckContext:
    counts = backend not in UNCOUNTED
    context = CheckContext(
        places=places,
        patterns=patterns,
        machines=machines,
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
    if not context.up:
        context.boots(None)
    for body in entry.values() if isinstance(entry, dict) else ():
        name = body.get("as") if isinstance(body, dict) else None
        if isinstance(name, str):
            context.scope[name] = Shape({}, anything=True)
