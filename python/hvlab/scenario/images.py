# SPDX-License-Identifier: GPL-2.0-or-later
"""What a scenario boots: `fixture:NAME`, or a path that stays in the scenario's folder unless it is
absolute.
"""

from __future__ import annotations

import hashlib
import os
import stat
from functools import lru_cache
from pathlib import Path

from hvlab.errors import BootError
from hvlab.scenario.nearest import did_you_mean

FIXTURE = "fixture:"
PATH_MAX = 4096  # of Linux


def fault(reference: str, folder: Path) -> str | None:
    """What is wrong with a reference, as far as it can be known without running; None if nothing
    is.
    """
    if reference.startswith(FIXTURE):
        from hvlab.fixtures import fixture_names

        name = reference.removeprefix(FIXTURE)
        known = fixture_names()
        if name in known:
            return None
        hint = did_you_mean(name, known) or "; 'hvlab fixtures list' shows those there are"
        return f"unknown fixture '{name}'{hint}"
    if len(reference) > PATH_MAX:  # before each part of it is looked at
        return f"too long for a path: {len(reference)} characters"
    path = folder / reference
    if not Path(reference).is_absolute() and not _inside(path, folder):
        return f"'{reference}' is outside the scenario's folder; a relative path stays in it"
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return f"'{reference}': {reason}{_similar(path, reference)}"
    return None if stat.S_ISREG(mode) else f"'{reference}' is not a regular file"


def resolve(reference: str, folder: Path) -> Path:
    """The file that a reference stands for. Raises BootError, FixtureError."""
    if reference.startswith(FIXTURE):
        from hvlab.fixtures import fixture

        return fixture(reference.removeprefix(FIXTURE))
    wrong = fault(reference, folder)  # again: the file may have gone since the check
    if wrong is not None:
        raise BootError(wrong)
    return folder / reference


def sha256(path: Path) -> str:
    """Of the file's content, in hex. Raises OSError."""
    status = path.stat()
    return _sha256(os.fspath(path), status.st_ino, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _sha256(path: str, inode: int, size: int, modified: int) -> str:
    del inode, size, modified  # what the cached answer was for
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _inside(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # RuntimeError: a loop of symbolic links
        return False


def _similar(path: Path, reference: str) -> str:
    from hvlab.fixtures import fixture_names

    if reference in fixture_names():
        return f" (did you mean '{FIXTURE}{reference}'?)"
    try:
        names = [entry.name for entry in path.parent.iterdir()][:1000]
    except OSError:
        return ""
    return did_you_mean(path.name, names)
