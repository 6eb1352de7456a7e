# SPDX-License-Identifier: GPL-2.0-or-later
"""From results, as the runner gives them or as a results file has them, to a run's samples."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence

from hvlab.performance.runs import (
    BUILT_IN,
    CPU,
    GUEST_TIME,
    INSTRUCTIONS,
    WALL,
    Case,
    Facts,
    Measure,
    Run,
)
from hvlab.report.load import SavedRun
from hvlab.scenario.results import Better, CaseResult, Outcome
from hvlab.scenario.template import as_text
from hvlab.scenario.tree import Scalar

_LOWER_UNITS = ("s", "ns", "B")


def run_of(results: Iterable[CaseResult], started: str, facts: Facts) -> Run:
    """The samples of results that the runner gave."""
    return Run(started=started, facts=facts, pairing="", cases=list(_cases(results)))


def run_of_saved(saved: SavedRun) -> Run:
    """The same of a results file. Raises pydantic's ValidationError for what no run can hold."""
    started = saved.started.isoformat(timespec="seconds")
    return run_of(saved.run.cases, started, facts_of(saved))


def facts_of(saved: SavedRun) -> Facts:
    """What a results file says of its host. It has that as texts for people (report/host_facts.py): one that
    is not as it should be is not known.
    """
    host = saved.run.host
    cpu = host.get("processor", "")
    return Facts(
        hvlab=saved.hvlab,
        engine="",
        cpu="" if cpu.startswith("(") else cpu,
        cpus=int(_found(r"([0-9]{1,6}) usable of [0-9]+", host.get("processors", "")) or 0),
        kernel=_found(r"\S+ (\S+) \S+", host.get("kernel", "")),
        python=_found(r"\S+ (\S+)", host.get("Python", "")),
        workers=None,
    )


def _found(pattern: str, text: str) -> str:
    match = re.fullmatch(pattern, text)
    return match.group(1) if match else ""


def direction(unit: str, limit: str, stated: Better = "") -> Better:
    """Which direction is an improvement: as stated, else as the limit bounds it; times and sizes
    are better low. Of a bare number that nobody bounds it is not known.
    """
    if stated:
        return stated
    if limit:
        return "lower" if limit.lstrip().startswith("<") else "higher"
    return "lower" if unit in _LOWER_UNITS else ""


def _cases(results: Iterable[CaseResult]) -> Iterator[Case]:
    by_id: dict[str, list[CaseResult]] = {}
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


def _measures(passed: Sequence[CaseResult]) -> list[Measure]:
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
