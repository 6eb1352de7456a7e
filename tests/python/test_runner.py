# SPDX-License-Identifier: GPL-2.0-or-later
"""What the runner makes of what a guest does, with a machine that plays a script."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from conftest import BASE
from fake_machine import FakeMachine
from hvlab.errors import BackendError, BootError, MachineConfigError
from hvlab.report.text import failure_text
from hvlab.scenario import machines
from hvlab.scenario.document import Case, Document
from hvlab.scenario.observer import Observer
from hvlab.scenario.results import CaseResult, Outcome, RunResult
from hvlab.scenario.runner import run_case, run_in_process
from hvlab.scenario.schedule import Schedule, Watcher

MS = 1_000_000
SECOND = 1000 * MS
BANNER = [(5 * MS, "Linux version 6.1\n"), (20 * MS, "boot 17 ok\n/ # ")]


@pytest.fixture(autouse=True)
def _no_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """The script is the guest: no image has to be built for it."""
    monkeypatch.setattr(machines, "image_results", lambda *_: ())


class Play:
    """Runs BASE with more steps against a script."""

    def __init__(self, read: Callable[[str], Document]) -> None:
        self._read = read
        self.machine = FakeMachine([])

    def case(self, steps: str) -> Case:
        return self._read(BASE + steps).cases[0]

    def __call__(
        self,
        steps: str,
        script: list[tuple[int, str]] | None = None,
        observer: Observer | None = None,
        **machine: Any,
    ) -> CaseResult:
        self.machine = FakeMachine(BANNER if script is None else script, **machine)
        return run_case(self.case(steps), observer, lambda *_: self.machine)  # type: ignore[arg-type, return-value]


@pytest.fixture
def play(read: Callable[[str], Document]) -> Play:
    return Play(read)


def place(result: CaseResult) -> tuple[int, int]:
    assert result.failure is not None
    return result.failure.line, result.failure.column


def test_a_dialogue_passes(play: Play) -> None:
    result = play(
        """\
- expect: {text: "Linux version", within: 10ms, as: hello}
- expect: {regex: '^boot (?P<count>[0-9]+) (ok)$', within: 1s, as: boot}
- send: "uname\\n"
- assert: boot.count == "17" and boot[2] == "ok" and int(boot.count) < 18
- assert: boot.time > hello.time and boot.time == 20*ms and machine.time == boot.time
- assert: '"/ #" in console.text'
- measure: {name: boot_time, value: boot.time, limit: "< 1*second"}
- measure: {name: count, value: int(boot.count)}
- run_for: 5ms
"""
    )
    assert (result.outcome, result.reason, result.failure) == (Outcome.PASSED, "", None)
    assert play.machine.console.sent == ["uname\n"]
    assert [(m.name, m.value, m.unit, m.held) for m in result.measures] == [
        ("boot_time", 20 * MS, "ns", True),
        ("count", 17, "", None),
    ]
    assert result.guest_time == result.instructions == 25 * MS
    assert [step.guest_end for step in result.steps[:3]] == [0, 5 * MS, 20 * MS]
    assert result.machines[0].console.endswith("/ # ")
    assert result.machines[0].log[0] == (5 * MS, "Linux version 6.1")
    assert play.machine.closed


def test_a_failed_assertion_shows_its_operands_at_its_line(play: Play) -> None:
    result = play(
        """\
