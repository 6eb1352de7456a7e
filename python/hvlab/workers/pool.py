# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the jobs of a schedule in worker processes, several at once."""

from __future__ import annotations

import os
import pickle
import selectors
import time
from collections.abc import Iterator
from contextlib import suppress

from hvlab.closing import Closing
from hvlab.scenario.results import CaseResult
from hvlab.scenario.runner import barred
from hvlab.scenario.schedule import Job, Schedule, Watcher
from hvlab.workers import aftermath
from hvlab.workers.aftermath import Known
from hvlab.workers.interruptions import Interruptions
from hvlab.workers.running import Ending, Running
from hvlab.workers.zygote import Order, Report
from hvlab.workers.zygote_link import ZygoteLink

INTERRUPT_GRACE = 3.0  # seconds that a case has to end after it was interrupted
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
        self._running: dict[int, Running] = {}
        self._numbers = 0
        # Of the present call of `run`.
        self._schedule = Schedule([])
        self._watcher = Watcher()

    def start(self) -> None:
        """Starts the zygote, if there is none yet: best before this process has further threads."""
        if self._link is not None and not self._running and self._link.gone():
            self._end_zygote()
        if self._link is None:
            self._link = ZygoteLink(self._fork)
            self._selector.register(self._link.control, selectors.EVENT_READ, self._reports)

    def close(self) -> None:
        """Ends all processes at once, whatever they do."""
        self._end_zygote()
        for running in list(self._running.values()):
            self._forget(running)
        self._selector.close()

    def run(
        self, schedule: Schedule, watcher: Watcher, interruptions: Interruptions | None = None
    ) -> Iterator[CaseResult]:
        """Runs all of it; the results come in the order of the schedule."""
        self._schedule, self._watcher = schedule, watcher
        if interruptions is not None:
            self._selector.register(interruptions.fd, selectors.EVENT_READ, self._interrupted)
        try:
            while True:
                self._fill()
                for result in schedule.ready():
                    watcher.case_finished(result)
                    yield result
                self._end_late()
                if self._running:
                    self._turn()
                elif schedule.done:
                    return
        finally:
            if interruptions is not None and interruptions.fd in self._selector.get_map():
                self._selector.unregister(interruptions.fd)

    def _turn(self) -> None:
        """Waits for something to happen, and does what follows of it."""
        ready = self._selector.select(self._patience())
        # Last what may end jobs: their pipes are closed then.
        ready.sort(key=lambda pair: pair[0].data == self._reports)
        for key, _ in ready:
            if key.data() == b"":  # the other end is closed
                self._selector.unregister(key.fileobj)

    def _interrupted(self) -> bytes:
        self._schedule.interrupt()
        return b""

    # Beginning.

    def _fill(self) -> None:
        while len(self._running) < self._size and (job := self._schedule.take()) is not None:
            if job.case.barrier is not None:
                self._schedule.finish(job, barred(job.case, job.case.barrier))
            else:
                self._begin(job)

    def _begin(self, job: Job) -> None:
        self.start()
        assert self._link is not None
        self._numbers += 1
        try:
            messages, output, theirs = _channels(job)
        except OSError as error:  # no descriptors left, or no memory
            result = aftermath.not_started(Known(job.case), error.errno or 0)
            self._schedule.finish(job, result)
            return
        deadline = time.monotonic() + _ZYGOTE
        running = Running(self._numbers, job, self._watcher, messages, output, deadline)
        self._running[running.number] = running
        self._selector.register(messages, selectors.EVENT_READ, running.read_messages)
        self._selector.register(output, selectors.EVENT_READ, running.read_output)
        self._watcher.job_started(job)
        self._order(Order.RUN, running, theirs)
        for fd in theirs:
            os.close(fd)

    # Ends.

    def _reports(self) -> None:
        assert self._link is not None
        try:
            for kind, number, value in self._link.reports():
                running = self._running[number]
                if kind is Report.STARTED:
                    running.started(value)
                elif kind is Report.FAILED:
                    self._end(running, aftermath.not_started(running.told(), value))
                else:
                    self._end(running, running.result_of(value))
        except EOFError:
            self._zygote_gone()

    def _zygote_gone(self) -> None:
        """Its workers die with it, and the next case gets a new one."""
        self._end_zygote()
        message = "the process that workers are forked from has died"
        for running in list(self._running.values()):
            running.drain()
            self._end(running, aftermath.broken(running.told(), message))

    def _end_zygote(self) -> None:
        if self._link is not None:
            self._selector.unregister(self._link.control)
            self._link.close()
            self._link = None

    def _end(self, running: Running, result: CaseResult) -> None:
        self._forget(running)
        self._watcher.job_ended(running.job)
        if running.ending is Ending.HALT and result.interrupted:
            self._schedule.give_up(running.job, begun=True)
        else:
            self._schedule.finish(running.job, result)

    def _forget(self, running: Running) -> None:
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

    def _end_late(self) -> None:
        now = time.monotonic()
        for running in list(self._running.values()):
            if running.fault and not running.killed:
                self._kill(running, now)
            elif now >= running.deadline:
                if running.killed or not running.pid:
                    self._zygote_gone()  # it does not answer
                    return
                running.late()
                self._kill(running, now)
            elif self._schedule.halted and running.ending is Ending.NONE:
                interrupted = self._schedule.interrupted
                running.ending = Ending.INTERRUPTED if interrupted else Ending.HALT
                running.deadline = min(running.deadline, now + INTERRUPT_GRACE)
                self._order(Order.INTERRUPT, running)

    def _kill(self, running: Running, now: float) -> None:
        running.killed = True
        running.deadline = now + _ZYGOTE
        self._order(Order.KILL, running)

    def _order(self, order: Order, running: Running, fds: tuple[int, ...] = ()) -> None:
        assert self._link is not None
        with suppress(OSError):  # gone: the next look at its socket says so
            self._link.order(order, running.number, fds)


def _channels(job: Job) -> tuple[int, int, tuple[int, ...]]:
    """Where its messages and its output are read here, and the worker's side. Raises OSError."""
    opened: list[int] = []
    try:
        opened += os.pipe2(os.O_CLOEXEC)
        opened += os.pipe2(os.O_CLOEXEC)
        # A file without a name: no write to a process that may not read.
        opened.append(os.memfd_create("hvlab-job", os.MFD_CLOEXEC))
        messages, to_messages, output, to_output, paper = opened
        with open(paper, "wb", closefd=False) as file:
            pickle.dump(job.case, file, pickle.HIGHEST_PROTOCOL)
        os.lseek(paper, 0, os.SEEK_SET)
    except OSError:
        for fd in opened:
            os.close(fd)
        raise
    for fd in (messages, output):
        os.set_blocking(fd, False)
    return messages, output, (paper, to_messages, to_output)
