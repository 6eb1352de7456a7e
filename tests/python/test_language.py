# SPDX-License-Identifier: GPL-2.0-or-later
"""Documents that are right: what they mean. And files that are no documents at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import BASE
from hvlab.errors import ScenarioError
from hvlab.scenario import plan, regex
from hvlab.scenario.boots import FlatBoot, LinuxBoot
from hvlab.scenario.document import Document, load
from hvlab.scenario.problems import ScenarioInvalid
from hvlab.scenario.select import SelectionError, compile_selection
from hvlab.scenario.steps.assertion import Assert
from hvlab.scenario.steps.expect import Expect
from hvlab.scenario.steps.run_for import RunFor
from hvlab.scenario.steps.send import Send

Read = Callable[[str], Document]

FULL = """\
schema: 1
name: linux-checksum
tags: [linux, smoke]
seed: 7
matrix:
  backend: [unicorn, kvm]
  memory: [128MiB, 256MiB]
  exclude: [{backend: kvm, memory: 256MiB}]
requires: {kvm: hardware}
limits: {wall: 1min, time: 60s}
vars: {prompt: "/ # ", size: 16}
machine:
  backend: ${matrix.backend}
  memory: ${matrix.memory}
  unhandled: stop
  boot: {linux: "fixture:linux", initrd: "fixture:busybox", cmdline: "console=ttyS0"}
steps:
  - boot: {}
  - expect: {text: "${prompt}", within: 20s, as: ready}
  - send: "head -c ${size}M /dev/zero | md5sum # $${HOME} $HOME\\n"
  - expect: {regex: '^(?P<sum>[0-9a-f]{32}) ', within: 10s, as: digest}
  - measure: {name: boot_time, value: ready.time, limit: "< 5*second"}
  - assert: digest.sum == "2c7ab85a893283e98c931e9511add182"
  - run_for: 2s
