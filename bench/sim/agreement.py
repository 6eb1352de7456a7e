# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a program runs the model that it says it runs: looked at before it is measured, and by the tests
for those that they have.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import programs
from programs import Command

sys.path.append(str(Path(__file__).parent / "peers"))
import sim_model as model

# A program's command with so many VMs, for each seed.
Program = Callable[[int], Callable[[int], Command]]


def stationary_response() -> float:
    """Mean response of the model if bursts never ended: M/M/8//16 (machine repairman), both means 1 s."""
    weights = [1.0]
    for active in range(model.VMS_OF_HOST):
        thinking = model.VMS_OF_HOST - active
        weights.append(weights[-1] * thinking / min(active + 1, model.CORES))
    whole = sum(weights)
    busy = sum(w * min(n, model.CORES) for n, w in enumerate(weights)) / whole
    present = sum(w * n for n, w in enumerate(weights)) / whole
    return present / busy  # Little's law


def faults(program: Program) -> list[str]:
    """What is wrong with it; empty if nothing was found. Raises as programs.run does."""
    return [*_of_the_model(program), *_in_the_long_run(program), *_of_bad_input(program)]


def _of_the_model(program: Program) -> list[str]:
    found = programs.run(program(320)(7))
    wrong = [model.fault(320, model.BURSTS, found.events, found.mean_response or 0)]
    if not (found.seconds > 0 and found.cpu_seconds > 0 and found.peak_bytes > 1 << 20):
        wrong.append(f"it measures nothing: {found}")
    return [fault for fault in wrong if fault]


def _in_the_long_run(program: Program) -> list[str]:
    expected = stationary_response()
    found = programs.run([*program(160)(3), "--bursts", "400"]).mean_response or 0
    if abs(found - expected) <= 0.02:
        return []
    return [f"mean response {found:.4f} s with many bursts, not {expected:.4f} s"]


def _of_bad_input(program: Program) -> list[str]:
    try:
        programs.run(program(100)(1))
    except RuntimeError as error:
        if "--vms must be a multiple of 16" in str(error):
            return []
        return [f"VMs that make no whole hosts: {error}"]
    return ["VMs that make no whole hosts are not refused"]
