# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs by name, in `.hvlab/runs` of the current folder, or by path."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from hvlab import state
from hvlab.errors import HostError, ReportError
from hvlab.performance import collect
from hvlab.performance.runs import FORMAT, VERSION, Run
from hvlab.report import load as load_results
from hvlab.report import reading
from hvlab.report.files import check_writable, write_whole
from hvlab.scenario.nearest import did_you_mean
from hvlab.scenario.problems import printable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}")
_SUFFIX = ".json"
KIND = reading.Kind(FORMAT, VERSION, "a saved run", "run the scenarios again")


def place(name: str) -> Path:
    """The file of a run: a name's is in `.hvlab/runs`; what has a folder or ends in .json is a path.

    Raises ReportError for what is neither.
    """
    if "/" in name or name.endswith(_SUFFIX):
        return Path(name)
    if not _NAME.fullmatch(name):
        message = (
            f"'{printable(name[:100])}' can't be the name of a run: letters, digits, '_', '-' and '.', "
            "beginning with a letter or a digit; or a path that ends in .json"
        )
        raise ReportError(message, name)
    return state.FOLDER / "runs" / f"{name}{_SUFFIX}"


def prepare(name: str) -> Path:
    """Finds out before a long run whether it can be saved after it. Raises ReportError, HostError."""
    path = place(name)
    if path.parent == state.FOLDER / "runs":
        state.folder("runs")
    check_report(path)
    return path


def check_report(path: Path | None) -> None:
    """Whether a report can be written after a long run. Raises ReportError."""
    if path is not None:
        try:
            check_writable(path)
        except HostError as error:
            raise ReportError(str(error), str(path)) from None


def save(path: Path, run: Run) -> None:
    """Writes the file whole or not at all. Raises HostError."""
    write_whole(path, run.model_dump_json(indent=1) + "\n")


def load(name: str) -> Run:
    """The run of that name, or of a file: a saved run, or results that `hvlab run --json` wrote.

    Raises ReportError.
    """
    path = place(name)
    if path.parent == state.FOLDER / "runs" and not path.exists():
        known = saved()
        hint = did_you_mean(name, known) or (f"; there are: {', '.join(known)}" if known else "")
        message = (
            f"there is no run '{name}' in {path.parent}{hint}; `hvlab run --save {name}` makes one"
        )
        raise ReportError(message, name)
    data = reading.content(path)
    if reading.format_of(data) == FORMAT:
        run = reading.parse(path, data, _adapter(), KIND)
    else:
        run = _of_results(path, data)
    _check(run, path)
    return run


def saved() -> list[str]:
    """The names of the runs in `.hvlab/runs`."""
    return sorted(path.stem for path in (state.FOLDER / "runs").glob(f"*{_SUFFIX}"))


def _of_results(path: Path, data: bytes) -> Run:
    try:
        return collect.run_of_saved(load_results.of_content(path, data))
    except ValidationError as error:  # results may hold what a run does not: names of any length
        raise reading.refusal(path, error, load_results.KIND) from None
    except ReportError as error:
        if error.field != "format":
            raise
        message = f"{printable(str(path))}: neither {KIND.of} nor {load_results.KIND.of}"
        raise ReportError(message, str(path), "format") from None


@cache
def _adapter() -> TypeAdapter[Run]:
    return TypeAdapter(Run)


def _check(run: Run, path: Path) -> None:
    """What no type says: as many samples as repetitions, and each case once."""
    seen: set[str] = set()
    for case in run.cases:
        count = len(case.repetitions)
        wrong = len(case.seeds) != count or any(len(m.samples) != count for m in case.measures)
        names = [measure.name for measure in case.measures]
        if wrong or case.id in seen or len(set(names)) != len(names):
            what = printable(case.id[:200])
            message = f"{printable(str(path))}: the samples of {what} do not fit together"
            raise ReportError(message, str(path))
        seen.add(case.id)