on_failure: [console]
"""


def test_a_full_document(read: Read) -> None:
    document = read(FULL)
    assert [case.id for case in document.cases] == [
        "case.hvlab.yaml::linux-checksum[backend=unicorn-memory=128MiB]",
        "case.hvlab.yaml::linux-checksum[backend=unicorn-memory=256MiB]",
        "case.hvlab.yaml::linux-checksum[backend=kvm-memory=128MiB]",
    ]
    first, second, third = document.cases
    assert third.scenario.machine.backend == "kvm"
    assert third.scenario.requires.kvm == "hardware"
    # Reading a document asks nothing of the host: that is the run's business.
    assert all(case.barrier is None for case in document.cases)
    scenario = second.scenario
    assert scenario.machine.memory == 256 << 20
    assert scenario.machine.boot == LinuxBoot(
        linux="fixture:linux", initrd="fixture:busybox", cmdline="console=ttyS0"
    )
    assert scenario.limits.wall == 60 * 10**9
    assert first.seed == second.seed == 7
    bodies = [step.body for step in scenario.steps]
    assert isinstance(bodies[1], Expect)
    assert (bodies[1].text, bodies[1].within, bodies[1].as_) == ("/ # ", 20 * 10**9, "ready")
    assert bodies[2] == Send(text="head -c 16M /dev/zero | md5sum # ${HOME} $HOME\n")
    assert bodies[5] == Assert(that='digest.sum == "2c7ab85a893283e98c931e9511add182"')
    assert isinstance(bodies[6], RunFor)
    assert bodies[6].time == 2 * 10**9


def test_defaults(read: Read) -> None:
    (case,) = read(BASE).cases
    assert case.id == "case.hvlab.yaml::t"
    machine = case.scenario.machine
    assert (machine.backend, machine.memory, machine.cpu) == ("unicorn", 64 << 20, "x86-64-v2")
    assert machine.boot == FlatBoot(flat="fixture:hello", load_address=0x7C00, entry=None)
    assert case.scenario.limits.wall == 5 * 60 * 10**9
    assert case.scenario.on_failure == ["console", "screen", "registers", "stack"]


def test_short_and_long_forms_are_the_same(read: Read) -> None:
    short = read(BASE + "- send: x\n- run_for: 2s\n- assert: machine.time > 0\n").cases[0]
    long = read(
        BASE + "- send: {text: x}\n- run_for: {time: 2s}\n- assert: {that: machine.time > 0}\n"
    ).cases[0]
    assert short.scenario == long.scenario


def test_the_default_seed_is_of_the_case_and_not_of_the_folder(tmp_path: Path) -> None:
    seeds = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        file = tmp_path / folder / "case.hvlab.yaml"
        file.write_text(BASE.replace("name: t", "name: t\nmatrix: {n: [1, 2]}"))
        seeds.append([case.seed for case in load(file).cases])
    assert seeds[0] == seeds[1]
    assert seeds[0][0] != seeds[0][1]
    # A change of these would change every run without a seed of its own.
    assert seeds[0] == [3700692256, 135422938]


def test_matrix_include_and_values_with_their_types(read: Read) -> None:
    document = read(
        BASE.replace(
            "name: t", "name: t\nmatrix: {n: [1, 2], include: [{n: 7}], exclude: [{n: 2}]}"
        )
        + "- expect: {stop: budget, instructions: '${matrix.n}'}\n- send: 'x${matrix.n}'\n"
        + "- assert: matrix.n < 8\n"
    )
    assert [case.name for case in document.cases] == ["t[n=1]", "t[n=7]"]
    body = document.cases[1].scenario.steps[1].body
    assert isinstance(body, Expect)
    assert body.instructions == 7
    assert document.cases[1].scenario.steps[2].body == Send(text="x7")


def test_variables_may_refer_to_the_matrix(read: Read) -> None:
    document = read(
        BASE.replace("name: t", 'name: t\nmatrix: {n: [1, 2]}\nvars: {word: "w${matrix.n}"}')
        + '- send: "${word} ${vars.word}"\n'
    )
    assert [case.scenario.steps[1].body for case in document.cases] == [
        Send(text="w1 w1"),
        Send(text="w2 w2"),
    ]


def test_names_like_units_and_functions_are_free(read: Read) -> None:
    read(BASE + "- expect: {text: x, as: second}\n- assert: second.time < 5*second\n")
    read(BASE + "- expect: {text: x, as: min}\n- assert: min(min.time, 1*s) < 5*second\n")


def test_an_image_beside_the_document(read: Read, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "boot.bin").write_bytes(b"\xf4")
    text = BASE.replace("fixture:hello", "images/boot.bin")
    assert read(text).cases[0].source.folder == tmp_path
    (tmp_path / "images" / "out").symlink_to("/etc/passwd")
    with pytest.raises(ScenarioInvalid, match="outside the scenario's folder"):
        read(BASE.replace("fixture:hello", "images/out"))
    assert read(BASE.replace("fixture:hello", "/etc/passwd")).cases


def test_no_step_is_checked_for_one_cell_only(read: Read) -> None:
    with pytest.raises(ScenarioInvalid) as caught:
        read(
            BASE.replace("name: t", "name: t\nmatrix: {t: [1s, 2ms, 3lightyears]}")
            + "- run_for: ${matrix.t}\n"
        )
    (problem,) = caught.value.problems
    assert "unknown unit 'lightyears'" in problem.message
    assert (problem.line, problem.column, problem.path) == (3, 23, "steps[1].run_for")


def test_control_characters_of_a_document_do_not_reach_the_terminal(read: Read) -> None:
    with pytest.raises(ScenarioInvalid) as caught:
        read(BASE + '"\\e[2J": x\n')
    assert "\x1b" not in str(caught.value)
    assert "\\x1b[2J" in str(caught.value)


# Files.


def test_what_is_no_regular_file_of_a_reasonable_size(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo.hvlab.yaml"
    os.mkfifo(fifo)
    large = tmp_path / "large.hvlab.yaml"
    large.write_bytes(b"#" * (768 * 1024 + 1))
    sparse = tmp_path / "sparse.hvlab.yaml"
    with sparse.open("wb") as file:
        file.truncate(1 << 40)
    for path, said in (
        (tmp_path, "not a regular file but a folder"),
        (fifo, "not a regular file but a FIFO"),
        (Path("/dev/zero"), "not a regular file but a character device"),
        (large, "too large for a scenario: 786433 bytes"),
        (sparse, "too large for a scenario: 1099511627776 bytes"),
        (tmp_path / "none", "cannot open it: No such file or directory"),
        (Path("a\0b"), "its path has control characters"),
        (Path("a\nb"), "its path has control characters"),
        (Path(os.fsdecode(b"\xff")), "or is not UTF-8"),
    ):
        with pytest.raises(ScenarioError, match=said) as caught:
            load(path)
        assert caught.value.file == str(path)


def test_what_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "x.hvlab.yaml"
    path.write_bytes(b"schema: 1\nname: \xc3\xa9\xff\n")
    with pytest.raises(ScenarioError, match="not UTF-8: byte 0xff") as caught:
        load(path)
    assert (caught.value.line, caught.value.column) == (2, 8)
    path.write_bytes(b"schema: 1\nname: a\0b\n")
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert caught.value.line == 2


def test_a_byte_order_mark_is_no_character(tmp_path: Path) -> None:
    path = tmp_path / "x.hvlab.yaml"
    path.write_bytes(b"\xef\xbb\xbfshcema: 1\n")
    with pytest.raises(ScenarioInvalid) as caught:
        load(path)
    assert {(p.line, p.column) for p in caught.value.problems if "shcema" in p.message} == {(1, 1)}


def test_errors_are_cut_off_at_some_point(read: Read) -> None:
    with pytest.raises(ScenarioInvalid) as caught:
        read(BASE + "- asert: x\n" * 100)
    assert len(caught.value.problems) == 100
    assert str(caught.value).endswith("case.hvlab.yaml: and 50 more errors")
    with pytest.raises(ScenarioInvalid) as caught:
        read(BASE + "- asert: x\n" * 3000)
    assert len(caught.value.problems) == 200
    assert str(caught.value).endswith("case.hvlab.yaml: and at least 150 more errors")


@pytest.mark.parametrize(
    ("pattern", "at_least", "at_most"),
    [
        ("^(?P<sum>[0-9a-f]{32}) ", 200, 1000),
        ("[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", 200, 1000),
        (r"(\pL\p{Greek}){50}", 30_000, 35_000),
        (r"[a\pL]{1,100}", 30_000, 35_000),
        ("((x{10}){10}){10}", 1000, 1500),
        ("(" * 100, 0, 100),
        (")" * 100, 0, 100),
        ("x{}{,5}{-1}{99999}", 0, 20),
    ],
)
def test_the_weight_of_a_pattern(pattern: str, at_least: int, at_most: int) -> None:
    assert at_least <= regex.weight(pattern) <= at_most


def test_patterns_are_bounded_together(read: Read) -> None:
    def expects(count: int) -> str:
        return BASE + "".join(f"- expect: {{regex: '{i}(\\pL){{50}}'}}\n" for i in range(count))

    assert read(expects(5)).cases
    with pytest.raises(ScenarioInvalid, match="regular expressions of this document are too large"):
        read(expects(20))
    by_matrix = "matrix: {a: [" + ",".join(map(str, range(100))) + "]}\n"
    with pytest.raises(ScenarioInvalid, match="regular expressions of this document are too large"):
        read(BASE + "- expect: {regex: '${matrix.a}(\\pL){50}'}\n" + by_matrix)


# Selection.


@pytest.mark.parametrize(
    ("text", "words", "holds"),
    [
        ("a", "a", True),
        ("a and b", "a", False),
        ("a and not b", "a", True),
        ("a or b and c", "a", True),
        ("(a or b) and c", "a", False),
        ("not (a or b)", "c", True),
        ("not not a", "a", True),
        ("x.hvlab.yaml::t[n=1]", "x.hvlab.yaml::t[n=1]", True),
    ],
)
def test_selection(text: str, words: str, holds: bool) -> None:
    assert compile_selection(text, "-k")(lambda word: word in words.split()) is holds


@pytest.mark.parametrize("text", ["", "and", "a b", "(a", "a)", "not", "a or", "a " * 300])
def test_bad_selection(text: str) -> None:
    with pytest.raises(SelectionError, match=r"^-m"):
        compile_selection(text, "-m")


def test_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s" / ".hidden").mkdir(parents=True)
    for name in ("s/b", "s/a", "s/.hidden/c"):
        Path(f"{name}.hvlab.yaml").write_text(BASE.replace("t\n", "t\nmatrix: {n: [1, 2]}\n", 1))
    Path("s/other.yaml").write_text("not: ours\n")
    ids = [case.id for case in plan.find(["s"]).cases]
    assert ids == [f"s/{file}.hvlab.yaml::t[n={n}]" for file in "ab" for n in (1, 2)]
    one = "s/b.hvlab.yaml::t[n=2]"
    assert [case.id for case in plan.find([one, "./s/b.hvlab.yaml::t[n=2]"]).cases] == [one]
    assert [case.id for case in plan.choose(plan.find(["s"]).cases, "a.hv and n=2")] == [ids[1]]
    with pytest.raises(plan.TargetError, match=r"no case 't\[n=3\]' \(did you mean 't\[n=2\]'\?\)"):
        plan.find(["s/b.hvlab.yaml::t[n=3]"])
    with pytest.raises(plan.TargetError, match=r"no such file or folder \(did you mean 's'\?\)"):
        plan.find(["ss"])


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("", "names no file"),
        ("::t", "names no file"),
        ("a.hvlab.yaml::", "or no case of it"),
        ("a" * 5000, r"^a{200}\.\.\.: File name too long$"),
        ("a.hvlab.yaml/b", "Not a directory"),
        ("a\0b", "embedded null byte"),
        ("loop", "Too many levels of symbolic links"),
        ("dangling", "dangling: a link to a file that is not there$"),
    ],
)
def test_targets_that_cannot_be(
    target: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.hvlab.yaml").write_text(BASE)
    Path("loop").symlink_to("loop")
    Path("dangling").symlink_to("nowhere")
    with pytest.raises(plan.TargetError, match=said):
        plan.find([target])


def test_a_folder_that_cannot_be_read_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "a.hvlab.yaml").write_text(BASE)
    scan = os.scandir

    def refuse(path: str) -> object:  # permissions do not hold for root
        if Path(path).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(plan.TargetError, match="closed: cannot read the folder: Permission denied"):
        plan.find([str(tmp_path)])


def test_links_in_a_folder_that_lead_nowhere_are_errors_of_theirs(tmp_path: Path) -> None:
    (tmp_path / "a.hvlab.yaml").write_text(BASE)
    (tmp_path / "loop.hvlab.yaml").symlink_to("loop.hvlab.yaml")
    (tmp_path / "none.hvlab.yaml").symlink_to("nowhere")
    found = plan.find([str(tmp_path)])
    assert (found.documents, len(found.cases)) == (3, 1)
    assert ["cannot open it" in error.message for error in found.errors] == [True, True]
