# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux on the embedded engine against QEMU's TCG: process CPU between marks on the console.

Same kernel, initrd, command line and CPU features; the runs of the two alternate. QEMU runs without
icount, hvlab with exact counting as always. What is compared is CPU time of the whole process (user and
system) at the moments when a mark has been read, so start-up and image loading do not count.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import hvlab
from figures import Figure, median, options, publish, spread
from linux_guest import CMDLINE, Run, run

sys.path.insert(0, str(Path(__file__).resolve().parent / "guests"))
from make_initrd import LOOPS, make_initrd

# What the CPU model x86-64-v2 has, in QEMU's words.
QEMU_CPU = (
    "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16,+lahf-lm,+rdrand,+rdtscp,+pdpe1gb,-svm,-apic"
)
MARKS = ["Linux version", "Run /init"] + [
    f"bench {loop} {edge}" for loop in LOOPS for edge in ("start", "end")
]
END = "bench done"
TIMEOUT = 180  # seconds of host time for one run


def process_cpu(pid: int) -> float:
    """CPU seconds of all threads of a process, to the nanosecond (proc_pid_schedstat)."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def run_qemu(kernel: Path, initrd: Path) -> dict[str, float]:
    command = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", QEMU_CPU, "-m", "256M", "-nodefaults"]
    command += ["-machine", "pc,acpi=off,hpet=off", "-display", "none", "-serial", "stdio"]
    command += ["-no-reboot"]
    command += ["-kernel", str(kernel), "-initrd", str(initrd), "-append", CMDLINE]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        return read_marks(process.stdout.fileno(), process.pid)
    finally:
        process.kill()
        process.wait()


def read_marks(descriptor: int, pid: int) -> dict[str, float]:
    os.set_blocking(descriptor, False)
    selector = selectors.DefaultSelector()
    selector.register(descriptor, selectors.EVENT_READ)
    deadline = time.monotonic() + TIMEOUT
    marks: dict[str, float] = {}
    output = ""
    while END not in output:
        if time.monotonic() > deadline or not selector.select(timeout=30):
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


def figures(ours: Sequence[Run], theirs: Sequence[dict[str, float]]) -> list[Figure]:
    def span(start: str, end: str, limit: float | None, name: str) -> list[Figure]:
        a = [each.span(start, end) for each in ours]
        b = [each[end] - each[start] for each in theirs]
        rate = median([each.rate(start, end) for each in ours])
        ratios = [x / y for x, y in zip(a, b, strict=True)]
        detail = (
            f"pairs {spread(ratios)}; hvlab {median(a):.3f} s, {rate:.3f} ns an instruction, "
            f"QEMU {median(b):.3f} s"
        )
        return [Figure(f"{name}: CPU against QEMU's", median(a) / median(b), "x", limit, detail)]

    result = span("Linux version", "Run /init", 0.75, "boot, `Linux version` to `Run /init`")
    result += span("Linux version", "bench load end", 0.8, "boot to the end of the shell load")
    for loop in LOOPS:
        limit = None if loop in ("shell", "load") else 1.1
        result += span(f"bench {loop} start", f"bench {loop} end", limit, f"{loop} loop")
    return result


def main() -> int:
    quick = options(__doc__).quick
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        initrd = Path(folder) / "initrd"
        make_initrd(initrd)
        kernel = hvlab.fixture("linux")
        for seed in range(1 if quick else 7):
            ours.append(run(kernel, initrd, MARKS, seed=seed))
            theirs.append(run_qemu(kernel, initrd))
    return publish("linux-against-qemu", figures(ours, theirs), quick)


if __name__ == "__main__":
    sys.exit(main())
