# SPDX-License-Identifier: GPL-2.0-or-later
"""What a case costs beyond its guest: in the same process, in a worker forked for it, and, to compare
with, in a worker that is kept and in a Python that is started for it (docs/design/runner.md).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import hvlab
from figures import Figure, median, options, publish, spread
from hvlab.scenario.document import Case, load
from hvlab.scenario.results import Outcome
from hvlab.scenario.runner import run_case
from hvlab.scenario.schedule import Schedule, Watcher
from hvlab.workers import messages
from hvlab.workers.pool import Pool

# mov al, 0; out 0xF4, al: leave at once with code 0
LEAVE = bytes([0xB0, 0x00, 0xE6, 0xF4])
SCENARIO = """\
schema: 1
name: leave
machine: {memory: 64MiB, boot: {flat: "guest.bin"}}
steps:
  - boot: {}
  - expect: {stop: debug-exit, code: 0, within: 1ms}
"""


def samples(work: Callable[[], object], count: int) -> list[float]:
    """Milliseconds of each call, after a few that are not counted."""
    taken = []
    for index in range(count + 3):
        began = time.perf_counter()
        work()
        if index >= 3:
            taken.append((time.perf_counter() - began) * 1e3)
    return taken


def raw(image: Path) -> Callable[[], None]:
    def run() -> None:
        with hvlab.Machine(memory="64MiB", image=image) as machine:
            machine.run(timeout="1ms")

    return run


def in_process(case: Case) -> None:
    assert run_case(case).outcome is Outcome.PASSED


def kept_worker(case: Case) -> tuple[Callable[[], None], Callable[[], None]]:
    """A process that runs a case for each byte it gets: the run, and how to end it."""
    ask, asked = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ask[1])
        while os.read(ask[0], 1):
            messages.send(asked[1], run_case(case))
        os._exit(0)
    receiver = messages.Receiver()

    def run() -> None:
        os.write(ask[1], b"!")
        while not list(receiver.feed(os.read(asked[0], 1 << 20))):
            pass

    def end() -> None:
        os.close(ask[1])
        os.waitpid(pid, 0)

    return run, end


def started_python(path: Path) -> Callable[[], object]:
    code = (
        "import sys; from hvlab.scenario.document import load; "
        "from hvlab.scenario.runner import run_case; run_case(load(sys.argv[1]).cases[0])"
    )
    return lambda: subprocess.run([sys.executable, "-c", code, str(path)], check=True)


def cpu_of_workers(case: Case, count: int) -> float:
    """Milliseconds a case, which other work on the computer changes little."""

    def used(cases: int) -> float:
        before = sum(os.times()[:4])
        with Pool(1, fork=True) as pool:
            assert len(list(pool.run(Schedule([case], cases), Watcher()))) == cases
        return sum(os.times()[:4]) - before

    return (used(count + 1) - used(1)) * 1e3 / count


def measure(folder: Path, count: int) -> list[Figure]:
    image, path = folder / "guest.bin", folder / "leave.hvlab.yaml"
    image.write_bytes(LEAVE)
    path.write_text(SCENARIO)
    (case,) = load(path).cases
    with Pool(1, fork=True) as pool:
        pool.start()  # before this process has made a machine, as hvlab run does

        def in_worker() -> None:
            (result,) = pool.run(Schedule([case]), Watcher())
            assert result.outcome is Outcome.PASSED, result

        kept, end = kept_worker(case)
        works: dict[str, Callable[[], object]] = {
            "raw": raw(image),
            "in process": lambda: in_process(case),
            "worker": in_worker,
            "kept": kept,
        }
        taken: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(5):  # interleaved: what else the computer does meets all alike
            for name, work in works.items():
                taken[name] += samples(work, count // 5)
        end()
    cpu = cpu_of_workers(case, count)
    python = samples(started_python(path), max(count // 20, 3))

    def figure(name: str, values: list[float], limit: float | None = None) -> Figure:
        return Figure(name, median(values), "ms", limit, spread(values))

    return [
        figure("floor: make a machine, run it to debug-exit, close it", taken["raw"]),
        figure("a case in hvlab's own process", taken["in process"], 5.0),
        figure("a case in a worker forked for it, its result checked", taken["worker"], 30.0),
        Figure("its CPU time, of all processes together", cpu, "ms", 30.0, f"mean of {count}"),
        figure("to compare: in a worker that is kept", taken["kept"]),
        figure("to compare: in a Python started for it", python),
    ]


def main() -> int:
    quick = options(__doc__).quick
    with tempfile.TemporaryDirectory() as name:
        figures = measure(Path(name), 25 if quick else 300)
    return publish("runner", figures, quick)


if __name__ == "__main__":
    sys.exit(main())
