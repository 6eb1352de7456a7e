# SPDX-License-Identifier: GPL-2.0-or-later
"""Micro-guests for tests, on the backend that the fixture `hvlab_machine` is for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hvlab
from hvlab.pytest_plugin import MachineFactory

WALL = "60s"


def machine(make: MachineFactory, name: str, cmdline: str = "", **options: Any) -> hvlab.Machine:
    """A machine with a fixture."""
    return machine_of(make, hvlab.MicroImage(hvlab.fixture(name), cmdline), **options)


def machine_of(make: MachineFactory, boot: hvlab.MicroImage, **options: Any) -> hvlab.Machine:
    return make(boot=boot, **{"memory": "4MiB", **options})


def flat(folder: Path, code: bytes) -> hvlab.MicroImage:
    """A flat program; what is behind it stops the guest."""
    path = folder / "guest.bin"
    path.write_bytes(code + b"\xe6\xf4\xeb\xfe")  # out %al, $0xF4; jmp .
    return hvlab.MicroImage(path)


def output(make: MachineFactory, name: str, cmdline: str = "", **options: Any) -> str:
    """What it prints until it leaves with code 0."""
    running = machine(make, name, cmdline, **options)
    stop = running.run(wall=WALL)
    assert (stop.reason, stop.code) == ("debug-exit", 0), (stop, running.console.output)
    return running.console.output
