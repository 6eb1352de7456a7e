# SPDX-License-Identifier: GPL-2.0-or-later
"""From a case and what came of it to its CaseResult."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from hvlab.backends import kvm_flavour
from hvlab.scenario.context import Places
from hvlab.scenario.problems import excerpt, included_lines
from hvlab.scenario.results import CaseResult, Failure, Outcome, StepResult, StopResult
from hvlab.scenario.steps.base import MachineStep
from hvlab.scenario.steps.python import Python
from hvlab.scenario.tree import Path

if TYPE_CHECKING:
    from hvlab._core import Stop
    from hvlab.scenario.document import Case


def reproduce(case: Case) -> str:
    """The command that runs this case again as it was."""
    python = any(step.keyword == Python.keyword for step in case.scenario.steps)
    leave = " --allow-python" if python else ""
    return f"hvlab run {shlex.quote(case.id)} --seed {case.seed}{leave}"


def case_result(case: Case, outcome: Outcome, **more: object) -> CaseResult:
    """With what is the case's own; `more` are the fields of CaseResult that are the run's."""
    return CaseResult(
        id=case.id,
        file=case.source.name,
        name=case.name,
        outcome=outcome,
        backend=case.scenario.backend,
        kvm="" if case.barrier else kvm_flavour(case.scenario.backend),
        seed=case.seed,
        parameters=case.parameters,
        tags=tuple(case.scenario.tags),
        line=case.marks.key(("name",)).line,
        reproduce=reproduce(case),
        **more,  # type: ignore[arg-type]
    )


def case_failure(
    case: Case,
    outcome: Outcome,
    place: Path,
    message: str,
    step: int | None,
    operands: tuple[tuple[str, str], ...] = (),
    traceback: str = "",
) -> Failure:
    """`message` about what stands at `place` in the case's document."""
    found = Places(case.source, case.marks).at_key(place, message)
    headline = f"{outcome}: {message}"
    source = found.trail[0].source if found.trail else case.source
    text = excerpt(source, found.line, found.column, found.width, headline)
    text = "\n".join([text, *included_lines(found.trail, case.source)])
    return Failure(message, found.line, found.column, text, step, operands, source.name, traceback)


def step_result(
    case: Case,
    index: int,
    outcome: Outcome,
    guest: tuple[int | None, int | None],
    wall: float,
) -> StepResult:
    """What came of the case's step of that index; `guest`: when it began and ended."""
    step = case.scenario.steps[index]
    mark = case.marks.key(("steps", index, step.keyword))
    return StepResult(
        index=index,
        keyword=step.keyword,
        title=step.body.title(),
        line=mark.line,
        outcome=outcome,
        guest_start=guest[0],
        guest_end=guest[1],
        wall=wall,
        file=Places(case.source, case.marks).source_of(mark).name,
        machine=(step.body.machine or "") if isinstance(step.body, MachineStep) else "",
    )


def stop_result(stop: Stop) -> StopResult:
    """As plain data."""
    return StopResult(
        reason=str(stop.reason),
        code=stop.code,
        time=stop.time,
        instructions=stop.instructions,
        rip=stop.rip,
        message=stop.message,
    )
