# SPDX-License-Identifier: GPL-2.0-or-later
"""`--hvlab-isolate`, and cases that are run again: what pytest makes of both."""

from __future__ import annotations

import pytest

from conftest import BASE
from pytest_runs import junit_cases, properties, run_apart

# Steps that do to their process what they are told to.
DEEDS = """
import os, pathlib, signal
from hvlab.scenario.bounds import StepFailed
from hvlab.scenario.steps.send import Send

PYTEST = os.getpid()

def run(self, context):
    if self.text == "interrupt":
        os.kill(PYTEST, signal.SIGINT)
        context.machine.run(wall="1min")
    if self.text == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if self.text == "say":
        print("said by the step")
    if self.text == "fail once":
        mark = pathlib.Path("failed")
        if not mark.exists():
            mark.touch()
            raise StepFailed("not this time")

Send.run = run
"""
LEAVES = "- expect: {stop: debug-exit, within: 1ms}\n"


@pytest.fixture
def cases(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(DEEDS)
    for name in ("crash", "say", "fail once"):
        text = BASE.replace("name: t", f"name: {name.split()[0]}\nretry: 1")
        text += f"- send: {name}\n" + LEAVES
        pytester.makefile(".hvlab.yaml", **{name.split()[0]: text})
    return pytester


def test_a_crash_is_the_error_of_its_case(cases: pytest.Pytester) -> None:
    result = run_apart(cases, "--hvlab-isolate", "-v", "-rP", "--junitxml=x.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "crash.hvlab.yaml::crash FAILED (unicorn)*",
            "fail.hvlab.yaml::fail FLAKY (unicorn)*",
            "say.hvlab.yaml::say PASSED (unicorn)*",
            "crash.hvlab.yaml:7:3: error: the case's process was ended by SIGSEGV *",
            "    7 | - send: crash",
            "      |   ^~~~",
            "attempts before this one",
            "    attempt 1, seed *: error: the case's process was ended by SIGSEGV *",
            "*- Captured output call -*",
            "said by the step",
            "*1 failed, 1 passed,* 1 flaky in *",
        ]
    )
    found = properties(junit_cases(cases.path / "x.xml")["crash"])
    assert found["backend"] == "unicorn"
    assert found["reproduce"].startswith("hvlab run crash.hvlab.yaml::crash --seed ")


def test_what_a_step_prints_is_captured_output(cases: pytest.Pytester) -> None:
    result = run_apart(cases, "-rP", "say.hvlab.yaml")
    result.stdout.fnmatch_lines(["*- Captured stdout call -*", "said by the step"])


@pytest.mark.parametrize("options", [(), ("--hvlab-isolate",)])
def test_ctrl_c_says_what_was_going_on(pytester: pytest.Pytester, options: tuple[str, ...]) -> None:
    pytester.makeconftest(DEEDS)
    text = BASE.replace("hello", "runaway") + "- send: interrupt\n- expect: {text: never}\n"
    pytester.makefile(".hvlab.yaml", cut=text)
    result = run_apart(pytester, *options)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["!!*: cut.hvlab.yaml:*: interrupted !!*"])


@pytest.mark.parametrize("options", [(), ("-n2",)])
def test_a_case_that_passes_when_tried_again_is_flaky(
    cases: pytest.Pytester, options: tuple[str, ...]
) -> None:
    result = run_apart(cases, *options, "--junitxml=x.xml", "fail.hvlab.yaml")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "*= flaky cases =*",
            "fail.hvlab.yaml::fail",
            "    attempt 1, seed *: failed: not this time",
            "*= * 1 flaky in *",
        ]
    )
    found = properties(junit_cases(cases.path / "x.xml")["fail"])
    assert found["attempts"] == "2"
