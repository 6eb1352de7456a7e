# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs cases in this process: each to a CaseResult, whatever happens (case_run)."""

from __future__ import annotations

from collections.abc import Iterator
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
    from hvlab.scenario.schedule import Job, Schedule, Watcher
    from hvlab.scenario.steps import Step


def run_case(
    case: Case,
    observer: Observer | None = None,
    make_machine: Make = machines.make,
) -> CaseResult:
    """Runs one case. Never raises for what the case or its guest does; Ctrl-C gives
    `interrupted`.
    """
    if case.barrier is not None:
        return barred(case, case.barrier)
    return CaseRun(case, observer, make_machine).result()


def run_in_process(schedule: Schedule, watcher: Watcher) -> Iterator[CaseResult]:
    """Runs cases one after the other, here: what crashes takes all of hvlab with it."""
    while (job := schedule.take()) is not None:
        if job.case.barrier is None:
            watcher.job_started(job)
        schedule.finish(job, run_case(job.case, _Told(watcher, job)))
        watcher.job_ended(job)
        for result in schedule.ready():
            watcher.case_finished(result)
            yield result


class _Told(Observer):
    """Passes on to a watcher what a case tells."""

    def __init__(self, watcher: Watcher, job: Job) -> None:
        self._watcher = watcher
        self._job = job
        self.interval = watcher.interval

    def step_started(self, case: Case, index: int, step: Step) -> None:
        del case, step
        self._watcher.step_started(self._job, index)

    def progress(self, guest_time: int, instructions: int | None) -> None:
        self._watcher.progress(self._job, guest_time, instructions)


def skipped(case: Case, reason: str) -> CaseResult:
    """The result of a case that is not run."""
    return case_result(case, Outcome.SKIPPED, reason=reason)


def barred(case: Case, barrier: Barrier) -> CaseResult:
    """The result of a case that this host cannot run."""
    if not barrier.failed:
        return skipped(case, barrier.reason)
    name = next(iter(case.scenario.specs))
    place = (*case.scenario.described_at(name), "backend")
    failure = case_failure(case, Outcome.FAILED, place, barrier.reason, None)
    return case_result(case, Outcome.FAILED, reason=barrier.reason, failure=failure)
