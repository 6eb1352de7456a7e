# SPDX-License-Identifier: GPL-2.0-or-later
"""What is run, in which order, and which results may be shown: repetitions, retries, the first
failure that ends a run. Knows nothing of how a case is run.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hvlab.scenario.results import AttemptResult, CaseResult, Outcome
from hvlab.scenario.runner import skipped

if TYPE_CHECKING:
    from hvlab.scenario.document import Case

AFTER_FAILURE = "stopped after the first failure"
INTERRUPTED = "interrupted"
_BAD = (Outcome.FAILED, Outcome.ERROR)


@dataclass(frozen=True, eq=False)
class Job:
    """One attempt at one case.

    Attributes:
        position: of the case in the order of the run; case: with the seed of this attempt;
        attempts: those before it; last: the whole result of the last one of them.
    """

    position: int
    case: Case
    repetition: int = 0
    attempts: tuple[AttemptResult, ...] = ()
    last: CaseResult | None = None


class Watcher:
    """Is told how the jobs of a run go, from the thread that runs it. A subclass takes what it needs.

    Attributes:
        interval: seconds between two calls of `progress` for a job; None for never.
    """

    interval: float | None = None

    def job_started(self, job: Job) -> None:
        """An attempt begins. Not called for a case that is skipped."""

    def step_started(self, job: Job, index: int) -> None:
        """A step of it begins."""

    def progress(self, job: Job, guest_time: int, instructions: int | None) -> None:
        """Its guest has run for about `interval` seconds more."""

    def job_ended(self, job: Job) -> None:
        """An attempt is over; its case may be tried again."""

    def case_finished(self, result: CaseResult) -> None:
        """A case is done, or was skipped. Called in the order of the plan."""


class Schedule:
    """Hands out jobs and takes their results: every case once, then every case again (`repeat`)."""

    def __init__(self, cases: Sequence[Case], repeat: int = 1, fail_fast: bool = False) -> None:
        order = [(repetition, case) for repetition in range(repeat) for case in cases]
        self._jobs = [Job(position, case, n) for position, (n, case) in enumerate(order)]
        self._waiting = deque(self._jobs)
        self._results: list[CaseResult | None] = [None] * len(order)
        self._told = 0
        self._fail_fast = fail_fast
        self.halted = ""  # why nothing more is begun; empty while it goes on
        self.interrupted = False

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def done(self) -> bool:
        """Whether all results were handed out."""
        return self._told == len(self._results)

    def take(self) -> Job | None:
        """The next job; None if none waits."""
        return self._waiting.popleft() if self._waiting else None

    def finish(self, job: Job, result: CaseResult) -> None:
        """A job is done: its case has its result now, or is tried once more."""
        if result.interrupted:
            self.interrupt()
        bad = result.outcome in _BAD
        left = job.case.scenario.retry - len(job.attempts)
        if bad and left > 0 and not self.halted and job.case.barrier is None:
            again = self._jobs[job.position] = _again(job, result)
            self._waiting.appendleft(again)
            return
        self._keep(job, replace(result, attempts=job.attempts))
        if bad and self._fail_fast:
            self.halt(AFTER_FAILURE)

    def interrupt(self) -> None:
        """Somebody wants the run to end."""
        self.interrupted = True
        self.halt(INTERRUPTED)

    def halt(self, reason: str) -> None:
        """Nothing more is begun; what waits is skipped."""
        self.halted = self.halted or reason
        while (job := self.take()) is not None:
            self.give_up(job)

    def give_up(self, job: Job, begun: bool = False) -> None:
        """A job is not done, or not to its end, because the run was halted."""
        if job.last is not None:  # what the attempt before it found stands
            self._keep(job, replace(job.last, attempts=job.attempts[:-1]))
        else:
            what = "not finished" if begun else "not run"
            self._keep(job, skipped(job.case, f"{what}: {self.halted}"))

    def _keep(self, job: Job, result: CaseResult) -> None:
        self._results[job.position] = replace(result, repetition=job.repetition)

    def ready(self) -> Iterator[CaseResult]:
        """Results that were not handed out yet, as far as all before them are known."""
        while self._told < len(self._results):
            result = self._results[self._told]
            if result is None:
                return
            self._told += 1
            yield result

    def rest(self) -> list[CaseResult]:
        """All that `ready` has not handed out, of a run that goes no further."""
        for job in self._jobs[self._told :]:
            if self._results[job.position] is None:
                self.give_up(job, begun=True)
        return list(self.ready())


def attempt_seed(seed: int, attempt: int) -> int:
    """Of a case's `attempt`th try, 0 being the first: another one each time, always the same ones."""
    if attempt == 0:
        return seed
    return int.from_bytes(hashlib.sha256(f"{seed}/{attempt}".encode()).digest()[:4], "big")


def _again(job: Job, result: CaseResult) -> Job:
    tried = AttemptResult(
        seed=result.seed,
        outcome=result.outcome,
        reason=result.reason,
        failure=result.failure,
        wall=result.wall,
    )
    attempts = (*job.attempts, tried)
    seed = attempt_seed(attempts[0].seed, len(attempts))
    return replace(job, case=replace(job.case, seed=seed), attempts=attempts, last=result)
