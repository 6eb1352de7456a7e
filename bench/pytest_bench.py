# SPDX-License-Identifier: GPL-2.0-or-later
"""What pytest costs with hvlab's plugin: to collect 1,000 cases, and to run one more.

CPU time is judged: it is what the wall clock sees where nothing else runs, or more where several
processes take part. The guest leaves at once, so that a case's time is what surrounds it. What it
costs beyond the bare machine is the difference of two medians out of the same process, whose samples
take turns.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import Figure, median, options, publish, spread

CASES = 1000
LEAVE = bytes([0xE6, 0xF4])  # out 0xF4, al

DIALOGUE = """\
schema: 1
name: case-{number}
tags: [smoke, group-{group}]
vars: {{prompt: "ready", word: hello}}
machine: {{memory: 1MiB, boot: {{flat: "fixture:echo"}}}}
steps:
  - boot: {{}}
  - expect: {{text: "${{prompt}}", within: 100ms, as: up}}
  - send: "${{word}}\\n"
  - expect: {{regex: 'echo: (?P<word>\\w+)', within: 100ms, as: answer}}
  - assert: answer.word == vars.word
  - measure: {{name: boot_time, value: up.time, limit: "< 1*second"}}
"""
TENS = ", ".join(map(str, range(10)))
MATRIX = f"matrix: {{a: [{TENS}], b: [{TENS}], c: [{TENS}]}}\n"

# Three kinds of items take turns: a scenario's case, a test with the fixture, and the bare machine.
CASE = """\
schema: 1
name: case
machine: {boot: {flat: "guest.bin"}}
steps:
  - boot: {}
  - expect: {stop: debug-exit, within: 1ms}
"""
CONFTEST = """
import json
from time import process_time
import pytest
import hvlab

SAMPLES = {"scenario": [], "fixture": [], "machine": []}

def bare():
    with hvlab.Machine(image="guest.bin") as machine:
        assert machine.run(timeout="1ms").reason == "debug-exit"

@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    began = process_time()
    result = yield
    between = process_time()
    kind = "scenario" if item.path.suffix == ".yaml" else "fixture"
    SAMPLES[kind].append(between - began)
    bare()
    SAMPLES["machine"].append(process_time() - between)
    return result

def pytest_sessionfinish():
    with open("samples.json", "w") as file:
        json.dump(SAMPLES, file)
"""
FIXTURE = """
import pytest

@pytest.mark.hvlab(backend="unicorn")
@pytest.mark.parametrize("n", range({count}))
def test_case(hvlab_machine, n):
    machine = hvlab_machine(image="guest.bin")
    assert machine.run(timeout="1ms").reason == "debug-exit"
"""


def pytest_in(folder: Path, *arguments: str) -> tuple[float, float]:
    """Runs pytest there; wall and CPU seconds of the whole process."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    before, began = os.times(), time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    wall, after = time.perf_counter() - began, os.times()
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    cpu = after.children_user + after.children_system - before.children_user
    return wall, cpu - before.children_system


def collection(folder: Path, repetitions: int) -> list[Figure]:
    files, one = folder / "files", folder / "one"
    files.mkdir()
    one.mkdir()
    for number in range(CASES):
        text = DIALOGUE.format(number=number, group=number % 10)
        (files / f"{number}.hvlab.yaml").write_text(text)
    (one / "all.hvlab.yaml").write_text(DIALOGUE.format(number=0, group=0) + MATRIX)
    costs: dict[str, list[tuple[float, float]]] = {"files": [], "one": []}
    for _ in range(repetitions):
        for name, samples in costs.items():
            samples.append(pytest_in(folder / name, "--collect-only"))
    figures = []
    for name, what in (("files", f"of {CASES} files, a case each"), ("one", "of one file")):
        walls, cpus = zip(*costs[name], strict=True)
        figures += [
            Figure(
                f"collection of {CASES} cases {what}: CPU", median(cpus), "s", 3.0, spread(cpus)
            ),
            Figure("of which the wall clock saw", median(walls), "s", None, spread(walls)),
        ]
    return figures


def samples(folder: Path) -> dict[str, list[float]]:
    """Milliseconds of every item by its kind, and of the bare machines between them."""
    pytest_in(folder, "--junitxml=x.xml")
    found = json.loads((folder / "samples.json").read_text())
    return {kind: [second * 1e3 for second in seconds] for kind, seconds in found.items()}


def overhead(folder: Path, cases: int) -> list[Figure]:
    (folder / "guest.bin").write_bytes(LEAVE)
    (folder / "case.hvlab.yaml").write_text(CASE + f"matrix: {{n: {list(range(cases))}}}\n")
    (folder / "test_case.py").write_text(FIXTURE.format(count=cases))
    (folder / "conftest.py").write_text(CONFTEST)
    found = samples(folder)
    bare = median(found["machine"])
    figures = [Figure("a bare machine: create, run, close", bare, "ms")]
    for kind, what in (("scenario", "a scenario's case"), ("fixture", "a test with hvlab_machine")):
        cost = median(found[kind]) - bare
        whole = f"whole: {spread(found[kind])}"
        figures.append(Figure(f"overhead of {what} in pytest's process", cost, "ms", 5.0, whole))
    own = median(found["scenario"]) - bare
    return [*figures, *isolation(folder, cases, own)]


def isolation(folder: Path, cases: int, own: float) -> list[Figure]:
    """What a process of its own adds to a case: CPU time of every process that takes part.

    `own`: the overhead in pytest's process, ms.
    """
    only = ["case.hvlab.yaml", "--noconftest"]
    costs = []
    for _ in range(1 if cases < 100 else 3):
        plain, isolated = (pytest_in(folder, *only, *more) for more in ((), ("--hvlab-isolate",)))
        costs.append(
            [(there - here) / cases * 1e3 for here, there in zip(plain, isolated, strict=True)]
        )
    walls, cpus = zip(*costs, strict=True)
    what = "overhead of a scenario's case with --hvlab-isolate: CPU"
    return [
        Figure(what, own + median(cpus), "ms", 30.0, spread(cpus)),
        Figure("of which the wall clock saw", own + median(walls), "ms", None, spread(walls)),
    ]


def main() -> int:
    quick = options(__doc__).quick
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = folder / "runs"
        runs.mkdir()
        figures = collection(folder, 1 if quick else 5)
        figures += overhead(runs, 20 if quick else 300)
    return publish("pytest", figures, quick)


if __name__ == "__main__":
    sys.exit(main())
