# SPDX-License-Identifier: GPL-2.0-or-later
"""Results as a trace that Perfetto and chrome://tracing show: Trace Event Format, JSON objects.

A case is a process; its threads are the steps, and of each machine what it printed, its last
events and its last stop. Times are guest time in microseconds, from each case's beginning, so
cases stand beside each other. docs/reports.md has the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hvlab
from hvlab.report.files import write_whole
from hvlab.scenario.problems import printable
from hvlab.scenario.results import CaseResult, MachineResult, RunResult, StepResult

Event = dict[str, Any]

_text = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode  # made once: it costs

STEPS = 1  # thread of the steps about no machine or all; a machine's are counted on from there
PER_MACHINE = 3  # threads: steps, console, events


def write(path: Path, run: RunResult) -> None:
    """Writes the trace whole or not at all. Raises HostError."""
    write_whole(path, render(run))


def render(run: RunResult) -> str:
    """The trace's text, an event a line. Cases without a machine have no guest time, and are left
    out.
    """
    events = [
        event
        for pid, case in enumerate(run.cases, start=1)
        if case.machines
        for event in _case(pid, case)
    ]
    head = {"displayTimeUnit": "ns", "otherData": {"producer": f"hvlab {hvlab.__version__}"}}
    lines = ",\n".join(_text(event) for event in events)
    return _text(head)[:-1] + f', "traceEvents": [\n{lines}\n]}}\n'


def _case(pid: int, case: CaseResult) -> Iterator[Event]:
    yield _named("process_name", pid, 0, printable(case.label))
    yield _named("process_labels", pid, 0, "flaky" if case.flaky else str(case.outcome), "labels")
    yield {
        "ph": "M",
        "name": "process_sort_index",
        "pid": pid,
        "tid": 0,
        "args": {"sort_index": pid},
    }
    yield from _thread(pid, STEPS, "steps")
    threads = {"": STEPS}
    for index, machine in enumerate(case.machines):
        threads[machine.name] = first = STEPS + 1 + index * PER_MACHINE
        yield from _machine(pid, first, machine, lone=len(case.machines) == 1)
    for step in case.steps:
        if step.guest_end is not None:
            tid = threads.get(step.machine, STEPS)
            yield _step(pid, STEPS if len(case.machines) == 1 else tid, step, step.guest_end)
    for measure in case.measures:
        if measure.time is not None:
            more = {"value": measure.value, "unit": measure.unit, "limit": measure.limit}
            yield _instant(pid, STEPS, measure.time, measure.name, "measure", more)
    if case.failure is not None:
        reason = {"message": printable(case.failure.message)}
        yield _instant(pid, STEPS, case.guest_time or 0, str(case.outcome), "failure", reason, "p")


def _machine(pid: int, first: int, machine: MachineResult, lone: bool) -> Iterator[Event]:
    steps, console, events = range(first, first + PER_MACHINE)
    of = "" if lone else f"{machine.name} "
    if not lone:
        yield from _thread(pid, steps, f"{of}steps")
    yield from _thread(pid, console, f"{of}console")
    yield from _thread(pid, events, f"{of}events")
    for time, line in machine.log:
        yield _instant(pid, console, time, printable(line) or "(empty line)", "console")
    for event in machine.events:
        text = {"text": printable(event.text)}
        yield _instant(pid, events, event.time, printable(event.kind), "event", text)
    if machine.stop is not None:
        stop = machine.stop
        facts = {"message": printable(stop.message), "rip": f"{stop.rip:#x}"}
        yield _instant(pid, events, stop.time, f"stop: {printable(stop.reason)}", "stop", facts)


def _thread(pid: int, tid: int, name: str) -> Iterator[Event]:
    yield _named("thread_name", pid, tid, printable(name))
    yield {
        "ph": "M",
        "name": "thread_sort_index",
        "pid": pid,
        "tid": tid,
        "args": {"sort_index": tid},
    }


def _named(what: str, pid: int, tid: int, text: str, key: str = "name") -> Event:
    return {"ph": "M", "name": what, "pid": pid, "tid": tid, "args": {key: text}}


def _step(pid: int, tid: int, step: StepResult, end: int) -> Event:
    start = end if step.guest_start is None else step.guest_start
    return {
        "ph": "X",
        "name": printable(step.title),
        "cat": "step",
        "pid": pid,
        "tid": tid,
        "ts": _us(start),
        "dur": _us(end - start),
        "args": {"outcome": str(step.outcome), "line": step.line, "wall": step.wall},
        **({} if step.outcome == "passed" else {"cname": "terrible"}),
    }


def _instant(
    pid: int,
    tid: int,
    time: int,
    name: str,
    category: str,
    args: dict[str, Any] | None = None,
    scope: str = "t",
) -> Event:
    return {
        "ph": "i",
        "name": name,
        "cat": category,
        "pid": pid,
        "tid": tid,
        "ts": _us(time),
        "s": scope,
        "args": args or {},
    }


def _us(ns: int) -> float:
    return ns / 1000
