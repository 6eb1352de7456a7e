# SPDX-License-Identifier: GPL-2.0-or-later
"""The step `python`: what it may call, what becomes of it, and when it is refused."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import BASE
from hvlab import CaseContext
from hvlab.cli import USAGE
from hvlab.cli.app import invoke
from hvlab.report.text import failure_text
from hvlab.scenario import plan
from hvlab.scenario.document import Document, load
from hvlab.scenario.problems import ScenarioInvalid
from hvlab.scenario.results import CaseResult, Outcome
from hvlab.scenario.runner import run_case

Read = Callable[[str], Document]

CHECKS = '''\
"""Used by scenarios."""
import functools
from os.path import join as joined

import helpers


def greets(context, word="Hello", *, times=1):
    assert context.console.output.count(word) == times
    return context.machine.time


def words(context):
    return {"first": context.console.output.split()[0], "seed": context.seed}


def unequal(context):
    one = 1
    assert one == 2, f"one is {one}"


def bare(context):
    assert 1 == 2


def breaks(context):
    helpers.divide(1, 0)


def leaves(context):
    raise SystemExit(3)


def refuses(context):
    context.fail("it is not ready")


def lists(context):
    return [1]


def wait(context, text):
    return context.console.expect(text, timeout="1ms").time


@functools.cache
def decorated(context):
    pass


alias = greets


class Callable:
    def __call__(self):
        pass
'''


@pytest.fixture
def run(read: Read, tmp_path: Path) -> Callable[[str], CaseResult]:
    (tmp_path / "checks.py").write_text(CHECKS)
    (tmp_path / "helpers.py").write_text("def divide(a, b):\n    return a / b\n")

    def run_steps(steps: str) -> CaseResult:
        text = BASE + "- expect: {text: Hello}\n" + steps
        (case,) = plan.allow_python(read(text).cases)
        return run_case(case)

    return run_steps


def test_what_it_returns_is_named(run: Callable[[str], CaseResult]) -> None:
    before = list(sys.path)
    result = run(
        """\
