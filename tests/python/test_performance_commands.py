# SPDX-License-Identifier: GPL-2.0-or-later
"""`hvlab run --save` and `hvlab bench` on real guests."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import BASE, enter
from hvlab import state
from hvlab.performance import files
from hvlab.performance.compare import Options, Verdict, compare
from hvlab.performance.interleave import Side, SideFailed, in_turns
from hvlab.performance.runs import facts

HVLAB = (sys.executable, "-m", "hvlab")
SCENARIO = (
    BASE.replace("name: t", "name: work")
    + """\
- expect: {text: "Hello from the guest\\n", within: 1s, as: hello}
- measure: {name: hello_time, value: hello.time}
- expect: {stop: debug-exit, code: 0, within: 1s}
"""
)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(tmp_path, monkeypatch)
    Path("work.hvlab.yaml").write_text(SCENARIO)


def hvlab(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*HVLAB, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


def test_save_and_compare() -> None:
    for name in ("one", "two"):
        done = hvlab("run", "work.hvlab.yaml", "--save", name)
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith(f"saved as .hvlab/runs/{name}.json\n")
    done = hvlab("bench", "compare", "one", "two", "--json", "c.json")
    assert done.returncode == 0, done.stderr
    assert "3 same" in done.stdout.splitlines()[-1]
    data = json.loads(Path("c.json").read_text())
    assert (data["format"], data["version"], data["regressed"]) == ("hvlab-comparison", 1, False)
    verdicts = {row["measure"]: row["verdict"] for row in data["rows"]}
    assert verdicts == {
        "wall": "too few", "cpu": "too few",
        "guest_time": "same", "instructions": "same", "hello_time": "same",
    }  # fmt: skip
    # One more message byte: more instructions.
    run_ = files.load("one")
    kept = run_.cases[0].measure("instructions")
    assert kept is not None
    assert kept.samples[0] is not None
    kept.samples[0] -= 1
    files.save(files.prepare("three"), run_)
    done = hvlab("bench", "compare", "three", "two")
    assert done.returncode == 1
    assert "slower" in done.stdout


def test_results_files_can_be_compared() -> None:
    assert hvlab("run", "work.hvlab.yaml", "--json", "r.json").returncode == 0
    assert hvlab("run", "work.hvlab.yaml", "--save", "./s.json").returncode == 0
    done = hvlab("bench", "compare", "r.json", "s.json", "--measure", "guest_time")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("\n1 same\n")
    assert not (state.FOLDER / "runs").exists()


def test_bad_usage_of_compare() -> None:
    for arguments, message in (
        (["one", "two"], "there is no run 'one'"),
        (["x.json", "two"], "cannot read x.json"),
        (["one"], "Missing argument"),
        (["one", "two", "--floor", "0"], "0.1"),
        (["one", "two", "--json", "no/such/c.json"], "cannot write"),
    ):
        done = hvlab("bench", "compare", *arguments)
        assert done.returncode == 4, arguments
        assert message in done.stdout + done.stderr
    assert hvlab("run", "work.hvlab.yaml", "--save", "a b").returncode == 4
    assert "compare" in hvlab("bench").stdout


def test_a_run_in_which_nothing_passed_has_no_samples() -> None:
    Path("bad.hvlab.yaml").write_text(BASE + "- expect: {text: never, within: 1ms}\n")
    assert hvlab("run", "bad.hvlab.yaml", "--save", "bad").returncode == 1
    done = hvlab("bench", "compare", "bad", "bad")
    assert done.returncode == 0
    assert "no repetition of it passed in A" in done.stdout


def test_two_hvlabs_in_turns(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for name in "ab":
        script = Path(f"hvlab-{name}")
        command = " ".join(shlex.quote(word) for word in HVLAB)
        script.write_text(f'#!/bin/sh\necho {name} >> {log}\nexec {command} "$@"\n')
        script.chmod(0o755)
    done = hvlab(
        "bench", "run", "work.hvlab.yaml", "--a", "./hvlab-a", "--b", "./hvlab-b", "--repeat", "3",
        "--save-a", "before", "--save-b", "after",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert log.read_text().split() == ["b", "a", "a", "b", "b", "a", "a", "b"]
    assert "Runs in turns" in done.stdout
    assert "3 of at least" in done.stdout
    before, after = files.load("before"), files.load("after")
    assert before.pairing == after.pairing != ""
    assert before.cases[0].repetitions == [0, 1, 2]
    assert before.facts == facts(1)


def test_a_slower_guest_is_found_in_turns() -> None:
    """By its instruction count, with one round; by the clock it takes more of them."""
    sides = []
    for name, guest_time in (("A", "20ms"), ("B", "22ms")):
        folder = Path(name)
        folder.mkdir()
        text = BASE.replace("hello", "runaway") + f"- run_for: {guest_time}\n"
        (folder / "work.hvlab.yaml").write_text(text)
        sides.append(Side(name, HVLAB, (), folder))
    a, b = in_turns(*sides, targets=["work.hvlab.yaml"], rounds=1, warm_up=0)
    found = {row.measure: row for row in compare(a, b, Options()).rows}
    assert found["instructions"].verdict is Verdict.WORSE
    assert found["instructions"].ratio == pytest.approx(1.1)
    assert found["wall"].verdict is Verdict.TOO_FEW


def test_a_bench_that_is_ended_leaves_nothing_running(tmp_path: Path) -> None:
    Path("spin.hvlab.yaml").write_text(BASE.replace("hello", "runaway") + "- run_for: 100h\n")
    command = " ".join(shlex.quote(word) for word in HVLAB)
    script = Path("hvlab-a")
    script.write_text(f'#!/bin/sh\necho $$ > {tmp_path}/pid\nexec {command} "$@"\n')
    script.chmod(0o755)
    bench = subprocess.Popen(
        [*HVLAB, "bench", "run", "spin.hvlab.yaml", "--a", "./hvlab-a", "--b", "./hvlab-a"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    pid = awaited(tmp_path / "pid")
    bench.send_signal(signal.SIGTERM)
    _, said = bench.communicate(timeout=60)
    assert (bench.returncode, said) == (2, "interrupted\n")
    assert not Path(f"/proc/{pid}").exists()
    assert files.saved() == []


def awaited(path: Path) -> int:
    """The number in a file that somebody is about to write."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if path.exists() and (text := path.read_text().strip()):
            return int(text)
        time.sleep(0.01)
    raise AssertionError(f"{path} was not written")


def test_a_side_that_cannot_be_run() -> None:
    good, none = Side("A", HVLAB), Side("B", ("./none",))
    with pytest.raises(SideFailed, match=r"B: cannot start \./none: No such file"):
        in_turns(good, none, ["work.hvlab.yaml"], 1)
    with pytest.raises(SideFailed, match="ended with exit code 4") as caught:
        in_turns(good, good, ["missing.hvlab.yaml"], 1)
    assert "no such file" in str(caught.value)
    assert caught.value.exit_code == 4
    done = hvlab("bench", "run", "work.hvlab.yaml", "--a", "'", "--repeat", "1")
    assert (done.returncode, "no closing quotation" in done.stderr) == (4, True)
    done = hvlab("bench", "run", "work.hvlab.yaml", "--save-a", "x", "--save-b", "x")
    assert (done.returncode, "are the same run" in done.stderr) == (4, True)
