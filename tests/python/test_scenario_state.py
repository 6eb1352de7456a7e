# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps `read`, `write`, `run_until` and `close`, with real guests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hvlab.registers import REGISTERS
from hvlab.scenario.document import Document
from hvlab.scenario.problems import ScenarioInvalid
from hvlab.scenario.results import CaseResult, Outcome

Run = Callable[[str], CaseResult]
BACKENDS = pytest.mark.parametrize("backend", ["unicorn", "kvm"])


def document(steps: str, backend: str = "unicorn", guest: str = "runaway") -> str:
    return f"""\
schema: 1
name: t
machine: {{backend: {backend}, memory: 1MiB, boot: {{flat: "fixture:{guest}"}}}}
steps:
- boot: {{}}
{steps}"""


# mov al, 0x42; out 0xf4, al; hlt
EXIT = """\
- expect: {text: spinning}
- write: {memory: 0x1000, bytes: "b0 42 e6 f4 f4"}
- write: {register: rip, value: 0x1000}
- expect: {stop: debug-exit, code: 0x42}
- read: {register: al, as: al}
- assert: al.value == 0x42
"""


@BACKENDS
def test_code_that_is_written_runs(run_text: Run, backend: str) -> None:
    result = run_text(document(EXIT, backend))
    assert (result.outcome, result.reason) == (Outcome.PASSED, "")


@BACKENDS
def test_what_is_written_is_read(run_text: Run, backend: str) -> None:
    result = run_text(
        document(
            """\
- expect: {text: spinning}
- write: {memory: 0x2000, value: 0x12345678, size: 4}
- write: {memory: 0x2004, text: "grüße"}
- read: {memory: 0x2000, size: 2, as: low}
- read: {memory: "0x2000 + 1", size: 3, as: rest}
- read: {memory: 0x2004, size: 16, as: words}
- assert: low.value == 0x5678 and rest.value == 0x123456 and rest.hex == "56 34 12"
- assert: words.text == "grüße"
- write: {register: rbx, value: 0xffffffffffffffff}
- write: {register: bh, value: 1}
- read: {register: rbx, as: b1}
- assert: b1.value == 0xffffffffffff01ff
- write: {register: ebx, value: low.value + 1}
- read: {register: rbx, as: b2}
- assert: b2.value == 0x5679
- read: {register: cs_base, as: base}
- read: {register: flags, as: flags}
- assert: base.value == 0 and flags.value & 0x200 == 0
""",
            backend,
        )
    )
    assert (result.outcome, result.reason) == (Outcome.PASSED, "")


def test_every_register_can_be_read_and_the_writable_ones_written(run_text: Run) -> None:
    steps = "- expect: {text: spinning}\n"
    for name, register in REGISTERS.items():
        steps += f"- read: {{register: {name}, as: r_{name}}}\n"
        if register.writable and name[:2] not in ("cr", "dr"):
            steps += f"- write: {{register: {name}, value: r_{name}.value}}\n"
    steps += "- read: {register: rip, as: end}\n- assert: end.value == r_rip.value\n"
    result = run_text(document(steps))
    assert (result.outcome, result.reason) == (Outcome.PASSED, "")


@pytest.mark.parametrize(
    ("steps", "outcome", "reason"),
    [
        ("- read: {memory: 0x100000, size: 1, as: x}", Outcome.ERROR, "are not all RAM"),
        ("- write: {memory: 0xfffff, text: ab}", Outcome.ERROR, "are not all RAM"),
        (
            "- write: {memory: 0, size: 1, value: 255 + 1}",
            Outcome.FAILED,
            "0x100 does not fit into 8 bits",
        ),
        (
            "- write: {memory: 0, size: 1, value: 3 / 2}",
            Outcome.FAILED,
            "1.5 is not a whole number",
        ),
    ],
)
def test_what_cannot_be(run_text: Run, steps: str, outcome: Outcome, reason: str) -> None:
    result = run_text(document(steps + "\n"))
    assert result.outcome is outcome
    assert reason in result.reason


