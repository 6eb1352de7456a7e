# SPDX-License-Identifier: GPL-2.0-or-later
"""The standard streams, whatever whoever started us left there: closed, a full disk, a reader that
goes away, an encoding that is too narrow.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

from hvlab.errors import HostError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class OutputError(HostError):
    """What we print cannot be written."""


def prepare() -> None:
    """Makes the streams safe to print to. Leaves alone what somebody else has put in their place.

    From then on printing to stdout raises OutputError or BrokenPipeError once, and never a
    UnicodeEncodeError; printing to stderr raises nothing. A closed stream takes all and keeps none.
    """
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
    if sys.stdout is sys.__stdout__:
        sys.stdout = _text(_Output(1, "w", closefd=False), sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(_Errors(2, "w", closefd=False), sys.stderr, line_buffering=True)


class _Output(io.FileIO):
    """Tells once that it cannot be written, and drops the rest: also what is flushed at exit."""

    _failed = False

    def write(self, data: ReadableBuffer, /) -> int:
        if self._failed:
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except BrokenPipeError:
            self._failed = True
            raise
        except OSError as error:
            self._failed = True
            message = f"cannot write the output: {error.strerror}"
            raise OutputError(message, "write", error.errno or 0) from None


class _Errors(io.FileIO):
    """Drops what cannot be written: nobody is left to tell, and the exit code still stands."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def _text(raw: io.FileIO, before: TextIO | None, line_buffering: bool = False) -> io.TextIOWrapper:
    encoding = "utf-8" if before is None else before.encoding
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding,
        "backslashreplace",
        line_buffering=line_buffering or raw.isatty(),
    )
