# SPDX-License-Identifier: GPL-2.0-or-later
"""`hvlab sim validate`."""

from __future__ import annotations

import datetime
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

from hvlab.cli import FAILED, OK
from hvlab.cli.signals import terminated_is_interrupted
from hvlab.sim import validation
from hvlab.sim.validation.rows import Row

_WIDTHS = (21, 31, 48, 9, 10, 9, 6)
_TITLES = ("check", "setting", "quantity", "expected", "measured", "tolerance", "margin")


def run(quick: bool, jobs: int, csv: Path | None) -> int:
    """Prints each row as it comes, on a terminal also what is being run; returns the exit code. Raises
    HvlabError.
    """
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(_line(_TITLES) + "  result", "bold"))
    began = time.monotonic()

    def progress(title: str, done: int, runs: int) -> None:
        elapsed = datetime.timedelta(seconds=round(time.monotonic() - began))
        status.update(Text(f"{title}: {done} of {runs} runs, {elapsed}"))

    with terminated_is_interrupted(), console.status("") as status:
        rows = validation.validate(
            quick=quick, jobs=jobs, told=lambda row: _show(console, row), progress=progress
        )
    failed = [row for row in rows if not row.holds]
    if csv is not None:
        validation.frame(rows).write_csv(csv)
    console.print(f"\n{len(rows) - len(failed)} of {len(rows)} hold")
    return FAILED if failed else OK


def _show(console: Console, row: Row) -> None:
    numbers = (
        f"{row.expected:.5g}",
        f"{row.measured:.5g}",
        f"{row.tolerance:.3g}",
        f"{row.margin:.2f}",
    )
    line = Text(_line((row.check, row.setting, row.quantity, *numbers)))
    line.append("  pass" if row.holds else "  FAIL", "green" if row.holds else "bold red")
    console.print(line)


def _line(cells: tuple[str, ...]) -> str:
    texts = zip(cells[:3], _WIDTHS[:3], strict=True)
    numbers = zip(cells[3:], _WIDTHS[3:], strict=True)
    return "  ".join([*(f"{t:<{w}}" for t, w in texts), *(f"{n:>{w}}" for n, w in numbers)])
