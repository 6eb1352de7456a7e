# SPDX-License-Identifier: GPL-2.0-or-later
"""The processors of this host."""

from __future__ import annotations

import os


def usable() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))
