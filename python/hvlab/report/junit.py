# SPDX-License-Identifier: GPL-2.0-or-later
"""JUnit XML, as CI systems read it: a suite a file, a test case a case."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from xml.etree import ElementTree

from hvlab.report.files import write_whole
from hvlab.report.text import failure_text, log_lines
from hvlab.scenario.results import AttemptResult, CaseResult, Outcome, RunResult
from hvlab.scenario.source import SUFFIX

# What XML 1.0 has no place for, not even escaped (s. 2.2).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(path: Path, run: RunResult, started: datetime.datetime) -> None:
    """Writes the report whole or not at all. Raises HostError."""
    write_whole(path, render(run, started))


def render(run: RunResult, started: datetime.datetime) -> str:
    """The report's text. `started`: when the run began, with its time zone."""
    root = ElementTree.Element("testsuites", {"name": "hvlab", **_totals(run.cases, run.wall)})
    files: dict[str, list[CaseResult]] = {}
    for case in run.cases:  # with repetitions a file comes again and again
        files.setdefault(case.file, []).append(case)
    for file, cases in files.items():
        root.append(_suite(file, cases, started))
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'


def _suite(file: str, cases: list[CaseResult], started: datetime.datetime) -> ElementTree.Element:
    wall = sum(case.wall for case in cases)
    attributes = {
        "name": _xml(file),
        **_totals(cases, wall),
        "timestamp": started.isoformat(timespec="seconds"),
    }
    suite = ElementTree.Element("testsuite", attributes)
    for case in cases:
        suite.append(_case(case))
    return suite


def _totals(cases: list[CaseResult], wall: float) -> dict[str, str]:
    def count(outcome: Outcome) -> str:
        return str(sum(case.outcome is outcome for case in cases))

    return {
        "tests": str(len(cases)),
        "failures": count(Outcome.FAILED),
        "errors": count(Outcome.ERROR),
        "skipped": count(Outcome.SKIPPED),
        "time": f"{wall:.3f}",
    }


def _case(case: CaseResult) -> ElementTree.Element:
    classname = case.file.removesuffix(SUFFIX).lstrip("./").replace("/", ".")
    element = ElementTree.Element(
        "testcase",
        {
            "classname": _xml(classname),
            "name": _xml(case.label.removeprefix(f"{case.file}::")),
            "file": _xml(case.file),
            "line": str(case.failure.line if case.failure else case.line),
            "time": f"{case.wall:.3f}",
        },
    )
    properties = ElementTree.SubElement(element, "properties")
    for name, value in case.properties().items():
        ElementTree.SubElement(properties, "property", {"name": _xml(name), "value": _xml(value)})
    if case.outcome is Outcome.SKIPPED:
        ElementTree.SubElement(element, "skipped", {"message": _xml(case.reason)})
    elif case.outcome is not Outcome.PASSED:
        tag = "failure" if case.outcome is Outcome.FAILED else "error"
        attributes = {"message": _xml(case.reason), "type": str(case.outcome)}
        ElementTree.SubElement(element, tag, attributes).text = _xml(failure_text(case))
    for tried in case.attempts:
        element.append(_attempt(case, tried))
    log = [line for machine in case.machines for line in log_lines(machine)]
    if log:
        ElementTree.SubElement(element, "system-out").text = _xml("\n".join(log))
    if case.output:
        ElementTree.SubElement(element, "system-err").text = _xml(case.output)
    return element


def _attempt(case: CaseResult, tried: AttemptResult) -> ElementTree.Element:
    """As Maven Surefire reports what it ran again: `flaky...` if the case passed then."""
    kind = "Failure" if tried.outcome is Outcome.FAILED else "Error"
    attributes = {"message": _xml(tried.reason), "type": str(tried.outcome)}
    element = ElementTree.Element(f"{'flaky' if case.flaky else 'rerun'}{kind}", attributes)
    text = tried.failure.excerpt if tried.failure is not None else tried.reason
    trace = ElementTree.SubElement(element, "stackTrace")
    trace.text = _xml(f"{text}\nseed {tried.seed}")
    return element


def _xml(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
