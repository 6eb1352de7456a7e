# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux on the embedded engine against QEMU's TCG: process CPU between marks on the console.

Same kernel, initrd, command line and CPU features; the runs of the two alternate. QEMU runs without
icount, hvlab with exact counting as always. What is compared is CPU time of the whole process (user and
system) at the moments when a mark has been read, so start-up and image loading do not count.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import hvlab
from figures import Figure, median, publish, spread

sys.path.insert(0, str(Path(__file__).resolve().parent / "guests"))
from make_initrd import LOOPS, make_initrd

CMDLINE = "console=ttyS0 nokaslr noapic nolapic panic=-1"
# What the CPU model x86-64-v2 has, in QEMU's words.
QEMU_CPU = (
    "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16,+lahf-lm,+rdrand,+rdtscp,+pdpe1gb,-svm,-apic"
)
MARKS = ["Linux version", "Run /init"] + [
    f"bench {loop} {edge}" for loop in LOOPS for edge in ("start", "end")
]
END = "bench done"
TIMEOUT = 180  # seconds of host time for one run

Marks = dict[str, float]


def process_cpu(pid: int) -> float:
    """CPU seconds of all threads of a process, to the nanosecond (proc_pid_schedstat)."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def run_qemu(kernel: Path, initrd: Path) -> Marks:
    command = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", QEMU_CPU, "-m", "256M", "-nodefaults"]
    command += [
        "-machine",
        "pc,acpi=off,hpet=off",
        "-display",
        "none",
        "-serial",
        "stdio",
        "-no-reboot",
    ]
    command += ["-kernel", str(kernel), "-initrd", str(initrd), "-append", CMDLINE]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        return read_marks(process.stdout.fileno(), process.pid)
    finally:
        process.kill()
        process.wait()


def read_marks(descriptor: int, pid: int) -> Marks:
    os.set_blocking(descriptor, False)
    selector = selectors.DefaultSelector()
    selector.register(descriptor, selectors.EVENT_READ)
    deadline = time.monotonic() + TIMEOUT
    marks: Marks = {}
    output = ""
    while END not in output:
        if time.monotonic() > deadline or not selector.select(timeout=5):
            raise SystemExit(f"QEMU printed nothing more; last output:\n{output[-500:]}")
        chunk = os.read(descriptor, 65536)
        cpu = process_cpu(pid)
        if not chunk:
            raise SystemExit(f"QEMU ended early; last output:\n{output[-500:]}")
        output += chunk.decode(errors="replace")
        for mark in MARKS:
            if mark not in marks and mark in output:
                marks[mark] = cpu
    return marks


def run_hvlab(kernel: Path, initrd: Path) -> Marks:
    """In a process of its own, like QEMU's."""
    command = [sys.executable, __file__, "--child", str(kernel), str(initrd)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def hvlab_child(kernel: Path, initrd: Path) -> None:
    boot = hvlab.LinuxBoot(kernel, initrd, CMDLINE)
    marks: Marks = {}
    with hvlab.Machine(boot=boot, memory="256MiB") as machine:
        for mark in MARKS:
            machine.console.expect_text(mark, timeout="120s")
            marks[mark] = time.process_time()
        marks["instructions"] = float(machine.instructions or 0)
    json.dump(marks, sys.stdout)


def figures(ours: Sequence[Marks], theirs: Sequence[Marks]) -> list[Figure]:
    def span(start: str, end: str, limit: float | None, name: str) -> list[Figure]:
        a = [run[end] - run[start] for run in ours]
        b = [run[end] - run[start] for run in theirs]
        ratios = [x / y for x, y in zip(a, b, strict=True)]
        detail = f"pairs {spread(ratios)}; hvlab {median(a):.3f} s, QEMU {median(b):.3f} s"
        return [Figure(f"{name}: CPU against QEMU's", median(a) / median(b), "x", limit, detail)]

    result = span("Linux version", "Run /init", 0.75, "boot, `Linux version` to `Run /init`")
    result += span("Linux version", "bench load end", 0.8, "boot to the end of the shell load")
    for loop in LOOPS:
        limit = None if loop in ("shell", "load") else 1.1
        result += span(f"bench {loop} start", f"bench {loop} end", limit, f"{loop} loop")
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--child", nargs=2, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        hvlab_child(*arguments.child)
        return 0

    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        initrd = Path(folder) / "initrd"
        make_initrd(initrd)
        kernel = hvlab.fixture("linux")
        for _ in range(arguments.runs):
            ours.append(run_hvlab(kernel, initrd))
            theirs.append(run_qemu(kernel, initrd))
    return publish("linux-against-qemu", "make bench", figures(ours, theirs))


if __name__ == "__main__":
    sys.exit(main())
