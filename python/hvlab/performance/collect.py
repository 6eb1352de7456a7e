# SPDX-License-Identifier: GPL-2.0-or-later
"""From results, as the runner gives them or as a results file has them, to a run's samples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from hvlab.performance.runs import (
    BUILT_IN,
    CPU,
    GUEST_TIME,
    INSTRUCTIONS,
    WALL,
    Case,
    Facts,
    Measure,
    Number,
    Run,
)
from hvlab.scenario.results import Better, CaseResult, Outcome
from hvlab.scenario.template import as_text
from hvlab.scenario.tree import Scalar

_LOWER_UNITS = ("s", "ns", "B")


class _Taken(BaseModel):
    """Of a result, what is used here; the rest of it is left alone."""

    model_config = ConfigDict(extra="ignore", from_attributes=True, frozen=True)


class _Measure(_Taken):
    name: str = Field(max_length=200)
    value: Number
    unit: str = Field(max_length=20)
    limit: str
    better: Better


class _Image(_Taken):
    field: str
    sha256: str


class _Machine(_Taken):
    name: str
    images: tuple[_Image, ...]


class _Result(_Taken):
    """Works on a CaseResult and on its JSON alike."""

    id: str
    file: str
    name: str
    outcome: Outcome
    backend: str
    kvm: str
    seed: int
    parameters: dict[str, Scalar]
    machines: tuple[_Machine, ...]
    measures: tuple[_Measure, ...]
    repetition: int
    wall: float
    cpu: float
    guest_time: int | None
    instructions: int | None
    attempts: tuple[Any, ...]


_RESULTS: TypeAdapter[list[_Result]] = TypeAdapter(list[_Result])


def run_of(results: Iterable[CaseResult], started: str, facts: Facts) -> Run:
    """The samples of results that the runner gave."""
    taken = [_Result.model_validate(result) for result in results]
    return Run(started=started, facts=facts, pairing="", cases=list(_cases(taken)))


def run_of_data(cases: object, started: str, facts: Facts) -> Run:
    """The same of the `cases` of a results file. Raises pydantic's ValidationError."""
    taken = _RESULTS.validate_python(cases)
    return Run(started=started, facts=facts, pairing="", cases=list(_cases(taken)))


def direction(unit: str, limit: str, stated: Better = "") -> Better:
    """Which direction is an improvement: as stated, else as the limit bounds it; times and sizes
    are better low. Of a bare number that nobody bounds it is not known.
    """
    if stated:
        return stated
    if limit:
        return "lower" if limit.lstrip().startswith("<") else "higher"
    return "lower" if unit in _LOWER_UNITS else ""


def _cases(results: Sequence[_Result]) -> Iterator[Case]:
    by_id: dict[str, list[_Result]] = {}
    for result in results:
        if result.outcome is not Outcome.SKIPPED:
            by_id.setdefault(result.id, []).append(result)
    for id_, found in by_id.items():
        # What passed at a later attempt only ran with another seed, and says nothing of the first.
        passed = [r for r in found if r.outcome is Outcome.PASSED and not r.attempts]
        passed.sort(key=lambda r: r.repetition)
        first = passed[0] if passed else found[0]
        yield Case(
            id=id_,
            file=first.file,
            name=first.name,
            backend=first.backend,
            kvm=first.kvm,
            parameters={axis: _finite(value) for axis, value in first.parameters.items()},
            images={
                f"{machine.name}.{image.field}": image.sha256
                for machine in first.machines
                for image in machine.images
            },
            repetitions=[r.repetition for r in passed],
            seeds=[r.seed for r in passed],
            failed=len(found) - len(passed),
            measures=_measures(passed),
        )


def _finite(value: Scalar) -> Scalar:
    """A document may have .inf and .nan, for which JSON has no numbers."""
    return as_text(value) if isinstance(value, float) and not math.isfinite(value) else value


def _measures(passed: Sequence[_Result]) -> list[Measure]:
    built_in = [
        Measure(name=WALL, unit="s", better="lower", samples=[r.wall for r in passed]),
        Measure(name=CPU, unit="s", better="lower", samples=[r.cpu for r in passed]),
        Measure(name=GUEST_TIME, unit="ns", better="lower", samples=[r.guest_time for r in passed]),
        Measure(
            name=INSTRUCTIONS, unit="", better="lower", samples=[r.instructions for r in passed]
        ),
    ]
    known = {m.name: m for r in passed for m in r.measures}
    # A measure of the scenario's by one of these names takes its place.
    found = [m for m in built_in if m.name not in known and any(v is not None for v in m.samples)]
    for name, measure in known.items():
        stated = measure.better or ("lower" if name in BUILT_IN else "")
        better = direction(measure.unit, measure.limit, stated)
        samples = [next((m.value for m in r.measures if m.name == name), None) for r in passed]
        found.append(Measure(name=name, unit=measure.unit, better=better, samples=samples))
    return found
