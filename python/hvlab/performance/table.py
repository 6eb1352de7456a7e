# SPDX-License-Identifier: GPL-2.0-or-later
"""A comparison as text for a person, and as plain data for a program."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from hvlab import units
from hvlab.performance.compare import Comparison, Row, Verdict
from hvlab.performance.runs import INSTRUCTIONS, Number, Run
from hvlab.scenario.problems import printable

VERSION = 1  # of the JSON
_HEAD = ("measure", "A", "B", "B/A", "95 % interval", "delta", "p", "verdict")
_TIMES = {Verdict.BETTER: "faster", Verdict.WORSE: "slower"}
_SIZES = {Verdict.BETTER: "smaller", Verdict.WORSE: "larger"}


def lines(comparison: Comparison, a: Run, b: Run, names: tuple[str, str]) -> Iterator[str]:
    """The whole comparison."""
    for letter, name, run in zip("AB", names, (a, b), strict=True):
        yield f"{letter}: {printable(', '.join([name, *_facts(run)]))}"
    yield from (f"differs: {printable(note)}" for note in comparison.notes)
    yield _how(comparison)
    for case, rows in itertools.groupby(comparison.rows, key=lambda row: row.case):
        yield ""
        yield printable(case)
        yield from _case(list(rows))
    yield ""
    yield summary(comparison)


def summary(comparison: Comparison) -> str:
    """`1 slower, 3 same, 1 unclear`."""
    words = [word(row) for row in comparison.rows]
    counts = [f"{words.count(each)} {each}" for each in dict.fromkeys(words)]
    return ", ".join(counts) or "nothing to compare"


def word(row: Row) -> str:
    """The verdict as it is said of this measure."""
    if row.unit in ("s", "ns") or row.measure == INSTRUCTIONS:
        return _TIMES.get(row.verdict, str(row.verdict))
    return (_SIZES if row.unit == "B" else {}).get(row.verdict, str(row.verdict))


def data(comparison: Comparison, a: Run, b: Run, names: tuple[str, str]) -> dict[str, Any]:
    """As plain data; times are seconds (`s`) or nanoseconds (`ns`), as each row's unit says."""
    return {
        "format": "hvlab-comparison",
        "version": VERSION,
        "a": {"name": names[0], "started": a.started, **a.facts.model_dump()},
        "b": {"name": names[1], "started": b.started, **b.facts.model_dump()},
        "in_turns": comparison.in_turns,
        "options": dataclasses.asdict(comparison.options),
        "regressed": comparison.regressed,
        "rows": [dataclasses.asdict(row) for row in comparison.rows],
    }


def _facts(run: Run) -> Iterator[str]:
    counts = {len(case.repetitions) for case in run.cases}
    yield run.started
    yield f"hvlab {run.facts.hvlab}"
    if run.facts.cpu:
        yield f"{run.facts.cpus} x {run.facts.cpu}"
    if counts:
        most, least = max(counts), min(counts)
        noun = "repetition" if most == 1 else "repetitions"
        yield f"{most if most == least else f'{least} to {most}'} {noun}"


def _how(comparison: Comparison) -> str:
    options = comparison.options
    taken = "in turns" if comparison.in_turns else "one after the other"
    return (
        f"Runs {taken}; noise floor {options.floor * 100:.3g} %, chance of any false alarm at most "
        f"{options.alpha * 100:.3g} %"
    )


def _case(rows: Sequence[Row]) -> Iterator[str]:
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
    for index, line in enumerate(cells):
        first, *middle, last = line
        shown = [f"{first:<{widths[0]}}"]
        shown += [f"{cell:>{width}}" for cell, width in zip(middle, widths[1:-1], strict=True)]
        note = rows[index - 1].note if index else ""
        text = "  ".join([*shown, f"{last}: {printable(note)}" if note else last])
        yield f"  {text.rstrip()}"


def _cells(row: Row) -> tuple[str, ...]:
    shift = row.shift
    if shift is not None:
        ratio, interval = _percent(shift.ratio), f"{_percent(shift.low)} .. {_percent(shift.high)}"
        delta, p = f"{shift.delta:+.2f}", "" if row.p is None else _p(row.p)
    else:
        ratio = "" if row.ratio is None else _percent(row.ratio)
        interval, delta, p = ("exact" if row.exact else ""), "", ""
    name = row.measure or "(all)"
    a, b = (_value(value, row.unit) for value in (row.a, row.b))
    return name, a, b, ratio, interval, delta, p, word(row)


def _value(value: Number | None, unit: str) -> str:
    if value is None:
        return "-"
    if unit == "s":
        return units.format_duration(round(value * 1e9))
    if unit == "ns":
        return units.format_duration(round(value))
    if unit == "B" and isinstance(value, int):
        return units.format_size(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


def _percent(ratio: float) -> str:
    change = (ratio - 1) * 100
    if ratio == 1:
        return "0"
    if abs(change) < 0.1:
        return f"{change:+.2f} %" if abs(change) >= 0.005 else f"{change:+.0e} %"
    return f"{change:+.1f} %" if abs(change) < 1000 else f"x {ratio:.4g}"


def _p(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else f"{p:.0e}"
