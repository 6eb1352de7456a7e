# SPDX-License-Identifier: GPL-2.0-or-later
"""JUnit, JSON, artifacts and text, from results made by hand."""

from __future__ import annotations

import datetime
import json
import os
import re
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import hvlab
from conftest import BASE
from hvlab.errors import HostError
from hvlab.introspection import inspect
from hvlab.report import artifacts, files, json_report, junit, text
from hvlab.scenario.document import Document
from hvlab.scenario.results import (
    CaseResult,
    EventResult,
    Failure,
    ImageResult,
    MachineResult,
    MeasureResult,
    Outcome,
    RunResult,
    StepResult,
    StopResult,
)

STARTED = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
PASSED = CaseResult(
    id="scenarios/a.hvlab.yaml::a[n=1]",
    file="scenarios/a.hvlab.yaml",
    name="a[n=1]",
    outcome=Outcome.PASSED,
    backend="unicorn",
    seed=7,
    parameters={"n": 1},
    tags=("smoke",),
    line=2,
    reproduce="hvlab run 'scenarios/a.hvlab.yaml::a[n=1]' --seed 7",
    steps=(StepResult(0, "boot", "boot", 5, Outcome.PASSED, None, 0, 0.001),),
    measures=(
        MeasureResult("boot_time", 1_204_000_000, "ns", "< 5*second", True),
        MeasureResult("ratio", 0.5, "", "", None),
    ),
    machines=(
        MachineResult(
            "machine",
            images=(ImageResult("flat", "fixture:hello", "ab" * 32),),
            stop=StopResult(
                "debug-exit", 0, 2_000_000_000, 2_000_000, 0x7C10, "debug-exit with code 0"
            ),
            guest_time=2_000_000_000,
            instructions=2_000_000,
            console="hi\n",
            log=((5, "hi"),),
        ),
    ),
    wall=0.25,
)
FAILED = replace(
    PASSED,
    id="scenarios/a.hvlab.yaml::a[n=2]",
    name="a[n=2]",
    outcome=Outcome.FAILED,
    reason="not true: x.y == 1",
    failure=Failure("not true: x.y == 1", 9, 3, "a:9:3: failed: not true", 1, (("x.y", "2"),)),
    machines=(
        replace(
            PASSED.machines[0],
            log=((5, "\x1b[31mred\x00 \ud800 <&>]]>"), (6, "\x07")),
            screen="top\n\x1b[2J",
            picture="<svg/>",
            registers="rip=7c10",
            disassembly="=> 7c10  nop",
            stack="? 7c10",
            events=(EventResult(7, "port", "out 0x80 \x1b"),),
        ),
    ),
)
ERROR = replace(FAILED, name="b", id="scenarios/b.hvlab.yaml::b", file="scenarios/b.hvlab.yaml",
                outcome=Outcome.ERROR, reason="no kernel")  # fmt: skip
SKIPPED = replace(PASSED, name="a[n=3]", id="scenarios/a.hvlab.yaml::a[n=3]",
                  outcome=Outcome.SKIPPED, reason="no kvm", steps=(), machines=())  # fmt: skip
RUN = RunResult([PASSED, FAILED, SKIPPED, ERROR], wall=1.5)


def test_junit() -> None:
    root = ElementTree.fromstring(junit.render(RUN, STARTED))
    totals = {"tests": "4", "failures": "1", "errors": "1", "skipped": "1", "time": "1.500"}
    assert root.attrib == {"name": "hvlab", **totals}
    first, second = root.findall("testsuite")
    assert first.attrib["name"] == "scenarios/a.hvlab.yaml"
    assert first.attrib["timestamp"] == "2026-01-02T03:04:05+00:00"
    assert [case.attrib["name"] for case in first] == ["a[n=1]", "a[n=2]", "a[n=3]"]
    assert [case.attrib["name"] for case in second] == ["b"]
    passed, failed, skipped = first
    assert passed.attrib["classname"] == "scenarios.a"
    properties = {p.attrib["name"]: p.attrib["value"] for p in passed.iter("property")}
    assert properties == {
        "backend": "unicorn",
        "seed": "7",
        "image.flat.sha256": "ab" * 32,
        "guest_time_ns": "2000000000",
        "instructions": "2000000",
        "measure.boot_time": "1204000000 ns",
        "measure.ratio": "0.5",
        "stop": "debug-exit",
        "reproduce": "hvlab run 'scenarios/a.hvlab.yaml::a[n=1]' --seed 7",
    }
    failure = failed.find("failure")
    assert failure is not None
    assert failure.attrib == {"message": "not true: x.y == 1", "type": "failed"}
    assert (failure.text or "").startswith("a:9:3: failed: not true\nwith\n    x.y = 2\n")
    assert failed.attrib["line"] == "9"
    out = failed.find("system-out")
    assert out is not None
    assert "<&>]]>" in (out.text or "")
    skip = skipped.find("skipped")
    assert skip is not None
    assert skip.attrib["message"] == "no kvm"
    assert second.find("testcase/error") is not None


def test_json() -> None:
    data = json.loads(json_report.render(RUN, STARTED))
    assert (data["format"], data["version"], data["exit_code"]) == ("hvlab-results", 2, 1)
    assert data["summary"] == {"passed": 1, "failed": 1, "error": 1, "skipped": 1, "flaky": 0}
    failed = data["cases"][1]
    assert failed["failure"]["operands"] == [["x.y", "2"]]
    (machine,) = failed["machines"]
    assert machine["log"][1] == [6, "\x07"]
    assert machine["screen"] == "top\n\x1b[2J"
    assert machine["picture"] == "<svg/>"
    assert failed["measures"][0]["value"] == 1_204_000_000
    assert data["cases"][0]["steps"][0]["guest_end"] == 0


