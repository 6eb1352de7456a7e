# SPDX-License-Identifier: GPL-2.0-or-later
"""`hvlab run` with its workers, as a user meets it: order, signals, kills, repetitions, retries."""

from __future__ import annotations

import errno
import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import termios
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import pytest

from conftest import BASE, enter
from processes import children, cpu_seconds, marked, wait_until, waits_for_it

PROGRAM = (sys.executable, str(Path(__file__).parent / "misbehaviour.py"))
GOOD = BASE + "- expect: {stop: debug-exit, code: 0, as: end}\n- assert: end.time > 0\n"
SPIN = BASE.replace("hello", "runaway") + "- run_for: 100h\n"
BOTH = SPIN.replace("machine: {", "machine: {backend: '${matrix.backend}', ") + (
    "requires: {kvm: any}\nmatrix: {backend: [unicorn, kvm], n: [1, 2]}\n"
)


def steps(*deeds: str) -> str:
    return BASE + "".join(f'- send: "do: {deed}"\n' for deed in deeds)


@pytest.fixture(autouse=True)
def marker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Every test's processes can be known by it; none is left, and no temporary file."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    mark = uuid.uuid4().hex
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("HVLAB_TEST_MARKER", mark)
    work = tmp_path / "work"
    work.mkdir()
    enter(work, monkeypatch)
    yield mark
    wait_until(lambda: not marked(mark), "all processes have ended")
    assert list(temporary.iterdir()) == []


def write(**scenarios: str) -> None:
    for name, text in scenarios.items():
        Path(f"{name}.hvlab.yaml").write_text(text.replace("name: t", f"name: {name}"))


def hvlab(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    assert "Traceback" not in done.stderr
    return done


@contextmanager
def start(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as runner:
        try:
            yield runner
        finally:
            runner.kill()  # if the test has failed; else it has ended


def workers(runner: subprocess.Popen[str]) -> list[int]:
    """Their ids: what the runner's only child has forked."""
    try:
        return [worker for zygote in children(runner.pid) for worker in children(zygote)]
    except FileNotFoundError:  # one of them has just ended
        return []


def wait_until_busy(runner: subprocess.Popen[str], count: int) -> None:
    """Until that many workers run their guests, which need CPU time without end."""

    def busy() -> bool:
        assert runner.poll() is None, runner.communicate()
        try:
            return sum(cpu_seconds(pid) > 0.15 for pid in workers(runner)) >= count
        except FileNotFoundError:
            return False

    wait_until(busy, f"{count} guests run")


def ids(output: str) -> list[str]:
    """Of the cases on the lines that are shown as they come."""
    return re.findall(r"^(?:PASSED|FAILED|ERROR|SKIPPED|FLAKY) +(\S+(?: #\d+)?)  \(", output, re.M)


# Order and crashes.


def test_200_cases_at_a_time_are_shown_and_reported_in_their_order() -> None:
    numbers = ", ".join(str(n) for n in range(100))
    write(a=GOOD + f"matrix: {{n: [{numbers}]}}\n", b=GOOD + f"matrix: {{n: [{numbers}]}}\n")
    planned = hvlab("list", ".").stdout.split()
    done = hvlab("run", ".", "-j", "4", "--junit", "x.xml", "--json", "x.json")
    assert done.returncode == 0
    assert len(planned) == 200
    assert ids(done.stdout) == planned
    assert [case["id"] for case in json.loads(Path("x.json").read_text())["cases"]] == planned
    cases = ElementTree.parse("x.xml").getroot().iter("testcase")
    assert [f"{case.attrib['file']}::{case.attrib['name']}" for case in cases] == planned


def test_a_crash_is_one_cases_error_and_the_run_goes_on() -> None:
    write(a=GOOD, b=steps("print before", "read-null"), c=steps("_exit 7"), d=GOOD)
    done = hvlab("run", ".", "-j", "2", "--junit", "x.xml", "--artifacts", "out")
    assert done.returncode == 3  # it may be ours
    assert "2 error, 2 passed in" in done.stdout
    assert "b.hvlab.yaml:7:3: error: the case's process was ended by SIGSEGV" in done.stdout
    assert "Fatal Python error: Segmentation fault" in done.stdout
    assert "ended with exit code 7 before the case did" in done.stdout
    root = ElementTree.parse("x.xml").getroot()
    assert root.attrib["errors"] == "2"
    (printed,) = [e.text for e in root.iter("system-err")]
    assert printed == "before\n"
    (folder,) = Path("out").glob("b.*")
    assert (folder / "output.txt").read_text() == "before\n"


def test_what_a_case_prints_is_shown_with_it() -> None:
    write(a=steps("print loud", "fail"), b=steps("print quiet"))
    done = hvlab("run", ".")
    assert "printed by its process\n    loud\n" in done.stdout
    assert "quiet" not in done.stdout
    assert "    | quiet\n" in hvlab("run", "b.hvlab.yaml", "-v").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-j", "0"], "'0' is not auto, or a number from 1 to 256"),
        (["-j", "-1"], "-j"),
        (["-j", "many"], "'many' is not auto"),
        (["-j", "2", "--in-process"], "-j needs processes, and --in-process has none"),
        (["--repeat", "0"], "--repeat"),
    ],
)
def test_bad_usage(arguments: list[str], said: str) -> None:
    write(a=GOOD)
    done = hvlab("run", ".", *arguments)
    assert done.returncode == 4
    assert said in re.sub(r"[\s│]+", " ", done.stderr)


