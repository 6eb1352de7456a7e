# SPDX-License-Identifier: GPL-2.0-or-later
"""Two executables, or one with two sets of options, run in turns: A B, B A, A B... What changes slowly on a
host then meets both alike.
"""

from __future__ import annotations

import secrets
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hvlab.errors import HvlabError
from hvlab.performance import files
from hvlab.performance.runs import Run, joined

_TAIL = 20  # lines of what a side said, for an error


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
    Raises SideFailed, RunFileError, HostError.
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
    try:
        done = subprocess.run(
            command,
            cwd=side.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as error:
        message = f"{side.name}: cannot start {side.command[0]}: {error.strerror}"
        raise SideFailed(message, command) from None
    if done.returncode not in (0, 1) or not saved.exists():
        said = done.stdout.decode("utf-8", "replace").strip().splitlines()[-_TAIL:]
        head = f"{side.name}: {' '.join(command)} ended with exit code {done.returncode}"
        raise SideFailed("\n    ".join([head, *said]), command, done.returncode)
    run = files.load(str(saved))
    saved.unlink()
    return run
