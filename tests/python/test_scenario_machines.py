# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenarios with several machines, with real guests on both backends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hvlab.scenario.document import Document
from hvlab.scenario.problems import ScenarioInvalid
from hvlab.scenario.results import CaseResult, Outcome

Run = Callable[[str], CaseResult]

TWO = """\
schema: 1
name: two
machines:
  a: {backend: BACKEND, memory: 1MiB, boot: {flat: "fixture:echo"}}
  b: {backend: BACKEND, memory: 1MiB, boot: {flat: "fixture:SECOND"}}
steps:
"""


def two(steps: str, backend: str, second: str = "echo") -> str:
    return TWO.replace("BACKEND", backend).replace("SECOND", second) + steps


@pytest.mark.parametrize("backend", ["unicorn", "kvm"])
def test_a_dialogue_between_two(run_text: Run, backend: str) -> None:
    result = run_text(
        two(
            """\
- boot: {}
- expect: {machine: a, text: "ready\\n"}
- expect: {machine: b, text: "ready\\n"}
- send: {machine: a, text: "ping\\n"}
- expect: {machine: a, regex: '^echo: (?P<word>\\w+)$', as: first}
- send: {machine: b, text: "pong\\n"}
- expect: {machine: b, regex: '^echo: (?P<word>\\w+)$', as: second}
- assert: first.word == "ping" and second.word == "pong"
- assert: '"ping" in a.console and "ping" not in b.console'
- assert: second.time <= b.time and first.time <= a.time
- send: {machine: b, text: "quit\\n"}
- expect: {machine: b, stop: debug-exit, code: 0}
""",
            backend,
        )
    )
    assert (result.outcome, result.reason) == (Outcome.PASSED, "")
    assert [machine.name for machine in result.machines] == ["a", "b"]
    assert "echo: ping" in result.machines[0].console
    assert "echo: pong" in result.machines[1].console
    assert result.machines[0].stop is not None
    assert result.machines[0].stop.reason == "match"
    assert result.machines[1].stop is not None
    assert result.machines[1].stop.code == 0


def test_they_are_booted_and_closed_one_by_one(run_text: Run) -> None:
    result = run_text(
        two(
            """\
- boot: a
- expect: {machine: a, text: ready, as: up}
- boot: {}
- expect: {machine: b, text: ready, as: later}
- assert: later.time > up.time
- close: b
- send: {machine: a, text: "x\\n"}
- expect: {machine: a, text: "echo: x"}
- boot: b
- expect: {machine: b, text: ready, as: again}
- assert: again.time > later.time
- send: {machine: b, text: "second\\n"}
- expect: {machine: b, text: "echo: second"}
""",
            "unicorn",
        )
    )
    assert (result.outcome, result.reason) == (Outcome.PASSED, "")
    assert [machine.name for machine in result.machines] == ["a", "b", "b-2"]
    assert result.machines[1].console == "ready"
    assert "second" in result.machines[2].console
    assert not result.machines[1].registers


def test_a_closed_machine_of_a_failed_case_keeps_its_console(run_text: Run) -> None:
    result = run_text(
        two(
            "- boot: {}\n- expect: {machine: b, text: ready}\n- close: b\n- assert: a.time > 1*s\n",
            "unicorn",
        )
    )
    assert result.outcome is Outcome.FAILED
    assert [bool(machine.registers) for machine in result.machines] == [True, False]
    assert result.machines[1].console == "ready"


def test_the_same_seed_gives_the_same_run(run_text: Run) -> None:
    steps = "- boot: {}\n- expect: {machine: b, text: 'ticks: done', as: end}\n"
    text = two(steps + "- measure: {name: m, value: a.instructions}\n", "unicorn", "ticks")
    first, second = run_text(text), run_text(text)
    assert first.measures == second.measures
    assert [m.instructions for m in first.machines] == [m.instructions for m in second.machines]


