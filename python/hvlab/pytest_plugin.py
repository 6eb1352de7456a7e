# SPDX-License-Identifier: GPL-2.0-or-later
"""The pytest plugin: collects `*.hvlab.yaml`, and gives tests machines that clean up after
themselves.

Loaded at every start of pytest, so it imports the core only when there is something to run.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from hvlab.scenario.backends import BUILT, KNOWN, missing
from hvlab.scenario.source import SUFFIX

if TYPE_CHECKING:
    from _pytest._io import TerminalWriter

    from hvlab.host import Host
    from hvlab.machine import Machine
    from hvlab.scenario.document import Case
    from hvlab.scenario.results import CaseResult

CONSOLE_LINES = 40
_CASE = pytest.StashKey["CaseResult"]()
_MACHINES = pytest.StashKey[list["Machine"]]()


class MachineFactory(Protocol):
    """What the fixture `hvlab_machine` gives: `hvlab.Machine` with the backend and seed of
    the test.
    """

    def __call__(self, **arguments: Any) -> Machine: ...


# Options.


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("hvlab")
    group.addoption(
        "--hvlab-backend",
        choices=[*KNOWN, "all"],
        default="all",
        help="the backend whose cases are run (default: all that this version has)",
    )
    group.addoption(
        "--hvlab-kvm",
        choices=["auto", "on", "off"],
        default="auto",
        help="cases on kvm: skipped where it is not there (auto), required (on), skipped (off)",
    )


def pytest_configure(config: pytest.Config) -> None:
    wanted = config.getoption("--hvlab-backend")
    reason = None if wanted == "all" else missing(wanted)
    if reason is not None:
        raise pytest.UsageError(f"--hvlab-backend={wanted}: {reason}")
    if config.getoption("--hvlab-kvm") == "on" and missing("kvm") is not None:
        raise pytest.UsageError(f"--hvlab-kvm=on: {missing('kvm')}")


def pytest_report_header(config: pytest.Config) -> str:
    parts = [f"backends {', '.join(_backends(config))}"]
    if missing("kvm") is not None:
        parts.append("kvm not in this version")
    return f"hvlab: {'; '.join(parts)}"


def _backends(config: pytest.Config) -> list[str]:
    wanted = config.getoption("--hvlab-backend")
    off = config.getoption("--hvlab-kvm") == "off"
    return [b for b in BUILT if wanted in ("all", b) and not (off and b == "kvm")]


# Scenario files.


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ScenarioFile | None:
    if not file_path.name.endswith(SUFFIX):
        return None
    file: ScenarioFile = ScenarioFile.from_parent(parent, path=file_path)
    return file


class ScenarioFile(pytest.File):
    """One scenario document; its items are its cases."""

    def collect(self) -> Iterable[ScenarioItem]:
        from hvlab.errors import ScenarioError
        from hvlab.scenario.document import load

        try:
            document = load(_shown(self.path, self.config))
        except ScenarioError as error:
            raise self.CollectError(str(error)) from None
        for case in document.cases:
            item: ScenarioItem = ScenarioItem.from_parent(self, name=case.name, case=case)
            yield item


def _shown(path: Path, config: pytest.Config) -> str:
    """As the user would write the path, where pytest was started."""
    return os.path.relpath(path, config.invocation_params.dir)


class ScenarioItem(pytest.Item):
    """One case of a scenario."""

    def __init__(self, *, case: Case, **rest: Any) -> None:
        super().__init__(**rest)
        self.case = case
        for tag in case.scenario.tags:
            self.config.addinivalue_line("markers", f"{tag}: a tag of hvlab scenarios")
            self.add_marker(tag)
        if case.scenario.machine.backend == "kvm" and self.config.getoption("--hvlab-kvm") == "off":
            self.add_marker(pytest.mark.skip(reason="kvm is off (--hvlab-kvm=off)"))
        elif case.skip is not None:
            self.add_marker(pytest.mark.skip(reason=case.skip))

    def runtest(self) -> None:
        from hvlab.scenario.results import Outcome
        from hvlab.scenario.runner import run_case

        result = run_case(self.case)
        self.stash[_CASE] = result
        self.user_properties.extend(result.properties().items())
        if result.interrupted:
            raise KeyboardInterrupt
        if result.outcome is not Outcome.PASSED:
            raise CaseNotPassed(result)

    def repr_failure(  # type: ignore[override]  # what pytest prints and stores only needs toterminal
        self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None
    ) -> object:
        if isinstance(excinfo.value, CaseNotPassed):
            return CaseRepr.of(excinfo.value.result, tuple(self.case.scenario.on_failure))
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.case.marks.key(("name",)).line - 1, self.name


class CaseNotPassed(Exception):
    """Carries a result from `runtest` to `repr_failure`."""

    def __init__(self, result: CaseResult) -> None:
        super().__init__(result.reason)
        self.result = result


@dataclass(frozen=True)
class _Crash:
    """What pytest's short summary and JUnit show of a failure."""

    message: str


