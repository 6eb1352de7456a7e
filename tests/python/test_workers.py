# SPDX-License-Identifier: GPL-2.0-or-later
"""What is made of a worker that crashes, hangs, lies or floods; and that it leaves nothing."""

from __future__ import annotations

import dataclasses
import errno
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import misbehaviour
from conftest import BASE
from hvlab.backends import kvm_status
from hvlab.report.text import failure_text
from hvlab.scenario.document import Case, Document
from hvlab.scenario.plan import on_host
from hvlab.scenario.results import CaseResult, MeasureResult, Outcome, RunResult
from hvlab.scenario.runner import run_case
from hvlab.scenario.schedule import Job, Schedule, Watcher
from hvlab.scenario.steps.send import Send
from hvlab.workers import Isolation, capture, messages, process, running
from hvlab.workers.pool import Pool
from hvlab.workers.scratch import Scratch
from processes import children, wait_until

BANNER = "- expect: {text: Hello from the guest}\n"


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(Send, "run", misbehaviour._run)
    monkeypatch.setattr(messages, "send", misbehaviour.send_noted)
    kvm_status()  # the core keeps what it opens for it
    before = children(os.getpid())
    descriptors = len([*Path("/proc/self/fd").iterdir()])
    yield
    assert children(os.getpid()) == before
    assert len([*Path("/proc/self/fd").iterdir()]) == descriptors
    assert not list(tmp_path.glob("hvlab-run-*"))


class Runs:
    """Runs BASE with more steps in a worker."""

    def __init__(self, read: Callable[[str], Document]) -> None:
        self._read = read
        self.pool = Pool(1, fork=True)

    def case(self, steps: str) -> Case:
        return self._read(BASE + steps).cases[0]

    def __call__(self, steps: str, watcher: Watcher | None = None) -> CaseResult:
        (result,) = self.pool.run(Schedule([self.case(steps)]), watcher or Watcher())
        return result


@pytest.fixture
def run(read: Callable[[str], Document]) -> Iterator[Runs]:
    runs = Runs(read)
    with runs.pool:
        yield runs


def without_wall(result: CaseResult) -> CaseResult:
    steps = tuple(dataclasses.replace(step, wall=0.0) for step in result.steps)
    return dataclasses.replace(result, wall=0.0, cpu=0.0, steps=steps)


@pytest.mark.parametrize(
    "steps",
    [
        "- expect: {stop: debug-exit, code: 0, as: end}\n- measure: {name: m, value: end.time}\n",
        "- expect: {text: never printed, within: 1ms}\n",
        "- assert: machine.time > 5*s\n",
    ],
)
def test_a_worker_gives_what_the_process_itself_would(run: Runs, steps: str) -> None:
    here, there = run_case(run.case(steps)), run(steps)
    assert without_wall(there) == without_wall(here)
    assert there.machines[0].images[0].sha256


def test_a_case_on_kvm(run: Runs) -> None:
    """Also when this process has asked the core about KVM before the fork."""
    text = BASE.replace("machine: {", "machine: {backend: kvm, ")
    case = on_host(run._read(text + "- expect: {stop: debug-exit}\n").cases[0])
    if case.barrier is not None:
        pytest.skip(case.barrier.reason)
    (result,) = run.pool.run(Schedule([case]), Watcher())
    assert (result.outcome, result.reason) == (Outcome.PASSED, "")
    assert result.kvm


