# SPDX-License-Identifier: GPL-2.0-or-later
"""Two executables, or one with two sets of options, run in turns: A B, B A, A B... What changes slowly on a
host then meets both alike.
"""

from __future__ import annotations

import secrets
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hvlab.errors import HvlabError
from hvlab.performance import files
from hvlab.performance.runs import Run, joined

_TAIL = 20  # lines of what a side said, for an error
_END = 10.0  # seconds that an interrupted side has to end its guests


class SideFailed(HvlabError):
    """One of the two could not be run.

    Attributes:
        command: what was started; exit_code: how it ended, None if it could not be started.
    """

    def __init__(
        self, message: str, command: Sequence[str] = (), exit_code: int | None = None
    ) -> None:
        self.command = tuple(command)
        self.exit_code = exit_code
        super().__init__(message)


@dataclass(frozen=True)
class Side:
    """What is run. name: A or B; command: an hvlab; options: of its `run`; folder: where, or here."""

    name: str
    command: tuple[str, ...]
    options: tuple[str, ...] = ()
    folder: Path | None = None


def in_turns(
    a: Side,
    b: Side,
    targets: Sequence[str],
    rounds: int,
    warm_up: int = 1,
    progress: Callable[[int, Side], None] = lambda number, side: None,
) -> tuple[Run, Run]:
    """Runs the targets `rounds` times on each side. Each run is a process of its own; who begins changes
    from round to round, so that neither always has the other's caches and clock. Failed cases
    have no samples in that round.

    Args:
        warm_up: rounds before, which are not kept: page caches, fetched fixtures.
        progress: told before each run; numbers of rounds that are not kept are below 0.
    Raises SideFailed, ReportError, HostError.
    """
    taken: dict[str, list[Run]] = {a.name: [], b.name: []}
    with tempfile.TemporaryDirectory(prefix="hvlab-bench-") as folder:
        for number in range(-warm_up, rounds):
            for side in (a, b) if number % 2 == 0 else (b, a):
                progress(number, side)
                run = _run(side, targets, Path(folder) / "run.json")
                if number >= 0:
                    taken[side.name].append(run)
    pairing = secrets.token_hex(16)
    return joined(taken[a.name], pairing), joined(taken[b.name], pairing)


def _run(side: Side, targets: Sequence[str], saved: Path) -> Run:
    command = [*side.command, "run", *side.options, f"--save={saved}", "--", *targets]
    code, said = _output(side, command)
    if code not in (0, 1) or not saved.exists():
        head = f"{side.name}: {' '.join(command)} ended with exit code {code}"
        raise SideFailed("\n    ".join([head, *said.strip().splitlines()[-_TAIL:]]), command, code)
    run = files.load(str(saved))
    saved.unlink()
    return run


def _output(side: Side, command: Sequence[str]) -> tuple[int, str]:
    """Runs it to its end: exit code, and all that it said. It does not outlive us if we are interrupted."""
    process: subprocess.Popen[str] | None = None
    try:
        with _signals_wait():  # or one could come between the start and our knowing of it
            process = subprocess.Popen(
                command,
                cwd=side.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
            )
        said, _ = process.communicate()
    except OSError as error:
        message = f"{side.name}: cannot start {side.command[0]}: {error.strerror}"
        raise SideFailed(message, command) from None
    except BaseException:
        if process is not None:
            _end(process)
        raise
    return process.returncode, said


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Signals that end a command are delivered after the block."""
    if threading.current_thread() is not threading.main_thread():
        yield  # they are the main thread's
        return
    arrived: list[int] = []
    before = {
        number: signal.signal(number, lambda n, _frame: arrived.append(n))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for each in arrived:
            signal.raise_signal(each)
