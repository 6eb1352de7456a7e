# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the cases of `hvlab run`, shown while they run, ended by signals."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from hvlab.cli.progress import Display, LiveDisplay, PlainDisplay
from hvlab.cli.signals import terminated_is_interrupted
from hvlab.report.host_facts import facts
from hvlab.scenario.document import Case
from hvlab.scenario.results import CaseResult, RunResult
from hvlab.scenario.runner import run_in_process
from hvlab.scenario.schedule import Schedule
from hvlab.workers.interruptions import Interruptions
from hvlab.workers.pool import Pool


def execute(
    cases: Sequence[Case],
    keep: Callable[[CaseResult], CaseResult],
    *,
    jobs: int = 1,
    repeat: int = 1,
    fail_fast: bool = False,
    in_process: bool = False,
    verbose: bool = False,
) -> RunResult:
    """The results of all, whatever happens. `keep` is called with each as it comes."""
    schedule = Schedule(cases, repeat, fail_fast)
    result = RunResult(host=facts())
    began = time.monotonic()
    display = LiveDisplay if sys.stdout.isatty() else PlainDisplay
    running = _in_process if in_process else _in_workers
    with running(schedule, display(len(schedule), verbose), jobs) as results:
        try:
            for finished in results:
                result.cases.append(keep(finished))
        except KeyboardInterrupt:
            schedule.interrupt()
    result.cases += schedule.rest()
    result.interrupted = schedule.interrupted
    result.wall = time.monotonic() - began
    return result


@contextmanager
def _in_process(schedule: Schedule, display: Display, _jobs: int) -> Iterator[Iterator[CaseResult]]:
    with terminated_is_interrupted(), display:
        yield run_in_process(schedule, display)


@contextmanager
def _in_workers(schedule: Schedule, display: Display, jobs: int) -> Iterator[Iterator[CaseResult]]:
    with ExitStack() as stack:
        pool = stack.enter_context(Pool(jobs))
        pool.start()  # before the display has a thread
        interruptions = stack.enter_context(Interruptions())
        stack.enter_context(display)
        yield pool.run(schedule, display, interruptions)