@pytest.mark.parametrize("backend", ["unicorn", "kvm"])
def test_a_machine_that_ends_while_another_is_awaited(run_text: Run, backend: str) -> None:
    """Its stop waits for the step that asks for it."""
    result = run_text(
        two(
            """\
- boot: {}
- expect: {machine: b, text: Hello}
- send: {machine: a, text: "x\\n"}
- expect: {machine: a, text: "echo: x"}
- expect: {machine: b, stop: debug-exit, code: 0, as: end}
- assert: end.time <= b.time
""",
            backend,
            "hello",
        )
    )
    assert (result.outcome, result.reason) == (Outcome.PASSED, "")


def test_a_machine_that_crashes_fails_the_step_that_awaits_another(run_text: Run) -> None:
    result = run_text(
        two("- boot: {}\n- expect: {machine: a, text: never}\n", "unicorn", "triplefault")
    )
    assert result.outcome is Outcome.FAILED
    assert result.reason.startswith("meanwhile 'b' crashed: ")
    assert result.guest_time is not None
    assert result.guest_time < 1_000_000_000


def test_run_for_runs_all_and_fails_when_one_stops(run_text: Run) -> None:
    good = run_text(two("- boot: {}\n- run_for: 1ms\n- assert: a.time == b.time\n", "unicorn"))
    assert (good.outcome, good.reason) == (Outcome.PASSED, "")
    bad = run_text(two("- boot: {}\n- run_for: 1s\n", "unicorn", "hello"))
    assert bad.outcome is Outcome.FAILED
    assert bad.reason.startswith("'b' stopped before 1 s had passed")


def test_what_stops_is_named_where_all_have_stopped(run_text: Run) -> None:
    result = run_text(
        two(
            "- boot: {}\n- expect: {machine: b, text: 'never', within: 1s}\n",
            "unicorn",
            "halt",
        )
    )
    assert result.outcome is Outcome.FAILED
    assert result.reason.startswith("'b' stopped before \"never\" appeared on the console")


def test_an_error_of_the_second_machine_stands_where_it_is_described(
    run_text: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hvlab.errors import BootError
    from hvlab.scenario import images

    good = images.resolve

    def resolve(reference: str, folder: object) -> object:
        if reference == "fixture:hello":
            raise BootError("gone")
        return good(reference, folder)  # type: ignore[arg-type]

    monkeypatch.setattr(images, "resolve", resolve)
    result = run_text(two("- boot: {}\n", "unicorn", "hello"))
    assert result.outcome is Outcome.ERROR
    assert result.failure is not None
    assert (result.failure.line, result.failure.message) == (5, "gone")


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("- expect: {text: x}", "which machine? give 'machine': one of a, b"),
        ("- send: x", "which machine? give 'machine': one of a, b"),
        ("- send: {machine: bb, text: x}", "unknown machine 'bb' (did you mean 'b'?)"),
        ("- close: {}", "which machine? give 'machine': one of a, b"),
        ("- boot: c", "unknown machine 'c'; known: a, b"),
        ("- boot: a", "'a' is booted already, in line 7"),
        ("- boot: {}", "all machines are booted already, in line 7"),
        ("- close: a\n- run_for: 1s\n- send: {machine: a, text: x}", "'a' was closed in line 8"),
        ("- close: a\n- assert: a.time > 5*s", "'a' was closed in line 8"),
        ("- assert: machine.time > 5*s", "which machine? there are several: write a.time, b.time"),
        (
            "- assert: '\"x\" in console.text'",
            "which machine? there are several: write a.console, b.console",
        ),
        (
            "- measure: {name: x, value: machine.instructions}",
            "which machine? there are several: write a.time, b.time",
        ),
        ("- expect: {machine: a, text: x, as: b}", "'b' is the name of a machine"),
        (
            "- expect: {machine: a, text: x, not: {machine: d, text: y}}",
            "unknown machine 'd'; known: a, b",
        ),
        ("- expect: {any_of: [{text: x}, {machine: a, text: y}]}", "which machine?"),
        ("- expect: {machine: a, any_of: [{machine: a, text: y}]}", "each of its entries says"),
    ],
)
def test_mistakes(read: Callable[[str], Document], steps: str, said: str) -> None:
    with pytest.raises(ScenarioInvalid) as caught:
        read(two(f"- boot: {{}}\n{steps}\n", "unicorn"))
    (problem,) = caught.value.problems
    assert said in problem.message


