# SPDX-License-Identifier: GPL-2.0-or-later
"""`expect` of ports, of what must not happen, and of one of several things; with real guests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hvlab.scenario.document import Document
from hvlab.scenario.problems import ScenarioInvalid
from hvlab.scenario.results import CaseResult, Outcome

Run = Callable[[str], CaseResult]
BACKENDS = pytest.mark.parametrize("backend", ["unicorn", "kvm"])


def document(steps: str, guest: str, backend: str = "unicorn") -> str:
    return f"""\
schema: 1
name: t
machine: {{backend: {backend}, memory: 1MiB, boot: {{flat: "fixture:{guest}"}}}}
steps:
- boot: {{}}
{steps}"""


def passed(result: CaseResult) -> None:
    assert (result.outcome, result.reason) == (Outcome.PASSED, "")


@BACKENDS
def test_a_write_to_a_port(run_text: Run, backend: str) -> None:
    steps = """\
- expect: {port: {port: 0x64, value: 0xfe, width: 1}, as: write}
- assert: write.port == 0x64 and write.value == 0xfe and write.width == 1
- assert: write.time <= machine.time
- expect: {stop: reset, as: end}
- assert: end.time >= write.time
"""
    passed(run_text(document(steps, "reboot", backend)))


@BACKENDS
def test_the_second_write_is_another_event(run_text: Run, backend: str) -> None:
    steps = """\
- expect: {port: 0xcf9, as: first}
- expect: {port: 0xcf9, as: second}
- assert: first.value == 2 and second.value == 6
"""
    passed(run_text(document(steps, "reboot-cf9", backend)))


def test_a_port_that_is_not_written(run_text: Run) -> None:
    result = run_text(
        document("- expect: {port: {port: 0x64, value: 1}, within: 1ms}\n", "runaway")
    )
    assert result.outcome is Outcome.FAILED
    assert result.reason == ("a write of 0x1 to port 0x64 did not happen within 1 ms of guest time")
    result = run_text(document("- expect: {port: 0x64}\n", "hello"))
    assert result.reason.startswith("the guest stopped before a write to port 0x64 happened: ")


@BACKENDS
def test_what_does_not_happen_before(run_text: Run, backend: str) -> None:
    steps = """\
- expect: {text: "tick 3", not: {text: "tick 4"}, as: third}
- expect: {text: "tick 5", not: {stop: debug-exit}}
- expect: {not: {regex: "tick 1[1-9]"}, within: 30ms}
- expect: {stop: debug-exit, not: {port: 0x80}}
"""
    passed(run_text(document(steps, "ticks", backend)))


@BACKENDS
@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ('{text: "tick 5", not: {text: "tick 2"}}', '"tick 2" appeared on the console, which must'),
        (
            '{stop: debug-exit, not: {regex: "done$"}}',
            "/done$/ appeared on the console, which must",
        ),
        ("{text: never, not: {stop: debug-exit, code: 0}}", "stop debug-exit with code 0, which"),
        ("{text: never, not: {port: 0xf4}}", "a write to port 0xf4 happened, which must not"),
        ("{not: {text: tick}, within: 1s}", '"tick" appeared on the console, which must not'),
    ],
)
def test_what_must_not_happen(run_text: Run, backend: str, step: str, reason: str) -> None:
    result = run_text(document(f"- expect: {step}\n", "ticks", backend))
    assert result.outcome is Outcome.FAILED
    assert result.reason.startswith(reason)
    assert result.failure is not None
    assert result.failure.line == 6


def test_another_stop_than_the_forbidden_one_is_no_pass(run_text: Run) -> None:
    result = run_text(document("- expect: {not: {text: never}, within: 1s}\n", "hello"))
    assert result.outcome is Outcome.FAILED
    assert result.reason.startswith("the guest stopped before 1 s had passed: ")


@BACKENDS
def test_one_of_several(run_text: Run, backend: str) -> None:
    steps = """\
- expect:
    any_of:
      - {text: never}
      - {regex: '^tick (?P<n>\\d+)$'}
      - {stop: debug-exit}
    as: first
