# SPDX-License-Identifier: GPL-2.0-or-later
"""The folder `.hvlab` in the current one: what hvlab keeps of a project between two commands."""

from __future__ import annotations

from pathlib import Path

from hvlab.report.files import make_folder, write_whole

FOLDER = Path(".hvlab")


def folder(name: str = "") -> Path:
    """`.hvlab`, or a folder in it, made if it is not there; git ignores all of it. Raises HostError."""
    place = FOLDER / name
    make_folder(place)
    ignore = FOLDER / ".gitignore"
    if not ignore.exists():
        write_whole(ignore, "*\n")
    return place
