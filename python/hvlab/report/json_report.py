# SPDX-License-Identifier: GPL-2.0-or-later
"""Results as JSON, for programs. A change that a reader could trip over raises VERSION."""

from __future__ import annotations

import dataclasses
import datetime
import json
from pathlib import Path
from typing import Any

import hvlab
from hvlab.report.files import write_whole
from hvlab.scenario.results import CaseResult, Outcome, RunResult

FORMAT = "hvlab-results"
VERSION = 2


def write(path: Path, run: RunResult, started: datetime.datetime) -> None:
    """Writes the report whole or not at all. Raises HostError."""
    write_whole(path, render(run, started))


def render(run: RunResult, started: datetime.datetime) -> str:
    """The report's text. Guest times are nanoseconds, wall times seconds."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "hvlab": hvlab.__version__,
        "started": started.isoformat(timespec="seconds"),
        "wall": round(run.wall, 6),
        "interrupted": run.interrupted,
        "exit_code": run.exit_code,
        "summary": {str(outcome): run.count(outcome) for outcome in Outcome},
        "cases": [case_data(case) for case in run.cases],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def case_data(case: CaseResult) -> dict[str, Any]:
    """One case as plain data."""
    data = dataclasses.asdict(case)
    data |= {"flaky": case.flaky, "guest_time": case.guest_time, "instructions": case.instructions}
    data |= {"wall": round(case.wall, 6), "cpu": round(case.cpu, 6)}
    for machine in data["machines"]:
        del machine["picture"]  # a file among the artifacts
        machine["log"] = [{"time": time, "line": line} for time, line in machine["log"]]
    if case.failure is not None:
        operands = [{"text": text, "value": value} for text, value in case.failure.operands]
        data["failure"]["operands"] = operands
    return data
