# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenario files in pytest: one item a case."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest._code.code import ReprEntryNative, ReprExceptionInfo, ReprFileLocation, ReprTraceback

from hvlab.pytest_plugin import running
from hvlab.pytest_plugin.options import ALLOW_PYTHON, BACKEND, Options, shown
from hvlab.scenario.source import SUFFIX

if TYPE_CHECKING:
    from hvlab.scenario.document import Case
    from hvlab.scenario.results import CaseResult
    from hvlab.sim.experiments.document import ExperimentDocument

RESULT = pytest.StashKey["CaseResult"]()
# The experiments that were found: they are no tests.
EXPERIMENTS = pytest.StashKey[list["ExperimentDocument"]]()
# Why the artifacts of a failed case could not be written.
NOT_KEPT = pytest.StashKey[str]()


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
        from hvlab.scenario.plan import allow_python, python_refused, with_seed

        options = Options.of(self.config)
        try:
            document = load(shown(self.path, self.config))
        except ScenarioError as error:
            raise self.CollectError(str(error)) from None
        if document.experiment is not None:
            self.config.stash.setdefault(EXPERIMENTS, []).append(document.experiment)
        cases = with_seed(document.cases, options.seed)
        if options.allow_python:
            cases = allow_python(cases)
        elif refused := python_refused(cases, ALLOW_PYTHON):
            raise self.CollectError("\n\n".join(map(str, refused)))
        for case in cases:
            item: ScenarioItem = ScenarioItem.from_parent(self, name=case.name, case=case)
            yield item


class ScenarioItem(pytest.Item):
    """One case of a scenario."""

    def __init__(self, *, case: Case, **rest: Any) -> None:
        super().__init__(**rest)
        self.case = case
        self.stash[BACKEND] = case.scenario.backend
        for tag in case.scenario.tags:
            _register(tag, self.config)
            self.add_marker(tag)

    def runtest(self) -> None:
        from hvlab.scenario.plan import on_host
        from hvlab.scenario.results import Outcome

        options = Options.of(self.config)
        result = running.run(on_host(self.case, options.kvm, "--hvlab-kvm"), self.config)
        if options.artifacts is not None:
            result = self._keep(options.artifacts, result)
        self.stash[RESULT] = result
        self.user_properties.extend(result.properties().items())
        if result.interrupted:
            # As Ctrl-C does, but with what was going on.
            case = f"{result.id}: {result.reason}"
            where = case if result.failure is None else result.failure.excerpt.split("\n")[0]
            pytest.exit(where, pytest.ExitCode.INTERRUPTED)
        if result.outcome is Outcome.SKIPPED:
            pytest.skip(result.reason)
        if result.outcome is not Outcome.PASSED:
            raise CaseNotPassed(result)

    def _keep(self, folder: Path, result: CaseResult) -> CaseResult:
        from hvlab.errors import HostError
        from hvlab.report.artifacts import keep

        try:
            return keep(folder, self.case, result)
        except HostError as error:
            self.stash[NOT_KEPT] = str(error)
            return result

    def repr_failure(  # type: ignore[override]  # as pytest itself returns for its own items
        self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None
    ) -> object:
        if isinstance(excinfo.value, CaseNotPassed):
            place = self.config.getoption("tbstyle") != "line"  # there pytest puts it in front
            return _failure(excinfo.value.result, tuple(self.case.scenario.on_failure), place)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.case.marks.key(("name",)).line - 1, self.name


_TAGS = pytest.StashKey[set[str]]()


def _register(tag: str, config: pytest.Config) -> None:
    """Tags are marks that --strict-markers knows."""
    known = config.stash.setdefault(_TAGS, set())
    if tag not in known:
        known.add(tag)
        config.addinivalue_line("markers", f"{tag}: a tag of hvlab scenarios")


class CaseNotPassed(Exception):
    """Carries a result from `runtest` to `repr_failure`."""

    def __init__(self, result: CaseResult) -> None:
        super().__init__(result.reason)
        self.result = result


def _failure(result: CaseResult, show: tuple[str, ...], place: bool) -> ReprExceptionInfo:
    """A failure at its YAML line, in place of a Python traceback.

    In pytest's own classes, which are what travels between processes whole (pytest-xdist) and what
    --tb, the short summary and JUnit read. `place`: whether the one-line message begins with it.
    """
    from hvlab.report.text import failure_text

    line = result.line if result.failure is None else result.failure.line
    file = result.file if result.failure is None else result.failure.file
    message = f"{file}:{line}: {result.reason}" if place else result.reason
    text = ReprEntryNative([f"{failure_text(result, show)}\n"])
    return ReprExceptionInfo(
        reprtraceback=ReprTraceback([text], extraline=None, style="native"),
        reprcrash=ReprFileLocation(file, line, message),
    )
