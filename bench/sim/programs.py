# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs that `make bench-sim` compares, and how they are run: in turns, each on the same seeds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/release/bench/sim"

Command = Sequence[str]


@dataclass(frozen=True)
class Run:
    """What a program printed: one line of JSON."""

    events: int
    seconds: float  # wall time of the simulation alone
    cpu_seconds: float  # likewise, of all its threads
    mean_response: float | None = None  # seconds; None: not a run of the model
    digest: str = ""  # of all that was measured, or of the order of events; "": it has none
    peak_bytes: int = 0  # of memory; 0: not told
    simulated_seconds: float = 0  # where that is given

    @property
    def wall_rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def cpu_rate(self) -> float:
        """Events a second of CPU time: what other programs on the host take does not count."""
        return self.events / self.cpu_seconds


def parse(text: str) -> Run:
    """The run of a program's output. Raises ValueError if it is not one."""
    lines = text.splitlines()
    if len(lines) != 1:
        raise ValueError(f"one line of JSON was expected, not {text[:200]!r}")
    found: Any = json.loads(lines[0])
    missing = {"events", "seconds", "cpu_seconds"} - set(found)
    if missing:
        raise ValueError(f"{', '.join(sorted(missing))} missing in {lines[0]}")
    return Run(**{name: value for name, value in found.items() if name in Run.__annotations__})


def run(command: Command) -> Run:
    """Raises RuntimeError if the program fails, ValueError for what it prints."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = f"{done.stdout}{done.stderr}".strip()
        raise RuntimeError(f"`{' '.join(command)}` ended with {done.returncode}: {said}")
    return parse(done.stdout)


def in_turns(
    commands: Mapping[str, Callable[[int], Command]],
    seeds: Iterable[int],
    runner: Callable[[Command], Run] = run,
) -> dict[str, list[Run]]:
    """Every program once for each seed; who comes first changes from seed to seed."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    names = list(commands)
    for seed in seeds:
        for name in names:
            runs[name].append(runner(commands[name](seed)))
        names = [*names[1:], *names[:1]]
    return runs


def simgrid(vms: int) -> Callable[[int], Command]:
    return _model([str(BUILD / "sim_simgrid_peer")], vms)


def simpy(vms: int) -> Callable[[int], Command]:
    return _model([sys.executable, str(Path(__file__).parent / "peers/simpy_peer.py")], vms)


def bare(vms: int) -> Callable[[int], Command]:
    return _model([str(BUILD / "sim_heap_peer")], vms)


def ours(vms: int) -> Callable[[int], Command]:
    return _model([str(BUILD / "sim_fluid")], vms)


def ours_in_two(vms: int) -> Callable[[int], Command]:
    return _model([str(BUILD / "sim_fluid"), "--threads", "2"], vms)


def holds(pending: int) -> dict[str, Callable[[int], Command]]:
    """Our event queue and std::priority_queue, with so many events pending."""
    return {
        name: lambda seed, program=program: [  # type: ignore[misc]
            str(BUILD / program),
            "--hold",
            str(pending),
            "--seed",
            str(seed),
        ]
        for name, program in (("ours", "sim_hold"), ("std::priority_queue", "sim_heap_peer"))
    }


def quantum(scheduler: str, seconds: int) -> Command:
    """A host of 64 cores with 256 busy vCPUs in slices of 1 ms."""
    return [str(BUILD / "sim_quantum"), scheduler, str(seconds)]


def _model(program: Command, vms: int) -> Callable[[int], Command]:
    return lambda seed: [*program, "--vms", str(vms), "--seed", str(seed)]
