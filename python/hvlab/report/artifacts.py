# SPDX-License-Identifier: GPL-2.0-or-later
"""What a case that did not pass leaves in a folder of its own."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from pathlib import Path

from hvlab.errors import HostError
from hvlab.report.files import write_whole
from hvlab.report.json_report import case_data
from hvlab.report.text import failure_text, log_lines
from hvlab.scenario.document import Case
from hvlab.scenario.results import CaseResult, Outcome


def keep(folder: Path, case: Case | None, result: CaseResult) -> CaseResult:
    """Writes the artifacts of a failed case; the result then names their folder. Raises
    HostError.

    `case`: None if it is no scenario's but a test's in Python.
    """
    if result.outcome not in (Outcome.FAILED, Outcome.ERROR):
        return result
    place = folder / folder_name(result.label)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"cannot make the folder {place}: {error.strerror}"
        raise HostError(message, f"mkdir {place}", error.errno or 0) from None
    result = dataclasses.replace(result, artifacts=str(place))
    write_whole(place / "failure.txt", failure_text(result) + "\n")
    if case is not None:
        write_whole(place / "scenario.yaml", case.source.text)
    write_whole(place / "result.json", json.dumps(case_data(result), indent=2) + "\n")
    if result.output:
        write_whole(place / "output.txt", result.output)
    for machine in result.machines:
        of = "" if len(result.machines) == 1 else f"{machine.name}."
        write_whole(place / f"{of}console.log", "\n".join(log_lines(machine)) + "\n")
        if machine.screen:
            write_whole(place / f"{of}screen.txt", machine.screen + "\n")
            write_whole(place / f"{of}screen.svg", machine.picture)
        if machine.registers:
            write_whole(place / f"{of}registers.txt", machine.registers + "\n")
    return result


def folder_name(label: str) -> str:
    """A name that every file system takes, and that no other case or repetition has."""
    plain = re.sub(r"[^A-Za-z0-9_.=\-]+", "_", label).strip("_.")[-120:]
    return f"{plain}-{hashlib.sha256(label.encode()).hexdigest()[:8]}"
