# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a results file of `hvlab run --json` back. The file may be anybody's: all of it is checked."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter, ValidationError

from hvlab.errors import HostError, ReportError
from hvlab.report.files import read_regular
from hvlab.report.json_report import FORMAT, VERSION
from hvlab.scenario.problems import printable
from hvlab.scenario.results import CaseResult, RunResult

MAX_SIZE = 256 << 20


@dataclass(frozen=True)
class SavedRun:
    """A run, as a file keeps it. hvlab: the version that made it; name: what to call it."""

    run: RunResult
    started: datetime.datetime
    hvlab: str
    name: str


def read(path: Path) -> SavedRun:
    """Reads one results file. Raises ReportError if it is none, or not whole."""
    try:
        document = _adapter().validate_json(_content(path), strict=True)
    except ValidationError as error:
        raise _refusal(path, error) from None
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


def _content(path: Path) -> bytes:
    try:
        return read_regular(path, MAX_SIZE)
    except HostError as error:
        raise ReportError(printable(str(error)), str(path)) from None


def _refusal(path: Path, error: ValidationError) -> ReportError:
    """The first thing to say of a file that is not as it should be."""
    by_place = {problem["loc"]: problem for problem in reversed(error.errors(include_url=False))}
    first = next(reversed(by_place.values()))
    if first["type"] == "json_invalid":
        return ReportError(f"{path}: {_not_json(str(first['ctx']['error']))}", str(path))
    if () in by_place or ("format",) in by_place:
        message = f'not results of `hvlab run --json`: no "format": "{FORMAT}"'
        return ReportError(f"{path}: {message}", str(path), "format")
    if ("version",) in by_place:
        return ReportError(f"{path}: {_version(by_place['version',])}", str(path), "version")
    field = _place(first["loc"])
    return ReportError(f"{path}: {field}: {printable(first['msg'])}", str(path), field)


def _not_json(message: str) -> str:
    if message.startswith("EOF"):
        return f"cut short, the results are not whole ({message})"
    return f"not JSON, so it holds no results ({printable(message)})"


def _version(problem: Any) -> str:
    if problem["type"] == "missing":
        return "no version: not results of `hvlab run --json`"
    found = printable(json.dumps(problem["input"])[:20])
    hint = "run the scenarios again" if found == "1" else "read it with the hvlab that wrote it"
    return f"version {found} of the results; this hvlab reads version {VERSION}: {hint}"


def _place(location: tuple[int | str, ...]) -> str:
    """`cases[2].machines[0].name`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return printable(text.lstrip("."))[:200]