def registers_shown(registers: str) -> list[str]:
    machine = replace(FAILED.machines[0], registers=registers, stack="")
    lines = text.machine_lines(machine, ("registers",))
    return lines[lines.index("registers") + 1 :]


def test_text_has_the_registers_to_look_at_first_and_says_where_all_are() -> None:
    with hvlab.Machine(image=hvlab.fixture("hello")) as machine:
        machine.run(instructions=1)
        whole = inspect(machine).registers
    *shown, last = registers_shown(f"vCPU 0\n{whole}\nvCPU 1\n{whole.replace('7c00', '7d00')}")
    assert "registers.txt" in last
    names = [re.findall(r"(\w+)=", line) for line in shown]
    segment = ["base", "limit", "dpl", "type"]
    one = [
        [],
        ["rip", "rsp"],
        ["rflags", "IOPL"],
        ["cs", *segment],
        ["ss", *segment],
        ["cr2", "cr3", "cr8"],
        [],
    ]
    assert names == [[], *one, [], *one]
    assert [line.strip() for line in shown if "=" not in line] == [
        "vCPU 0", "real mode", "activity: running", "vCPU 1", "real mode", "activity: running",
    ]  # fmt: skip
    assert [line[-4:] for line in shown if "rsp=" in line] == ["7c00", "7d00"]


def test_why_there_are_no_registers_is_shown_whole() -> None:
    told = "(registers could not be collected: ValueError: rax=7)"
    assert registers_shown(told)[0].strip() == told


def test_text_has_all_that_is_known_and_nothing_that_steers_a_terminal() -> None:
    shown = text.failure_text(FAILED)
    for piece in (
        "x.y = 2",
        "0.000000005 | \\x1b[31mred\\x00",
        "screen\n    | top\n    | \\x1b[2J\n",
        "rip=7c10",
        "--seed 7",
        "rip 0x7c10",
    ):
        assert piece in shown
    assert "\x1b" not in shown
    assert "registers" not in text.failure_text(FAILED, ("console",))
    assert "screen" not in text.failure_text(FAILED, ("console",))
    assert "red" not in text.failure_text(FAILED, ())
    assert text.summary(RUN) == "1 failed, 1 error, 1 passed, 1 skipped in 1.50 s"
    assert text.case_line(PASSED).endswith("(unicorn, guest 2 s, 2 M instructions, 0.25 s)")


def test_files_are_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.xml"
    files.write_whole(path, "one")
    os.chmod(path, 0o640)  # noqa: PTH101
    files.write_whole(path, "two")
    assert path.read_text() == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HostError, match="No space left on device") as caught:
        files.write_whole(path, "three")
    assert caught.value.errno == 28
    assert path.read_text() == "two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.xml"]


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    files.write_whole(Path("/dev/null"), "x")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    with pytest.raises(HostError, match="No space left on device"):
        files.write_whole(Path("/dev/full"), "x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    files.write_whole(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "x"


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="there is no folder"):
        files.check_writable(tmp_path / "no" / "x.xml")
    with pytest.raises(HostError, match="it is a folder"):
        files.check_writable(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(HostError, match="is no folder"):
        files.check_folder(tmp_path / "file" / "x")
    files.check_writable(tmp_path / "x.xml")
    files.check_folder(tmp_path / "new" / "folder")


def test_artifacts(tmp_path: Path, read: Callable[[str], Document]) -> None:
    case = read(BASE).cases[0]
    assert artifacts.keep(tmp_path / "out", case, PASSED) is PASSED
    assert not (tmp_path / "out").exists()
    failed = replace(FAILED, output="a worker's \x1b last words")
    kept = artifacts.keep(tmp_path / "out", case, failed)
    folder = Path(kept.artifacts)
    assert sorted(entry.name for entry in folder.iterdir()) == sorted(artifacts.NAMES)
    assert (folder / "screen.svg").read_text() == "<svg/>\n"
    assert (folder / "screen.txt").read_text() == "top\n\\x1b[2J\n"
    assert (folder / "events.txt").read_text() == "   0.000000007 | port  out 0x80 \\x1b\n"
    (folder / "notes.md").write_text("mine")
    blank = replace(FAILED.machines[0], screen="", picture="", events=())
    assert (folder / "output.txt").read_text() == "a worker's \\x1b last words\n"
    again = artifacts.keep(tmp_path / "out", case, replace(failed, machines=(blank,)))
    assert again == replace(kept, machines=(blank,))
    left = {entry.name for entry in folder.iterdir()}
    assert left == {*artifacts.NAMES, "notes.md"} - {"screen.svg", "screen.txt", "events.txt"}
    assert (folder / "scenario.yaml").read_text() == BASE
    assert json.loads((folder / "result.json").read_text())["name"] == "a[n=2]"
    assert kept.properties()["artifacts"] == str(folder)


def test_artifact_folders_have_names_of_their_own() -> None:
    ids = ["a/b::c", "a_b::c", "a/b::c ", "../../x::y", "x" * 400, "x" * 401, "\u00fc", "\u00e4"]
    names = [artifacts.folder_name(case_id) for case_id in ids]
    assert len(set(names)) == len(ids)
    assert all("/" not in name and not name.startswith(".") and len(name) < 200 for name in names)
