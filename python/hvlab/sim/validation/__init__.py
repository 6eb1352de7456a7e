# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the simulator can be believed: against theory, against what schedulers promise, and the two
fidelities against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hvlab.sim.frame import Frame
from hvlab.sim.validation import fidelity, promises, queues, skew
from hvlab.sim.validation.rows import Row
from hvlab.sim.validation.runs import Runs

Check = Callable[[Runs], Iterator[Row]]

CHECKS: tuple[Check, ...] = (
    queues.mmc,
    queues.mg1_ps,
    queues.closed,
    queues.clients,
    promises.work_conservation,
    promises.weights,
    promises.limits,
    promises.reservations,
    skew.bounded,
    fidelity.fluid_against_quantum,
)


def validate(*, quick: bool = False, told: Callable[[Row], None] | None = None) -> list[Row]:
    """All checks, each row also told as it comes; `quick`: fewer and shorter runs, wider intervals.

    The last rows are the identities that every one of the runs kept: time, capacity, service, Little's
    law, limits. Raises SimulationError; KeyboardInterrupt when it is interrupted.
    """
    runs = Runs(8, 0.25) if quick else Runs()
    rows = []
    for check in CHECKS:
        for row in check(runs):
            rows.append(row)
            if told is not None:
                told(row)
    for row in _identities(runs):
        rows.append(row)
        if told is not None:
            told(row)
    return rows


def _identities(runs: Runs) -> Iterator[Row]:
    for name, (worst, bound, where) in runs.identities.items():
        setting = f"all {runs.count} runs" if worst <= bound else where
        yield Row(name, setting, "worst, ns", 0.0, worst, bound, True)


def frame(rows: list[Row]) -> Frame:
    """As a table: `check`, `setting`, `quantity`, `expected`, `measured`, `tolerance`, `margin`, `holds`."""
    return Frame.from_columns(
        {
            "check": [row.check for row in rows],
            "setting": [row.setting for row in rows],
            "quantity": [row.quantity for row in rows],
            "expected": [row.expected for row in rows],
            "measured": [row.measured for row in rows],
            "tolerance": [row.tolerance for row in rows],
            "margin": [row.margin for row in rows],
            "holds": [int(row.holds) for row in rows],
        },
        name="validation",
    )
