# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import pytest

from hvlab import units
from hvlab.units import UnitError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0B", 0),
        ("1B", 1),
        ("4KiB", 4096),
        ("128MiB", 134217728),
        ("1.5GiB", 1610612736),
        ("2 TiB", 2199023255552),
        (" 64MiB ", 67108864),
        ("18446744073709551615B", 2**64 - 1),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert units.parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1ns", 1),
        ("50us", 50_000),
        ("0.001us", 1),
        ("1.5ms", 1_500_000),
        ("20s", 20_000_000_000),
        ("5min", 300_000_000_000),
        ("2h", 7_200_000_000_000),
        # More than a double holds exactly.
        ("9007199254740993ns", 9007199254740993),
        ("0.1s", 100_000_000),
    ],
)
def test_durations(text: str, ns: int) -> None:
    assert units.parse_duration(text) == ns


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("128", "the size '128' has no unit (did you mean '128MiB'?)"),
        ("128MB", "unknown unit 'MB' in the size '128MB' (did you mean 'MiB'?)"),
        ("128M", "(did you mean 'MiB'?)"),
        ("1gib", "(did you mean 'GiB'?)"),
        ("5s", "unknown unit 's' in the size '5s'; known: B, KiB, MiB, GiB, TiB"),
        ("-1MiB", "is not a size"),
        ("", "is not a size"),
        ("MiB", "is not a size"),
        ("1e3MiB", "is not a size"),
        ("0.3B", "is not a whole number of bytes"),
        ("16777216TiB", "is too large"),
        ("\u0661MiB", "is not a size"),  # a digit to Unicode, not to us
        ("9" * 100 + "B", "is not a size"),
    ],
)
def test_bad_sizes(text: str, said: str) -> None:
    with pytest.raises(UnitError) as caught:
        units.parse_size(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "meant"),
    [("20", "20s"), ("20sec", "s"), ("5m", "min"), ("3msec", "ms"), ("7µs", "us"), ("1H", "h")],
)
def test_bad_durations(text: str, meant: str) -> None:
    with pytest.raises(UnitError) as caught:
        units.parse_duration(text)
    assert f"(did you mean '{meant}'?)" in str(caught.value)


def test_python_arguments_are_base_units_or_texts() -> None:
    assert units.to_bytes(4096) == units.to_bytes("4KiB") == 4096
    assert units.to_ns(1000) == units.to_ns("1us") == 1000
    for wrong in (-1, True, 1.5, None):
        with pytest.raises(UnitError):
            units.to_ns(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, 1, 1023, 4096, 3 << 20, (1 << 40) + 1])
def test_sizes_are_written_as_they_are_read(size: int) -> None:
    assert units.parse_size(units.format_size(size)) == size


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1500, "1.5 us"),
        (-1_500_000, "-1.5 ms"),
        (20 * 10**9, "20 s"),
        (10**12, "16.67 min"),
        (10**13, "2.778 h"),
    ],
)
def test_durations_for_people(ns: int, text: str) -> None:
    assert units.format_duration(ns) == text
