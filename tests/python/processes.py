# SPDX-License-Identifier: GPL-2.0-or-later
"""Which processes there are, and what they do: from /proc."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 60.0  # seconds for what must happen, on a busy machine


def wait_until(happened: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, f"it did not happen: {what}"
        time.sleep(0.01)


def marked(marker: str) -> list[int]:
    """Processes that live and were started with the variable HVLAB_TEST_MARKER of this value."""
    wanted = f"HVLAB_TEST_MARKER={marker}".encode()
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            try:
                if wanted in (path / "environ").read_bytes().split(b"\0") and alive(int(path.name)):
                    found.append(int(path.name))
            except OSError:  # it has ended meanwhile
                continue
    return found


def alive(pid: int) -> bool:
    """Whether it is there, and not a zombie."""
    try:
        return _fields(pid)[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def cpu_seconds(pid: int) -> float:
    """User and system time (proc_pid_stat(5), fields 14 and 15)."""
    fields = _fields(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def waits_for_it(pid: int, number: int) -> bool:
    """Whether a signal was sent to it that it blocks (proc_pid_status(5))."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigPnd", "ShdPnd"))]
    return any(mask & 1 << (number - 1) for mask in masks)


def children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(word) for word in (task / "children").read_text().split()]
    return found


def _fields(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
