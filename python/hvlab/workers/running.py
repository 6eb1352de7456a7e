# SPDX-License-Identifier: GPL-2.0-or-later
"""One job in a worker, as the runner sees it."""

from __future__ import annotations

import enum
import os
import time
from dataclasses import dataclass, field, replace

from hvlab.scenario.results import CaseResult
from hvlab.scenario.schedule import Job, Watcher
from hvlab.units import DURATION_UNITS
from hvlab.workers import aftermath
from hvlab.workers.aftermath import Known
from hvlab.workers.capture import Capture
from hvlab.workers.messages import Garbage, Message, Progress, Receiver, SoFar, StepStarted

GRACE = 5.0  # seconds that a case has to end after its wall limit
_CHUNK = 256 << 10


class Ending(enum.Enum):
    """Why a job is told to end."""

    NONE = enum.auto()
    LIMIT = enum.auto()
    INTERRUPTED = enum.auto()
    HALT = enum.auto()


@dataclass
class Running:
    """A job in a worker.

    Attributes:
        messages, output: what it writes is read here; deadline: when it is late, by our clock;
        pid: 0 before it is known; fault: what is wrong with the process, empty if nothing is.
    """

    number: int
    job: Job
    watcher: Watcher
    messages: int
    output: int
    deadline: float
    pid: int = 0
    ending: Ending = Ending.NONE
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
        if self.ending is Ending.NONE:
            self.deadline = self.known.began + wall + GRACE

    def late(self) -> None:
        """Its process should have ended by now."""
        if self.result is not None:
            self.fault = "the case's process did not end after it had sent its result"
        elif self.ending is Ending.NONE:
            self.ending = Ending.LIMIT

    def read_messages(self) -> bytes | None:
        """Takes what is there and returns it; None if there is nothing yet, empty at its end."""
        data = _read(self.messages)
        try:
            for message in self._receiver.feed(data) if data and not self.fault else ():
                self._take(message)
        except Garbage as error:
            self.fault = f"the case's process sent what is no message: {error}"
        return data

    def read_output(self) -> bytes | None:
        """As `read_messages`."""
        data = _read(self.output)
        self._capture.feed(data or b"")
        return data

    def drain(self) -> None:
        """Takes all that the process has left behind."""
        for read in (self.read_messages, self.read_output):
            while read():
                pass

    def _take(self, message: Message) -> None:
        match message:
            case StepStarted():
                if not 0 <= message.index < len(self.job.case.scenario.steps):
                    raise Garbage(f"there is no step {message.index}")
                self.known.steps.append((message, time.monotonic()))
                self.watcher.step_started(self.job, message.index)
            case Progress():
                self.watcher.progress(self.job, message.guest_time, message.instructions)
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

    def result_of(self, status: int) -> CaseResult:
        """The process has ended, with this wait status."""
        self.drain()
        known = self.told()
        if self.fault:
            return aftermath.broken(known, self.fault)
        if self.result is not None and status == 0:
            return replace(self.result, output=known.output)
        if self.ending is Ending.LIMIT:
            return aftermath.overdue(known, GRACE)
        if self.ending is not Ending.NONE:
            return aftermath.interrupted(known)
        return aftermath.ended(known, status)


def _read(fd: int) -> bytes | None:
    try:
        return os.read(fd, _CHUNK)
    except BlockingIOError:
        return None
