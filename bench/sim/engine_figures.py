# SPDX-License-Identifier: GPL-2.0-or-later
"""What the simulator's engine is made of, and what that was chosen against (docs/design/sim.md): figures of
sim_engine_bench and sim_event_queue_bench; and the speed of hosts in the quantum fidelity: sim_quantum_bench.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import programs

sys.path.append(str(Path(__file__).resolve().parents[1]))
from figures import Figure, median, spread

OURS, THEIRS = "ours", "std::priority_queue"
TO_REACH = 1.5  # times as fast as theirs, from 10^5 pending on


def measure(quick: bool) -> list[Figure]:
    """Raises RuntimeError if a program fails."""
    return [
        *_queues(quick),
        *benchmark_figures(_benchmark("sim_engine_bench", quick)),
        *benchmark_figures(_benchmark("sim_quantum_bench", quick)),
    ]


def queue_figures(lines: Iterable[str]) -> list[Figure]:
    """Of what sim_event_queue_bench prints: a line of JSON for each distribution and number pending."""
    made = []
    for line in lines:
        found: Any = json.loads(line)
        ns: Mapping[str, float] = found["ns"]
        times = {name: ns[THEIRS] / each for name, each in ns.items() if name != THEIRS}
        what = f"event queue, {found['increments']} increments, {found['pending']:,} pending"
        others = ", ".join(f"{name} {each:.1f}" for name, each in times.items() if name != OURS)
        made.append(
            Figure(
                f"{what}: ours to {THEIRS}",
                times[OURS],
                "x",
                detail=f"{ns[OURS]:.4g} ns a hold; {others}",
                least=TO_REACH if found["pending"] >= 100_000 else None,
            )
        )
    return made


def benchmark_figures(document: Mapping[str, Any]) -> list[Figure]:
    """Of a document of google-benchmark: medians over the repetitions of each, in the order of the source."""
    samples: dict[str, list[Mapping[str, Any]]] = {}
    for run in sorted(document["benchmarks"], key=_place):
        if run["run_type"] == "iteration":
            samples.setdefault(run["run_name"], []).append(run)
    return [_benchmark_figure(name, runs) for name, runs in samples.items()]


def _place(run: Mapping[str, Any]) -> tuple[int, int]:
    return run["family_index"], run["per_family_instance_index"]


def _benchmark_figure(name: str, runs: Sequence[Mapping[str, Any]]) -> Figure:
    if "times_real" in runs[0]:
        times = [run["times_real"] for run in runs]
        rate = median([run["events"] for run in runs]) / 1e6
        detail = f"{spread(times)}; {rate:.3g} M events/s"
        return Figure(f"{name}: times real time", median(times), "x", detail=detail)
    ns = [1e9 / run["items_per_second"] for run in runs]
    detail = spread(ns)
    if "windows" in runs[0]:
        detail += f"; {median([run['windows'] for run in runs]):.4g} windows/s"
    return Figure(name, median(ns), "ns", detail=detail)


def _queues(quick: bool) -> list[Figure]:
    return queue_figures(_output("sim_event_queue_bench", *["--quick"] * quick).splitlines())


def _benchmark(program: str, quick: bool) -> Any:
    # Repetitions of all take turns: what else the host does comes to each of them.
    options = [
        "--benchmark_format=json",
        f"--benchmark_repetitions={1 if quick else 5}",
        f"--benchmark_min_time={0.01 if quick else 0.1}",
        "--benchmark_enable_random_interleaving=true",
    ]
    return json.loads(_output(program, *options))


def _output(program: str, *options: str) -> str:
    done = subprocess.run(
        [programs.BUILD / program, *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{program} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
