# SPDX-License-Identifier: GPL-2.0-or-later
"""model.h for Python: the model's numbers, and what a run's result must be."""

from __future__ import annotations

import math

CORES = 8
VMS_OF_HOST = 16
BURSTS = 10
MEAN_RESPONSE = 1.119
HOST_DEVIATION = 0.119
STANDARD_ERRORS = 5


def fault(vms: int, bursts: int, events: int, mean_response: float) -> str:
    """What shows that a run was not of this model; empty if nothing does."""
    if events != 2 * vms * bursts:
        return f"{events} events, not {2 * vms * bursts}"
    allowed = STANDARD_ERRORS * HOST_DEVIATION / math.sqrt(vms // VMS_OF_HOST)
    if bursts == BURSTS and not abs(mean_response - MEAN_RESPONSE) <= allowed:
        return f"mean response {mean_response:.6f} s, not {MEAN_RESPONSE} s within {allowed:.6f} s"
    return ""
