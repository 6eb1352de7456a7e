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

from hvlab.backends import KVM_MODES, KVM_NEEDS, NAMES, Barrier, kvm_flavour
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
        choices=[*NAMES, "all"],
        default="all",
        help="only the cases of this backend (default: all)",
    )
    group.addoption(
        "--hvlab-kvm",
        choices=KVM_MODES,
        default="auto",
        help="cases on kvm, where it is not there: skipped with the reason (auto), failed (on); or "
        "all of them skipped (off)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "hvlab_requires(kvm): which KVM a test with hvlab_machine needs when it is run on kvm: "
        "'hardware' (VT-x or SVM) or 'any'",
    )


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Which KVM the cases meet; nothing where none is for kvm. Not before: it loads the core."""
    from hvlab.backends import kvm_status, kvm_text

    if config.get_verbosity() < 0 or config.getoption("--hvlab-kvm") == "off":
        return []
    if not any(_backend_of(item) == "kvm" for item in items):
        return []
    return [f"hvlab: kvm: {kvm_text(kvm_status())}"]


def _backend_of(item: pytest.Item) -> str | None:
    """The backend that an item is for; None if it is none of ours."""
    if isinstance(item, ScenarioItem):
        return item.case.scenario.backend
    callspec = getattr(item, "callspec", None)
    found = None if callspec is None else callspec.params.get("hvlab_machine")
    return found if found in NAMES else None


def _barrier(config: pytest.Config, backend: str, need: Any) -> Barrier | None:
    from hvlab.backends import barrier

    return barrier(backend, need, config.getoption("--hvlab-kvm"), "--hvlab-kvm")


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

    def runtest(self) -> None:
        from hvlab.scenario.plan import allow_python, on_host
        from hvlab.scenario.results import Outcome
        from hvlab.scenario.runner import run_case

        mode = self.config.getoption("--hvlab-kvm")
        # Who runs pytest runs the Python of the folder anyway.
        (case,) = allow_python([on_host(self.case, mode, "--hvlab-kvm")])
        result = run_case(case)
        self.stash[_CASE] = result
        self.user_properties.extend(result.properties().items())
        if result.interrupted:
            raise KeyboardInterrupt
        if result.outcome is Outcome.SKIPPED:
            pytest.skip(result.reason)
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
    other = [item for item in items if _backend_of(item) not in (None, wanted)]
    if other:
        config.hook.pytest_deselected(items=other)
        gone = set(other)
        items[:] = [item for item in items if item not in gone]


# Fixtures.


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "hvlab_machine" in metafunc.fixturenames and not _names_its_backends(metafunc):
        metafunc.parametrize("hvlab_machine", NAMES, indirect=True)


def _names_its_backends(metafunc: pytest.Metafunc) -> bool:
    """Whether the test has a parametrization of `hvlab_machine` of its own."""
    for mark in metafunc.definition.iter_markers("parametrize"):
        names = mark.args[0] if mark.args else mark.kwargs.get("argnames", ())
        given = names.split(",") if isinstance(names, str) else names
        if any(str(name).strip() == "hvlab_machine" for name in given):
            return True
    return False


@pytest.fixture
def hvlab_machine(request: pytest.FixtureRequest) -> Iterator[MachineFactory]:
    """Makes machines: `hvlab_machine(image=..., memory="64MiB")`, arguments as `hvlab.Machine`.

    The test is run once for each backend, and skipped with the reason where the host lacks it
    (--hvlab-kvm, the mark hvlab_requires). The seed is a hash of the test's id. Machines are closed
    when the test ends; if it failed, the end of their consoles is in the report.
    """
    import hvlab

    backend = getattr(request, "param", NAMES[0])  # it has none when a test asks for it by name
    barrier = _barrier(request.config, backend, _need(request.node))
    if barrier is not None:
        if barrier.failed:
            pytest.fail(barrier.reason, pytrace=False)
        pytest.skip(barrier.reason)
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


def _need(node: pytest.Item) -> str | None:
    """What the mark hvlab_requires says."""
    mark = node.get_closest_marker("hvlab_requires")
    if mark is None:
        return None
    need = mark.kwargs.get("kvm")
    if mark.args or set(mark.kwargs) != {"kvm"} or need not in KVM_NEEDS:
        raise pytest.UsageError("hvlab_requires takes kvm='hardware' or kvm='any'")
    return str(need)


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
    if report.skipped and isinstance(item, ScenarioItem):
        # Where the scenario says what it needs, not where the plugin raised.
        path, line, _ = item.reportinfo()
        report.longrepr = (str(path), line + 1, item.stash[_CASE].reason)
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
    if flavour := kvm_flavour(machine.backend):
        yield f"{prefix}kvm", flavour
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
