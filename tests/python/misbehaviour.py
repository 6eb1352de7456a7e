# SPDX-License-Identifier: GPL-2.0-or-later
"""Steps that do to their process what no step should: `send: "do: WHAT"`. For tests of what is made
of it. As a program it is `hvlab` with these steps.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from hvlab.scenario.bounds import StepFailed
from hvlab.scenario.context import RunContext
from hvlab.scenario.results import CaseResult, Outcome
from hvlab.scenario.steps.send import Send
from hvlab.workers import messages, pool, running
from processes import alive

_PREFIX = "do: "
_send = Send.run


def _run(self: Send, context: RunContext) -> None:
    if not self.text.startswith(_PREFIX):
        return _send(self, context)
    what, *arguments = self.text.removeprefix(_PREFIX).split()
    return _DEEDS[what](*arguments)


def install() -> None:
    """From now on the steps do what they say, in this process and in those forked from it."""
    Send.run = _run  # type: ignore[method-assign]
    messages.send = send_noted


_messages_fd = -1
_send_message = messages.send


def send_noted(fd: int, message: messages.Message) -> None:
    """As messages.send; from then on it is known where messages go."""
    global _messages_fd
    _messages_fd = fd
    _send_message(fd, message)


def _forged_result() -> None:
    result = CaseResult(
        id="other", file="f", name="n", outcome=Outcome.PASSED, backend="unicorn", seed=1,
        parameters={}, tags=(), line=1, reproduce="",
    )  # fmt: skip
    messages.send(_messages_fd, result)
    _sleep()


def _sleep() -> NoReturn:
    while True:
        time.sleep(3600)


def _deaf() -> NoReturn:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    _sleep()


def _daemon() -> None:
    """A process that leaves the worker's group and session."""
    ready, told = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(told, b"!")
            _sleep()
        os._exit(0)
    os.read(ready, 1)


def _child(*name: str) -> None:
    pid = os.fork()
    if pid == 0:
        _sleep()
    for each in name:
        _write_whole(each, str(pid))


def _await_end(name: str) -> None:
    """Of the process whose id is in the file."""
    while not Path(name).exists():
        time.sleep(0.001)
    while alive(int(Path(name).read_text())):
        time.sleep(0.001)


def _write_whole(name: str, text: str) -> None:
    Path(f"{name}.new").write_text(text)
    Path(f"{name}.new").rename(name)


def _flaky(name: str, passes_at: str) -> None:
    path = Path(name)
    count = len(path.read_text()) + 1 if path.exists() else 1
    path.write_text("x" * count)
    if count < int(passes_at):
        raise StepFailed(f"call {count}")


def _fail() -> None:
    raise StepFailed("told to")


def _touch(name: str) -> None:
    Path(name).touch()


def _meet(name: str, other: str) -> None:
    Path(name).touch()
    while not Path(other).exists():
        time.sleep(0.001)


def _temporary() -> None:
    with tempfile.NamedTemporaryFile(delete=False) as file:
        print(file.name)


def _write(text: bytes) -> None:
    os.write(_messages_fd, text)
    _sleep()


_DEEDS: dict[str, Callable[..., object]] = {
    "read-null": lambda: ctypes.string_at(0),
    "segv": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "abort": os.abort,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "_exit": lambda code: os._exit(int(code)),
    "exit": lambda code: sys.exit(int(code)),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "kill-parent": lambda: os.kill(os.getppid(), signal.SIGKILL),
    "garbage": lambda: _write(b"\xff" * 100),
    "huge": lambda: _write(struct.pack("!BI", 3, 1 << 31)),
    "lies": lambda: _write(struct.pack("!BI", 1, 37) + b'[{"guest_time":"x","instructions":0}]'),
    "forge": _forged_result,
    "print": lambda text: print(text),
    "flood": lambda count: print("first\n" + "x" * int(count) + "\nlast"),
    "read-input": lambda: print(repr(sys.stdin.read())),
    "deaf": _deaf,
    "daemon": _daemon,
    "child": _child,
    "await-end": _await_end,
    "flaky": _flaky,
    "fail": _fail,
    "touch": _touch,
    "meet": _meet,
    "temporary": _temporary,
}


if __name__ == "__main__":
    install()
    running.GRACE = float(os.environ.get("TEST_GRACE", running.GRACE))
    pool.INTERRUPT_GRACE = float(os.environ.get("TEST_INTERRUPT_GRACE", pool.INTERRUPT_GRACE))
    from hvlab.cli import main

    sys.exit(main())
