# SPDX-License-Identifier: GPL-2.0-or-later
"""The simulator against its peers: SimGrid, SimPy and bare C++ on a std::priority_queue, in turns and on the
same model (peers/model.h), every run of which must come to the model's mean response.

A rate of a program of one thread is events a second of CPU time, so that other load on the host counts
little; with two threads it is events a second of wall time, and so is what that is compared with.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import agreement
import engine_figures
import programs
from agreement import Program
from programs import Run, in_turns

sys.path.append(str(Path(__file__).resolve().parents[1]))
from figures import Figure, median, options, publish, spread

OURS = "hvlab"
OURS_IN_TWO = "hvlab, 2 threads"
SIMGRID, SIMPY, BARE = "SimGrid", "SimPy", "bare C++"

PROGRAMS: Mapping[str, Program] = {
    SIMGRID: programs.simgrid,
    SIMPY: programs.simpy,
    BARE: programs.bare,
    OURS: programs.ours,
    OURS_IN_TWO: programs.ours_in_two,
}
SCHEDULERS = ("round-robin", "eevdf", "credit2", "esx", "gang", "hyperv")  # of the quantum fidelity


@dataclass(frozen=True)
class Size:
    """A size of the model: who runs it, how often, and the ratios of rates that we are to reach."""

    vms: int
    rounds: int
    peers: Sequence[str]
    least: Mapping[str, float]  # of ours on one thread to the peer's
    in_two: Mapping[str, float] | None = None  # of ours on two threads; None: which are not run


SIZES = (
    Size(10_000, 9, (SIMGRID, SIMPY, BARE), {SIMGRID: 15, SIMPY: 30, BARE: 0.6}),
    Size(100_000, 5, (SIMGRID, SIMPY, BARE), {SIMGRID: 30, SIMPY: 30}),
    Size(1_000_000, 5, (BARE,), {BARE: 1.5}, {BARE: 2.5}),
)
QUICK = (
    Size(1_600, 2, (SIMGRID, SIMPY, BARE), {}),
    Size(16_000, 1, (BARE,), {}, {}),
)


def rate(runs: Sequence[Run], how: str) -> float:
    return median([getattr(run, how) for run in runs])


def rates(size: Size, runs: Mapping[str, Sequence[Run]]) -> list[Figure]:
    """What each program made, for information."""
    return [
        Figure(
            f"{size.vms:,} VMs, {name}",
            rate(found, how) / 1e3,
            "k events/s",
            detail=f"{spread([getattr(run, how) / 1e3 for run in found])}; mean response "
            f"{median([run.mean_response or 0 for run in found]):.4f} s",
        )
        for name, found in runs.items()
        for how in ["wall_rate" if name == OURS_IN_TWO else "cpu_rate"]
    ]


def ratio(
    name: str, ours: Sequence[Run], theirs: Sequence[Run], how: str, least: float | None
) -> Figure:
    """Medians of the rates, one by the other; the ratios of the pairs as the detail."""
    pairs = [getattr(a, how) / getattr(b, how) for a, b in zip(ours, theirs, strict=True)]
    value = rate(ours, how) / rate(theirs, how)
    return Figure(name, value, "x", detail=f"pairs {spread(pairs)}", least=least)


def ratios(size: Size, runs: Mapping[str, Sequence[Run]]) -> list[Figure]:
    sides = [(OURS, "cpu_rate", size.least), (OURS_IN_TWO, "wall_rate", size.in_two)]
    return [
        ratio(f"{size.vms:,} VMs, {ours} to {peer}", runs[ours], runs[peer], how, least.get(peer))
        for ours, how, least in sides
        if least is not None
        for peer in size.peers
    ]


def same_bits(runs: Mapping[str, Sequence[Run]]) -> None:
    """Ends the bench if the number of threads shows in anything that was measured."""
    for seed, (one, two) in enumerate(zip(runs[OURS], runs[OURS_IN_TWO], strict=True), 1):
        if not one.digest or one.digest != two.digest:
            raise SystemExit(f"seed {seed}: {one.digest} with one thread, {two.digest} with two")


def memory(size: Size, runs: Sequence[Run]) -> list[Figure]:
    peak = max(run.peak_bytes for run in runs)
    name = f"{size.vms:,} VMs, {OURS}, one thread: peak memory of the whole process"
    if size.vms < 1_000_000:
        return [Figure(name, peak / 1e6, "MB")]
    return [
        Figure(name, peak / 1e6, "MB", 1000),
        Figure(f"{name} by VM", peak / size.vms, "bytes", 512),
    ]


def measure(size: Size) -> list[Figure]:
    names = [*size.peers, OURS, *([] if size.in_two is None else [OURS_IN_TWO])]
    seeds = range(1, 1 + size.rounds)
    runs = in_turns({name: PROGRAMS[name](size.vms) for name in names}, seeds)
    found = [*rates(size, runs), *ratios(size, runs), *memory(size, runs[OURS])]
    if OURS_IN_TWO in runs:
        same_bits(runs)
    return found


def queues(pending: int, rounds: int) -> list[Figure]:
    runs = in_turns(programs.holds(pending), range(1, 1 + rounds))
    ours, theirs = runs.values()
    for one, other in zip(ours, theirs, strict=True):
        if one.digest != other.digest:
            raise SystemExit(f"the queues differ in their order: {one.digest}, {other.digest}")
    name = f"event queue, {pending:,} pending"
    made = [
        Figure(f"{name}, {which}", rate(found, "cpu_rate") / 1e6, "M holds/s")
        for which, found in runs.items()
    ]
    return [*made, ratio(f"{name}, ours to std::priority_queue", ours, theirs, "cpu_rate", 1.5)]


def quanta(seconds: int, rounds: int) -> list[Figure]:
    """How much faster than real time slices go, by scheduler."""
    commands = {
        name: lambda _, name=name: programs.quantum(name, seconds)  # type: ignore[misc]
        for name in SCHEDULERS
    }
    runs = in_turns(commands, range(rounds))
    return [
        Figure(
            f"64 cores, 256 vCPUs, 1 ms slices, {name}: simulated seconds a second of CPU",
            median(speeds),
            "x",
            detail=f"{spread(speeds)}; {rate(found, 'cpu_rate') / 1e6:.2f} M events/s",
            least=100,
        )
        for name, found in runs.items()
        for speeds in [[run.simulated_seconds / run.cpu_seconds for run in found]]
    ]


def agree() -> None:
    """Ends the bench if a program does not run the model."""
    for name, program in PROGRAMS.items():
        if wrong := agreement.faults(program):
            raise SystemExit(f"{name}: {'; '.join(wrong)}")


def main() -> int:
    quick = options(__doc__).quick
    agree()
    figures: list[Figure] = []
    for size in QUICK if quick else SIZES:
        figures += measure(size)
    for pending in (20_000,) if quick else (100_000, 300_000, 1_000_000):
        figures += queues(pending, 1 if quick else 5)
    figures += quanta(2 if quick else 20, 1 if quick else 5)
    failed = publish("sim", figures, quick, "bench-sim")
    return publish("sim-engine", engine_figures.measure(quick), quick, "bench-sim") or failed


if __name__ == "__main__":
    sys.exit(main())
