# SPDX-License-Identifier: GPL-2.0-or-later
"""Few system calls that Python's library lacks, and what holds for every process of a run."""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path

# prctl(2)
_SET_PDEATHSIG = 1
_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def told_of_parents_death(parent: int, number: signal.Signals) -> None:
    """This process gets the signal when the thread that started it ends. Call it as the first thing."""
    _prctl(_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it was too late to be told
        os.kill(os.getpid(), number)


def adopt_orphans() -> None:
    """Descendants whose parent ends become children of this process."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def children() -> list[int]:
    """The ids of the children of this process's only thread (proc_pid_task_tid_children(5))."""
    pid = os.getpid()
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:  # a kernel without CONFIG_PROC_CHILDREN
        return []


def threads() -> int:
    """How many threads this process has, those that Python does not know among them."""
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - names are enough


def _prctl(option: int, argument: int) -> None:
    if _libc.prctl(option, argument, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl {option}: {os.strerror(number)}")
