# SPDX-License-Identifier: GPL-2.0-or-later
"""Called by scenarios of this folder."""

from __future__ import annotations

import re
from itertools import pairwise

import hvlab

OOPS = re.compile(r"BUG:|Oops|Kernel panic|Call Trace")


def no_oops(context: hvlab.CaseContext) -> None:
    """The kernel complained about nothing."""
    found = OOPS.search(context.console.output)
    assert found is None, f"the kernel said {found[0] if found else ''}"


def periods(context: hvlab.CaseContext, count: int) -> dict[str, int]:
    """How long the timer's periods were, by the guest times of the lines `tick N`."""
    times = [time for time, line in context.console.log if line.startswith("tick ")]
    spans = [after - before for before, after in pairwise(times)]
    assert len(spans) >= count, f"only {len(spans)} periods"
    if context.machine.backend == "unicorn":
        assert max(spans) - min(spans) < 10_000, "guest time is counted, and the periods differ"
    return {"count": len(spans), "longest": max(spans)}