@BACKENDS
def test_run_until_a_time(run_text: Run, backend: str) -> None:
    result = run_text(
        document(
            "- run_until: 5ms\n- assert: machine.time >= 5*ms\n- run_until: {time: 3ms}\n",
            backend,
        )
    )
    assert result.outcome is Outcome.FAILED
    assert result.reason.startswith("guest time is past 3 ms already: ")
    assert [step.outcome for step in result.steps[:-1]] == [Outcome.PASSED] * 3


def test_run_until_is_exact_where_instructions_count(run_text: Run) -> None:
    result = run_text(
        document(
            "- run_until: {instructions: 1000}\n- assert: machine.instructions == 1000\n"
            "- run_until: {instructions: 1000}\n- run_until: 5us\n- run_until: 5us\n"
            "- assert: machine.time == 5*us\n- run_until: {instructions: 1000}\n"
        )
    )
    assert result.outcome is Outcome.FAILED
    assert result.reason == "more than 1000 instructions are retired already: 5000"


@BACKENDS
def test_run_until_a_condition(run_text: Run, backend: str) -> None:
    result = run_text(
        document(
            "- run_until: {condition: '\"tick 2\" in console.text', every: 5ms, within: 5s}\n"
            "- assert: '\"tick 9\" not in console.text'\n",
            backend,
            "ticks",
        )
    )
    assert (result.outcome, result.reason) == (Outcome.PASSED, "")


@pytest.mark.parametrize(
    ("guest", "step", "reason"),
    [
        (
            "runaway",
            "- run_until: {condition: machine.time > 5*s, within: 1ms, every: 100us}",
            "not true within 1 ms of guest time: machine.time > 5*s",
        ),
        (
            "hello",
            "- run_until: {condition: machine.time > 5*s}",
            "the guest stopped before this was true: machine.time > 5*s: ",
        ),
        ("hello", "- run_until: 1s", "the guest stopped before guest time was 1 s: "),
        (
            "hello",
            "- run_until: {instructions: 100000}",
            "the guest stopped before 100000 instructions: ",
        ),
        (
            "runaway",
            "- run_until: {instructions: 100000, within: 1us}",
            "only 1000 instructions after 1 us of guest time",
        ),
    ],
)
def test_run_until_what_does_not_come(run_text: Run, guest: str, step: str, reason: str) -> None:
    result = run_text(document(step + "\n", guest=guest))
    assert result.outcome is Outcome.FAILED
    assert result.reason.startswith(reason)


@BACKENDS
def test_a_machine_is_closed_and_made_anew(run_text: Run, backend: str) -> None:
    result = run_text(
        document(
            """\
- expect: {text: Hello, as: first}
- close: {}
- boot: {}
- expect: {text: Hello, as: second}
- assert: second.time > first.time
- expect: {stop: debug-exit}
""",
            backend,
            "hello",
        )
    )
    assert (result.outcome, result.reason) == (Outcome.PASSED, "")
    assert [machine.name for machine in result.machines] == ["machine", "machine-2"]
    assert result.machines[0].stop is not None
    assert result.machines[0].stop.reason == "match"


