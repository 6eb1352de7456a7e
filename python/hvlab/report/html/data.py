# SPDX-License-Identifier: GPL-2.0-or-later
"""What the page's script is given. What all views need is one block of JSON; what only the page of
a case shows is packed (gzip, base64) in chunks of several cases, which are unpacked when opened:
a report of a thousand cases stays small, and opens at once.
"""

from __future__ import annotations

import base64
import datetime
import gzip
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hvlab.report.history import Earlier, built_in
from hvlab.report.load import SavedRun
from hvlab.report.text import measure_value
from hvlab.scenario.machines import MAX_LOG_LINES
from hvlab.scenario.results import (
    AttemptResult,
    CaseResult,
    Failure,
    MachineResult,
    MeasureResult,
    StepResult,
    StopResult,
)
from hvlab.scenario.template import as_text

CHUNK = 256 << 10  # characters of JSON, from which on a chunk is full
_LEVEL = 6


def pack(saved: SavedRun, history: Sequence[Earlier]) -> tuple[str, list[str]]:
    """The block for all views, as JSON that is safe in a page, and the chunks, as base64."""
    chunks: list[str] = []
    places: list[tuple[int, int]] = []
    waiting: list[str] = []
    size = 0
    for case in saved.run.cases:
        text = _json(_details(case))
        places.append((len(chunks), len(waiting)))
        waiting.append(text)
        size += len(text)
        if size >= CHUNK:
            chunks.append(_packed(waiting))
            waiting, size = [], 0
    if waiting:
        chunks.append(_packed(waiting))
    # JSON allows the escape, and then nothing in it can end the block or begin a comment.
    return _json(_index(saved, history, places)).replace("<", "\\u003c"), chunks


def moment(time: datetime.datetime) -> str:
    """`2026-01-02 03:04:05 +00:00`."""
    return time.isoformat(" ", "seconds").replace("+", " +")


def _packed(texts: Sequence[str]) -> str:
    data = f"[{','.join(texts)}]".encode("utf-8", "replace")
    return base64.b64encode(gzip.compress(data, _LEVEL, mtime=0)).decode()


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _index(
    saved: SavedRun, history: Sequence[Earlier], places: Sequence[tuple[int, int]]
) -> dict[str, Any]:
    run = saved.run
    return {
        "hvlab": saved.hvlab,
        "started": moment(saved.started),
        "wall": run.wall,
        "interrupted": run.interrupted,
        "host": dict(run.host),
        "history": [{"name": old.name, "started": moment(old.started)} for old in history],
        "series": _series(run.cases, history),
        "cases": [_entry(case, place) for case, place in zip(run.cases, places, strict=True)],
    }


def _series(
    cases: Sequence[CaseResult], history: Sequence[Earlier]
) -> Mapping[str, Mapping[str, list[tuple[int, int | float]]]]:
    """Earlier values of this run's measures, by case and measure, each with the run's index."""
    found: dict[str, dict[str, list[tuple[int, int | float]]]] = {}
    for case in cases:
        series = {
            measure.name: [
                (index, value)
                for index, earlier in enumerate(history)
                for value in earlier.values.get(case.id, {}).get(measure.name, ())
            ]
            for measure in (*case.measures, *built_in(case))
        }
        found[case.id] = {name: values for name, values in series.items() if values}
    return {case: series for case, series in found.items() if series}


def _entry(case: CaseResult, place: tuple[int, int]) -> dict[str, Any]:
    """What a case is in lists, tables and filters."""
    return {
        "id": case.id,
        "file": case.file,
        "name": case.name,
        "line": case.line,
        "outcome": case.outcome,
        "flaky": case.flaky,
        "attempts": len(case.attempts),
        "repetition": case.repetition,
        "backend": case.backend,
        "parameters": {name: as_text(value) for name, value in case.parameters.items()},
        "tags": case.tags,
        "reason": case.reason,
        "wall": round(case.wall, 6),
        "guest": case.guest_time,
        "instructions": case.instructions,
        "measures": [_measure(measure, False) for measure in case.measures]
        + [_measure(measure, True) for measure in built_in(case)],
        "chunk": place[0],
        "place": place[1],
    }


def _measure(measure: MeasureResult, everywhere: bool) -> dict[str, Any]:
    return {
        "name": measure.name,
        "value": measure.value,
        "unit": measure.unit,
        "text": measure_value(measure),
        "limit": measure.limit,
        "held": measure.held,
        "baseline": measure.baseline,
        "tolerance": measure.tolerance,
        "time": measure.time,
        "everywhere": everywhere,  # not the scenario's: measured of every case
    }


def _details(case: CaseResult) -> dict[str, Any]:
    """What only the page of the case shows."""
    return {
        "failure": _failure(case.failure),
        "reproduce": case.reproduce,
        "attempts": [_attempt(attempt) for attempt in case.attempts],
        "steps": [_step(step) for step in case.steps],
        "machines": [_machine(machine) for machine in case.machines],
        "internal": case.internal,
        "output": case.output,
        "properties": case.properties(),
    }


def _failure(failure: Failure | None) -> dict[str, Any] | None:
    if failure is None:
        return None
    return {
        "message": failure.message,
        "excerpt": failure.excerpt,
        "operands": failure.operands,
        "traceback": failure.traceback,
    }


def _attempt(attempt: AttemptResult) -> dict[str, Any]:
    return {
        "seed": str(attempt.seed),  # more digits than a number in a browser has
        "outcome": attempt.outcome,
        "reason": attempt.reason,
        "failure": _failure(attempt.failure),
        "wall": attempt.wall,
    }


def _step(step: StepResult) -> dict[str, Any]:
    return {
        "index": step.index,
        "title": step.title,
        "line": step.line,
        "file": step.file,
        "outcome": step.outcome,
        "start": step.guest_start,
        "end": step.guest_end,
        "wall": step.wall,
        "machine": step.machine,
    }


def _machine(machine: MachineResult) -> dict[str, Any]:
    return {
        "name": machine.name,
        "stop": _stop(machine.stop),
        # Times as differences: they grow, so these are short.
        "log": {
            "times": list(_differences(machine)),
            "lines": [line for _, line in machine.log],
            "cut": len(machine.log) >= MAX_LOG_LINES,
        },
        "screen": machine.screen,
        "picture": machine.picture,
        "registers": machine.registers,
        "disassembly": machine.disassembly,
        "stack": machine.stack,
        "events": [(event.time, event.kind, event.text) for event in machine.events],
    }


def _differences(machine: MachineResult) -> Iterator[int]:
    times = [time for time, _ in machine.log]
    return (time - before for before, time in itertools.pairwise([0, *times]))


def _stop(stop: StopResult | None) -> dict[str, Any] | None:
    if stop is None:
        return None
    return {
        "reason": stop.reason,
        "time": stop.time,
        "rip": f"{stop.rip:#x}",
        "message": stop.message,
    }
