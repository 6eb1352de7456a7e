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
    """Copies the shipped scenarios until there are COUNT of them, each by a name of its own."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    shipped = sorted((ROOT / "scenarios").glob("*.hvlab.yaml"))
    for index in range(COUNT):
        source = shipped[index % len(shipped)]
        text = source.read_text(encoding="utf-8").replace("name: ", f"name: n{index}-", 1)
        (FOLDER / f"{index:04}-{source.name}").write_text(text, encoding="utf-8")
    return len(shipped)


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
