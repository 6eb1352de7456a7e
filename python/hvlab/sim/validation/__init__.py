# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the simulator can be believed: against theory, against what schedulers promise, and the two
fidelities against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hvlab.sim.experiments.executor import ProcessExecutor
from hvlab.sim.frame import Frame
from hvlab.sim.validation import fidelity, promises, queues, skew
from hvlab.sim.validation.rows import Row
from hvlab.sim.validation.runs import Runs, Told, checked

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


def validate(
    *,
    quick: bool = False,
    jobs: int = 1,
    told: Callable[[Row], None] | None = None,
    progress: Told | None = None,
) -> list[Row]:
    """All checks, each row also told as it comes.

    The last rows are the identities that every one of the runs kept: time, capacity, service, Little's
    law, limits.

    Args:
        quick: fewer and shorter runs, wider intervals; jobs: processes that make runs, the rows are the same
        with any number of them; progress: told of each run of a row that is under way.

    Raises SimulationError; KeyboardInterrupt when it is interrupted.
    """
    rows = []
    with ProcessExecutor(jobs, checked) as executor:
        runs = Runs(executor=executor, told=progress)
        if quick:
            runs.replications, runs.scale = 8, 0.25
        for row in _rows(runs):
            rows.append(row)
            if told is not None:
                told(row)
    return rows


def _rows(runs: Runs) -> Iterator[Row]:
    for check in CHECKS:
        yield from check(runs)
    yield from _identities(runs)


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
