# SPDX-License-Identifier: GPL-2.0-or-later
"""`hvlab run`."""

from __future__ import annotations

import datetime
import sys
from dataclasses import dataclass
from pathlib import Path

import hvlab
from hvlab.backends import KvmMode
from hvlab.cli import INTERNAL, NOTHING_RAN, USAGE, keeping, last_run
from hvlab.cli.executing import execute
from hvlab.cli.listing import say_empty, say_experiments, show_errors
from hvlab.errors import HostError, HvlabError
from hvlab.report import artifacts, files, writing
from hvlab.report.load import SavedRun
from hvlab.report.text import failure_text, repetition_lines, summary
from hvlab.scenario import plan as planning
from hvlab.scenario.document import Case
from hvlab.scenario.results import CaseResult, Outcome, RunResult


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
    allow_python: bool
    verbose: bool
    save: str = ""
    update_baseline: bool = False
    jobs: int = 1
    repeat: int = 1
    last_failed: bool = False
    fail_fast: bool = False
    in_process: bool = False


def run(options: Options) -> int:
    """Runs the cases and writes the reports; returns the exit code. Raises HvlabError."""
    keep_as = keeping.prepare(options.save)
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
    gone = last_run.stale(plan.cases) if options.last_failed else []
    if options.last_failed:
        cases = _last_failed(cases, gone)
    cases = planning.with_seed(cases, options.seed)
    cases = [planning.on_host(case, options.kvm) for case in cases]
    refused = [] if options.allow_python else planning.python_refused(cases)
    if refused:
        code = show_errors(planning.Plan(plan.documents, cases, refused))
        print("nothing was run", file=sys.stderr)
        return code
    cases = planning.allow_python(cases)
    if options.update_baseline:
        cases = keeping.not_compared(cases)
    started = datetime.datetime.now().astimezone()
    result = _run(cases, options)
    if not cases:
        what = "none was selected" if plan.cases else "there are none"
        print(f"nothing ran: of {len(plan.cases)} cases {what}", file=sys.stderr)
        say_empty(plan)
    say_experiments(plan)
    last_run.remember(result.cases, gone)
    saved = SavedRun(result, started, hvlab.__version__, "this run")
    errors = list(writing.write(options.reports, saved, history))
    for failed in errors:
        print(f"hvlab: error: {failed}", file=sys.stderr)
    _close(result, cases)
    workers = 0 if options.in_process else options.jobs
    kept = keeping.keep(keep_as, options.update_baseline, result, cases, started, workers)
    if (errors or not kept) and result.exit_code in (0, 1, NOTHING_RAN):
        return INTERNAL
    return result.exit_code


def _run(cases: list[Case], options: Options) -> RunResult:
    by_id = {case.id: case for case in cases}
    return execute(
        cases,
        lambda finished: _keep(finished, by_id[finished.id], options),
        jobs=options.jobs,
        repeat=options.repeat,
        fail_fast=options.fail_fast,
        in_process=options.in_process,
        verbose=options.verbose,
    )


def _last_failed(cases: list[Case], gone: list[str]) -> list[Case]:
    chosen = last_run.choose(cases)
    print(chosen.note)
    if gone:
        print(last_run.stale_note(gone))
    return chosen.cases


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
            print(f"\n==== {case.outcome} {case.label}")
            print(failure_text(case, shown[case.id]))
    if repetitions := repetition_lines(result):
        print("\n" + "\n".join(repetitions))
    print(f"\n{summary(result)}")
