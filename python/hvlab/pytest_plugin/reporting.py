# SPDX-License-Identifier: GPL-2.0-or-later
"""What pytest's reports say of scenario cases, and of tests with machines."""

from __future__ import annotations

import os
import shlex
from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any

import pytest

from hvlab.backends import kvm_flavour
from hvlab.pytest_plugin.fixtures import BARRED, WATCH, seed_of
from hvlab.pytest_plugin.options import BACKEND, Options, shown
from hvlab.pytest_plugin.scenarios import EXPERIMENTS, NOT_KEPT, RESULT, ScenarioItem

if TYPE_CHECKING:
    from hvlab.scenario.results import CaseResult, Failure

MACHINES_SHOWN = 8  # of a test that made many, the last ones
ATTEMPTS = "hvlab: attempts"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if isinstance(item, ScenarioItem):
        _case_report(item, report)
    elif BACKEND in item.stash or BARRED in item.stash:
        _test_report(item, report, call.duration)
    return report


def _case_report(item: ScenarioItem, report: pytest.TestReport) -> None:
    from hvlab.report.text import attempt_lines

    result = item.stash.get(RESULT, None)
    if result is None or report.when != "call":
        return
    if report.skipped:
        _at_its_line(item, report, result.reason)
    if (reason := item.stash.get(NOT_KEPT, None)) is not None:
        report.sections.append(("hvlab: artifacts", f"not kept: {reason}"))
    if result.attempts and report.passed:
        report.sections.append((ATTEMPTS, "\n".join(attempt_lines(result))))
    if result.output and report.passed:  # of one that failed, it is in the failure's text
        report.sections.append(("Captured output call", result.output))


def _test_report(item: pytest.Item, report: pytest.TestReport, wall: float) -> None:
    if report.skipped and BARRED in item.stash:
        _at_its_line(item, report, item.stash[BARRED])
        return
    if report.when == "call" or report.failed:
        result = _test_result(item, report, wall)
        if report.failed:
            result = _keep(item, report, result)
            _show(report, result)
        _set_properties(item, report, result.properties())


def _at_its_line(item: pytest.Item, report: pytest.TestReport, reason: str) -> None:
    """Where the scenario or test says what it needs, not where the plugin raised."""
    path, line, _ = item.reportinfo()
    report.longrepr = (os.fspath(path), (line or 0) + 1, reason)


def _test_result(item: pytest.Item, report: pytest.TestReport, wall: float) -> CaseResult:
    """A test with machines, as if it were a scenario's case: so every report says the same."""
    from hvlab.scenario.results import CaseResult, Outcome

    backend = item.stash[BACKEND]
    file, name = shown(item.path, item.config), item.nodeid.partition("::")[2]
    seed = seed_of(item)
    failure = _failure(report) if report.failed else None
    outcomes = {"passed": Outcome.PASSED, "failed": Outcome.FAILED, "skipped": Outcome.SKIPPED}
    command = f"pytest {shlex.quote(f'{file}::{name}')} --hvlab-seed={seed}"
    watch = item.stash.get(WATCH, None)
    return CaseResult(
        id=f"{file}::{name}",
        file=file,
        name=name,
        outcome=outcomes[report.outcome],
        backend=backend,
        kvm=kvm_flavour(backend),
        seed=seed,
        parameters=_parameters(item),
        tags=tuple(dict.fromkeys(mark.name for mark in item.iter_markers())),
        line=(item.reportinfo()[1] or 0) + 1,
        reproduce=command,
        reason="" if failure is None else failure.message.split("\n")[0],
        failure=failure,
        machines=() if watch is None else watch.results(report.failed),
        wall=wall,
    )


def _parameters(item: pytest.Item) -> dict[str, Any]:
    callspec = getattr(item, "callspec", None)
    found = {} if callspec is None else callspec.params
    scalars = (str, int, float, bool)
    return {key: value for key, value in found.items() if isinstance(value, scalars)}


def _failure(report: pytest.TestReport) -> Failure:
    from hvlab.scenario.results import Failure

    crash = getattr(report.longrepr, "reprcrash", None)
    text = report.longreprtext
    message = text.split("\n")[0] if crash is None else crash.message
    return Failure(message, 0 if crash is None else crash.lineno, 1, text)


def _keep(item: pytest.Item, report: pytest.TestReport, result: CaseResult) -> CaseResult:
    from hvlab.errors import HostError
    from hvlab.report.artifacts import keep

    folder = Options.of(item.config).artifacts
    if folder is None:
        return result
    try:
        return keep(folder, None, result)
    except HostError as error:
        report.sections.append(("hvlab: artifacts", f"not kept: {error}"))
        return result


def _show(report: pytest.TestReport, result: CaseResult) -> None:
    """The machines under the traceback, and how to run the test again."""
    from hvlab.report.text import machine_lines

    for machine in result.machines[-MACHINES_SHOWN:]:
        title = f"hvlab: {machine.name} on {result.backend}"
        report.sections.append((title, "\n".join(machine_lines(machine))))
    if result.artifacts:
        report.sections.append(("hvlab: artifacts", result.artifacts))
    report.sections.append(("hvlab: reproduce", result.reproduce))


def _set_properties(
    item: pytest.Item, report: pytest.TestReport, properties: dict[str, str]
) -> None:
    """On the item too: JUnit takes them from the report of its teardown."""
    for kept in (item.user_properties, report.user_properties):
        kept[:] = [(name, value) for name, value in kept if name not in properties]
        kept += properties.items()


def pytest_report_teststatus(
    report: pytest.CollectReport | pytest.TestReport,
) -> tuple[str, str, str] | None:
    """On the line of each item, the backend that it ran on."""
    if not isinstance(report, pytest.TestReport) or report.when != "call" or report.skipped:
        return None
    properties = {str(name): value for name, value in report.user_properties}
    backend = properties.get("backend")
    if backend is None or hasattr(report, "wasxfail"):
        return None
    if report.passed and "attempts" in properties:
        return "flaky", "~", f"FLAKY ({backend})"
    letter = "." if report.passed else "F"
    return report.outcome, letter, f"{report.outcome.upper()} ({backend})"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Cases that passed only when they were run again, with what went wrong before."""
    flaky: Iterable[pytest.TestReport] = terminalreporter.getreports("flaky")
    for number, report in enumerate(flaky):
        if number == 0:
            terminalreporter.section("flaky cases", "=", yellow=True)
        terminalreporter.line(report.nodeid)
        attempts = dict(report.sections).get(ATTEMPTS, "")
        terminalreporter.line(attempts)
    for found in terminalreporter.config.stash.get(EXPERIMENTS, []):
        name, command = found.source.name, found.command
        terminalreporter.line(f"{name}: an experiment, left aside: '{command} {name}' runs it")
