# SPDX-License-Identifier: GPL-2.0-or-later
"""Micro-guests for tests, on every backend that is here."""

from __future__ import annotations

from pathlib import Path

import pytest

import hvlab
from hvlab.errors import BackendUnavailable

WALL = "60s"


def machine(name: str, backend: str, cmdline: str = "", **options: object) -> hvlab.Machine:
    """A machine with a fixture; skips the test where its backend is not."""
    return machine_of(hvlab.MicroImage(hvlab.fixture(name), cmdline), backend, **options)


def machine_of(boot: hvlab.MicroImage, backend: str, **options: object) -> hvlab.Machine:
    settings = {"memory": "4MiB", **options}
    try:
        return hvlab.Machine(boot=boot, backend=backend, **settings)  # type: ignore[arg-type]
    except BackendUnavailable as error:
        pytest.skip(f"{backend}: {error}")


def flat(folder: Path, code: bytes) -> hvlab.MicroImage:
    """A flat program; what is behind it stops the guest."""
    path = folder / "guest.bin"
    path.write_bytes(code + b"\xe6\xf4\xeb\xfe")  # out %al, $0xF4; jmp .
    return hvlab.MicroImage(path)


def output(name: str, backend: str, cmdline: str = "") -> str:
    """What it prints until it leaves with code 0."""
    with machine(name, backend, cmdline) as running:
        stop = running.run(wall=WALL)
        assert (stop.reason, stop.code) == ("debug-exit", 0), (stop, running.console.output)
        return running.console.output