def test_one_that_is_not_booted_yet(read: Callable[[str], Document]) -> None:
    with pytest.raises(ScenarioInvalid) as caught:
        read(two("- boot: a\n- send: {machine: b, text: x}\n", "unicorn"))
    (problem,) = caught.value.problems
    assert problem.message == ("'b' is not booted yet: put '- boot: {machine: b}' before this step")


@pytest.mark.parametrize(
    ("machines", "said", "place"),
    [
        ("machines: {}", "machines is empty", (3, 11)),
        (
            'machines: {a: {boot: {flat: "fixture:hello"}}}\nmachine: {boot: {flat: "fixture:hello"}}',
            "there are 'machine' and 'machines': give one of them",
            (3, 11),
        ),
        (
            'machines:\n  a: {boot: {flat: "fixture:hello"}}\n'
            '  b: {backend: kvm, boot: {flat: "fixture:hello"}}',
            "all machines of a case have one backend: 'a' has unicorn",
            (5, 16),
        ),
        (
            'machines:\n  a: {boot: {flat: "fixture:hello"}}\n  b: {boot: {flat: "fixture:helo"}}',
            "unknown fixture 'helo' (did you mean 'hello'?)",
            (5, 20),
        ),
        (
            'machines:\n  a: {boot: {flat: "fixture:hello"}}\n  b: {boot: {flatt: "fixture:hello"}}',
            "unknown key 'flatt' in boot (did you mean 'flat'?)",
            (5, 14),
        ),
        (
            'machines:\n  a: {boot: {flat: "fixture:hello"}}\n  console: {boot: {flat: "fixture:hello"}}',
            "'console' can't be a name here: expressions have a meaning for it",
            (5, 3),
        ),
    ],
)
def test_mistakes_in_their_descriptions(
    read: Callable[[str], Document], machines: str, said: str, place: tuple[int, int]
) -> None:
    with pytest.raises(ScenarioInvalid) as caught:
        read(f"schema: 1\nname: t\n{machines}\nsteps:\n- boot: {{}}\n")
    assert [(p.message, (p.line, p.column)) for p in caught.value.problems] == [(said, place)]


@pytest.mark.parametrize("backend", ["unicorn", "kvm"])
def test_a_machine_that_halts_for_ever_is_a_stop_like_others(run_text: Run, backend: str) -> None:
    result = run_text(
        two(
            """\
- boot: {}
- expect: {any_of: [{machine: a, text: never}, {machine: b, stop: halted}], as: first}
- assert: first.index == 1
- expect: {machine: b, text: halting}
- send: {machine: a, text: "x\\n"}
- expect: {machine: a, text: "echo: x"}
- expect: {machine: b, text: never}
""",
            backend,
            "halt",
        )
    )
    assert result.outcome is Outcome.FAILED
    assert result.reason.startswith("'b' stopped before \"never\" appeared on the console: ")
    assert [step.outcome for step in result.steps[:-1]] == [Outcome.PASSED] * 6


def test_a_halt_that_is_kept(run_text: Run) -> None:
    result = run_text(
        two(
            "- boot: {}\n- expect: {machine: a, text: ready}\n"
            "- run_until: {instructions: 50000, machine: a, within: 1s}\n"
            "- expect: {machine: b, stop: halted, as: end}\n- assert: end.time < 1*ms\n",
            "unicorn",
            "halt",
        )
        .replace("fixture:echo", "fixture:runaway")
        .replace("text: ready", "text: spinning")
    )
    assert (result.outcome, result.reason) == (Outcome.PASSED, "")
