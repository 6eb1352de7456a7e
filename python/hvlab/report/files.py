# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from hvlab.errors import HostError


def check_writable(path: Path) -> None:
    """Finds out before a long run whether `path` can be written after it. Raises HostError."""
    folder = path.absolute().parent
    if path.is_dir():
        raise HostError(f"cannot write {path}: it is a folder", f"write {path}")
    if not folder.is_dir():
        raise HostError(f"cannot write {path}: there is no folder {folder}", f"write {path}")
    target = path if path.exists() and not _regular(path) else folder
    if not os.access(target, os.W_OK):
        raise HostError(f"cannot write {path}: permission denied", f"write {path}")


def write_whole(path: Path, text: str) -> None:
    """Writes beside `path` and renames, so that a reader or a full disk never sees half of it.

    Raises HostError. A device or pipe is written to as it is.
    """
    data = text.encode("utf-8", "replace")
    replace_file(path, lambda file: file.write(data))


def replace_file(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """The same, for what `write` writes; nothing has changed if that raises. Raises HostError."""
    try:
        if path.exists() and not _regular(path):
            with path.open("wb") as file:
                write(file)
            return
        _replace(path, write)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror or error}"
        raise HostError(message, f"write {path}", error.errno or 0) from None


def make_folder(path: Path) -> None:
    """With those above it; one that is there is left as it is. Raises HostError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"cannot make the folder {path}: {error.strerror}"
        raise HostError(message, f"mkdir {path}", error.errno or 0) from None


def read_regular(path: Path, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes. Raises HostError."""
    try:
        # Non-blocking: opening a FIFO must not wait for its writer.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise HostError(f"cannot read {path}: not a regular file", f"read {path}")
            with os.fdopen(fd, "rb", closefd=False) as file:
                data = file.read(most + 1)
        finally:
            os.close(fd)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        number = error.errno or 0 if isinstance(error, OSError) else 0
        raise HostError(f"cannot read {path}: {reason}", f"read {path}", number) from None
    if len(data) > most:
        raise HostError(f"cannot read {path}: over {most >> 20} MiB", f"read {path}")
    return data


def _replace(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    path = path.resolve()  # a link stays a link
    fd, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    try:
        with os.fdopen(fd, "wb") as file:
            write(file)
            file.flush()
            os.fchmod(file.fileno(), _mode(path))
            os.fsync(file.fileno())
        os.replace(name, path)  # noqa: PTH105 - as os.fdopen's companion
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)  # noqa: PTH108
        raise


def _mode(path: Path) -> int:
    """Of the file that is replaced, or what a new one would have."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _regular(path: Path) -> bool:
    return stat.S_ISREG(path.stat().st_mode)


def check_folder(path: Path) -> None:
    """Finds out before a long run whether files can be made in the folder `path`. Raises
    HostError.
    """
    existing = next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())
    if not existing.is_dir():
        raise HostError(f"cannot write to {path}: {existing} is no folder", f"write {path}")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise HostError(f"cannot write to {path}: permission denied", f"write {path}")
