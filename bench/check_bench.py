# SPDX-License-Identifier: GPL-2.0-or-later
"""What `hvlab check` of a thousand scenarios costs: the shipped ones, over and over."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

from figures import Figure, median, options, publish, spread

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build/check-bench"
COUNT = 1000
LIMIT = 2.0  # seconds


def write_scenarios() -> int:
    """Copies the folder of shipped scenarios, with what they refer to, until there are COUNT."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    source = ROOT / "scenarios"
    shipped = sum("sim" not in path.parts for path in source.rglob("*.hvlab.yaml"))
    for number in range(-(-COUNT // shipped)):
        # Experiments are left aside: `hvlab check` counts them apart.
        shutil.copytree(source, FOLDER / f"{number:03}", ignore=shutil.ignore_patterns("sim"))
    for extra in sorted(FOLDER.rglob("*.hvlab.yaml"))[COUNT:]:
        extra.unlink()
    return shipped


def check() -> tuple[float, float, str]:
    """Seconds of CPU and on the wall of one command, and what it said."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "hvlab", "check", str(FOLDER)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, wall, done.stdout.strip()


def main() -> int:
    quick = options(__doc__).quick
    shipped = write_scenarios()
    samples = [check() for _ in range(1 if quick else 5)]
    cpu, wall = [s[0] for s in samples], [s[1] for s in samples]
    said = samples[0][2]
    assert said.startswith(f"{COUNT} scenarios, "), said
    figures = [
        # One process and one thread: on a computer with nothing else to do, this is the time on the wall.
        Figure(f"check of {COUNT} scenarios, CPU time", median(cpu), "s", LIMIT, spread(cpu)),
        Figure(f"check of {COUNT} scenarios, on the wall", median(wall), "s", None, spread(wall)),
        Figure("different scenarios among them", shipped, "", None, said.partition(":")[0]),
    ]
    return publish("check", figures, quick)


if __name__ == "__main__":
    sys.exit(main())