- python: {call: "checks:greets", as: at}
- assert: at.value > 0 and at.value == machine.time
- python: {call: "checks:words", as: word}
- assert: word.first == "Hello" and word.seed > 0
- measure: {name: at, value: at.value}
- python: checks:decorated
- python: {call: "checks:alias", with: {word: "absent", times: 0}}
"""
    )
    assert (result.outcome, result.reason) == (Outcome.PASSED, "")
    assert sys.path == before
    assert not {"checks", "helpers"} & set(sys.modules)


@pytest.mark.parametrize(
    ("steps", "outcome", "reason"),
    [
        ("- python: checks:unequal", Outcome.FAILED, "one is 1 (checks.py:19: "),
        ("- python: checks:bare", Outcome.FAILED, "assertion failed (checks.py:23: assert 1 == 2)"),
        ("- python: checks:refuses", Outcome.FAILED, "it is not ready"),
        ("- python: checks:breaks", Outcome.ERROR, "ZeroDivisionError: division by zero"),
        ("- python: checks:leaves", Outcome.ERROR, "SystemExit: 3"),
        (
            "- python: {call: 'checks:wait', with: {text: never}}",
            Outcome.FAILED,
            "waited for regex 'never' for 1 ms",
        ),
        (
            "- python: {call: 'checks:lists', as: x}",
            Outcome.ERROR,
            "the value that it returned is of the type list",
        ),
        (
            "- python: {call: 'checks:words', as: w}\n- assert: w.third == 'x'",
            Outcome.FAILED,
            "no value: in 'w.third': 'w' has no 'third'; it has first, seed",
        ),
        (
            "- python: {call: 'checks:words', as: w}\n- measure: {name: x, value: w.third}",
            Outcome.FAILED,
            "no value: 'w' has no 'third'",
        ),
        (
            "- python: {call: 'checks:words', as: w}\n- assert: w[0] == 'x'",
            Outcome.FAILED,
            "'w' has no item [0]",
        ),
    ],
)
def test_what_does_not_hold(
    run: Callable[[str], CaseResult], steps: str, outcome: Outcome, reason: str
) -> None:
    result = run(steps + "\n")
    assert (result.outcome, result.internal) == (outcome, "")
    assert reason in result.reason
    assert result.failure is not None
    assert result.failure.line == 6 + len(steps.splitlines())


def test_a_traceback_has_the_users_frames_alone(
    run: Callable[[str], CaseResult], tmp_path: Path
) -> None:
    result = run("- python: checks:breaks\n")
    assert result.failure is not None
    trace = result.failure.traceback
    assert trace.splitlines()[0] == "Traceback (most recent call last):"
    assert f'File "{tmp_path}/checks.py", line 27, in breaks' in trace
    assert f'File "{tmp_path}/helpers.py", line 2, in divide' in trace
    assert "case_run" not in trace
    text = failure_text(result)
    assert text.startswith("case.hvlab.yaml:7:3: error: ZeroDivisionError: division by zero")
    assert "python\n    Traceback" in text
    assert result.reproduce.endswith(" --allow-python")


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("checks", "'checks' is not MODULE:FUNCTION"),
        ("../checks:x", "is not MODULE:FUNCTION"),
        ("check:greets", "no module 'check' in the scenario's folder (did you mean 'checks'?)"),
        ("checks:greet", "no function 'greet' in checks.py (did you mean 'greets'?)"),
        (
            "{call: 'checks:greets', with: {wrd: x}}",
            "greets() takes no 'wrd' (did you mean 'word'?)",
        ),
        ("{call: 'checks:words', with: {x: 1}}", "words() takes no 'x'; it takes none"),
        ("{call: 'checks:wait'}", "wait() needs a value for 'text': give it under 'with'"),
        ("broken:f", "broken.py:1: "),
        ("linked:f", "the module 'linked' is a link out of the scenario's folder"),
        ("large:f", "large.py is too large"),
        ("deep:f", "deep.py cannot be parsed"),
        ("{with: {x: 1}}", "'call' is missing in python"),
    ],
)
def test_mistakes_are_found_without_importing(
    read: Read, tmp_path: Path, step: str, said: str
) -> None:
    (tmp_path / "checks.py").write_text("import never_there\n" + CHECKS)
    (tmp_path / "broken.py").write_text("def f(\n")
    (tmp_path / "large.py").write_text("#" * ((1 << 20) + 1))
    (tmp_path / "deep.py").write_text("x = " + "-" * 100_000 + "1")
    outside = tmp_path.parent / f"{tmp_path.name}_outside.py"
    outside.write_text("def f(context): ...\n")
    (tmp_path / "linked.py").symlink_to(outside)
    with pytest.raises(ScenarioInvalid) as caught:
        read(BASE + f"- python: {step}\n")
    (problem,) = caught.value.problems
    assert said in problem.message
    assert problem.line == 6


def test_what_the_text_does_not_show_is_left_to_the_run(read: Read, tmp_path: Path) -> None:
    (tmp_path / "any.py").write_text("from never_there import *\n")
    (case,) = plan.allow_python(read(BASE + "- python: any:f\n").cases)
    result = run_case(case)
    assert result.reason == "ModuleNotFoundError: No module named 'never_there'"
    (tmp_path / "any.py").write_text("f = 5\n")
    (case,) = plan.allow_python(read(BASE + "- python: any:f\n").cases)
    assert run_case(case).reason == "'f' in any.py is not a function"


def test_two_folders_have_a_module_of_the_same_name(tmp_path: Path) -> None:
    reasons = []
    for name in "ab":
        folder = tmp_path / name
        (folder / "lib").mkdir(parents=True)
        (folder / "lib" / "__init__.py").write_text("")
        (folder / "lib" / "checks.py").write_text(
            "from helpers import NAME\ndef f(context):\n    assert False, NAME\n"
        )
        (folder / "helpers.py").write_text(f"NAME = 'of {name}'\n")
        (folder / "case.hvlab.yaml").write_text(BASE + "- python: lib.checks:f\n")
    for name in "abab":
        (case,) = plan.allow_python(load(tmp_path / name / "case.hvlab.yaml").cases)
        reasons.append(run_case(case).reason[:4])
    assert reasons == ["of a", "of b", "of a", "of b"]


def test_it_is_refused_without_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mark.py").write_text("open('ran', 'w')\ndef f(context): pass\n")
    Path("case.hvlab.yaml").write_text(BASE + "- python: mark:f\n")
    assert invoke(["check", "case.hvlab.yaml"]) == 0
    assert invoke(["run", "case.hvlab.yaml"]) == USAGE
    assert not Path("ran").exists()
    assert (
        "case.hvlab.yaml:6:3: error: this runs Python of the scenario's folder: give --allow-python"
    ) in capsys.readouterr().err
    (case,) = load("case.hvlab.yaml").cases
    assert run_case(case).outcome is Outcome.ERROR
    assert not Path("ran").exists()
    assert invoke(["run", "case.hvlab.yaml", "--allow-python"]) == 0
    assert Path("ran").exists()


def test_pytest_allows_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(checks="def f(context):\n    assert context.seed == 5\n")
    text = BASE.replace("name: t", "name: t\nseed: 5") + "- python: checks:f\n"
    pytester.path.joinpath("case.hvlab.yaml").write_text(text)
    pytester.runpytest("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_the_context_of_several_machines() -> None:
    context = CaseContext({}, {}, 1, "f::t", Path())
    with pytest.raises(Exception, match="which machine"):
        _ = context.machine
    assert repr(context) == "<CaseContext of f::t>"
    assert os.fspath(context.folder) == "."


def test_a_case_with_leave_keeps_it(read: Read) -> None:
    (case,) = read(BASE).cases
    assert not case.allow_python
    assert replace(plan.allow_python([case])[0], seed=1).allow_python
