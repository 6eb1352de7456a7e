# SPDX-License-Identifier: GPL-2.0-or-later
"""What hvlab's KVM backend costs beside bare system calls (bench/kvm/raw_machine.c).

Samples of one process, the peer's and ours in turn. Loops are measured in CPU time of their thread, so
that a shared machine gives the same ratios; creation and two threads in real time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import hvlab
from api_bench import open_descriptors, resident_bytes
from figures import ROOT, Figure, median, options, publish, spread
from hvlab import _core

BENCH = ROOT / "build/release/bench/kvm_bench"
SKIPPED = 77
AGAIN = bytes([0xE6, 0xF4, 0xEB, 0xFC])  # 1: out 0xF4, al; jmp 1b


class NoKvm(Exception):
    """This host has none; the text says why."""


def columns(figure: str, rounds: int) -> list[list[float]]:
    """The samples of that figure by column; the first round warms up and is left out."""
    run = subprocess.run([BENCH, figure, str(rounds + 1)], capture_output=True, text=True)
    if run.returncode == SKIPPED:
        raise NoKvm(run.stderr.strip())
    run.check_returncode()
    lines = [[float(word) for word in line.split()] for line in run.stdout.splitlines()]
    return [list(column) for column in zip(*lines[1:], strict=True)]


def ratio(name: str, ours: Sequence[float], raw: Sequence[float], limit: float | None) -> Figure:
    detail = f"{median(ours):.4g} us, raw {median(raw):.4g} us; {spread(ours)}"
    return Figure(name, median(ours) / median(raw), "x", limit, detail)


def creation(rounds: int) -> list[Figure]:
    raw, raw_end, kept, kept_end, made, made_end = columns("creation", rounds)
    return [
        ratio("create to first exit, against raw", kept, raw, 1.15),
        ratio("destroy, against raw", kept_end, raw_end, 1.15),
        ratio("create to first exit without kept VMs, against raw", made, raw, None),
        ratio("destroy without kept VMs, against raw", made_end, raw_end, None),
    ]


def port_exit(rounds: int) -> Figure:
    raw, ours = columns("port-exit", rounds)
    return ratio("port write through the bus to a null device, against raw", ours, raw, 1.1)


def registers(rounds: int) -> Figure:
    bare, both = columns("registers", rounds)
    detail = f"{median(both):.4g} us with, {median(bare):.4g} us without; {spread(both)}"
    value = median(both) - median(bare)
    return Figure("registers out and in at a stop", value, "us", 1.5, detail)


def user_mode(rounds: int) -> Figure:
    native, ours = columns("user-mode", rounds)
    # What is taken from both in equal measure is left out by taking the best of each.
    detail = f"{min(ours) / 1e3:.4g} ms, native {min(native) / 1e3:.4g} ms; {spread(ours)}"
    return Figure(
        "loop in user mode, against native", min(ours) / min(native), "x", 1 / 0.99, detail
    )


def two_threads(rounds: int) -> Figure:
    one, two, native, natives = columns("two-threads", rounds)
    # What the host has no second core for at the moment, two native loops do not get either.
    value = (min(two) / min(one)) / max(min(natives) / min(native), 1.0)
    detail = (
        f"{2 * min(one) / min(two):.3g} times the work of one, native "
        f"{2 * min(native) / min(natives):.3g} times; {os.cpu_count()} cores"
    )
    name = "two machines in two threads, time against one, and that against native"
    return Figure(name, value, "x", 2 / 1.7, detail)


def python_run(image: Path, rounds: int) -> Figure:
    """`run()` from Python against Machine::run from C++, in turn."""
    runs = 500
    ours, cpp = [], []
    with hvlab.Machine(image=image, backend="kvm") as machine:
        machine.run(timeout="1s")
        for _ in range(rounds):
            begin = time.thread_time()
            for _ in range(runs):
                machine.run(timeout="1s")
            ours.append((time.thread_time() - begin) / runs * 1e6)
            cpp += columns("machine-run", 1)[0]
    detail = f"{median(ours):.4g} us, from C++ {median(cpp):.4g} us; {spread(ours)}"
    return Figure(
        "run() from Python, more than from C++", median(ours) - median(cpp), "us", 2.0, detail
    )


def doctor(rounds: int) -> list[Figure]:
    """What `hvlab doctor` says beside what is measured here: how far apart, either way."""
    turns, instructions = 100_000_000, 2  # of the native loop of kvm_bench
    native = min(columns("user-mode", rounds)[0]) / 1e6
    exit_raw = median(columns("port-exit", rounds)[0])
    create_raw = median(columns("creation", 10 * rounds)[0])
    found = _core.probe("kvm")
    said = (
        ("instructions a second in user mode", found.user_rate, turns * instructions / native, 2.0),
        ("a port exit", found.port_exit, exit_raw / 1e6, 2.0),
        ("create to first exit", found.create, create_raw / 1e6, 3.0),
    )
    figures = []
    for name, figure, raw, limit in said:
        assert figure.value is not None, figure.reason
        apart = max(figure.value / raw, raw / figure.value)
        detail = f"{figure.value:.4g}, raw {raw:.4g}"
        figures.append(Figure(f"doctor against raw: {name}", apart, "x", limit, detail))
    return figures


def lives(image: Path, number: int) -> None:
    for _ in range(number):
        with hvlab.Machine(image=image, backend="kvm", memory="1MiB") as machine:
            stop = machine.run(timeout="10s")
            assert stop.reason == "debug-exit", stop


def leaks(image: Path, quick: bool) -> list[Figure]:
    many, each = (100, 20) if quick else (10_000, 1_000)
    lives(image, 100)
    descriptors, memory = open_descriptors(), resident_bytes()
    lives(image, many)
    threads = [threading.Thread(target=lives, args=(image, each)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    what = f"by {many} machines, then {each} in each of two threads"
    growth = (resident_bytes() - memory) / 2**20
    # What is kept for the next machine is bounded: VmPool::kCapacity VMs of four descriptors.
    kept = open_descriptors() - descriptors
    return [
        Figure(f"descriptors left {what}", kept, "", 12),
        Figure(f"memory growth {what}", growth, "MiB", 8.0),
    ]


def main() -> int:
    quick = options(__doc__).quick
    few, some = (3, 3) if quick else (31, 301)
    with tempfile.TemporaryDirectory() as name:
        image = Path(name) / "guest.bin"
        image.write_bytes(AGAIN)
        try:
            figures = [
                *creation(some),
                port_exit(few),
                registers(few),
                user_mode(few),
                two_threads(some),
                python_run(image, few),
                *doctor(few),
                *leaks(image, quick),
            ]
        except NoKvm as error:
            print(f"skipped: {error}")
            return 0
    return publish("kvm", figures, quick)


if __name__ == "__main__":
    sys.exit(main())