- assert: first.index == 1 and first.n == "1" and first[1] == "1" and first.text == "tick 1"
- assert: first.code == null and first.time <= machine.time
- expect: {any_of: [{text: never}, {port: 0xf4}, {stop: halted}], as: second}
- assert: second.index == 1 and second.value == 0 and second.text == null
- expect: {any_of: [{stop: triple-fault}, {stop: debug-exit, code: 0}], as: third}
- assert: third.index == 1 and third.reason == "debug-exit"
"""
    passed(run_text(document(steps, "ticks", backend)))


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (
            "{any_of: [{text: x1}, {port: 0x80}], within: 1ms}",
            'none of these happened within 1 ms of guest time: text "x1", a write to port 0x80',
        ),
        (
            "{any_of: [{text: x1}, {stop: debug-exit, code: 7}]}",
            'the guest stopped before any of these: text "x1", stop debug-exit with code 7: ',
        ),
        (
            "{any_of: [{text: x1}, {text: 'tick 3'}], not: {text: 'tick 2'}}",
            '"tick 2" appeared on the console, which must not happen',
        ),
    ],
)
def test_none_of_several(run_text: Run, step: str, reason: str) -> None:
    result = run_text(document(f"- expect: {step}\n", "ticks"))
    assert result.outcome is Outcome.FAILED
    assert result.reason.startswith(reason)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (
            "{}",
            "says nothing to wait for: give 'text', 'regex', 'screen', 'stop', 'port' or 'any_of'",
        ),
        ("{text: x, port: 1}", "waits for one thing, not for 'text' and 'port'"),
        ("{text: x, any_of: [{text: y}]}", "waits for one thing, not for 'text' and 'any_of'"),
        ("{any_of: []}", "any_of is empty"),
        ("{any_of: {text: x}}", "any_of must be a list, not a mapping"),
        ("{any_of: [{txt: x}]}", "unknown key 'txt' (did you mean 'text'?)"),
        ("{any_of: [{text: x, within: 1s}]}", "unknown key 'within'; known: machine, text"),
        ("{any_of: [{}]}", "says nothing to wait for"),
        ("{any_of: [{stop: deadline}]}", "'stop: deadline' stands alone"),
        ("{not: {text: x}, as: y}", "'as' names what happened, and here nothing is to happen"),
        ("{text: x, not: {regex: '('}}", "missing )"),
        ("{text: x, not: {text: a, regex: b}}", "waits for one thing"),
        ("{port: 0x10000}", "port must be at most 65535, not 65536"),
        ("{port: {port: 1, width: 3}}", "a port is written with 1, 2 or 4 bytes, not with 3"),
        ("{port: {port: 1, value: 256, width: 1}}", "0x100 does not fit into 1 bytes"),
        ("{port: x}", "port must be a whole number, not the text 'x'"),
        ("{port: 1, code: 1}", "'code' goes with 'stop: debug-exit' only"),
        ("{stop: debug-exit, instructions: 5}", "'instructions' goes with 'stop: budget' only"),
    ],
)
def test_mistakes(read: Callable[[str], Document], step: str, said: str) -> None:
    with pytest.raises(ScenarioInvalid) as caught:
        read(document(f"- expect: {step}\n", "hello"))
    (problem,) = caught.value.problems
    assert said in problem.message
    assert problem.line == 6


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("e.n == '1'", ""),
        ("e.code == 0", ""),
        ("e.index < 5*second", "'e.index' has no unit, beside a time"),
        ("e.m == 1", "'e' has no 'm'"),
        ("e[2] == 'x'", "'e' has no item [2]; its last is [1]"),
    ],
)
def test_what_one_of_several_may_have(
    read: Callable[[str], Document], expression: str, said: str
) -> None:
    text = document(
        "- expect: {any_of: [{regex: 'a(?P<n>b)'}, {stop: debug-exit}], as: e}\n"
        f'- assert: "{expression}"\n',
        "hello",
    )
    if not said:
        assert read(text).cases
        return
    with pytest.raises(ScenarioInvalid) as caught:
        read(text)
    assert said in caught.value.problems[0].message
