# SPDX-License-Identifier: GPL-2.0-or-later
"""`include`: the steps of other files, and what can be wrong with them."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import BASE
from hvlab.scenario.document import Document
from hvlab.scenario.problems import ScenarioInvalid
from hvlab.scenario.results import CaseResult, Outcome
from hvlab.scenario.schema import steps_schema
from hvlab.scenario.steps.send import Send

Read = Callable[[str], Document]

GREET = """\
schema: 1
vars: {word: hello, within: 1s}
steps:
- send: "${word}\\n"
- expect: {text: "echo: ${word}", within: "${within}", as: "said_${word}"}
"""


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., None]:
    """Writes files into the scenario's folder: `files(name=text)`, `_` for `/`, without the suffix."""

    def write(**texts: str) -> None:
        for name, text in texts.items():
            path = tmp_path / f"{name.replace('_', '/')}.steps.yaml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")

    return write


def problems(read: Read, steps: str) -> str:
    with pytest.raises(ScenarioInvalid) as caught:
        read(BASE + steps)
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems
    return str(caught.value)


def test_the_steps_take_its_place(read: Read, files: Callable[..., None]) -> None:
    files(greet=GREET)
    (case,) = read(
        BASE + "- include: greet.steps.yaml\n"
        "- include: {file: greet.steps.yaml, vars: {word: bye}}\n- run_for: 1s\n"
    ).cases
    keywords = [step.keyword for step in case.scenario.steps]
    assert keywords == ["boot", "send", "expect", "send", "expect", "run_for"]
    assert case.scenario.steps[3].body == Send(text="bye\n")
    assert pickle.loads(pickle.dumps(case)).marks == case.marks


def test_values_keep_their_types_and_may_come_from_outside(
    read: Read, files: Callable[..., None]
) -> None:
    files(
        deep_inner='schema: 1\nvars: {n: 1}\nsteps:\n- send: "n${n}"\n'
        "- expect: {stop: budget, instructions: '${n}'}\n- send: '$${n} ${matrix.m}'\n",
        outer="schema: 1\nvars: {count: 2}\nsteps:\n"
        "- include: {file: deep/inner.steps.yaml, vars: {n: '${count}'}}\n",
    )
    text = BASE.replace("name: t", "name: t\nmatrix: {m: [7]}\nvars: {outside: 5}")
    (case,) = read(
        text + "- include: {file: outer.steps.yaml, vars: {count: '${outside}'}}\n"
    ).cases
    bodies = [step.body for step in case.scenario.steps[1:]]
    assert bodies[0] == Send(text="n5")
    assert getattr(bodies[1], "instructions", None) == 5
    assert bodies[2] == Send(text="${n} 7")


def test_a_failure_points_into_the_included_file(
    run_text: Callable[[str], CaseResult], files: Callable[..., None]
) -> None:
    files(bad="schema: 1\nsteps:\n\n- assert: machine.time > 5*s\n")
    result = run_text(BASE + "- run_for: 100ns\n- include: bad.steps.yaml\n")
    assert result.outcome is Outcome.FAILED
    failure = result.failure
    assert failure is not None
    assert (failure.file, failure.line, failure.column) == ("bad.steps.yaml", 4, 3)
    assert failure.excerpt == (
        "bad.steps.yaml:4:3: failed: not true: machine.time > 5*s\n"
        "    4 | - assert: machine.time > 5*s\n"
        "      |   ^~~~~~\n"
        "      included in case.hvlab.yaml:7"
    )
    assert [(step.file, step.line) for step in result.steps] == [
        ("case.hvlab.yaml", 5),
        ("case.hvlab.yaml", 6),
        ("bad.steps.yaml", 4),
    ]


def test_errors_of_both_files_in_the_order_of_the_document(
    read: Read, files: Callable[..., None]
) -> None:
    files(bad="schema: 1\nsteps:\n- expect: {txt: x}\n- assert: machine.tim > 5*s\n")
    text = problems(read, "- sned: x\n- include: bad.steps.yaml\n- asert: y\n")
    heads = [line for line in text.splitlines() if ": error: " in line]
    assert heads == [
        "case.hvlab.yaml:6:3: error: unknown step 'sned' (did you mean 'send'?)",
        "bad.steps.yaml:3:12: error: unknown key 'txt' in expect (did you mean 'text'?)",
        "bad.steps.yaml:4:11: error: 'machine' has no 'tim' (did you mean 'time'?)",
        "case.hvlab.yaml:8:3: error: unknown step 'asert' (did you mean 'assert'?)",
    ]
    assert text.count("      included in case.hvlab.yaml:7") == 2


def test_a_file_that_is_included_twice_names_things_twice(
    read: Read, files: Callable[..., None]
) -> None:
    files(greet=GREET)
    text = problems(read, "- include: greet.steps.yaml\n- include: greet.steps.yaml\n")
    assert "'said_hello' is named already, in line 5" in text
    assert "included in case.hvlab.yaml:7" in text
    text = problems(read, "- expect: {text: x, as: said_hello}\n- include: greet.steps.yaml\n")
    assert "'said_hello' is named already, in line 6 of case.hvlab.yaml" in text


def test_a_wrong_value_for_a_variable(read: Read, files: Callable[..., None]) -> None:
    files(greet=GREET)
    text = problems(read, "- include: {file: greet.steps.yaml, vars: {within: 5}}\n")
    assert text.startswith("greet.steps.yaml:5:")
    assert "a duration has a unit (did you mean '5s'?)" in text