@pytest.mark.parametrize(
    ("deed", "name", "fault"),
    [
        ("read-null", "SIGSEGV (Segmentation fault)", "Segmentation fault"),
        ("segv", "SIGSEGV (Segmentation fault)", "Segmentation fault"),
        ("abort", "SIGABRT (Aborted)", "Aborted"),
    ],
)
def test_a_crash_is_the_cases_error(run: Runs, deed: str, name: str, fault: str) -> None:
    result = run(f'{BANNER}- send: "do: print before"\n- send: "do: {deed}"\n- send: later\n')
    assert result.outcome is Outcome.ERROR
    assert result.reason == f"the case's process was ended by {name}"
    assert result.failure is not None
    assert (result.failure.line, result.failure.step) == (8, 3)
    assert "Fatal Python error: " + fault in result.internal
    assert "misbehaviour.py" in result.internal  # where it was
    assert result.output == "before\n"
    assert [step.outcome for step in result.steps] == [*[Outcome.PASSED] * 3, Outcome.ERROR]
    assert "Hello from the guest" in result.machines[0].console
    assert result.machines[0].guest_time > 0
    assert RunResult([result]).exit_code == 3
    text = failure_text(result)
    for piece in (name, "Hello from the guest", fault, "before", "reproduce"):
        assert piece in text
    assert run(BANNER).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        ("kill", "the case's process was ended by SIGKILL (Killed)"),
        ("_exit 3", "the case's process ended with exit code 3 before the case did"),
        ("exit 4", "the case's process ended with exit code 4 before the case did"),
        ("_exit 0", "the case's process ended with exit code 0 before the case did"),
    ],
)
def test_an_end_from_outside_is_no_bug_of_ours(run: Runs, deed: str, reason: str) -> None:
    result = run(f'- send: "do: {deed}"\n')
    assert (result.outcome, result.internal) == (Outcome.ERROR, "")
    assert result.reason.startswith(reason)
    assert RunResult([result]).exit_code == 1


@pytest.mark.parametrize(
    ("deed", "what"),
    [
        ("garbage", "there is no kind of message 255"),
        ("huge", "a message of 2147483648 bytes is over the limit of 67108864"),
        ("lies", "Progress.guest_time: Input should be a valid integer"),
        ("forge", "a result of another case"),
    ],
)
def test_what_a_worker_says_is_checked(run: Runs, deed: str, what: str) -> None:
    result = run(f'{BANNER}- send: "do: {deed}"\n')
    assert result.outcome is Outcome.ERROR
    assert f"the case's process sent what is no message: {what}" in result.reason
    assert result.machines
    assert run(BANNER).outcome is Outcome.PASSED


def test_output_is_kept_within_bounds(run: Runs) -> None:
    result = run('- send: "do: flood 20000000"\n')
    assert result.outcome is Outcome.PASSED
    assert result.output.startswith("first\nxxx")
    assert result.output.endswith("xxx\nlast\n")
    assert "bytes left out" in result.output
    assert len(result.output) < 2 * capture.KEPT + 100


def test_input_is_not_inherited(run: Runs) -> None:
    assert run('- send: "do: read-input"\n').output == "''\n"


def test_a_stopped_worker_fails_by_its_wall_limit(
    run: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "GRACE", 0.2)
    result = run(f'{BANNER}- send: "do: stop"\nlimits: {{wall: 300ms}}\n')
    assert result.outcome is Outcome.FAILED
    assert result.reason == (
        "the case's limit was reached: 300 ms on the wall (limits.wall in line 8); "
        "its process did not end within 0.2 s more and was killed"
    )
    assert result.failure is not None
    assert result.failure.step == 2
    assert "Hello from the guest" in result.machines[0].console


def test_a_guest_that_spins_fails_by_itself(run: Runs) -> None:
    text = BASE.replace("hello", "runaway") + "- run_for: 100h\nlimits: {wall: 300ms}\n"
    (case,) = run._read(text).cases
    (result,) = run.pool.run(Schedule([case]), Watcher())
    assert result.outcome is Outcome.FAILED
    assert "300 ms on the wall" in result.reason
    assert "killed" not in result.reason
    assert result.machines[0].registers


@pytest.mark.parametrize("deed", ["daemon", "child"])
def test_what_a_worker_started_ends_with_it(run: Runs, deed: str) -> None:
    assert run(f'- send: "do: {deed}"\n').outcome is Outcome.PASSED
    assert run.pool._link is not None
    zygote = run.pool._link._pid
    wait_until(lambda: not children(zygote), "the zygote has no child")


