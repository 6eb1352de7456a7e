# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers and names, as a page has them."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable

from hvlab import units
from hvlab.scenario.problems import printable
from hvlab.sim.frame import Value

NOTHING = "–"


def escaped(text: str) -> str:
    return html.escape(printable(text))


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def names(of: Iterable[str]) -> str:
    """`a, b and c`."""
    *first, last = of
    return f"{', '.join(first)} and {last}" if first else last


def quantity(value: float, unit: str) -> str:
    """A value with its unit, to four digits."""
    if math.isnan(value):
        return NOTHING
    if unit == "ns" and math.isfinite(value):
        return units.format_duration(round(value))
    text = f"{value:.4g}"
    return text if unit in ("", "1") else f"{text}/s" if unit == "1/s" else f"{text} {unit}"


def with_error(value: float, half: float, unit: str) -> tuple[str, str]:
    """A value and half the width of its interval, both to the digit that the latter has two of."""
    if not half > 0 or not math.isfinite(half):
        return quantity(value, unit), quantity(half, unit)
    factor, shown = _scale(max(abs(value), half), unit)
    digits = max(0, 1 - math.floor(math.log10(half / factor)))
    return f"{value / factor:.{digits}f}{shown}", f"{half / factor:.{digits}f}"


def _scale(greatest: float, unit: str) -> tuple[float, str]:
    """What to divide by, and the unit then."""
    if unit == "ns":
        sizes = ((1e9, " s"), (1e6, " ms"), (1e3, " us"), (1.0, " ns"))
        return next(pair for pair in sizes if greatest >= pair[0] or pair[0] == 1)
    return 1.0, "" if unit in ("", "1") else "/s" if unit == "1/s" else f" {unit}"


def level(value: Value, unit: str) -> str:
    """A level of a factor."""
    if isinstance(value, str):
        return value
    return units.format_duration(int(value)) if unit == "ns" else f"{value:g}"