@pytest.mark.parametrize(
    ("included", "said"),
    [
        ("", "greet.steps.yaml:1:1: error: a file of steps is a mapping of keys"),
        ("- boot: {}\n", "greet.steps.yaml:1:1: error: a file of steps is a mapping of keys"),
        ("steps:\n- run_for: 1s\n", "greet.steps.yaml:1:1: error: 'schema' is missing"),
        ("schema: 1\n", "greet.steps.yaml:1:1: error: 'steps' is missing"),
        ("schema: 2\nsteps: [{run_for: 1s}]\n", "greet.steps.yaml:1:9: error: schema must be 1"),
        ("schema: 1\nsteps: []\n", "greet.steps.yaml:2:8: error: steps is empty"),
        (
            "schema: 1\nname: x\nsteps: [{run_for: 1s}]\n",
            "greet.steps.yaml:2:1: error: unknown key 'name' in a file of steps; it has schema, "
            "vars, steps",
        ),
        ("schema: 1\nsteps: [\n", "greet.steps.yaml:3:1: error: "),
        (
            "schema: 1\nsteps:\n- send: '${prompt}'\n",
            "greet.steps.yaml:3:10: error: unknown name 'prompt'",
        ),
        (
            "schema: 1\nvars: {prompt: x}\nsteps:\n- send: '${promt}'\n",
            "greet.steps.yaml:4:10: error: unknown name 'promt' (did you mean 'prompt'?)",
        ),
    ],
)
def test_what_is_wrong_with_a_file(
    read: Read, files: Callable[..., None], included: str, said: str
) -> None:
    files(greet=included)
    text = BASE.replace("name: t", "name: t\nvars: {prompt: x}")
    with pytest.raises(ScenarioInvalid) as caught:
        read(text + "- include: greet.steps.yaml\n")
    assert str(caught.value).startswith(said)
    assert "included in case.hvlab.yaml:7" in str(caught.value)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (
            "include: greet.yaml",
            "does not end in .steps.yaml, as the name of an included file does",
        ),
        (
            "include: greets.steps.yaml",
            "No such file or directory (did you mean 'greet.steps.yaml'?)",
        ),
        ("include: ../greet.steps.yaml", "is outside the scenario's folder"),
        ("include: /etc/passwd.steps.yaml", "is outside the scenario's folder"),
        ("include: '${matrix.os}.steps.yaml'", "which file is included is known before ${...}"),
        ("include: out.steps.yaml", "is outside the scenario's folder"),
        ("include: fifo.steps.yaml", "not a regular file but a FIFO"),
        ("include: folder.steps.yaml", "not a regular file but a folder"),
        ("include: huge.steps.yaml", "too large for a scenario"),
        (
            "include: latin.steps.yaml",
            "not UTF-8: byte 0xff (invalid start byte) (line 1, column 1)",
        ),
        ("include: {file: greet.steps.yaml, vars: {wrd: x}}", "(did you mean 'word'?)"),
        ("include: {file: greet.steps.yaml, vars: {word: [x]}}", "must be a text, a number"),
        ("include: {}", "'file' is missing in include"),
        ("include: {file: greet.steps.yaml, var: {}}", "unknown key 'var' in include"),
        ("include: self.steps.yaml", "it includes itself: self.steps.yaml -> self.steps.yaml"),
        ("include: ping.steps.yaml", "ping.steps.yaml -> pong.steps.yaml -> ping.steps.yaml"),
        ("include: d0.steps.yaml", "files include each other more than 8 deep"),
        ("include: wide.steps.yaml", "more than 100 files are included"),
        ("include: loop.steps.yaml", "ymlink"),
    ],
)
def test_what_is_wrong_with_an_include(
    read: Read, files: Callable[..., None], tmp_path: Path, step: str, said: str
) -> None:
    one = "schema: 1\nsteps:\n"
    files(
        greet=GREET,
        self=one + "- include: self.steps.yaml\n",
        ping=one + "- include: pong.steps.yaml\n",
        pong=one + "- include: ping.steps.yaml\n",
        wide=one + "- include: greet.steps.yaml\n" * 101,
        **{f"d{n}": f"{one}- include: d{n + 1}.steps.yaml\n" for n in range(9)},
        d9=GREET,
    )
    (tmp_path / "out.steps.yaml").symlink_to("/etc/passwd")
    (tmp_path / "loop.steps.yaml").symlink_to("loop.steps.yaml")
    os.mkfifo(tmp_path / "fifo.steps.yaml")
    (tmp_path / "folder.steps.yaml").mkdir()
    with (tmp_path / "huge.steps.yaml").open("wb") as file:
        file.truncate(1 << 40)
    (tmp_path / "latin.steps.yaml").write_bytes(b"\xff")
    text = problems(read, f"- {step}\n")
    assert said in text
    assert text.count(": error: ") == 1


def test_a_bomb_of_includes_is_refused_early(read: Read, files: Callable[..., None]) -> None:
    many = "schema: 1\nsteps:\n" + "- send: x\n" * 2000
    files(many=many)
    text = problems(read, "- include: many.steps.yaml\n" * 5)
    assert "have more than 10000 keys and values" in text


def test_a_link_inside_the_folder_is_followed(
    read: Read, files: Callable[..., None], tmp_path: Path
) -> None:
    files(greet=GREET)
    (tmp_path / "link.steps.yaml").symlink_to("greet.steps.yaml")
    assert len(read(BASE + "- include: link.steps.yaml\n").cases[0].scenario.steps) == 3


def test_the_schema_of_such_files() -> None:
    import jsonschema

    schema = steps_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    good = {"schema": 1, "vars": {"word": "x"}, "steps": [{"send": "${word}"}]}
    assert validator.is_valid(good)
    assert not validator.is_valid({**good, "name": "x"})
    assert not validator.is_valid({**good, "steps": [{"sned": "x"}]})
