# SPDX-License-Identifier: GPL-2.0-or-later
"""What a case that did not pass leaves in a folder of its own.

Everything that comes from the guest is bounded in size and printable.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hvlab.errors import HostError
from hvlab.introspection import attempt
from hvlab.report.files import make_folder, write_whole
from hvlab.report.host_facts import host_facts
from hvlab.report.json_report import case_data
from hvlab.report.marked import marked_document
from hvlab.report.text import event_lines, failure_text, log_lines
from hvlab.scenario.document import Case
from hvlab.scenario.problems import printable
from hvlab.scenario.results import CaseResult, MachineResult, Outcome

INDEX = "index.txt"
# Of all artifacts; with several machines, those of a machine come after its name and a dot.
NAMES = (
    INDEX, "failure.txt", "scenario.txt", "scenario.yaml", "result.json", "host.txt", "reproduce.sh",
    "output.txt",
    "console.log", "screen.txt", "screen.svg", "registers.txt", "code.txt", "stack.txt", "events.txt",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file: its name, what is in it, and how its text is made."""

    name: str
    meaning: str
    text: Callable[[], str]


def keep(folder: Path, case: Case | None, result: CaseResult) -> CaseResult:
    """Writes the artifacts of a failed case; the result then names their folder.

    A text that cannot be made is one line in its file. Raises HostError if a file cannot be written, after
    all have been tried.

    `case`: None if it is no scenario's but a test's in Python.
    """
    if result.outcome not in (Outcome.FAILED, Outcome.ERROR):
        return result
    place = folder / folder_name(result.label)
    make_folder(place)
    result = dataclasses.replace(result, artifacts=str(place))
    written, failures = _write(place, [*_of_case(case, result), *_of_machines(result)])
    failures += _clear(place, {artifact.name for artifact in written})
    index = Artifact(INDEX, "", lambda: _index(result, written, failures))
    failures += _write(place, [index])[1]
    if failures:
        lost = "" if len(failures) == 1 else f", nor {len(failures) - 1} more of its artifacts"
        raise HostError(f"{failures[0]}{lost}", failures[0].operation, failures[0].errno)
    return result


def folder_name(label: str) -> str:
    """A name that every file system takes, and that no other case or repetition has."""
    plain = re.sub(r"[^A-Za-z0-9_.=\-]+", "_", label).strip("_.")[-120:]
    return f"{plain}-{hashlib.sha256(label.encode()).hexdigest()[:8]}"


def _write(place: Path, artifacts: list[Artifact]) -> tuple[list[Artifact], list[HostError]]:
    """Those that were written, and why others were not."""
    written, failures = [], []
    for artifact in artifacts:
        text = attempt(artifact.meaning or artifact.name, artifact.text)
        try:
            write_whole(place / artifact.name, text.rstrip("\n") + "\n")
            written.append(artifact)
        except HostError as error:
            failures.append(error)
    return written, failures


def _clear(place: Path, written: set[str]) -> list[HostError]:
    """Removes what an earlier run of the case has left and this one has not, so that nobody takes it for
    this one's.
    """
    failures = []
    for name in sorted(os.listdir(place)):  # noqa: PTH208 - names are what counts
        kind = next((known for known in NAMES if name == known or name.endswith(f".{known}")), None)
        if kind is None or name in written:
            continue
        try:
            (place / name).unlink()
        except OSError as error:
            message = f"cannot remove {place / name}: {error.strerror}"
            failures.append(HostError(message, f"unlink {place / name}", error.errno or 0))
    return failures


def _of_case(case: Case | None, result: CaseResult) -> Iterator[Artifact]:
    yield Artifact("failure.txt", "what failed, and where", lambda: failure_text(result))
    if case is not None:
        source = case.source.text
        yield Artifact(
            "scenario.txt",
            "the scenario, with what became of each step and its guest time",
            lambda: marked_document(source, result),
        )
        yield Artifact("scenario.yaml", "the scenario as it was read", lambda: source)
    yield Artifact("result.json", "all that is known, for programs", lambda: _json(result))
    if result.output:
        yield Artifact("output.txt", "what its process printed", lambda: printable(result.output))
    yield Artifact("host.txt", "the host that it ran on", host_facts)
    yield Artifact("reproduce.sh", "runs the case again as it was", lambda: _script(result))


def _of_machines(result: CaseResult) -> Iterator[Artifact]:
    for machine in result.machines:
        several = len(result.machines) > 1
        for artifact in _of_machine(machine):
            name = f"{machine.name}.{artifact.name}" if several else artifact.name
            of = f" of {machine.name}" if several else ""
            yield dataclasses.replace(artifact, name=name, meaning=artifact.meaning + of)


def _of_machine(machine: MachineResult) -> Iterator[Artifact]:
    yield Artifact(
        "console.log",
        "the console, each line with the guest time of its first byte",
        lambda: "\n".join(log_lines(machine)),
    )
    if machine.screen:
        yield Artifact("screen.txt", "the text screen", lambda: printable(machine.screen))
        yield Artifact("screen.svg", "a picture of it", lambda: machine.picture)
    if machine.registers:
        yield Artifact("registers.txt", "the registers", lambda: printable(machine.registers))
    if machine.disassembly:
        yield Artifact("code.txt", "the code around RIP", lambda: printable(machine.disassembly))
    if machine.stack:
        yield Artifact(
            "stack.txt",
            "the calls on the stack; '?' is what may be left from earlier ones",
            lambda: printable(machine.stack),
        )
    if machine.events:
        yield Artifact(
            "events.txt", "the last events, by guest time", lambda: "\n".join(event_lines(machine))
        )


def _json(result: CaseResult) -> str:
    return json.dumps(case_data(result), indent=2)


def _script(result: CaseResult) -> str:
    return f"#!/bin/sh\ncd {shlex.quote(str(Path.cwd()))} && {result.reproduce}"


def _index(result: CaseResult, written: list[Artifact], failures: list[HostError]) -> str:
    width = max((len(artifact.name) for artifact in written), default=0)
    lines = [
        f"{result.outcome} {printable(result.label)}",
        printable(result.reason),
        "",
        *(f"{artifact.name:<{width}}  {artifact.meaning}" for artifact in written),
        *(f"missing: {printable(str(error))}" for error in failures),
        "",
        "reproduce",
        f"    {printable(result.reproduce)}",
    ]
    return "\n".join(lines)