def test_what_a_worker_started_ends_while_others_run(run: Runs) -> None:
    deeds = "- send: 'do: ${matrix.deed} x'\nmatrix: {deed: [child, await-end]}\n"
    cases = run._read(BASE + deeds + "limits: {wall: 1min}\n").cases
    with Pool(2, fork=True) as two:
        results = list(two.run(Schedule(cases), Watcher()))
    assert [result.reason for result in results] == ["", ""]


def test_temporary_files_end_with_the_worker(run: Runs, tmp_path: Path) -> None:
    result = run('- send: "do: temporary"\n')
    path = Path(result.output.strip())
    assert path.is_relative_to(tmp_path)
    assert not path.exists()


def test_the_zygotes_death_is_an_error_and_the_next_case_has_a_new_one(run: Runs) -> None:
    result = run('- send: "do: kill-parent"\n- run_for: 100h\n')
    assert result.outcome is Outcome.ERROR
    assert result.reason == "the process that workers are forked from has died"
    assert run(BANNER).outcome is Outcome.PASSED


def test_a_zygote_that_died_meanwhile_is_replaced(run: Runs) -> None:
    assert run(BANNER).outcome is Outcome.PASSED
    assert run.pool._link is not None
    zygote = run.pool._link._pid
    os.kill(zygote, 9)
    os.waitid(os.P_PID, zygote, os.WEXITED | os.WNOWAIT)
    assert run(BANNER).outcome is Outcome.PASSED


def test_a_host_that_has_no_process_left_is_no_bug_of_ours(
    run: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_scratch: Scratch, _number: int) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Scratch, "make", full)
    result = run(BANNER)
    assert (result.outcome, result.internal) == (Outcome.ERROR, "")
    assert result.reason == "no process could be made for the case: No space left on device"


def test_no_descriptors_left_is_the_cases_error(run: Runs) -> None:
    run.pool.start()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    case = run.case(BANNER)
    free = [os.dup(0) for _ in range(4)]
    for fd in free:
        os.close(fd)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[3], hard))  # three, where five are needed
    try:
        (result,) = run.pool.run(Schedule([case]), Watcher())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert result.reason == "no process could be made for the case: Too many open files"


def test_a_killed_run_is_swept_by_the_next_and_a_living_one_is_not(tmp_path: Path) -> None:
    living, dead = Scratch(), tmp_path / "hvlab-run-dead"
    (dead / "1").mkdir(parents=True)
    (dead / "1/file").touch()
    young = tmp_path / "hvlab-run-young"
    young.mkdir()
    for path in (living.make(1).parent, dead):
        os.utime(path, (time.time() - 1000,) * 2)
    second = Scratch()
    assert not dead.exists()
    assert young.exists()
    assert living.make(2).exists()
    living.close()
    second.close()
    young.rmdir()


def test_steps_and_progress_are_told(run: Runs) -> None:
    class Notes(Watcher):
        def __init__(self) -> None:
            self.seen: list[str] = []

        def job_started(self, job: Job) -> None:
            self.seen.append("started")

        def step_started(self, job: Job, index: int) -> None:
            self.seen.append(f"step {index}")

        def progress(self, job: Job, guest_time: int, instructions: int | None) -> None:
            assert guest_time > 0
            assert instructions is not None
            self.seen.append("progress")

        def job_ended(self, job: Job) -> None:
            self.seen.append("ended")

        def case_finished(self, result: CaseResult) -> None:
            self.seen.append(str(result.outcome))

    notes = Notes()
    text = BASE.replace("hello", "runaway") + "- run_for: 100h\nlimits: {wall: 1s}\n"
    (case,) = run._read(text).cases
    list(run.pool.run(Schedule([case]), notes))
    assert notes.seen[:4] == ["started", "step 0", "step 1", "progress"]
    assert notes.seen[-2:] == ["ended", "failed"]


# The interface for test runners.


