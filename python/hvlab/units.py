# SPDX-License-Identifier: GPL-2.0-or-later
"""Sizes and durations as people write them, as exact integers.

A size is a whole number of bytes (`128MiB`), a duration a whole number of nanoseconds (`50us`,
`1.5s`).
A number without its unit is refused: nobody should have to guess whether `memory: 128` was meant in
bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

SIZE_UNITS: Mapping[str, int] = {
    "B": 1,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
}
DURATION_UNITS: Mapping[str, int] = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "min": 60 * 1_000_000_000,
    "h": 3600 * 1_000_000_000,
}
MAX_SIZE = (1 << 64) - 1
MAX_DURATION = (1 << 63) - 1

# What people write instead, by lower-case spelling.
_MEANT_SIZE = (
    {"": "MiB", "k": "KiB", "m": "MiB", "g": "GiB", "t": "TiB"}
    | {
        f"{letter}{tail}": f"{letter.upper()}iB"
        for letter in "kmgt"
        for tail in ("b", "i", "ib", "byte", "bytes")
    }
    | {"byte": "B", "bytes": "B"}
)
_MEANT_DURATION = {
    "": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s",
    "m": "min", "mins": "min", "minute": "min", "minutes": "min",
    "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
    "msec": "ms", "msecs": "ms", "millisecond": "ms", "milliseconds": "ms",
    "u": "us", "usec": "us", "usecs": "us", "microsecond": "us", "microseconds": "us",
    "µs": "us", "μs": "us",
    "n": "ns", "nsec": "ns", "nsecs": "ns", "nanosecond": "ns", "nanoseconds": "ns",
}  # fmt: skip

_QUANTITY = re.compile(r"([0-9]{1,30})(?:\.([0-9]{1,18}))?[ ]*([^\W\d_]*)")


class UnitError(ValueError):
    """A size or duration is not one; the text says what would be."""


def parse_size(text: str) -> int:
    """Bytes in `text` (`64MiB`). Raises UnitError."""
    return _parse(text, "size", SIZE_UNITS, _MEANT_SIZE, MAX_SIZE, "128MiB", "bytes")


def parse_duration(text: str) -> int:
    """Nanoseconds in `text` (`20s`). Raises UnitError."""
    return _parse(
        text, "duration", DURATION_UNITS, _MEANT_DURATION, MAX_DURATION, "20s", "nanoseconds"
    )


def to_bytes(value: int | str) -> int:
    """For Python arguments: an int is bytes, a str has its unit. Raises UnitError."""
    return _number(value, "size") if not isinstance(value, str) else parse_size(value)


def to_ns(value: int | str) -> int:
    """For Python arguments: an int is nanoseconds, a str has its unit. Raises UnitError."""
    return _number(value, "duration") if not isinstance(value, str) else parse_duration(value)


def format_size(size: int) -> str:
    """`size` bytes in the largest unit that divides them: what `parse_size` reads back."""
    for unit, factor in reversed(list(SIZE_UNITS.items())):
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return f"{size}B"


def format_duration(ns: int) -> str:
    """`ns` nanoseconds for a person, to about four digits: `12.35 ms`."""
    magnitude = abs(ns)
    if magnitude >= 2 * DURATION_UNITS["h"]:
        return f"{ns / DURATION_UNITS['h']:.4g} h"
    if magnitude >= 600 * DURATION_UNITS["s"]:
        return f"{ns / DURATION_UNITS['min']:.4g} min"
    for unit in ("s", "ms", "us"):
        if magnitude >= DURATION_UNITS[unit]:
            return f"{ns / DURATION_UNITS[unit]:.4g} {unit}"
    return f"{ns} ns"


def _number(value: object, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnitError(f"a {what} is an int or a text with a unit, not {value!r}")
    if value < 0:
        raise UnitError(f"a {what} can't be negative: {value}")
    return value


def _parse(
    text: str,
    what: str,
    units: Mapping[str, int],
    meant: Mapping[str, str],
    maximum: int,
    example: str,
    base: str,
) -> int:
    shown = text if len(text) <= 40 else text[:37] + "..."
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise UnitError(f"{shown!r} is not a {what}; write a number and a unit, as in '{example}'")
    whole, fraction, unit = match[1], match[2] or "", match[3]
    known = ", ".join(units)
    if not unit:
        guess = f"{match[0].strip()}{meant['']}"
        raise UnitError(
            f"the {what} {shown!r} has no unit (did you mean '{guess}'?); known: {known}"
        )
    factor = units.get(unit)
    if factor is None:
        nearest = meant.get(unit.lower()) or _ignoring_case(unit, units)
        hint = f" (did you mean '{nearest}'?)" if nearest else ""
        raise UnitError(f"unknown unit {unit!r} in the {what} {shown!r}{hint}; known: {known}")
    scaled = int(whole + fraction) * factor
    value, rest = divmod(scaled, 10 ** len(fraction))
    if rest:
        raise UnitError(f"the {what} {shown!r} is not a whole number of {base}")
    if value > maximum:
        raise UnitError(f"the {what} {shown!r} is too large")
    return int(value)


def _ignoring_case(unit: str, units: Mapping[str, int]) -> str | None:
    return next((known for known in units if known.lower() == unit.lower()), None)
