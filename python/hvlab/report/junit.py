# SPDX-License-Identifier: GPL-2.0-or-later
"""JUnit XML, as CI systems read it: a suite a file, a test case a case."""

from __future__ import annotations

import datetime
import itertools
import re
from pathlib import Path
from xml.etree import ElementTree

from hvlab.report.files import write_whole
from hvlab.report.text import failure_text, log_lines
from hvlab.scenario.results import CaseResult, Outcome, RunResult
from hvlab.scenario.source import SUFFIX

# What XML 1.0 has no place for, not even escaped (s. 2.2).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(path: Path, run: RunResult, started: datetime.datetime) -> None:
    """Writes the report whole or not at all. Raises HostError."""
    write_whole(path, render(run, started))


def render(run: RunResult, started: datetime.datetime) -> str:
    """The report's text. `started`: when the run began, with its time zone."""
    root = ElementTree.Element("testsuites", {"name": "hvlab", **_totals(run.cases, run.wall)})
    for file, cases in itertools.groupby(run.cases, key=lambda case: case.file):
        root.append(_suite(file, list(cases), started))
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
            "name": _xml(case.name),
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
    log = [line for machine in case.machines for line in log_lines(machine)]
    if log:
        ElementTree.SubElement(element, "system-out").text = _xml("\n".join(log))
    return element


def _xml(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
