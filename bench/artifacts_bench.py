# SPDX-License-Identifier: GPL-2.0-or-later
"""What it costs to collect and to write what a failed case leaves, when its guest is a Linux."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import hvlab
from figures import Figure, median, options, publish
from hvlab.introspection import inspect
from hvlab.introspection.kallsyms import find_kallsyms
from hvlab.introspection.paging import AddressSpace
from hvlab.report import artifacts
from hvlab.scenario.document import load
from hvlab.scenario.runner import run_case

SCENARIO = """\
schema: 1
name: panics
machine:
  memory: 256MiB
  boot: {linux: "fixture:linux", initrd: "fixture:busybox", cmdline: "console=ttyS0"}
steps:
- boot: {}
- expect: {text: "/ # ", within: 20s}
- send: "echo c > /proc/sysrq-trigger\\n"
- run_for: 10s
"""


def seconds(repetitions: int, work: Callable[[], object]) -> list[float]:
    """CPU seconds of each call."""
    work()  # modules are loaded once
    samples = []
    for _ in range(repetitions):
        began = time.process_time()
        work()
        samples.append(time.process_time() - began)
    return samples


def main() -> int:
    quick = options(__doc__).quick
    repetitions = 2 if quick else 10
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "panics.hvlab.yaml"
        file.write_text(SCENARIO)
        case = load(file).cases[0]
        result = run_case(case)
        assert "Kernel panic" in result.reason, result.reason
        write = seconds(repetitions, lambda: artifacts.keep(Path(folder) / "out", case, result))
    boot = hvlab.LinuxBoot(
        hvlab.fixture("linux"), initrd=hvlab.fixture("busybox"), cmdline="console=ttyS0"
    )
    with hvlab.Machine(memory="256MiB", boot=boot) as machine:
        machine.console.expect_text("/ # ", timeout="20s")
        state = machine.vcpus[0].state
        symbols = seconds(repetitions, lambda: find_kallsyms(AddressSpace(machine.memory, state)))
        collect = seconds(repetitions, lambda: inspect(machine))
    figures = [
        Figure("registers, code and stack of a Linux, CPU time", 1e3 * median(collect), "ms"),
        Figure("of that, finding kallsyms", 1e3 * median(symbols), "ms"),
        Figure("writing all artifacts, CPU time", 1e3 * median(write), "ms"),
    ]
    return publish("artifacts", figures, quick)


if __name__ == "__main__":
    sys.exit(main())