@dataclass(frozen=True)
class CaseRepr:
    """A failure at its YAML line, in place of a Python traceback."""

    text: str
    reprcrash: _Crash

    @classmethod
    def of(cls, result: CaseResult, show: tuple[str, ...]) -> CaseRepr:
        from hvlab.report.text import failure_text

        failure = result.failure
        where = f"{result.file}:{failure.line}: " if failure is not None else ""
        return cls(failure_text(result, show), _Crash(f"{where}{result.reason}"))

    def __str__(self) -> str:
        return self.text

    def toterminal(self, tw: TerminalWriter) -> None:
        tw.line(self.text)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = config.getoption("--hvlab-backend")
    if wanted == "all":
        return
    other = [
        item
        for item in items
        if isinstance(item, ScenarioItem) and item.case.scenario.machine.backend != wanted
    ]
    if other:
        config.hook.pytest_deselected(items=other)
        gone = set(other)
        items[:] = [item for item in items if item not in gone]


# Fixtures.


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "hvlab_machine" in metafunc.fixturenames:
        metafunc.parametrize("hvlab_machine", _backends(metafunc.config), indirect=True)


@pytest.fixture
def hvlab_machine(request: pytest.FixtureRequest) -> Iterator[MachineFactory]:
    """Makes machines: `hvlab_machine(image=..., memory="64MiB")`, arguments as `hvlab.Machine`.

    The test is run once for each backend. The seed is a hash of the test's id. Machines are closed
    when the test ends; if it failed, the end of their consoles is in the report.
    """
    import hvlab

    backend = getattr(request, "param", BUILT[0])
    machines = request.node.stash.setdefault(_MACHINES, [])

    def make(**arguments: Any) -> Machine:
        arguments.setdefault("backend", backend)
        arguments.setdefault("seed", _seed(request.node))
        arguments.setdefault("name", "machine" if not machines else f"machine-{len(machines) + 1}")
        machine = hvlab.Machine(**arguments)
        machines.append(machine)
        return machine

    yield make
    for machine in machines:
        machine.close()


@pytest.fixture
def hvlab_host(request: pytest.FixtureRequest) -> Iterator[Host]:
    """A host for several machines, with a seed from the test's id; closed when the test ends."""
    import hvlab

    with hvlab.Host(seed=_seed(request.node)) as host:
        request.node.stash[_HOST] = host
        yield host


_HOST = pytest.StashKey["Host"]()


def _seed(node: pytest.Item) -> int:
    """The same wherever the tests are: of the file's name and what follows it, not of its
    folder.
    """
    file, _, rest = node.nodeid.partition("::")
    text = f"{Path(file).name}::{rest}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


# Reports.


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    machines = [*item.stash[_MACHINES]] if _MACHINES in item.stash else []
    host = item.stash.get(_HOST, None)
    if host is not None and not host.closed:
        machines += host.machines.values()
    if call.when == "call":
        for machine in machines:
            item.user_properties.extend(_properties(machine, alone=len(machines) == 1))
    report = yield
    if call.when == "call" and report.failed:
        for machine in machines:
            report.sections.append((f"hvlab console of {machine.name}", _console(machine)))
            if not machine.closed and not machine.screen.empty:
                screen = _screen(machine)
                report.sections.append((f"hvlab screen of {machine.name}", screen))
    return report


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
    letter = "." if report.passed else "F"
    return report.outcome, letter, f"{report.outcome.upper()} ({backend})"


def _properties(machine: Machine, alone: bool) -> Iterator[tuple[str, str]]:
    if machine.closed:
        return
    prefix = "" if alone else f"{machine.name}."
    yield f"{prefix}backend", machine.backend
    yield f"{prefix}seed", str(machine.seed)
    if machine.instructions is not None:
        yield f"{prefix}instructions", str(machine.instructions)


def _screen(machine: Machine) -> str:
    from hvlab.scenario.machines import screen_text
    from hvlab.scenario.problems import printable

    return "\n".join(f"| {printable(row)}" for row in screen_text(machine).split("\n"))


def _console(machine: Machine) -> str:
    from hvlab.scenario.problems import printable

    if machine.closed:
        return "(closed by the test)"
    lines = machine.console.log[-CONSOLE_LINES:]
    shown = [f"{time / 1e9:>14.9f} | {printable(line)}" for time, line in lines]
    return "\n".join(shown) or "(the guest printed nothing)"
