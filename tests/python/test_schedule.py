# SPDX-License-Identifier: GPL-2.0-or-later
"""What is run when, and what is made of results: no case is run here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from conftest import BASE
from hvlab.scenario.case_result import case_result
from hvlab.scenario.document import Case, Document
from hvlab.scenario.results import CaseResult, Outcome
from hvlab.scenario.schedule import Job, Schedule, attempt_seed


@pytest.fixture
def cases(read: Callable[[str], Document]) -> tuple[Case, ...]:
    return read(BASE + "retry: 1\nmatrix: {n: [0, 1, 2]}\n").cases


def taken(schedule: Schedule) -> Job:
    job = schedule.take()
    assert job is not None
    return job


def outcome_of(job: Job, outcome: Outcome, reason: str = "") -> CaseResult:
    return case_result(job.case, outcome, reason=reason)


def test_results_come_in_the_order_of_the_plan(cases: tuple[Case, ...]) -> None:
    schedule = Schedule(cases, repeat=2)
    jobs = [taken(schedule) for _ in range(6)]
    assert schedule.take() is None
    assert [job.repetition for job in jobs] == [0, 0, 0, 1, 1, 1]
    shown = []
    for index in (4, 1, 0, 2, 5, 3):
        schedule.finish(jobs[index], outcome_of(jobs[index], Outcome.PASSED))
        shown.append([result.label for result in schedule.ready()])
    names = [case.id for case in cases]
    again = [f"{name} #2" for name in names]
    assert shown == [[], [], names[:2], names[2:], [], again]


def test_an_attempt_follows_at_once_with_another_seed(cases: tuple[Case, ...]) -> None:
    schedule = Schedule(cases)
    first = taken(schedule)
    schedule.finish(first, outcome_of(first, Outcome.FAILED, "no"))
    second = taken(schedule)
    assert (second.position, second.case.id) == (first.position, first.case.id)
    assert second.case.seed == attempt_seed(first.case.seed, 1) != first.case.seed
    schedule.finish(second, outcome_of(second, Outcome.PASSED))
    (result,) = schedule.ready()
    assert result.flaky
    assert [(tried.seed, tried.reason) for tried in result.attempts] == [(first.case.seed, "no")]
    assert taken(schedule).position == 1


def test_seeds_of_attempts_differ_and_are_always_the_same() -> None:
    assert len({attempt_seed(7, n) for n in range(11)}) == 11
    assert attempt_seed(7, 1) == 3553817977


@pytest.mark.parametrize("begun", [False, True])
def test_an_attempt_that_is_cut_off_leaves_the_result_before_it(
    cases: tuple[Case, ...], begun: bool
) -> None:
    schedule = Schedule(cases)
    first = taken(schedule)
    schedule.finish(first, outcome_of(first, Outcome.FAILED, "no"))
    if begun:
        taken(schedule)
    schedule.interrupt()
    results = schedule.rest()
    assert [(r.outcome, r.reason) for r in results] == [
        (Outcome.FAILED, "no"),
        (Outcome.SKIPPED, "not run: interrupted"),
        (Outcome.SKIPPED, "not run: interrupted"),
    ]
    assert results[0].attempts == ()


def test_a_failure_is_not_tried_again_once_the_run_ends(cases: tuple[Case, ...]) -> None:
    schedule = Schedule(cases)
    job, other = taken(schedule), taken(schedule)
    result = replace(outcome_of(job, Outcome.ERROR), interrupted=True)
    schedule.finish(job, result)
    schedule.finish(other, outcome_of(other, Outcome.FAILED, "no"))
    assert schedule.take() is None
    assert [r.outcome for r in schedule.ready()] == [
        Outcome.ERROR,
        Outcome.FAILED,
        Outcome.SKIPPED,
    ]


def test_fail_fast_waits_for_the_last_attempt(cases: tuple[Case, ...]) -> None:
    schedule = Schedule(cases, fail_fast=True)
    for _ in range(2):
        assert not schedule.halted
        job = taken(schedule)
        schedule.finish(job, outcome_of(job, Outcome.FAILED))
    assert schedule.take() is None
    assert [r.reason for r in schedule.rest()] == [
        "",
        *["not run: stopped after the first failure"] * 2,
    ]
    assert not schedule.interrupted
