# SPDX-License-Identifier: GPL-2.0-or-later
"""`hvlab sim validate`."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from hvlab.cli import FAILED, OK
from hvlab.sim import validation
from hvlab.sim.validation.rows import Row

_WIDTHS = (21, 32, 38, 10, 10, 9, 7)
_TITLES = ("check", "setting", "quantity", "expected", "measured", "tolerance", "margin")


def run(quick: bool, csv: Path | None) -> int:
    """Prints each row as it comes; returns the exit code. Raises HvlabError."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(_line(_TITLES) + "  result", "bold"))
    rows = validation.validate(quick=quick, told=lambda row: _show(console, row))
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
