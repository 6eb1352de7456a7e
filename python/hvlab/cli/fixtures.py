# SPDX-License-Identifier: GPL-2.0-or-later
"""`hvlab fixtures list` and `hvlab fixtures fetch`."""

from __future__ import annotations

from collections.abc import Sequence

from hvlab import fixtures
from hvlab.cli import OK
from hvlab.fixtures.packaged import PACKAGED


def show() -> int:
    """Prints every fixture with its state. Raises FixtureError."""
    for info in fixtures.list_fixtures():
        print(f"{info.name:<14} {info.kind:<9} {info.description}")
        if info.path is not None:
            print(f"{'':<14} {info.path}  sha256 {info.sha256}")
        elif info.name in PACKAGED:
            print(f"{'':<14} not here; to fetch it: hvlab fixtures fetch {info.name}")
        else:
            print(f"{'':<14} not built; in a source tree, make build does it")
    return OK


def fetch(names: Sequence[str], force: bool) -> int:
    """Fetches the named fixtures, or all that can be fetched. Raises FixtureError."""
    for name in names or list(PACKAGED):
        info = fixtures.fetch(name, force=force, progress=_line)
        print(f"{info.name}: {info.path}  sha256 {info.sha256}")
    return OK


def _line(text: str) -> None:
    print(text, flush=True)
