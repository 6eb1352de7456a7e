# SPDX-License-Identifier: GPL-2.0-or-later
"""What a hostile scenario file costs at most, before it is refused or taken, in time and in memory."""

from __future__ import annotations

import gc
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from figures import Figure, median, options, publish

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests/python")]

from conftest import BASE  # noqa: E402
from hostile_documents import DOCUMENTS  # noqa: E402
from hvlab.errors import ScenarioError  # noqa: E402
from hvlab.scenario.document import load  # noqa: E402

PROGRAM = ROOT / "build/release/bench/scenario_bench"
FILE = ROOT / "build/hostile.hvlab.yaml"
LIMIT = 100.0  # milliseconds of CPU time
MEMORY_LIMIT = 64.0  # MiB


def check_costs(repetitions: int) -> tuple[dict[str, float], dict[str, float]]:
    """CPU milliseconds and MiB of a whole check with its messages, by document.

    Each check has a process of its own, forked when the model is loaded: what one leaves behind
    does not count for the next.
    """
    check(BASE.encode())
    gc.freeze()  # so that a child copies no page for having looked at it
    costs, memory = {}, {}
    for name, document in DOCUMENTS.items():
        data = document if isinstance(document, bytes) else document.encode()
        samples = [in_a_child(data) for _ in range(repetitions)]
        costs[name] = median([cost for cost, _ in samples])
        memory[name] = max(grown for _, grown in samples)
    return costs, memory


def check(data: bytes) -> None:
    FILE.write_bytes(data)
    try:
        load(FILE)
    except ScenarioError as error:
        str(error)


def in_a_child(data: bytes) -> tuple[float, float]:
    """CPU milliseconds of one check, and MiB by which it made the process grow at its peak."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak: proc_pid_clear_refs(5)
        before, began = status("VmRSS"), time.process_time()
        check(data)
        cost = (time.process_time() - began) * 1e3
        os.write(writing, json.dumps([cost, (status("VmHWM") - before) / 1024]).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        cost, grown = json.loads(pipe.read())
    os.waitpid(child, 0)
    return cost, grown


def status(key: str) -> int:
    """A figure of this process in KiB."""
    found = re.search(rf"{key}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def worst(
    costs: dict[str, float], what: str, unit: str = "ms", limit: float = LIMIT
) -> list[Figure]:
    """Figures of the three that cost most."""
    ordered = sorted(costs.items(), key=lambda item: item[1], reverse=True)
    figures = [Figure(f"{what} {name}", cost, unit, limit) for name, cost in ordered[:3]]
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
    costs, memory = check_costs(repetitions)
    figures += worst(costs, "check of hostile document")
    figures += worst(memory, "memory of a check of hostile document", "MiB", MEMORY_LIMIT)
    return publish("scenario-files", figures, quick)


if __name__ == "__main__":
    sys.exit(main())
