# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the JSON files that hvlab itself writes of a run. They may be anybody's: all of them is checked, and
what is wrong is one `ReportError` that names the file and the part of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from hvlab.errors import HostError, ReportError
from hvlab.report.files import read_regular
from hvlab.scenario.problems import printable

MAX_SIZE = 256 << 20  # results hold consoles

T = TypeVar("T")


@dataclass(frozen=True)
class Kind:
    """A kind of file. of: what it is, in words; renew: what to do about an older version."""

    format: str
    version: int
    of: str
    renew: str


def content(path: Path) -> bytes:
    """What is in a regular file. Raises ReportError."""
    try:
        return read_regular(path, MAX_SIZE)
    except HostError as error:
        raise ReportError(printable(str(error)), str(path)) from None


def format_of(data: bytes) -> str:
    """What the file says that it is; empty if it does not."""
    try:
        return _head().validate_json(data).format
    except ValidationError:
        return ""


def parse(path: Path, data: bytes, adapter: TypeAdapter[T], kind: Kind) -> T:
    """The whole content, checked. Raises ReportError."""
    try:
        return adapter.validate_json(data, strict=True)
    except ValidationError as error:
        raise refusal(path, error, kind) from None


def refusal(path: Path, error: ValidationError, kind: Kind) -> ReportError:
    """The first thing to say of a file that is not as it should be."""
    by_place = {problem["loc"]: problem for problem in reversed(error.errors(include_url=False))}
    first = next(reversed(by_place.values()))
    if first["type"] == "json_invalid":
        field, message = "", _not_json(str(first["ctx"]["error"]))
    elif () in by_place or ("format",) in by_place:
        field, message = "format", f'not {kind.of}: no "format": "{kind.format}"'
    elif ("version",) in by_place:
        field, message = "version", _version(by_place["version",], kind)
    else:
        field = _place(first["loc"])
        message = f"{field}: {printable(first['msg'])[:300]}"
    return ReportError(f"{printable(str(path))}: {message}", str(path), field)


class _Head(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    format: str


@cache
def _head() -> TypeAdapter[_Head]:
    return TypeAdapter(_Head)


def _not_json(message: str) -> str:
    if message.startswith("EOF"):
        return f"cut short, the results are not whole ({message})"
    return f"not JSON, so it holds no results ({printable(message)})"


def _version(problem: Any, kind: Kind) -> str:
    if problem["type"] == "missing":
        return f"no version: not {kind.of}"
    found = json.dumps(problem["input"])[:20]
    older = found.isdigit() and int(found) < kind.version
    hint = kind.renew if older else "read it with the hvlab that wrote it"
    return (
        f"version {printable(found)} of the format; this hvlab reads version {kind.version}: {hint}"
    )


def _place(location: tuple[int | str, ...]) -> str:
    """`cases[2].machines[0].name`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return printable(text.lstrip("."))[:200]