def test_as_many_as_there_are_processors() -> None:
    write(a=GOOD)
    assert hvlab("run", ".", "-j", "auto").returncode == 0


def test_in_process_gives_the_same_results() -> None:
    write(a=GOOD, b=BASE + "- expect: {text: never printed, within: 1ms}\n")
    shown = []
    for option in ([], ["--in-process"]):
        done = hvlab("run", ".", "-v", *option)
        assert done.returncode == 1
        shown.append(re.sub(r"\d+\.\d\d s", "", done.stdout))
    assert shown[0] == shown[1]


# Signals.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_with_a_partial_report(
    number: signal.Signals, request: pytest.FixtureRequest
) -> None:
    if signal.getsignal(number) == signal.SIG_IGN:  # as under nohup; the runner would inherit that
        signal.signal(number, signal.SIG_DFL)
        request.addfinalizer(lambda: signal.signal(number, signal.SIG_IGN))
    write(a=GOOD, b=SPIN, c=SPIN, d=GOOD)
    with start("run", ".", "-j", "2", "--junit", "x.xml", "--json", "x.json") as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline().startswith("PASSED")
        wait_until_busy(runner, 2)
        runner.send_signal(number)
        out, err = runner.communicate(timeout=60)
    assert runner.returncode == 2
    assert "Traceback" not in out + err
    assert "interrupted: 2 error, 1 passed, 1 skipped" in out
    assert ElementTree.parse("x.xml").getroot().attrib["errors"] == "2"
    cases = json.loads(Path("x.json").read_text())["cases"]
    assert [case["reason"] for case in cases] == [
        "", "interrupted", "interrupted", "not run: interrupted",
    ]  # fmt: skip
    for case in cases[1:3]:  # they said how far they were
        assert case["machines"][0]["guest_time"] > 0
        assert case["machines"][0]["registers"]


def test_a_case_that_does_not_hear_is_killed_and_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_INTERRUPT_GRACE", "0.2")
    write(a=steps("touch here", "deaf"))
    with start("run", ".", "--junit", "x.xml") as runner:
        wait_until(Path("here").exists, "the case has begun")
        runner.send_signal(signal.SIGINT)
        out, err = runner.communicate(timeout=60)
    assert (runner.returncode, err) == (2, "")
    assert "a.hvlab.yaml:7:3: error: interrupted" in out
    assert ElementTree.parse("x.xml").getroot().attrib["errors"] == "1"


def test_a_second_interruption_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_INTERRUPT_GRACE", "100000")
    write(a=GOOD, b=steps("touch here", "deaf"), c=GOOD)
    with start("run", ".", "--junit", "x.xml") as runner:
        wait_until(Path("here").exists, "the case has begun")
        runner.send_signal(signal.SIGINT)
        (worker,) = workers(runner)
        wait_until(lambda: waits_for_it(worker, signal.SIGINT), "the worker was told")
        runner.send_signal(signal.SIGINT)
        out, err = runner.communicate(timeout=60)
    assert (runner.returncode, err) == (2, "")
    assert "interrupted: 1 passed, 2 skipped" in out
    assert ElementTree.parse("x.xml").getroot().attrib["skipped"] == "2"


def test_nohup_is_heeded() -> None:
    write(a=steps("touch here", "meet here there"))
    command = f"trap '' HUP; exec {shlex.join(PROGRAM)} run ."
    with subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, text=True) as runner:
        wait_until(Path("here").exists, "the case has begun")
        runner.send_signal(signal.SIGHUP)
        Path("there").touch()
        out, _ = runner.communicate(timeout=60)
    assert runner.returncode == 0, out


def test_kill_9_of_the_runner_leaves_nothing(marker: str, tmp_path: Path) -> None:
    write(a=BOTH)
    with start("run", ".", "-j", "4") as runner:
        wait_until_busy(runner, 4 if Path("/dev/kvm").exists() else 2)
        assert list((tmp_path / "tmp").iterdir())
        assert len(marked(marker)) >= 4
        runner.kill()
    wait_until(lambda: not marked(marker), "workers and zygote have ended")


