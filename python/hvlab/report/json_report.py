# SPDX-License-Identifier: GPL-2.0-or-later
"""Results as JSON, for programs: docs/results.md and `results.schema.json` say what is in them.

A change that a reader could trip over raises VERSION, and needs a new schema.
"""

from __future__ import annotations

import datetime
import json
import math
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hvlab
from hvlab.report.files import write_whole
from hvlab.scenario.results import CaseResult, Outcome, RunResult
from hvlab.scenario.template import as_text

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT = "hvlab-results"
VERSION = 2


def write(path: Path, run: RunResult, started: datetime.datetime) -> None:
    """Writes the report whole or not at all. Raises HostError."""
    write_whole(path, render(run, started))


def render(run: RunResult, started: datetime.datetime) -> str:
    """The report's text, a case a line. Guest times are nanoseconds, wall times seconds."""
    head = {
        "format": FORMAT,
        "version": VERSION,
        "hvlab": hvlab.__version__,
        "started": started.isoformat(timespec="seconds"),
        "wall": round(run.wall, 6),
        "interrupted": run.interrupted,
        "exit_code": run.exit_code,
        "host": dict(run.host),
        "summary": {str(outcome): run.count(outcome) for outcome in Outcome} | {"flaky": run.flaky},
    }
    lines = [f"  {_text(name)}: {_text(value)}," for name, value in head.items()]
    cases = ",\n".join(f"    {_text(case_data(case))}" for case in run.cases)
    return "\n".join(["{", *lines, '  "cases": [', cases, "  ]", "}"]) + "\n"


def case_data(case: CaseResult) -> dict[str, Any]:
    """One case as plain data."""
    data: dict[str, Any] = _adapter().dump_python(case)
    data |= {"flaky": case.flaky, "guest_time": case.guest_time, "instructions": case.instructions}
    data |= {"wall": round(case.wall, 6), "cpu": round(case.cpu, 6)}
    # A document may have .inf and .nan, for which JSON has no numbers.
    data["parameters"] = {
        name: as_text(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in case.parameters.items()
    }
    return data


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `render` gives."""
    text = resources.files("hvlab.report").joinpath("results.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@cache
def _adapter() -> TypeAdapter[CaseResult]:
    from pydantic import TypeAdapter  # not needed by who only collects

    return TypeAdapter(CaseResult)


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
