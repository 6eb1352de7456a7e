# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs cases: each to a CaseResult, whatever happens (case_run)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hvlab.backends import Barrier
from hvlab.scenario import machines
from hvlab.scenario.case_machines import Make
from hvlab.scenario.case_result import case_failure, case_result
from hvlab.scenario.case_run import CaseRun
from hvlab.scenario.observer import Observer
from hvlab.scenario.results import CaseResult, Outcome

if TYPE_CHECKING:
    from hvlab.scenario.document import Case

NOT_RUN = "not run: interrupted"


def run_case(
    case: Case,
    observer: Observer | None = None,
    make_machine: Make = machines.make,
) -> CaseResult:
    """Runs one case. Never raises for what the case or its guest does; Ctrl-C gives
    `interrupted`.
    """
    if case.barrier is not None:
        return _barred(case, case.barrier)
    return CaseRun(case, observer, make_machine).result()


def run_cases(cases: Sequence[Case], observer: Observer) -> Iterator[CaseResult]:
    """Runs cases one after the other. After an interruption the rest are skipped, with that
    as reason.
    """
    interrupted = False
    for case in cases:
        if interrupted:
            result = skipped(case, NOT_RUN)
        else:
            if case.barrier is None:
                observer.case_started(case)
            result = run_case(case, observer)
            interrupted = result.interrupted
        observer.case_finished(result)
        yield result


def skipped(case: Case, reason: str) -> CaseResult:
    """The result of a case that is not run."""
    return case_result(case, Outcome.SKIPPED, reason=reason)


def _barred(case: Case, barrier: Barrier) -> CaseResult:
    if not barrier.failed:
        return skipped(case, barrier.reason)
    name = next(iter(case.scenario.specs))
    place = (*case.scenario.described_at(name), "backend")
    failure = case_failure(case, Outcome.FAILED, place, barrier.reason, None)
    return case_result(case, Outcome.FAILED, reason=barrier.reason, failure=failure)