- expect: {regex: 'boot (?P<count>[0-9]+)', within: 1s, as: boot}
- assert: int(boot.count) == 18
- send: never
"""
    )
    assert result.outcome is Outcome.FAILED
    assert place(result) == (7, 3)
    assert result.failure is not None
    assert result.failure.operands == (("int(boot.count)", "17"), ("boot.count", "'17'"))
    assert result.failure.excerpt == (
        "case.hvlab.yaml:7:3: failed: not true: int(boot.count) == 18\n"
        "    7 | - assert: int(boot.count) == 18\n"
        "      |   ^~~~~~"
    )
    assert len(result.steps) == 3
    assert play.machine.console.sent == []
    text = failure_text(result)
    for piece in (
        "int(boot.count) = 17",
        "> ",
        "Linux version",
        "rsp=0000000000000000",
        "reproduce",
    ):
        assert piece in text


def test_an_assertion_has_its_own_words(play: Play) -> None:
    result = play("- assert: {that: machine.time > 5*second, message: too soon}\n")
    assert result.reason == "too soon"


@pytest.mark.parametrize(
    ("steps", "stop", "reason"),
    [
        (
            "- expect: {text: never, within: 50ms}",
            None,
            '"never" did not appear on the console within 50 ms of guest time',
        ),
        (
            "- expect: {regex: 'a+b', within: 50ms}",
            None,
            "/a+b/ did not appear on the console within 50 ms of guest time",
        ),
        (
            "- expect: {text: never, within: 1s}",
            (30 * MS, "triple-fault", None),
            'the guest stopped before "never" appeared on the console: '
            "the guest stopped: triple-fault",
        ),
        (
            "- run_for: 1s",
            (30 * MS, "halted", None),
            "the guest stopped before 1 s had passed: the guest stopped: halted",
        ),
        (
            "- expect: {stop: debug-exit, within: 50ms}",
            None,
            "expected stop debug-exit, but the guest still runs after 50 ms of guest time",
        ),
        (
            "- expect: {stop: debug-exit, code: 0}",
            (30 * MS, "debug-exit", 3),
            "expected stop debug-exit with code 0, but the code is 3",
        ),
        (
            "- expect: {stop: reset}",
            (30 * MS, "halted", None),
            "expected stop reset, but: the guest stopped: halted",
        ),
        (
            "- expect: {stop: deadline, within: 50ms}",
            (30 * MS, "halted", None),
            "expected stop deadline, but: the guest stopped: halted",
        ),
    ],
)
def test_what_did_not_happen(
    play: Play, steps: str, stop: tuple[int, str, int | None] | None, reason: str
) -> None:
    result = play(steps + "\n", **({} if stop is None else {"stop": stop}))
    assert (result.outcome, result.reason) == (Outcome.FAILED, reason)
    assert place(result) == (6, 3)


@pytest.mark.parametrize(
    ("steps", "stop"),
    [
        ("- expect: {stop: debug-exit, code: 3, as: end}\n- assert: end.code == 3", "debug-exit"),
        ("- expect: {stop: triple-fault, as: end}\n- assert: end.time == 30*ms", "triple-fault"),
        (
            '- expect: {stop: halted, as: e}\n- assert: e.reason == "halted" and e.rip == 0x7c00',
            "halted",
        ),
        ("- expect: {stop: deadline, within: 10ms}\n- assert: machine.time == 10*ms", "halted"),
        (
            "- expect: {stop: budget, instructions: 1000}\n- assert: machine.instructions == 1000",
            "halted",
        ),
    ],
)
def test_stops_that_were_expected(play: Play, steps: str, stop: str) -> None:
    code = 3 if stop == "debug-exit" else None
    result = play(steps + "\n", stop=(30 * MS, stop, code))
    assert (result.outcome, result.reason) == (Outcome.PASSED, "")


@pytest.mark.parametrize(
    ("limits", "steps", "reason"),
    [
        (
            "{time: 10ms}",
            "- expect: {text: never, within: 1s}",
            "the case's limit was reached: 10 ms of guest time (limits.time in line 7)",
        ),
        (
            "{time: 10ms}",
            "- run_for: 10ms\n- run_for: 1ns",
            "the case's limit was reached: 10 ms of guest time (limits.time in line 8)",
        ),
        (
            "{instructions: 500}",
            "- run_for: 1s",
            "the case's limit was reached: 500 instructions (limits.instructions in line 7)",
        ),
        (
            "{instructions: 500}",
            "- expect: {stop: budget, instructions: 600}",
            "",
        ),
        ("{instructions: 500}", "- expect: {stop: budget}", ""),
        ("{time: 10ms}", "- expect: {stop: deadline}", ""),
        ("{time: 10ms}", "- run_for: 10ms", ""),
        (
            "{time: 10ms}",
            "- run_for: 10ms\n- expect: {stop: deadline}",
            "the case's limit was reached: 10 ms of guest time (limits.time in line 8)",
        ),
        (
            "{instructions: 500}",
            "- expect: {stop: budget}\n- expect: {stop: budget}",
            "the case's limit was reached: 500 instructions (limits.instructions in line 8)",
        ),
        ("{time: 10ms, instructions: 99999999}", "- expect: {stop: deadline}", ""),
    ],
)
def test_limits(play: Play, limits: str, steps: str, reason: str) -> None:
    result = play(f"{steps}\nlimits: {limits}\n", script=[])
    assert result.reason == reason
    assert result.outcome is (Outcome.FAILED if reason else Outcome.PASSED)


def test_the_wall_limit_ends_a_guest_that_makes_no_progress(play: Play) -> None:
    result = play("- run_for: 1s\nlimits: {wall: 30ms}\n", seconds_per_run=0.01)
    assert result.outcome is Outcome.FAILED
    assert "limit was reached: 30 ms on the wall (limits.wall in line 7)" in result.reason
    assert 0.02 < result.wall < 5


def test_bounds_are_kept_over_slices(play: Play) -> None:
    class Watcher(Observer):
        interval = 0.25

        def __init__(self) -> None:
            self.seen: list[tuple[int, int | None]] = []

        def progress(self, guest_time: int, instructions: int | None) -> None:
            self.seen.append((guest_time, instructions))

    watcher = Watcher()
    result = play("- run_for: 10ms\n", script=[], observer=watcher, slices=3)
    assert result.outcome is Outcome.PASSED
    assert result.guest_time == 10 * MS
    assert watcher.seen == [(n * MS, n * MS) for n in (1, 2, 3)]
    assert [run["timeout"] for run in play.machine.runs] == [10 * MS, 9 * MS, 8 * MS, 7 * MS]
    assert {run["wall"] for run in play.machine.runs} == {SECOND // 4}
    steps = "- expect: {stop: budget, instructions: 2500000}\n"
    assert play(steps, script=[], observer=watcher, slices=2).instructions == 2_500_000


def test_a_measure_over_its_limit_fails_and_is_recorded(play: Play) -> None:
    result = play(
        """\
