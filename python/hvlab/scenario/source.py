# SPDX-License-Identifier: GPL-2.0-or-later
"""The text of one scenario document, read with care: a path is only a regular file after `fstat`
says so.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hvlab.errors import ScenarioError

SUFFIX = ".hvlab.yaml"
STEPS_SUFFIX = ".steps.yaml"  # of files that are included
MAX_BYTES = 768 * 1024


@dataclass(frozen=True)
class Source:
    """A document's text and the name that messages give it.

    Attributes:
        name: the path as the user wrote it; folder: absolute, where relative paths in it start.
    """

    name: str
    text: str
    folder: Path

    @cached_property
    def lines(self) -> list[str]:
        # Not str.splitlines: YAML breaks lines at CR, LF and CR LF only.
        text = self.text
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        return text.split("\n")

    def line(self, number: int) -> str:
        """Line `number`, from 1; empty where there is none."""
        return self.lines[number - 1] if 1 <= number <= len(self.lines) else ""


def read_source(path: str | os.PathLike[str]) -> Source:
    """Reads a document. Raises ScenarioError for what is missing, not a regular file, too large or
    not UTF-8, its path or its text.
    """
    name = os.fspath(path)
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in name):
        # Ids are lines, attributes of XML and arguments of a shell; Cs: bytes that are not UTF-8.
        raise ScenarioError("its path has control characters, or is not UTF-8", name)
    data = _read(name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        tail = before.rpartition(b"\n")[2].decode("utf-8-sig", "replace")
        message = f"not UTF-8: byte 0x{data[error.start]:02x} ({error.reason})"
        raise ScenarioError(message, name, line, len(tail) + 1) from None
    return Source(name, text, Path(name).absolute().parent)


def _read(name: str) -> bytes:
    try:
        # Non-blocking: opening a FIFO must not wait for its writer.
        fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ScenarioError(f"cannot open it: {reason}", name) from None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise ScenarioError(f"not a regular file but {_kind(status.st_mode)}", name)
        if status.st_size > MAX_BYTES:
            raise ScenarioError(_too_large(status.st_size), name)
        with os.fdopen(fd, "rb", closefd=False) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ScenarioError(f"cannot read it: {error.strerror}", name) from None
    finally:
        os.close(fd)
    if len(data) > MAX_BYTES:  # it grew after fstat
        raise ScenarioError(_too_large(len(data)), name)
    return data


def _too_large(size: int) -> str:
    return f"too large for a scenario: {size} bytes, and at most {MAX_BYTES} (768 KiB) are read"


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a character device",
        stat.S_IFBLK: "a block device",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")
