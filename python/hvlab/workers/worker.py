# SPDX-License-Identifier: GPL-2.0-or-later
"""The process of one case, from the fork on. It never returns into the code that it was forked from."""

from __future__ import annotations

import faulthandler
import io
import os
import pickle
import signal
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from hvlab.scenario import machines
from hvlab.scenario.observer import Observer
from hvlab.scenario.results import MachineResult
from hvlab.scenario.runner import run_case
from hvlab.workers import messages, process

if TYPE_CHECKING:
    from hvlab.host import Host
    from hvlab.machine import Machine
    from hvlab.scenario.document import Case
    from hvlab.scenario.steps import Step

NO_RESULT = 70  # EX_SOFTWARE: what it was to do failed, and its traceback is on stderr
SIGNALS = (signal.SIGINT, signal.SIGTERM)  # end the case as interrupted
_INTERVAL = 0.25  # seconds between two looks at a guest that runs
_FREE, _SHARE = 0.02, 0.05  # what snapshots of consoles may take: seconds, and of all time a share
_CONSOLE = 8 << 10  # characters, and
_LINES = 50  # lines of a console that a snapshot holds
_OOM_SCORE = 500  # of -1000 to 1000: rather a worker than the runner, or the user's other programs


@dataclass(frozen=True)
class Channels:
    """File descriptors. job: a memfd with the pickled case, which comes from the runner and can be
    trusted; messages: where to; output: for stdout and stderr.
    """

    job: int
    messages: int
    output: int


def main(channels: Channels, parent: int, folder: Path) -> NoReturn:
    """Runs the case, sends its result and ends the process."""
    code = NO_RESULT
    try:
        _settle(channels, parent, folder)
        with os.fdopen(channels.job, "rb") as file:
            case = pickle.load(file)
        result = run_case(case, _Reporter(channels.messages), _watched)
        sys.stdout.flush()
        messages.send(channels.messages, result)
        code = 0
    except SystemExit as left:  # a step of a user did
        code = left.code if isinstance(left.code, int) else 1
    except BaseException:  # noqa: BLE001 - shown with the case, and the exit code says so
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code & 0xFF)


def _settle(channels: Channels, parent: int, folder: Path) -> None:
    process.told_of_parents_death(parent, signal.SIGKILL)
    os.setpgid(0, 0)  # a group to be killed as one
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nobody is there any more to hear of it
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    os.dup2(channels.output, 1)
    os.dup2(channels.output, 2)
    os.close(channels.output)
    sys.stdin = open(os.devnull)  # noqa: SIM115, PTH123 - for the life of the process
    sys.stdout, sys.stderr = _stream(1), _stream(2)
    faulthandler.enable(file=2, all_threads=True)
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None
    with suppress(OSError):  # somebody may have said that it must be still higher
        Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _stream(fd: int) -> io.TextIOWrapper:
    raw = io.FileIO(fd, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), "utf-8", "backslashreplace", line_buffering=True
    )


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


_made: list[Machine] = []


def _watched(host: Host, case: Case, name: str) -> Machine:
    machine = machines.make(host, case, name)
    _made.append(machine)
    return machine


class _Reporter(Observer):
    """Tells the runner what it would have to know if this process died now."""

    interval = _INTERVAL

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._began = time.monotonic()
        self._spent = 0.0

    def step_started(self, case: Case, index: int, step: Step) -> None:
        del case, step
        times = [machine.time for machine in _made if not machine.closed]
        messages.send(self._fd, messages.StepStarted(index, max(times, default=None)))
        self._snapshot()

    def progress(self, guest_time: int, instructions: int | None) -> None:
        messages.send(self._fd, messages.Progress(guest_time, instructions))
        self._snapshot()

    def _snapshot(self) -> None:
        now = time.monotonic()
        if not _made or self._spent > _FREE + _SHARE * (now - self._began):
            return
        found = tuple(_so_far(machine) for machine in _made if not machine.closed)
        messages.send(self._fd, messages.SoFar(found))
        self._spent += time.monotonic() - now


def _so_far(machine: Machine) -> MachineResult:
    return MachineResult(
        name=machine.name,
        guest_time=machine.time,
        instructions=machine.instructions,
        console=machine.console.output[-_CONSOLE:],
        log=tuple(machine.console.log[-_LINES:]),
    )
