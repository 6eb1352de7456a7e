# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the pytest plugin share: pytest in a process of its own, as elsewhere."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

# Here, or every run in this process would load them anew (which the extension does not stand).
import hvlab.pytest_plugin.watch
import hvlab.report.artifacts
import hvlab.scenario.schedule  # noqa: F401
from hvlab import backends
from hvlab.backends import kvm_status

HERE = 1 if kvm_status().available else 0  # how many cases on kvm run here
needs_kvm = pytest.mark.skipif(not HERE, reason=kvm_status().reason)

NO_KVM = SimpleNamespace(
    available=False, reason="open /dev/kvm: no such thing", flavour="", nested=False
)


def pretend_kvm(monkeypatch: pytest.MonkeyPatch, status: object) -> None:
    """What the host's KVM is, for runs in this process."""
    monkeypatch.setattr(backends, "kvm_status", lambda: status)


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """In this process, which is quick: for what leaves nothing behind in it."""
    return pytester.runpytest_inprocess(*arguments)


def run_apart(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """In a process of its own."""
    return pytester.runpytest_subprocess(*arguments)


def junit_cases(path: Path) -> dict[str, ElementTree.Element]:
    """The test cases of a JUnit file, by name."""
    cases = ElementTree.parse(path).getroot().iter("testcase")
    return {case.attrib["name"]: case for case in cases}


def properties(case: ElementTree.Element) -> dict[str, str]:
    """Of one test case."""
    return {p.attrib["name"]: p.attrib["value"] for p in case.iter("property")}