@BACKENDS
def test_a_machine_is_reset(run_text: Run, backend: str) -> None:
    """What was booted is there anew, and runs from its beginning; time goes on."""
    result = run_text(
        document(
            """\
- expect: {text: "resetting by i8042"}
- expect: {stop: reset, as: asked}
- reset: {}
- expect: {text: "resetting by i8042", as: again}
- expect: {stop: reset}
- assert: again.time > asked.time
""",
            backend,
            "reboot",
        )
    )
    assert (result.outcome, result.reason) == (Outcome.PASSED, "")


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("read: {memory: 1, as: x}", "'size' is missing in read: how many bytes of memory"),
        ("read: {register: rip, size: 4, as: x}", "'size' goes with 'memory' only"),
        ("read: {register: eip}", "'as' is missing in read"),
        ("read: {register: rflag, as: x}", "unknown register 'rflag' (did you mean 'rflags'?)"),
        ("read: {as: x}", "says nothing to read: give 'memory' or 'register'"),
        ("read: {memory: 1, register: rip, as: x}", "reads one thing"),
        ("read: {memory: -1, size: 1, as: x}", "must be 0 to 2^64 - 1, not -1"),
        ("read: {memory: 1.5, size: 1, as: x}", "must be a whole number or an expression"),
        ("read: {memory: 5*second, size: 1, as: x}", "must be a whole number, and this is a time"),
        ("read: {memory: a.b, size: 1, as: x}", "unknown name 'a'"),
        ("read: {memory: 1, size: 5000, as: x}", "size must be at most 4096, not 5000"),
        ("read: rip", "says what to read, and its name"),
        ("write: {register: rip}", "says nothing to write: give 'value'"),
        ("write: {memory: 1}", "says nothing to write: give 'value', 'bytes' or 'text'"),
        ("write: {value: 1}", "says nothing to write to: give 'memory' or 'register'"),
        ("write: {memory: 1, value: 1}", "a 'value' in memory has a 'size': 1, 2, 4 or 8 bytes"),
        ("write: {memory: 1, value: 1, size: 3}", "a 'value' in memory has a 'size'"),
        ("write: {memory: 1, value: 256, size: 1}", "0x100 does not fit into 8 bits"),
        ("write: {register: ax, value: 0x10000}", "0x10000 does not fit into 16 bits"),
        ("write: {register: cs, value: 1}", "'cs' is only read here"),
        ("write: {register: rip, text: x}", "a register takes a 'value'"),
        ("write: {memory: 1, bytes: xyz}", "must be bytes in hex, as in 'de ad be ef'"),
        ("write: {memory: 1, bytes: ab, text: x}", "writes one thing, not 'bytes' and 'text'"),
        ("write: {memory: 1, text: x, size: 1}", "'size' goes with a 'value' in memory only"),
        ("write: {memory: 1, txt: x}", "unknown key 'txt' in write (did you mean 'text'?)"),
        ("run_until: 3", "a duration has a unit (did you mean '3s'?)"),
        ("run_until: {}", "says not until when"),
        ("run_until: {time: 1s, instructions: 1}", "runs until one thing"),
        ("run_until: {time: 1s, within: 1s}", "leave 'within' out"),
        ("run_until: {time: 1s, every: 1s}", "'every' goes with 'condition' only"),
        ("run_until: {condition: machine.time}", "nothing is compared here"),
        ("run_until: {condition: machine.time > 5}", "'5' has no unit, beside a time"),
        (
            "run_until: {condition: machine.time > 5*s, every: 1ns}",
            "looks too often: at most 1000000 times",
        ),
        ("run_until: {time: 1s, machine: machine}", "'machine' goes with 'instructions' only"),
    ],
)
def test_mistakes(read: Callable[[str], Document], step: str, said: str) -> None:
    with pytest.raises(ScenarioInvalid) as caught:
        read(document(f"- {step}\n"))
    assert said in caught.value.problems[0].message
    assert caught.value.problems[0].line == 6


def test_what_kvm_does_not_count(read: Callable[[str], Document]) -> None:
    with pytest.raises(ScenarioInvalid, match="kvm does not count instructions; use 'time'"):
        read(document("- run_until: {instructions: 5}\n", "kvm"))


def test_a_number_that_is_too_large_for_one(read: Callable[[str], Document]) -> None:
    text = document("- read: {memory: 0, size: 9, as: x}\n- assert: x.value == 1\n")
    with pytest.raises(ScenarioInvalid, match=r"'x\.value' has no value: 9 bytes are no number"):
        read(text)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("- close: {}\n- run_for: 1s", "nothing is booted yet"),
        ("- close: {}\n- send: x", "the machine was closed in line 6"),
        ("- close: {}\n- close: {}", "the machine was closed in line 6"),
        ("- close: {}\n- assert: machine.time > 5*s", "'machine' was closed in line 6"),
    ],
)
def test_what_is_closed(read: Callable[[str], Document], steps: str, said: str) -> None:
    with pytest.raises(ScenarioInvalid) as caught:
        read(document(steps + "\n"))
    (problem,) = caught.value.problems
    assert said in problem.message
