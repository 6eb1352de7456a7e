# SPDX-License-Identifier: GPL-2.0-or-later
"""What a hostile scenario file costs at most, before it is refused or taken."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from figures import Figure, options, publish

PROGRAM = Path(__file__).resolve().parent.parent / "build/release/bench/scenario_bench"
LIMIT = 100.0  # milliseconds of CPU time


def medians(repetitions: int) -> dict[str, float]:
    """CPU milliseconds by file."""
    done = subprocess.run(
        [
            str(PROGRAM),
            "--benchmark_format=json",
            "--benchmark_min_time=0.05",
            f"--benchmark_repetitions={repetitions}",
            "--benchmark_enable_random_interleaving=true",
        ],
        check=True,
        stdout=subprocess.PIPE,
    )
    return {
        entry["run_name"]: entry["cpu_time"]
        for entry in json.loads(done.stdout)["benchmarks"]
        if entry.get("aggregate_name") == "median"
    }


def main() -> int:
    quick = options(__doc__).quick
    costs = medians(2 if quick else 5)
    worst = sorted(costs.items(), key=lambda item: item[1], reverse=True)[:3]
    figures = [Figure(f"hostile file {name}", cost, "ms", LIMIT) for name, cost in worst]
    figures.append(Figure("files measured; above: the three that cost most", len(costs), ""))
    return publish("scenario-files", figures, quick)


if __name__ == "__main__":
    sys.exit(main())
