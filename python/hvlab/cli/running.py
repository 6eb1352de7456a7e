# SPDX-License-Identifier: GPL-2.0-or-later
"""`hvlab run`."""

from __future__ import annotations

import datetime
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import hvlab
from hvlab.backends import KvmMode
from hvlab.cli import INTERNAL, NOTHING_RAN, USAGE
from hvlab.cli.listing import show_errors
from hvlab.cli.progress import Display, LiveDisplay, PlainDisplay
from hvlab.errors import HostError, HvlabError
from hvlab.report import artifacts, files, host, writing
from hvlab.report.load import SavedRun
from hvlab.report.text import failure_text, summary
from hvlab.scenario import plan as planning
from hvlab.scenario.document import Case
from hvlab.scenario.results import CaseResult, Outcome, RunResult
from hvlab.scenario.runner import NOT_RUN, run_cases, skipped


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    targets: tuple[str, ...]
    keyword: str
    tags: str
    backend: str
    kvm: KvmMode
    reports: writing.Wanted
    artifacts: Path | None
    seed: int | None
    verbose: bool


def run(options: Options) -> int:
    """Runs the cases and writes the reports; returns the exit code. Raises HvlabError."""
    try:  # what could not be written or read after the run is better known before
        history = writing.prepare(options.reports)
        if options.artifacts is not None:
            files.check_folder(options.artifacts)
    except HvlabError as error:
        print(f"hvlab: error: {error}", file=sys.stderr)
        return USAGE
    plan = planning.find(options.targets)
    if plan.errors:
        code = show_errors(plan)
        print("nothing was run", file=sys.stderr)
        return code
    cases = planning.choose(plan.cases, options.keyword, options.tags, options.backend)
    cases = planning.with_seed(cases, options.seed)
    cases = [planning.on_host(case, options.kvm) for case in cases]
    started = datetime.datetime.now().astimezone()
    result = _run(cases, options)
    if not cases:
        what = "none was selected" if plan.cases else "there are none"
        print(f"nothing ran: of {len(plan.cases)} cases {what}", file=sys.stderr)
    saved = SavedRun(result, started, hvlab.__version__, "this run")
    errors = list(writing.write(options.reports, saved, history))
    for failed in errors:
        print(f"hvlab: error: {failed}", file=sys.stderr)
    _close(result, cases)
    if errors and result.exit_code in (0, 1, NOTHING_RAN):
        return INTERNAL
    return result.exit_code


def _run(cases: list[Case], options: Options) -> RunResult:
    result = RunResult(host=host.facts())
    began = time.monotonic()
    display: Display
    if sys.stdout.isatty():
        display = LiveDisplay(len(cases), options.verbose)
    else:
        display = PlainDisplay(options.verbose)
    by_id = {case.id: case for case in cases}
    with _terminated_is_interrupted(), display:
        try:
            for finished in run_cases(cases, display):
                result.cases.append(_keep(finished, by_id[finished.id], options))
                result.interrupted |= finished.interrupted
        except KeyboardInterrupt:  # between two cases
            result.interrupted = True
    done = {case.id for case in result.cases}
    result.cases += [skipped(case, NOT_RUN) for case in cases if case.id not in done]
    result.wall = time.monotonic() - began
    return result


def _keep(result: CaseResult, case: Case, options: Options) -> CaseResult:
    if options.artifacts is None:
        return result
    try:
        return artifacts.keep(options.artifacts, case, result)
    except HostError as error:
        print(f"hvlab: error: {error}", file=sys.stderr)
        return result


def _close(result: RunResult, cases: list[Case]) -> None:
    """The failures in full, and the last line."""
    shown = {case.id: tuple(case.scenario.on_failure) for case in cases}
    for case in result.cases:
        if case.outcome in (Outcome.FAILED, Outcome.ERROR):
            print(f"\n==== {case.outcome} {case.id}")
            print(failure_text(case, shown[case.id]))
    print(f"\n{summary(result)}")


@contextmanager
def _terminated_is_interrupted() -> Iterator[None]:
    """A CI system's SIGTERM ends the run as Ctrl-C does: with its reports."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
