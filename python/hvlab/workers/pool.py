# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the jobs of a schedule in worker processes, several at once."""

from __future__ import annotations

import enum
import os
import pickle
import selectors
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from hvlab.closing import Closing
from hvlab.scenario.results import CaseResult
from hvlab.scenario.runner import barred
from hvlab.scenario.schedule import Job, Schedule, Watcher
from hvlab.units import DURATION_UNITS
from hvlab.workers import aftermath
from hvlab.workers.aftermath import Known
from hvlab.workers.capture import Capture
from hvlab.workers.interruptions import Interruptions
from hvlab.workers.messages import Garbage, Message, Progress, Receiver, SoFar, StepStarted
from hvlab.workers.zygote import Order, Report
from hvlab.workers.zygote_link import ZygoteLink

GRACE = 5.0  # seconds that a case has to end after its wall limit
INTERRUPT_GRACE = 3.0  # and after it was interrupted
_ZYGOTE = 60.0  # seconds that the zygote has to start or to kill a worker
_CHUNK = 256 << 10


class Pool(Closing):
    """Worker processes, `size` at most at a time, each for one attempt at one case.

    Args:
        fork: whether to fork the zygote from this process; by default where that is safe.
    """

    def __init__(self, size: int, fork: bool | None = None) -> None:
        self._size = size
        self._fork = fork
        self._link: ZygoteLink | None = None
        self._selector = selectors.DefaultSelector()
        self._running: dict[int, _Running] = {}
        self._numbers = 0

    def start(self) -> None:
        """Starts the zygote, if there is none yet: best before this process has further threads."""
        if self._link is None:
            self._link = ZygoteLink(self._fork)
            self._selector.register(self._link.control, selectors.EVENT_READ, self._reports)

    def close(self) -> None:
        """Ends all processes at once, whatever they do."""
        if self._link is not None:
            self._selector.unregister(self._link.control)
            self._link.close()
            self._link = None
        for running in list(self._running.values()):
            self._forget(running)
        self._selector.close()

    def run(
        self, schedule: Schedule, watcher: Watcher, interruptions: Interruptions | None = None
    ) -> Iterator[CaseResult]:
        """Runs all of it; the results come in the order of the schedule."""
        turn = _Turn(schedule, watcher)
        if interruptions is not None:
            self._selector.register(interruptions.fd, selectors.EVENT_READ, self._interrupted)
        try:
            while True:
                self._fill(turn)
                for result in schedule.ready():
                    watcher.case_finished(result)
                    yield result
                if not self._running:
                    return
                self._turn(turn)
                self._end_late(turn)
        finally:
            if interruptions is not None and interruptions.fd in self._selector.get_map():
                self._selector.unregister(interruptions.fd)

    def _turn(self, turn: _Turn) -> None:
        """Waits for something to happen, and does what follows of it."""
        ready = self._selector.select(self._patience())
        # Last what may end jobs: their pipes are closed then.
        ready.sort(key=lambda pair: pair[0].data == self._reports)
        for key, _ in ready:
            if key.data(turn) == b"":  # the other end is closed
                self._selector.unregister(key.fileobj)

    def _interrupted(self, turn: _Turn) -> bytes:
        turn.schedule.interrupt()
        return b""

    # Beginning.

    def _fill(self, turn: _Turn) -> None:
        while len(self._running) < self._size and (job := turn.schedule.take()) is not None:
            if job.case.barrier is not None:
                turn.schedule.finish(job, barred(job.case, job.case.barrier))
            else:
                self._begin(job, turn)

    def _begin(self, job: Job, turn: _Turn) -> None:
        self.start()
        assert self._link is not None
        self._numbers += 1
        messages, to_messages = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        output, to_output = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        for fd in (to_messages, to_output):
            os.set_blocking(fd, True)
        paper = _job_file(job)
        deadline = time.monotonic() + _ZYGOTE
        running = _Running(self._numbers, job, messages, output, deadline)
        self._running[running.number] = running
        self._selector.register(messages, selectors.EVENT_READ, running.read_messages)
        self._selector.register(output, selectors.EVENT_READ, running.read_output)
        turn.watcher.job_started(job)
        try:
            self._link.order(Order.RUN, running.number, (paper, to_messages, to_output))
        except OSError:  # it is gone; its end of the socket tells that too
            pass
        finally:
            for fd in (paper, to_messages, to_output):
                os.close(fd)

    # Ends.

    def _reports(self, turn: _Turn) -> None:
        assert self._link is not None
        try:
            for kind, number, value in self._link.reports():
                running = self._running[number]
                if kind is Report.STARTED:
                    running.started(value)
                else:
                    self._end(running, turn, running.result_of(value, turn))
        except EOFError:
            self._zygote_gone(turn)

    def _zygote_gone(self, turn: _Turn) -> None:
        """Its workers die with it, and the next case gets a new one."""
        assert self._link is not None
        self._selector.unregister(self._link.control)
        self._link.close()
        self._link = None
        message = "the process that workers are forked from has died"
        for running in list(self._running.values()):
            running.drain(turn)
            self._end(running, turn, aftermath.broken(running.told(), message))

    def _end(self, running: _Running, turn: _Turn, result: CaseResult) -> None:
        self._forget(running)
        turn.watcher.job_ended(running.job)
        if running.ending is _Ending.HALT and result.interrupted:
            turn.schedule.give_up(running.job, begun=True)
        else:
            turn.schedule.finish(running.job, result)

    def _forget(self, running: _Running) -> None:
        del self._running[running.number]
        for fd in (running.messages, running.output):
            if fd in self._selector.get_map():
                self._selector.unregister(fd)
            os.close(fd)

    # Time.

    def _patience(self) -> float:
        """Seconds until the next job is late."""
        next_one = min(running.deadline for running in self._running.values())
        return max(next_one - time.monotonic(), 0)

    def _end_late(self, turn: _Turn) -> None:
        now = time.monotonic()
        for running in list(self._running.values()):
            if running.fault and not running.killed:
                self._kill(running, now)
            elif now >= running.deadline:
                if running.killed or not running.pid:
                    self._zygote_gone(turn)  # it does not answer
                    return
                running.late()
                self._kill(running, now)
            elif turn.schedule.halted and running.ending is _Ending.NONE:
                interrupted = turn.schedule.interrupted
                running.ending = _Ending.INTERRUPTED if interrupted else _Ending.HALT
                running.deadline = min(running.deadline, now + INTERRUPT_GRACE)
                self._order(Order.INTERRUPT, running)

    def _kill(self, running: _Running, now: float) -> None:
        running.killed = True
        running.deadline = now + _ZYGOTE
        self._order(Order.KILL, running)

    def _order(self, order: Order, running: _Running) -> None:
        assert self._link is not None
        try:
            self._link.order(order, running.number)
        except OSError:  # gone: the next look at its socket says so
            pass


