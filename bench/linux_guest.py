# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark guest, run on hvlab in a process of its own, as QEMU's is.

`run()` starts this file as `linux_guest.py CORE KERNEL INITRD SEED MARK...`, which writes what a `Run` holds.

What the guest does depends on its seed: Linux lays out its memory by random numbers, and between seeds a page
fault differs by 10 % in instructions, a fork by 2 %. So repetitions have different seeds, the same ones in
every version, and versions are compared by `Run.rate`, too.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CMDLINE = "console=ttyS0 nokaslr noapic nolapic panic=-1"


@dataclass(frozen=True)
class Run:
    """What a run showed at each mark on the console."""

    cpu: dict[str, float]  # processor seconds of the process
    guest_time: dict[str, float]  # seconds
    instructions: dict[str, int]

    def span(self, start: str, end: str) -> float:
        return self.cpu[end] - self.cpu[start]

    def rate(self, start: str, end: str) -> float:
        """Processor nanoseconds for an instruction."""
        return 1e9 * self.span(start, end) / (self.instructions[end] - self.instructions[start])


def run(
    kernel: Path, initrd: Path, marks: Sequence[str], core: Path | None = None, seed: int = 0
) -> Run:
    """A run up to the last mark. `core`: another build of the extension than the package's own."""
    command = [sys.executable, __file__, str(core or ""), str(kernel), str(initrd), str(seed)]
    command += marks
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return Run(**json.loads(output))


def use_core(path: str) -> None:
    """Makes `hvlab`, imported after this, take its extension from `path`."""
    spec = importlib.util.spec_from_file_location("hvlab._core", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["hvlab._core"] = module
    spec.loader.exec_module(module)


def main(core: str, kernel: str, initrd: str, seed: str, *marks: str) -> None:
    if core:
        use_core(core)
    import hvlab

    boot = hvlab.LinuxBoot(Path(kernel), Path(initrd), CMDLINE)
    cpu, guest_time, instructions = {}, {}, {}
    with hvlab.Machine(boot=boot, memory="256MiB", seed=int(seed)) as machine:
        for mark in marks:
            machine.console.expect_text(mark, timeout="120s")
            cpu[mark] = time.process_time()
            guest_time[mark] = machine.time / 1e9
            instructions[mark] = machine.instructions
    run = {"cpu": cpu, "guest_time": guest_time, "instructions": instructions}
    json.dump(run, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