def test_kill_9_of_all_but_the_workers_leaves_no_process(marker: str, tmp_path: Path) -> None:
    """And what is left of the run's folder, the next run takes away."""
    write(a=SPIN, b=GOOD)
    with start("run", "a.hvlab.yaml") as runner:
        wait_until_busy(runner, 1)
        (zygote,) = children(runner.pid)
        os.kill(runner.pid, signal.SIGSTOP)  # it must not see to it
        os.kill(zygote, signal.SIGKILL)
        wait_until(lambda: set(marked(marker)) == {runner.pid}, "the worker has ended")
        runner.kill()
    (left,) = (tmp_path / "tmp").iterdir()
    os.utime(left, (1, 1))
    assert hvlab("run", "b.hvlab.yaml").returncode == 0
    assert not left.exists()


def test_a_reader_that_goes_away_ends_the_run() -> None:
    write(a=GOOD, b=steps("meet here there"), c=SPIN)
    with start("run", ".", "-j", "2") as runner:
        assert runner.stdout is not None
        assert runner.stderr is not None
        assert runner.stdout.readline().startswith("PASSED")
        runner.stdout.close()
        Path("there").touch()
        assert runner.stderr.read() == ""
        assert runner.wait(60) == 128 + signal.SIGPIPE


def test_a_terminal_sees_several_cases_at_once() -> None:
    write(a=steps("meet a seen"), b=steps("meet b seen"))
    terminal, its_other_end = pty.openpty()
    termios.tcsetwinsize(its_other_end, (40, 150))
    shown = b""
    with subprocess.Popen(
        [*PROGRAM, "run", ".", "-j", "2"], stdin=subprocess.DEVNULL, stdout=its_other_end,
        stderr=its_other_end, env={**os.environ, "TERM": "xterm-256color"},
    ) as runner:  # fmt: skip
        os.close(its_other_end)
        try:
            while piece := _read(terminal):
                shown += piece
                if re.search(rb"\[0/2\].*\n.* a  .*\n.* b  ", shown):
                    Path("seen").touch()
            assert runner.wait(60) == 0
        finally:
            runner.kill()
            os.close(terminal)
    assert b"2 passed" in shown


def _read(terminal: int) -> bytes:
    """What is shown next; nothing when the program has left it."""
    assert select.select([terminal], [], [], 60)[0], "the display stands still"
    try:
        return os.read(terminal, 1 << 16)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return b""


# Repetitions, failures before, retries.


def test_repeat_goes_round_and_says_how_often_each_failed() -> None:
    write(a=GOOD, b=steps("flaky calls 2"))
    done = hvlab("run", ".", "--repeat", "3", "--junit", "x.xml", "--json", "x.json",
                 "--artifacts", "out")  # fmt: skip
    assert done.returncode == 1
    names = ["a.hvlab.yaml::a", "b.hvlab.yaml::b"]
    expected = [f"{name}{mark}" for mark in ("", " #2", " #3") for name in names]
    assert ids(done.stdout) == expected
    assert "repetitions\n    failed 1 of 3 times  b.hvlab.yaml::b\n" in done.stdout
    assert "1 failed, 5 passed" in done.stdout
    cases = json.loads(Path("x.json").read_text())["cases"]
    assert [case["repetition"] for case in cases] == [0, 0, 1, 1, 2, 2]
    assert len({case["seed"] for case in cases if case["name"] == "a"}) == 1
    root = ElementTree.parse("x.xml").getroot()
    assert [suite.attrib["tests"] for suite in root] == ["3", "3"]
    assert [case.attrib["name"] for case in root[1].iter("testcase")] == ["b", "b #2", "b #3"]
    assert len(list(Path("out").iterdir())) == 1


def test_fail_fast_stops_after_the_first_failure() -> None:
    write(a=GOOD, b=steps("fail"), c=GOOD)
    done = hvlab("run", ".", "-x")
    assert done.returncode == 1
    assert "1 failed, 1 passed, 1 skipped" in done.stdout
    assert "not run: stopped after the first failure" in done.stdout


def test_fail_fast_stops_cases_in_progress() -> None:
    write(a=steps("touch here", "deaf") + "limits: {wall: 5min}\n", b=steps("meet x here", "fail"))
    done = hvlab("run", ".", "-x", "-j", "2")
    assert done.returncode == 1
    assert "1 failed, 1 skipped" in done.stdout
    assert "not finished: stopped after the first failure" in done.stdout