- expect: {text: ok, within: 1s, as: ok}
- measure: {name: boot, value: ok.time, limit: "<= 10*ms"}
"""
    )
    assert result.outcome is Outcome.FAILED
    assert result.reason == "boot is 20 ms (20000000 ns), over its limit: <= 10 ms (10000000 ns)"
    assert [(m.value, m.held) for m in result.measures] == [(20 * MS, False)]


def test_no_value_is_a_failure_with_what_was_known(play: Play) -> None:
    result = play(
        "- expect: {regex: 'boot (?P<n>[0-9]+) (?P<word>[a-z]+)', as: b}\n"
        "- assert: int(b.word) > 0\n"
    )
    assert result.outcome is Outcome.FAILED
    assert result.reason == "no value: in 'int(b.word)': 'ok' is no number of base 10"
    assert result.failure is not None
    assert ("b.word", "'ok'") in result.failure.operands


@pytest.mark.parametrize(
    ("error", "where"),
    [
        (MachineConfigError("1 TiB is too much", "memory"), (4, 3)),
        (BootError("not a kernel", "vmlinuz", "magic"), (5, 3)),
        (BackendError("no engine", "unicorn", "open", 2), (7, 3)),
    ],
)
def test_errors_of_the_machine_stand_where_they_come_from(
    read: Callable[[str], Document], error: Exception, where: tuple[int, int]
) -> None:
    text = """\
schema: 1
name: t
machine:
  memory: 1TiB
  boot: {flat: "fixture:hello"}
steps:
- boot: {}
"""

    def fail(*_: object) -> Any:
        raise error

    result = run_case(read(text).cases[0], None, fail)
    assert result.outcome is Outcome.ERROR
    assert place(result) == where
    assert str(error) in result.reason
    assert result.guest_time is None
    assert not result.internal


def test_a_bug_of_ours_is_the_cases_error(play: Play) -> None:
    def fail(*_: object) -> Any:
        raise ZeroDivisionError("oops")

    result = run_case(play.case(""), None, fail)
    assert result.outcome is Outcome.ERROR
    assert result.reason == "internal error of hvlab: ZeroDivisionError: oops"
    assert "Traceback" in result.internal
    assert RunResult([result]).exit_code == 3


def test_an_engine_that_cannot_go_on_is_an_error(play: Play) -> None:
    result = play("- run_for: 1s\n", stop=(1, "error", None))
    assert (result.outcome, result.reason) == (Outcome.ERROR, "the guest stopped: error")


def test_interruption_ends_the_run_with_the_rest_not_run(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = play.case("- run_for: 1s\n")

    class Interrupted(FakeMachine):
        def run(self, **_bounds: Any) -> Any:
            raise KeyboardInterrupt

    monkeypatch.setattr(
        run_case,
        "__defaults__",
        (None, lambda *_: Interrupted([])),
    )
    schedule = Schedule([case, replace(case, id=case.id + "[again]")])
    results = list(run_in_process(schedule, Watcher()))
    assert [r.outcome for r in results] == [Outcome.ERROR, Outcome.SKIPPED]
    assert results[0].interrupted
    assert results[1].reason == "not run: interrupted"
    assert RunResult(results, interrupted=True).exit_code == 2


def test_results_and_cases_can_be_pickled(play: Play) -> None:
    result = play("- assert: machine.time == 5*s\n")
    assert pickle.loads(pickle.dumps(result)) == result
    case = play.case("- send: x\n")
    again = pickle.loads(pickle.dumps(case))
    assert (again.id, again.scenario) == (case.id, case.scenario)


def test_exit_codes(play: Play) -> None:
    passed = play("- run_for: 1ms\n")
    failed = play("- assert: machine.time > 5*s\n")
    skipped = replace(passed, outcome=Outcome.SKIPPED)
    assert RunResult([passed, skipped]).exit_code == 0
    assert RunResult([passed, failed]).exit_code == 1
    assert RunResult([passed, replace(failed, outcome=Outcome.ERROR)]).exit_code == 1
    assert RunResult([skipped]).exit_code == RunResult([]).exit_code == 5
    assert RunResult([failed], interrupted=True).exit_code == 2
