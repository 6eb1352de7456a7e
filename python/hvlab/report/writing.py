# SPDX-License-Identifier: GPL-2.0-or-later
"""The report files that were asked for: checked before a run, written after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hvlab.errors import HostError
from hvlab.report import files, history, json_report, junit
from hvlab.report.load import SavedRun


@dataclass(frozen=True)
class Wanted:
    """Which reports to write, and what to compare with. Each may be left out.

    Attributes:
        junit, json, html, trace: the files; history: earlier runs: names of saved ones, files, folders.
    """

    junit: Path | None = None
    json: Path | None = None
    html: Path | None = None
    trace: Path | None = None
    history: Sequence[str] = field(default=())

    @property
    def paths(self) -> list[Path]:
        found = (self.junit, self.json, self.html, self.trace)
        return [path for path in found if path is not None]


def prepare(wanted: Wanted) -> list[history.Earlier]:
    """Finds out before a long run whether all can be written after it, and reads the history.
    Raises HostError, ReportError.
    """
    for path in wanted.paths:
        files.check_writable(path)
    return history.read(wanted.history)


def write(
    wanted: Wanted, saved: SavedRun, earlier: Sequence[history.Earlier]
) -> Iterator[HostError]:
    """Writes each report; gives the errors of those that could not be."""
    if wanted.junit is not None:
        yield from _try(wanted.junit, junit.render(saved.run, saved.started))
    if wanted.json is not None:
        yield from _try(wanted.json, json_report.render(saved.run, saved.started))
    if wanted.html is not None:
        from hvlab.report import html

        yield from _try(wanted.html, html.render(saved, earlier))
    if wanted.trace is not None:
        from hvlab.report import trace

        yield from _try(wanted.trace, trace.render(saved.run))


def _try(path: Path, text: str) -> Iterator[HostError]:
    try:
        files.write_whole(path, text)
    except HostError as error:
        yield error
