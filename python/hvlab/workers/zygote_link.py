# SPDX-License-Identifier: GPL-2.0-or-later
"""The runner's end of a zygote: how it is started, told and ended."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from hvlab.closing import Closing
from hvlab.workers import process, zygote
from hvlab.workers.scratch import Scratch
from hvlab.workers.zygote import REPORT, REQUEST, Order, Report

# The place of the package, and of what users add to it, is that of this process.
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from hvlab.workers.zygote import main; main(int(sys.argv[1]), sys.argv[3], int(sys.argv[4]))"
)
_PATIENCE = 10.0  # seconds to end itself and its workers


class ZygoteLink(Closing):
    """A zygote. It is forked from this process where that is safe, which takes no time; a process
    with several threads starts it as a program of its own.
    """

    def __init__(self, fork: bool | None = None) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control = ours
        self._scratch = Scratch()
        self._program: subprocess.Popen[bytes] | None = None
        self._pid = 0
        with theirs:
            if process.threads() == 1 if fork is None else fork:
                self._pid = _fork(ours, theirs, self._scratch.path)
            else:
                self._program = _spawn(theirs, self._scratch.path)
                self._pid = self._program.pid

    def order(self, order: Order, number: int, fds: tuple[int, ...] = ()) -> None:
        """Raises OSError if it is gone."""
        socket.send_fds(self.control, [REQUEST.pack(order, number)], fds)

    def reports(self) -> Iterator[tuple[Report, int, int]]:
        """What it has told since: kind, number of the worker, value. Raises EOFError if it is gone."""
        while True:
            try:
                data = self.control.recv(REPORT.size, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except ConnectionResetError:
                data = b""
            if not data:
                raise EOFError
            kind, number, value = REPORT.unpack(data)
            yield Report(kind), number, value

    def gone(self) -> bool:
        """Whether it has died. To be asked while it has no workers."""
        return bool(select.select([self.control], [], [], 0)[0])

    def close(self) -> None:
        """Ends it and all its workers, and waits for that."""
        if self.control.fileno() < 0:
            return
        self.control.close()
        pidfd = os.pidfd_open(self._pid)
        if not select.select([pidfd], [], [], _PATIENCE)[0]:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)  # its workers die with it
        os.close(pidfd)
        if self._program is not None:
            self._program.wait()
        else:
            os.waitpid(self._pid, 0)
        self._scratch.close()


def _fork(ours: socket.socket, theirs: socket.socket, folder: Path) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            ours.close()
            signal.set_wakeup_fd(-1)
            zygote.serve(theirs, folder, parent)
        finally:
            os._exit(1)
    return pid


def _spawn(theirs: socket.socket, folder: Path) -> subprocess.Popen[bytes]:
    # If the thread that starts it ended before the run, the kernel would end the zygote as well;
    # there the end of the socket has to do.
    main = threading.current_thread() is threading.main_thread()
    arguments = [
        str(theirs.fileno()),
        json.dumps([str(path) for path in sys.path]),
        str(folder),
        str(os.getpid() if main else 0),
    ]
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=(theirs.fileno(),),
        start_new_session=True,
    )
