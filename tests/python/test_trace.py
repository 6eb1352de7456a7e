# SPDX-License-Identifier: GPL-2.0-or-later
"""The trace is what the Trace Event Format asks for, so that Perfetto and chrome://tracing take it."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from typing import Any

import jsonschema
import pytest

import report_samples as samples
from hvlab.report import trace
from hvlab.scenario.results import RunResult

RUN = RunResult(
    [samples.case(0), samples.pair(1), samples.hostile(2), samples.skipped(7), samples.flaky(3)]
)
# "Trace Event Format" (the Chromium project's document): fields that all events have, and those of the
# phases that we write: complete (X), instant (i) and metadata (M).
EVENT = {
    "type": "object",
    "required": ["ph", "pid", "tid", "name"],
    "properties": {
        "ph": {"enum": ["X", "i", "M"]},
        "pid": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
        "tid": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
        "name": {"type": "string", "minLength": 1},
        "cat": {"type": "string", "minLength": 1},
        "ts": {"type": "number", "minimum": 0},
        "args": {"type": "object"},
    },
    "allOf": [
        {
            "if": {"properties": {"ph": {"const": "X"}}},
            "then": {"required": ["ts", "dur", "cat"],
                     "properties": {"dur": {"type": "number", "minimum": 0}}},
        },
        {
            "if": {"properties": {"ph": {"const": "i"}}},
            "then": {"required": ["ts", "s", "cat"], "properties": {"s": {"enum": ["g", "p", "t"]}}},
        },
        {
            "if": {"properties": {"ph": {"const": "M"}}},
            "then": {
                "required": ["args"],
                "properties": {"name": {"enum": ["process_name", "process_labels", "process_sort_index",
                                                 "thread_name", "thread_sort_index"]}},
            },
        },
    ],
}  # fmt: skip
TRACE = {
    "type": "object",
    "required": ["traceEvents"],
    "properties": {
        "traceEvents": {"type": "array", "items": EVENT},
        "displayTimeUnit": {"enum": ["ms", "ns"]},
        "otherData": {"type": "object"},
    },
}


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    data = json.loads(trace.render(RUN))
    jsonschema.Draft202012Validator(TRACE).validate(data)
    found: list[dict[str, Any]] = data["traceEvents"]
    return found


def test_every_thread_with_events_has_a_name_and_a_process(events: list[dict[str, Any]]) -> None:
    named = {(e["pid"], e["tid"]) for e in events if e["name"] == "thread_name"}
    processes = {e["pid"]: e["args"]["name"] for e in events if e["name"] == "process_name"}
    assert {(e["pid"], e["tid"]) for e in events if e["ph"] != "M"} <= named
    # A skipped case has no guest time.
    assert sorted(processes) == [1, 2, 3, 5]
    assert processes[1] == RUN.cases[0].id


def test_spans_of_a_thread_do_not_overlap(events: list[dict[str, Any]]) -> None:
    spans = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            spans[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    assert len(spans) >= 4
    for found in spans.values():
        for (_, end), (start, _) in itertools.pairwise(found):
            assert start >= end - 1e-6


def test_nothing_is_lost(events: list[dict[str, Any]]) -> None:
    case = RUN.cases[0]
    (machine,) = case.machines
    mine = [event for event in events if event["pid"] == 1 and event["ph"] != "M"]
    lines = [(round(e["ts"] * 1000), e["name"]) for e in mine if e["cat"] == "console"]
    assert lines == list(machine.log)
    steps = [(e["name"], round(e["ts"] * 1000), round((e["ts"] + e["dur"]) * 1000))
             for e in mine if e["cat"] == "step"]  # fmt: skip
    assert steps == [(s.title, s.guest_start or 0, s.guest_end) for s in case.steps]
    assert {e["name"] for e in mine if e["cat"] == "measure"} == {"boot_time", "memory_used"}
    (stop,) = (event for event in mine if event["cat"] == "stop")
    assert stop["args"]["rip"] == f"{machine.stop.rip:#x}" if machine.stop else False
    assert not [event for event in mine if event["cat"] == "failure"]


def test_machines_have_threads_of_their_own(events: list[dict[str, Any]]) -> None:
    threads = {e["tid"]: e["args"]["name"] for e in events
               if e["pid"] == 2 and e["name"] == "thread_name"}  # fmt: skip
    assert sorted(threads.values()) == [
        "client console", "client events", "client steps", "server console", "server events",
        "server steps", "steps",
    ]  # fmt: skip
    for step in RUN.cases[1].steps:
        (span,) = (
            e for e in events if e["pid"] == 2 and e["ph"] == "X" and e["name"] == step.title
        )
        assert threads[span["tid"]] == f"{step.machine} steps"
    (failure,) = (e for e in events if e["pid"] == 2 and e.get("cat") == "failure")
    assert failure["args"]["message"] == RUN.cases[1].reason
    counts = [sum(e.get("cat") == "event" and threads[e["tid"]] == f"{machine.name} events"
                  for e in events if e["pid"] == 2) for machine in RUN.cases[1].machines]  # fmt: skip
    assert counts == [len(machine.events) for machine in RUN.cases[1].machines]


def test_repetitions_and_flaky_cases_can_be_told_apart(events: list[dict[str, Any]]) -> None:
    labels = {e["pid"]: e["args"]["labels"] for e in events if e["name"] == "process_labels"}
    assert labels == {1: "passed", 2: "failed", 3: "error", 5: "flaky"}


def test_a_run_without_cases_is_a_trace() -> None:
    jsonschema.Draft202012Validator(TRACE).validate(json.loads(trace.render(RunResult())))