class _Ending(enum.Enum):
    """Why a job is told to end."""

    NONE = enum.auto()
    LIMIT = enum.auto()
    INTERRUPTED = enum.auto()
    HALT = enum.auto()


@dataclass
class _Turn:
    """What one call of `run` is about."""

    schedule: Schedule
    watcher: Watcher


@dataclass
class _Running:
    """A job in a worker.

    Attributes:
        messages, output: what it writes is read here; deadline: when it is late, by our clock;
        pid: 0 before it is known; fault: what is wrong with the process, empty if nothing is.
    """

    number: int
    job: Job
    messages: int
    output: int
    deadline: float
    pid: int = 0
    ending: _Ending = _Ending.NONE
    killed: bool = False
    fault: str = ""
    result: CaseResult | None = None
    known: Known = field(init=False)
    _receiver: Receiver = field(default_factory=Receiver)
    _capture: Capture = field(default_factory=Capture)

    def __post_init__(self) -> None:
        self.known = Known(self.job.case, oom_kills=aftermath.oom_kills())

    def started(self, pid: int) -> None:
        """Its process is there: the case's time on the wall begins."""
        wall = self.job.case.scenario.limits.wall / DURATION_UNITS["s"]
        self.pid = pid
        self.known.began = time.monotonic()
        if self.ending is _Ending.NONE:
            self.deadline = self.known.began + wall + GRACE

    def late(self) -> None:
        """Its process should have ended by now."""
        if self.result is not None:
            self.fault = "the case's process did not end after it had sent its result"
        elif self.ending is _Ending.NONE:
            self.ending = _Ending.LIMIT

    def read_messages(self, turn: _Turn) -> bytes | None:
        """Takes what is there and returns it; None if there is nothing yet, empty at its end."""
        data = _read(self.messages)
        try:
            for message in self._receiver.feed(data) if data and not self.fault else ():
                self._take(message, turn)
        except Garbage as error:
            self.fault = f"the case's process sent what is no message: {error}"
        return data

    def read_output(self, _turn: _Turn) -> bytes | None:
        """As `read_messages`."""
        data = _read(self.output)
        self._capture.feed(data or b"")
        return data

    def drain(self, turn: _Turn) -> None:
        """Takes all that the process has left behind."""
        for read in (self.read_messages, self.read_output):
            while read(turn):
                pass

    def _take(self, message: Message, turn: _Turn) -> None:
        match message:
            case StepStarted():
                if not 0 <= message.index < len(self.job.case.scenario.steps):
                    raise Garbage(f"there is no step {message.index}")
                self.known.steps.append((message, time.monotonic()))
                turn.watcher.step_started(self.job, message.index)
            case Progress():
                turn.watcher.progress(self.job, message.guest_time, message.instructions)
            case SoFar():
                self.known.machines = message.machines
            case CaseResult():
                if (message.id, message.seed) != (self.job.case.id, self.job.case.seed):
                    raise Garbage("a result of another case")
                self.result = message
                self.deadline = min(self.deadline, time.monotonic() + GRACE)

    def told(self) -> Known:
        self.known.output = self._capture.text()
        return self.known

    def result_of(self, status: int, turn: _Turn) -> CaseResult:
        """The process has ended, with this wait status."""
        self.drain(turn)
        known = self.told()
        if self.fault:
            return aftermath.broken(known, self.fault)
        if self.result is not None and status == 0:
            return replace(self.result, output=known.output)
        if self.ending is _Ending.LIMIT:
            return aftermath.overdue(known, GRACE)
        if self.ending is not _Ending.NONE:
            return aftermath.interrupted(known)
        return aftermath.ended(known, status)


def _job_file(job: Job) -> int:
    """The pickled case in a file without a name: no write to a process that may not read."""
    fd = os.memfd_create("hvlab-job", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(fd), "wb") as file:
        pickle.dump(job.case, file, pickle.HIGHEST_PROTOCOL)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _read(fd: int) -> bytes | None:
    try:
        return os.read(fd, _CHUNK)
    except BlockingIOError:
        return None
