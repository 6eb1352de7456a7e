# SPDX-License-Identifier: GPL-2.0-or-later
"""What a hostile scenario file costs at most, before it is refused or taken."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from figures import Figure, median, options, publish

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests/python")]

from hostile_documents import DOCUMENTS  # noqa: E402
from hvlab.errors import ScenarioError  # noqa: E402
from hvlab.scenario.document import parse  # noqa: E402
from hvlab.scenario.source import Source  # noqa: E402

PROGRAM = ROOT / "build/release/bench/scenario_bench"
LIMIT = 100.0  # milliseconds of CPU time


def check_costs(repetitions: int) -> dict[str, float]:
    """CPU milliseconds of a whole check with its messages, by document."""
    costs = {}
    for name, text in DOCUMENTS.items():
        samples = []
        for _ in range(repetitions + 1):  # the first one also loads the model
            began = time.process_time()
            try:
                parse(Source(name, text, ROOT))
            except ScenarioError as error:
                str(error)
            samples.append((time.process_time() - began) * 1e3)
        costs[name] = median(samples[1:])
    return costs


def worst(costs: dict[str, float], what: str) -> list[Figure]:
    """Figures of the three that cost most."""
    ordered = sorted(costs.items(), key=lambda item: item[1], reverse=True)
    figures = [Figure(f"{what} {name}", cost, "ms", LIMIT) for name, cost in ordered[:3]]
    count = Figure(f"{what}s measured; above: the three that cost most", len(costs), "")
    return [*figures, count]


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
    repetitions = 2 if quick else 5
    figures = worst(medians(repetitions), "hostile file")
    figures += worst(check_costs(repetitions), "check of hostile document")
    return publish("scenario-files", figures, quick)


if __name__ == "__main__":
    sys.exit(main())
