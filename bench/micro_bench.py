# SPDX-License-Identifier: GPL-2.0-or-later
"""What micro-guests cost on every backend that is here: their code, calls, faults, ports, memory-mapped
registers and ring messages.

The processor time of the thread that runs the guest, from the start of the loop to its end, by round:
of a long run less that of a short one.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import hvlab
from figures import Figure, median, options, publish, spread
from hvlab.errors import BackendUnavailable
from hvlab.micro import Channel


@dataclass(frozen=True)
class Loop:
    name: str
    guest: str
    rounds: dict[str, int]  # by backend
    unit: str = "us"
    words: str = ""


MANY = {"unicorn": 20_000_000, "kvm": 100_000_000}
SOME = {"unicorn": 200_000, "kvm": 5_000}
LOOPS = (
    Loop("a step of two generators (8 instructions of arithmetic)", "micro-compute", MANY, "ns"),
    Loop("two loads and a store in the cache", "micro-memory", MANY, "ns"),
    Loop("a call to the kernel and back", "micro-calls", SOME),
    Loop("a call to a handler in user mode and back", "micro-calls", SOME, words=" user=1"),
    Loop("a page fault, its handler in user mode, and back", "micro-faults", SOME),
    Loop("a write to a port and a read from one", "micro-ports", SOME),
    Loop("a write to a register in memory and a read", "micro-mmio", SOME),
)


def seconds(loop: Loop, backend: str, rounds: int) -> float:
    boot = hvlab.MicroImage(hvlab.fixture(loop.guest), f"count={rounds}{loop.words}")
    with hvlab.Machine(boot=boot, memory="4MiB", backend=backend) as machine:
        start = time.thread_time()
        stop = machine.run(wall="5min")
        spent = time.thread_time() - start
        assert stop.reason == "debug-exit", stop
        return spent


def messages(backend: str, rounds: int) -> float:
    """Seconds for so many messages of 64 bytes there and back, each with its bell."""
    boot = hvlab.MicroImage(hvlab.fixture("micro-ring"))
    with hvlab.Machine(boot=boot, memory="4MiB", backend=backend) as machine:
        channel = Channel(machine)
        machine.run(timeout="10s")
        start = time.thread_time()
        for _ in range(rounds):
            channel.send(bytes(64))
            stop = machine.run(timeout="10s")
            assert stop.reason == "doorbell", stop
            assert channel.receive() is not None
        return time.thread_time() - start


def native(quick: bool) -> list[Figure]:
    """The two loops that leave the processor alone, by the same compiler as a program of the host's."""
    source = Path(__file__).resolve().parent / "guests" / "native_loops.c"
    result = []
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "loops"
        subprocess.run(["gcc", "-O2", "-o", program, source], check=True)
        for loop in LOOPS[:2]:
            command = [program, loop.guest.removeprefix("micro-"), str(MANY["kvm"])]
            samples = [
                float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                for _ in range(1 if quick else 7)
            ]
            result.append(
                Figure(
                    f"the host itself: {loop.name}", median(samples), "ns", None, spread(samples)
                )
            )
    return result


def figures(backend: str, quick: bool) -> list[Figure]:
    repetitions = 1 if quick else 7
    result = []
    for loop in LOOPS:
        rounds = loop.rounds[backend] // (20 if quick else 1)
        scale = 1e9 if loop.unit == "ns" else 1e6
        samples = [
            (seconds(loop, backend, rounds) - seconds(loop, backend, rounds // 10))
            / (0.9 * rounds)
            * scale
            for _ in range(repetitions)
        ]
        result.append(
            Figure(f"{backend}: {loop.name}", median(samples), loop.unit, None, spread(samples))
        )
    rounds = 200 if quick else 2000
    samples = [messages(backend, rounds) / rounds * 1e6 for _ in range(repetitions)]
    result.append(
        Figure(
            f"{backend}: a message by the rings and its answer, with the bell, from Python",
            median(samples),
            "us",
            None,
            spread(samples),
        )
    )
    return result


def main() -> int:
    quick = options(__doc__).quick
    measured = native(quick)
    for backend in ("unicorn", "kvm"):
        try:
            measured += figures(backend, quick)
        except BackendUnavailable as error:
            print(f"{backend} is not here: {error}", file=sys.stderr)
    return publish("micro-guests", measured, quick)


if __name__ == "__main__":
    sys.exit(main())
