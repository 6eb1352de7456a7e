# SPDX-License-Identifier: GPL-2.0-or-later
"""The folder `.hvlab` in the current one: what hvlab keeps of a project between two commands."""

from __future__ import annotations

from pathlib import Path

from hvlab.errors import HostError
from hvlab.report.files import write_whole

FOLDER = Path(".hvlab")


def folder(name: str = "") -> Path:
    """`.hvlab`, or a folder in it, made if it is not there; git ignores all of it. Raises HostError."""
    place = FOLDER / name
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"cannot make the folder {place}: {error.strerror}"
        raise HostError(message, f"mkdir {place}", error.errno or 0) from None
    ignore = FOLDER / ".gitignore"
    if not ignore.exists():
        write_whole(ignore, "*\n")
    return place
