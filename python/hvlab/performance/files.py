# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs by name, in `.hvlab/runs` of the current folder, or by path."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from hvlab import state
from hvlab.errors import HostError, HvlabError
from hvlab.performance import collect
from hvlab.performance.runs import FORMAT, VERSION, Facts, Run
from hvlab.report import json_report
from hvlab.report.files import check_writable, read_regular, write_whole
from hvlab.scenario.nearest import did_you_mean
from hvlab.scenario.problems import printable

MAX_BYTES = 256 << 20  # results files hold consoles
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}")
_SUFFIX = ".json"
_DATA: TypeAdapter[dict[str, object]] = TypeAdapter(dict[str, object])


class RunFileError(HvlabError):
    """A saved run or a results file cannot be used.

    Attributes:
        path: the file, or the name that was asked for.
    """

    def __init__(self, message: str, path: str = "") -> None:
        self.path = path
        super().__init__(message)


def place(name: str) -> Path:
    """The file of a run: a name's is in `.hvlab/runs`; what has a folder or ends in .json is a path.

    Raises RunFileError for what is neither.
    """
    if "/" in name or name.endswith(_SUFFIX):
        return Path(name)
    if not _NAME.fullmatch(name):
        message = (
            f"'{printable(name[:100])}' can't be the name of a run: letters, digits, '_', '-' and '.', "
            "beginning with a letter or a digit; or a path that ends in .json"
        )
        raise RunFileError(message, name)
    return state.FOLDER / "runs" / f"{name}{_SUFFIX}"


def prepare(name: str) -> Path:
    """Finds out before a long run whether it can be saved after it. Raises RunFileError, HostError."""
    path = place(name)
    if path.parent == state.FOLDER / "runs":
        state.folder("runs")
    check_report(path)
    return path


def check_report(path: Path | None) -> None:
    """Whether a report can be written after a long run. Raises RunFileError."""
    if path is not None:
        try:
            check_writable(path)
        except HostError as error:
            raise RunFileError(str(error), str(path)) from None


def save(path: Path, run: Run) -> None:
    """Writes the file whole or not at all. Raises HostError."""
    write_whole(path, run.model_dump_json(indent=1) + "\n")


def load(name: str) -> Run:
    """The run of that name, or of a file: a saved run, or results that `hvlab run --json` wrote.

    Raises RunFileError.
    """
    path = place(name)
    if path.parent == state.FOLDER / "runs" and not path.exists():
        known = saved()
        hint = did_you_mean(name, known) or (f"; there are: {', '.join(known)}" if known else "")
        message = (
            f"there is no run '{name}' in {path.parent}{hint}; `hvlab run --save {name}` makes one"
        )
        raise RunFileError(message, name)
    try:
        data = read_regular(path, MAX_BYTES)
    except HostError as error:
        raise RunFileError(printable(str(error)), str(path)) from None
    shown = printable(str(path))
    try:
        head = _DATA.validate_json(data)
    except ValidationError as error:
        raise RunFileError(f"{shown}: not a JSON object: {_first(error)}", str(path)) from None
    kind, version = head.get("format"), head.get("version")
    wanted = {FORMAT: VERSION, json_report.FORMAT: json_report.VERSION}
    if not isinstance(kind, str) or kind not in wanted:
        message = f"{shown}: neither a saved run nor results of `hvlab run --json`"
        raise RunFileError(message, str(path))
    if version != wanted[kind]:
        message = f"{shown}: version {version!r} of the format; this hvlab reads {wanted[kind]}"
        raise RunFileError(message, str(path))
    try:
        run = Run.model_validate_json(data) if kind == FORMAT else _of_results(head)
    except ValidationError as error:
        raise RunFileError(f"{shown}: damaged: {_first(error)}", str(path)) from None
    _check(run, path)
    return run


def saved() -> list[str]:
    """The names of the runs in `.hvlab/runs`."""
    return sorted(path.stem for path in (state.FOLDER / "runs").glob(f"*{_SUFFIX}"))


def _of_results(head: dict[str, object]) -> Run:
    facts = Facts(
        hvlab=str(head.get("hvlab", "")),
        engine="",
        cpu="",
        cpus=0,
        kernel="",
        python="",
        workers=None,
    )
    return collect.run_of_data(head.get("cases"), str(head.get("started", "")), facts)


def _check(run: Run, path: Path) -> None:
    """What no type says: as many samples as repetitions, and each case once."""
    seen: set[str] = set()
    for case in run.cases:
        count = len(case.repetitions)
        wrong = len(case.seeds) != count or any(len(m.samples) != count for m in case.measures)
        names = [measure.name for measure in case.measures]
        if wrong or case.id in seen or len(set(names)) != len(names):
            what = printable(case.id[:200])
            message = f"{printable(str(path))}: damaged: the samples of {what} do not fit together"
            raise RunFileError(message, str(path))
        seen.add(case.id)


def _first(error: ValidationError) -> str:
    """The first thing that is wrong, in a line."""
    found = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in found["loc"])
    return printable(f"{where}: {found['msg']}" if where else found["msg"])[:300]