def test_last_failed() -> None:
    write(a=GOOD, b=steps("fail"), c=steps("flaky calls 2"))
    done = hvlab("run", ".", "--lf")
    assert "last failed: none is known, so all are run\n" in done.stdout
    assert ids(done.stdout) == ["a.hvlab.yaml::a", "b.hvlab.yaml::b", "c.hvlab.yaml::c"]
    assert Path(".hvlab/.gitignore").read_text() == "*\n"
    assert hvlab("run", "a.hvlab.yaml").returncode == 0  # forgets nothing of the others
    done = hvlab("run", ".", "--last-failed")
    assert "last failed: 2 cases of 3\n" in done.stdout
    assert ids(done.stdout) == ["b.hvlab.yaml::b", "c.hvlab.yaml::c"]
    assert "last failed: 1 case of 3\n" in hvlab("run", ".", "--lf").stdout
    done = hvlab("run", "a.hvlab.yaml", "--lf")
    assert "1 case known, none of them selected here, so all are run" in done.stdout
    write(b=GOOD.replace("name: t", "name: other"))
    done = hvlab("run", ".", "--lf")
    assert "no longer there, and forgotten: b.hvlab.yaml::b\n" in done.stdout
    assert "last failed: none is known" in hvlab("run", ".", "--lf").stdout


def test_a_state_file_that_is_not_ours() -> None:
    write(a=GOOD)
    Path(".hvlab").mkdir()
    Path(".hvlab/last-run.json").write_text('{"version": 1, "failed": 3}')
    done = hvlab("run", ".", "--lf")
    assert done.returncode == 3
    assert "last-run.json is not what hvlab wrote" in done.stderr
    assert hvlab("run", ".").stderr == ""
    assert hvlab("run", ".", "--lf").returncode == 0


def test_a_run_that_cannot_be_remembered_still_counts() -> None:
    write(a=GOOD)
    Path(".hvlab").touch()
    done = hvlab("run", ".")
    assert done.returncode == 0
    assert "warning: cannot read .hvlab/last-run.json: Not a directory" in done.stderr


def test_reports_on_a_full_disk_are_said_and_the_run_is_no_success() -> None:
    write(a=GOOD)
    done = hvlab("run", ".", "-j", "2", "--junit", "/dev/full", "--json", "x.json")
    assert done.returncode == 3
    assert "cannot write /dev/full: No space left on device" in done.stderr
    assert json.loads(Path("x.json").read_text())["summary"]["passed"] == 1


def test_a_flaky_case_is_shown_everywhere_and_passes() -> None:
    write(a=steps("flaky calls 3") + "retry: 2\n", b=GOOD)
    done = hvlab("run", ".", "-j", "2", "--junit", "x.xml", "--json", "x.json")
    assert done.returncode == 0
    assert re.match(r"FLAKY   a.hvlab.yaml::a  \(.*, attempt 3\)\n", done.stdout)
    assert re.search(r"    attempt 1, seed \d+: failed: call 1\n", done.stdout)
    assert "2 passed (1 flaky) in" in done.stdout
    case = json.loads(Path("x.json").read_text())["cases"][0]
    seeds = [*(tried["seed"] for tried in case["attempts"]), case["seed"]]
    assert len(set(seeds)) == 3
    assert case["reproduce"].endswith(f"--seed {seeds[2]}")
    assert case["flaky"] is True
    element = next(ElementTree.parse("x.xml").getroot().iter("testcase"))
    assert [e.attrib["message"] for e in element.iter("flakyFailure")] == ["call 1", "call 2"]
    assert element.find("failure") is None
    properties = {e.attrib["name"]: e.attrib["value"] for e in element.iter("property")}
    assert (properties["flaky"], properties["attempts"]) == ("true", "3")
    assert f"seed {seeds[0]}" in (element.findtext("flakyFailure/stackTrace") or "")


@pytest.mark.parametrize("option", [[], ["--in-process"]])
def test_a_case_that_never_passes_is_tried_and_fails(option: list[str]) -> None:
    write(a=steps("fail") + "retry: 1\n")
    done = hvlab("run", ".", "--junit", "x.xml", *option)
    assert done.returncode == 1
    assert "attempts before this one\n    attempt 1, seed" in done.stdout
    root = ElementTree.parse("x.xml").getroot()
    assert root.attrib["failures"] == "1"
    assert [e.attrib["message"] for e in root.iter("rerunFailure")] == ["told to"]


def test_a_crash_is_tried_again() -> None:
    write(a=steps("touch x", "abort") + "retry: 1\n")
    done = hvlab("run", ".", "--junit", "x.xml")
    assert done.returncode == 3
    assert len(list(ElementTree.parse("x.xml").getroot().iter("rerunError"))) == 1
