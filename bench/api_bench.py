# SPDX-License-Identifier: GPL-2.0-or-later
"""What the Python API costs: a machine's life, a scenario case, the start of the command line."""

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

LEAVE = bytes([0xE6, 0xF4])  # out 0xF4, al


def timed(action: Callable[[], object], runs: int) -> list[float]:
    samples = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        samples.append(time.perf_counter() - start)
    return samples


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def machine_life(image: Path, many: int) -> list[Figure]:
    def life() -> None:
        with hvlab.Machine(image=image) as machine:
            stop = machine.run(timeout="1ms")
            assert stop.reason == "debug-exit", stop

    timed(life, 200)
    samples = [second * 1e3 for second in timed(life, 1000)]
    descriptors, memory = open_descriptors(), resident_bytes()
    timed(life, many)
    return [
        Figure(
            "create, boot a flat image to debug-exit, close",
            median(samples),
            "ms",
            1.0,
            spread(samples),
        ),
        Figure(f"descriptors left by {many} machines", open_descriptors() - descriptors, "", 0),
        Figure(
            f"memory growth by {many} machines", (resident_bytes() - memory) / 2**20, "MiB", 5.0
        ),
    ]


def empty_case(folder: Path) -> Figure:
    from hvlab.scenario.plan import find
    from hvlab.scenario.runner import run_case

    path = folder / "empty.hvlab.yaml"
    path.write_text(
        'schema: 1\nname: empty\nmachine: {boot: {flat: "guest.bin"}}\nsteps:\n  - boot: {}\n'
    )
    (case,) = find([str(path)]).cases
    assert run_case(case).outcome == "passed", run_case(case)
    timed(lambda: run_case(case), 20)
    samples = [second * 1e3 for second in timed(lambda: run_case(case), 300)]
    return Figure(
        "an empty scenario case in a warm process", median(samples), "ms", 5.0, spread(samples)
    )


def command_start() -> list[Figure]:
    def run(*command: str) -> Callable[[], object]:
        return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    hvlab_help, python = [], []
    for _ in range(15):
        hvlab_help += timed(run(str(Path(sys.executable).parent / "hvlab"), "--help"), 1)
        python += timed(run(sys.executable, "-c", "pass"), 1)
    return [
        Figure("hvlab --help", median(hvlab_help), "s", 0.3, spread(hvlab_help)),
        Figure("of which Python itself", median(python), "s"),
    ]


def main() -> int:
    quick = options(__doc__).quick
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image = folder / "guest.bin"
        image.write_bytes(LEAVE)
        many = 100 if quick else 10_000  # machines made in a row
        figures = [*machine_life(image, many), empty_case(folder), *command_start()]
    return publish("python-api", figures, quick)


if __name__ == "__main__":
    sys.exit(main())