@pytest.mark.parametrize("threads", [0, 1])
def test_isolation(read: Callable[[str], Document], threads: int) -> None:
    """With a thread more the zygote is a program of its own."""
    alone = process.threads() + threads == 1  # earlier tests may have left some that sleep
    end = threading.Event()
    others = [threading.Thread(target=end.wait) for _ in range(threads)]
    for thread in others:
        thread.start()
    try:
        with Isolation() as isolation:
            for _ in range(2):
                assert isolation.run(read(BASE + BANNER).cases[0]).outcome is Outcome.PASSED
            assert isolation._pool._link is not None
            assert (isolation._pool._link._program is None) == alone
    finally:
        end.set()
        for thread in others:
            thread.join()


def test_isolation_in_another_thread(read: Callable[[str], Document]) -> None:
    case = read(BASE + BANNER).cases[0]
    results: list[CaseResult] = []

    def work() -> None:
        with Isolation() as isolation:
            results.append(isolation.run(case))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [result.outcome for result in results] == [Outcome.PASSED]


def test_a_worker_imports_no_more_than_its_zygote_has() -> None:
    """Else every case would pay for it."""
    code = (
        "import sys, hvlab.workers.zygote\n"
        "before = set(sys.modules)\n"
        "from hvlab.scenario.document import load\n"
        "from hvlab.scenario.runner import run_case\n"
        "for case in load(sys.argv[1]).cases: run_case(case)\n"
        "print(sorted(m for m in set(sys.modules) - before if m.startswith('hvlab')))"
    )
    scenario = Path(__file__).parents[2] / "scenarios/echo.hvlab.yaml"
    done = subprocess.run(
        [sys.executable, "-c", code, str(scenario)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "[]\n"


# Messages.


def result_with(**more: Any) -> CaseResult:
    return CaseResult(
        id="i", file="f", name="n", outcome=Outcome.PASSED, backend="unicorn", seed=2**64 - 1,
        parameters={"a": 1, "b": 1.5, "c": "1", "d": True, "e": None}, tags=("t",), line=1,
        reproduce="r", **more,
    )  # fmt: skip


def through_a_pipe(message: messages.Message) -> messages.Message:
    reading, writing = os.pipe()
    messages.send(writing, message)
    os.close(writing)
    receiver, found = messages.Receiver(), []
    while data := os.read(reading, 7):  # in small pieces
        found += receiver.feed(data)
    os.close(reading)
    (received,) = found
    return received


@pytest.mark.parametrize(
    "message",
    [
        messages.StepStarted(0, None),
        messages.Progress(5, 2**63),
        result_with(measures=(MeasureResult("m", float("inf"), "", "", None),)),
        result_with(reason="\N{SNOWMAN}\0\x1b", measures=(MeasureResult("m", 3, "", "", True),)),
    ],
)
def test_messages_arrive_as_they_were_sent(message: messages.Message) -> None:
    received = through_a_pipe(message)
    assert received == message
    assert pickle.dumps(received) == pickle.dumps(message)  # the types as well


def test_a_text_that_no_json_holds_arrives_readable() -> None:
    received = through_a_pipe(result_with(reason="name \udcff"))
    assert isinstance(received, CaseResult)
    assert received.reason == "name \\udcff"


def test_a_message_over_the_limit_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MAX_BYTES", 1000)
    with pytest.raises(ValueError, match="over the limit of 1000"):
        messages.send(-1, result_with(reason="x" * 1000))


def test_several_at_once(run: Runs) -> None:
    """Two that wait for one another's file: they pass only side by side."""
    text = BASE + (
        "- send: 'do: meet ${matrix.me} ${matrix.other}'\n"
        "matrix: {include: [{me: a, other: b}, {me: b, other: a}]}\n"
    )
    cases = run._read(text).cases
    with Pool(2, fork=True) as two:
        results = list(two.run(Schedule(cases), Watcher()))
    assert [result.outcome for result in results] == [Outcome.PASSED] * 2
