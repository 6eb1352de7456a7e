# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a results file of `hvlab run --json` back."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter

from hvlab.report import reading
from hvlab.report.json_report import FORMAT, VERSION
from hvlab.scenario.results import CaseResult, RunResult

KIND = reading.Kind(FORMAT, VERSION, "results of `hvlab run --json`", "run the scenarios again")


@dataclass(frozen=True)
class SavedRun:
    """A run, as a file keeps it. hvlab: the version that made it; name: what to call it."""

    run: RunResult
    started: datetime.datetime
    hvlab: str
    name: str


def read(path: Path) -> SavedRun:
    """Reads one results file. Raises ReportError if it is none, or not whole."""
    return of_content(path, reading.content(path))


def of_content(path: Path, data: bytes) -> SavedRun:
    """The same of what has been read of `path`."""
    document = reading.parse(path, data, _adapter(), KIND)
    run = RunResult(document.cases, document.wall, document.interrupted, document.host)
    return SavedRun(run, document.started, document.hvlab, path.stem)


# What is read is what stands in the dataclasses; the rest is derived from it.
@dataclass
class _Document:
    __pydantic_config__ = ConfigDict(allow_inf_nan=False)  # of all that is in it, too

    format: Literal["hvlab-results"]
    version: Literal[2]
    hvlab: str
    started: AwareDatetime
    wall: Annotated[float, Field(ge=0)]
    interrupted: bool
    host: dict[str, str]
    cases: list[CaseResult]


@cache
def _adapter() -> TypeAdapter[_Document]:
    return TypeAdapter(_Document)
