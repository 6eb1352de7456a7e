# SPDX-License-Identifier: GPL-2.0-or-later
"""What exact counting costs: Linux on the engine with counting and on the same engine without.

The engine of the preset `uncounted` (engine/bench-patches) looks only whether it shall leave, at the start
of a block, and takes nothing off; guest time passes with events. The two alternate, in pairs whose first
is the one and the other in turn.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import hvlab
from figures import Figure, median, options, publish, spread
from linux_guest import Run, run

sys.path.insert(0, str(Path(__file__).resolve().parent / "guests"))
from make_initrd import make_initrd

ROOT = Path(__file__).resolve().parent.parent
MARKS = ("Linux version", "Run /init", "bench load end")


def build_uncounted() -> Path:
    """The extension with the engine that does not count. Raises CalledProcessError."""
    for command in (
        ["cmake", "--preset", "uncounted", f"-DPython_EXECUTABLE={sys.executable}"],
        ["cmake", "--build", "--preset", "uncounted", "--target", "_core"],
    ):
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    (core,) = (ROOT / "build/uncounted/bindings").glob("_core.*.so")
    return core


def figures(counted: Sequence[Run], uncounted: Sequence[Run]) -> list[Figure]:
    def cost(end: str, limit: float | None, name: str) -> Figure:
        a = [each.span("Linux version", end) for each in counted]
        b = [each.span("Linux version", end) for each in uncounted]
        pairs = [100 * (x / y - 1) for x, y in zip(a, b, strict=True)]
        times = ", ".join(f"{runs[0].guest_time[end]:.2f} s" for runs in (counted, uncounted))
        detail = (
            f"with {median(a):.3f} s, without {median(b):.3f} s; least {min(a):.3f}, {min(b):.3f} s; "
            f"pairs {median(pairs):.2g} %, {spread(pairs)}; guest time {times}"
        )
        return Figure(
            f"exact counting, {name}", 100 * (median(a) / median(b) - 1), "%", limit, detail
        )

    return [
        cost("Run /init", 3.0, "boot, `Linux version` to `Run /init`"),
        cost("bench load end", None, "boot to the end of the shell load"),
    ]


def main() -> int:
    quick = options(__doc__).quick
    core = build_uncounted()
    counted: list[Run] = []
    uncounted: list[Run] = []
    with tempfile.TemporaryDirectory() as folder:
        initrd = Path(folder) / "initrd"
        make_initrd(initrd)
        kernel = hvlab.fixture("linux")
        turns = [(counted, None), (uncounted, core)]
        for seed in range(1 if quick else 21):
            for runs, extension in turns:
                runs.append(run(kernel, initrd, MARKS, extension, seed))
            turns.reverse()
    return publish("counting", figures(counted, uncounted), quick)


if __name__ == "__main__":
    sys.exit(main())
