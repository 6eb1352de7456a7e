# SPDX-License-Identifier: GPL-2.0-or-later
"""The process that workers are forked from: it has everything imported, one thread, and no machine.

It does what its socket says, and ends with all its workers when the other side is gone.
"""

from __future__ import annotations

import enum
import gc
import os
import selectors
import signal
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

# Loaded before the fork, so that no worker has to.
import hvlab.fixtures.images
import hvlab.fixtures.packaged
import hvlab.fixtures.reference
import hvlab.host
import hvlab.machine
import hvlab.scenario.document  # noqa: F401
from hvlab.backends import kvm_status
from hvlab.workers import process, worker
from hvlab.workers.scratch import Scratch

REQUEST = struct.Struct("!BQ")  # Order, number of the worker
REPORT = struct.Struct("!BQq")  # Report, number of the worker; its pid, wait status or errno
# The end of the socket tells it too, unless another process has inherited the other side.
_OWNER_ENDED = signal.SIGUSR1
_FDS = 3  # with Order.RUN: those of worker.Channels


class Order(enum.IntEnum):
    """From the runner. Each worker has a number that is never used again."""

    RUN = 0
    INTERRUPT = 1
    KILL = 2


class Report(enum.IntEnum):
    """To the runner."""

    STARTED = 0
    ENDED = 1
    FAILED = 2  # it could not be started


def main(fd: int, folder: str, parent: int) -> NoReturn:
    """Of a zygote that is a program of its own. parent: whose end ends it; 0 if that is not sure."""
    if Path("/dev/kvm").exists():
        kvm_status()  # kept for all workers
    serve(socket.socket(fileno=fd), Path(folder), parent)


def serve(control: socket.socket, folder: Path, parent: int) -> NoReturn:
    """Serves until the other side is closed or `parent` ends, and ends the process."""
    code = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # the runner decides, and tells
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.signal(_OWNER_ENDED, lambda *_: _hang_up(control))
        # Other files stay: the core keeps one on /dev/kvm. Stderr is for what goes wrong here.
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for stream in (0, 1):
            os.dup2(null, stream)
        process.adopt_orphans()
        gc.collect()
        gc.freeze()  # else every worker's first collection would copy all of this memory
        with _Server(control, Scratch(folder)) as server:
            if parent:
                process.told_of_parents_death(parent, _OWNER_ENDED)
            server.run()
        code = 0
    finally:
        os._exit(code)


def _hang_up(control: socket.socket) -> None:
    with suppress(OSError):  # the other side may have been quicker
        control.shutdown(socket.SHUT_RDWR)


@dataclass
class _Worker:
    number: int
    pid: int
    pidfd: int


class _Server:
    def __init__(self, control: socket.socket, scratch: Scratch) -> None:
        self._control = control
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)
        self._workers: dict[int, _Worker] = {}
        self._scratch = scratch

    def __enter__(self) -> _Server:
        return self

    def __exit__(self, *_raised: object) -> None:
        for known in list(self._workers.values()):
            self._bury(known)
        self._end_orphans()
        self._scratch.close()

    def run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                try:
                    if key.fileobj is not self._control:
                        self._ended(key.data)
                    elif not self._order():
                        return
                except (BrokenPipeError, ConnectionResetError):
                    return

    def _order(self) -> bool:
        data, fds, _flags, _address = socket.recv_fds(self._control, REQUEST.size, _FDS)
        if not data:
            return False
        for fd in fds:
            os.set_inheritable(fd, False)
        order, number = REQUEST.unpack(data)
        known = self._workers.get(number)
        if order == Order.RUN:
            channels = worker.Channels(*fds)
            try:
                self._start(number, channels)
            except OSError as error:  # no memory, too many processes, a full disk
                self._scratch.remove(number)
                self._tell(Report.FAILED, number, error.errno or 0)
            for fd in fds:
                os.close(fd)
        elif known is not None and order == Order.INTERRUPT:
            signal.pidfd_send_signal(known.pidfd, signal.SIGINT)
        elif known is not None:
            signal.pidfd_send_signal(known.pidfd, signal.SIGKILL)
        return True

    def _start(self, number: int, channels: worker.Channels) -> None:
        folder = self._scratch.make(number)
        parent = os.getpid()
        # What comes before the worker has its handlers waits for them.
        signal.pthread_sigmask(signal.SIG_BLOCK, worker.SIGNALS)
        try:
            pid = os.fork()
            if pid == 0:
                self._selector.close()
                self._control.close()
                for other in self._workers.values():
                    os.close(other.pidfd)
                worker.main(channels, parent, folder)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, worker.SIGNALS)
        started = _Worker(number, pid, os.pidfd_open(pid))
        self._workers[number] = started
        self._selector.register(started.pidfd, selectors.EVENT_READ, started)
        self._tell(Report.STARTED, number, pid)

    def _ended(self, ended: _Worker) -> None:
        status = self._bury(ended)
        if not self._workers:
            self._end_orphans()
        self._tell(Report.ENDED, ended.number, status)

    def _bury(self, ended: _Worker) -> int:
        """Ends what is left of a worker, its own children as well; returns its wait status."""
        # Its id is not given to another process as long as nobody has waited for it.
        signal.pidfd_send_signal(ended.pidfd, signal.SIGKILL)
        with suppress(ProcessLookupError):  # it may not have come so far as to have a group
            os.killpg(ended.pid, signal.SIGKILL)
        _, status = os.waitpid(ended.pid, 0)
        self._selector.unregister(ended.pidfd)
        os.close(ended.pidfd)
        del self._workers[ended.number]
        self._scratch.remove(ended.number)
        return status

    def _end_orphans(self) -> None:
        """Children of workers that left the worker's group; no worker lives now."""
        while left := process.children():
            for pid in left:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)

    def _tell(self, report: Report, number: int, value: int) -> None:
        self._control.send(REPORT.pack(report, number, value))
