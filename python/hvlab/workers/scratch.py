# SPDX-License-Identifier: GPL-2.0-or-later
"""Folders for temporary files that do not outlive a run, however it ends."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

from hvlab.errors import HostError

_PREFIX = "hvlab-run-"
_YOUNG = 60.0  # seconds: a run that has just begun may not hold its lock yet


class Scratch:
    """A run's folder; each worker has one inside it. Runner and zygote share it, each ready to take it
    away. It is locked while one of them lives: what is left when both are killed, the next run
    takes away.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Makes the folder, or shares the one at `path`. Raises HostError."""
        if path is None:
            _sweep()
        self.path = path or _make()
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    def make(self, number: int) -> Path:
        """A worker's folder."""
        path = self.path / str(number)
        path.mkdir(mode=0o700)
        return path

    def remove(self, number: int) -> None:
        """Takes it away, with all that is in it."""
        shutil.rmtree(self.path / str(number), ignore_errors=True)

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _make() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix=_PREFIX))
    except OSError as error:
        message = f"cannot make a folder for temporary files: {error.filename}: {error.strerror}"
        raise HostError(message, "mkdir", error.errno or 0) from None


def _sweep() -> None:
    """Takes away what killed runs of this user have left."""
    with os.scandir(tempfile.gettempdir()) as entries:
        left = [Path(e.path) for e in entries if e.name.startswith(_PREFIX)]
    for path in left:
        try:
            facts = path.lstat()
            if facts.st_uid != os.getuid() or time.time() - facts.st_mtime < _YOUNG:
                continue
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:  # gone, or nobody's business
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        except BlockingIOError:  # its run lives
            pass
        finally:
            os.close(fd)
