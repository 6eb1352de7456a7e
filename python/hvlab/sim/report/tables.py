# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of the page. Each stands in a box of its own that scrolls sideways, also by keys."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hvlab.sim.experiments.results import ExperimentResults
from hvlab.sim.frame import Frame, Row
from hvlab.sim.report.text import NOTHING, escaped, level, quantity, with_error

_REASONS = {
    "precise": "the interval is narrow enough",
    "most": "as many replications as were allowed",
    "fixed": "as many replications as were asked for",
    "interrupted": "interrupted",
    "failed": "failed",
}


@dataclass(frozen=True)
class Head:
    """Of a column: `below` in small letters under it."""

    text: str
    number: bool = False
    below: str = ""


def properties(of: Mapping[str, str]) -> str:
    """Names and values."""
    rows = "".join(f"<dt>{escaped(name)}</dt><dd>{escaped(text)}</dd>" for name, text in of.items())
    return f'<dl class="properties">{rows}</dl>'


def cells(results: ExperimentResults, measures: Sequence[str], label: str) -> str:
    """A row a cell: its levels, then each of these measures with its interval."""
    factors, frame = list(results.factors), results.summary
    units = dict(zip(frame["measure"], frame["unit"], strict=True))
    shown = [measure for measure in measures if measure in units]
    heads = [*map(Head, factors), *(Head(measure, True) for measure in shown)]
    rows: dict[str, dict[str, Row]] = {}
    for row in frame:
        rows.setdefault(str(row["cell"]), {})[str(row["measure"])] = row
    body = []
    for found in rows.values():
        levels = next(iter(found.values()))
        made = _levels(levels, factors, frame)
        body.append(made + [_mean(found.get(measure), units[measure]) for measure in shown])
    return _table(label, heads, body, "No cell has a complete replication.")


def comparison(frame: Frame) -> str:
    """A row a pair of cells and measure."""
    factors = frame.columns[: frame.columns.index("measure")]
    heads = [
        *map(Head, factors), Head("measure"), Head("baseline"), Head("candidate"), Head("difference", True),
        Head("interval", True), Head("p", True), Head("pairs", True), Head("verdict"),
    ]  # fmt: skip
    body = []
    for row in frame:
        unit = str(row["unit"])
        low, high = (quantity(float(row[end]), unit) for end in ("low", "high"))
        verdict = str(row["verdict"])
        body.append(
            [
                *_levels(row, factors, frame),
                *(_cell(str(row[name])) for name in ("measure", "baseline", "candidate")),
                _cell(quantity(float(row["difference"]), unit), "number"),
                _cell(f"{low} … {high}" if low != NOTHING else NOTHING, "number"),
                _cell(_p(float(row["p"])), "number"),
                _cell(f"{row['replications']:,}", "number"),
                _cell(verdict, verdict if verdict in ("less", "more") else ""),
            ]
        )
    return _table("Comparison", heads, body, "Nothing was compared.")


def stopping(frame: Frame, factors: Iterable[str]) -> str:
    """A row a cell: how many replications, and why no more."""
    factors = list(factors)
    heads = [
        *map(Head, factors), Head("replications", True), Head("warm-up", True), Head("measured", True),
        Head("why no more"), Head("widest", False, "measure"), Head("half-width", True, "of the mean"),
        Head("asked for", True),
    ]  # fmt: skip
    body = [
        [
            *_levels(row, factors, frame),
            _cell(f"{row['replications']:,}", "number"),
            *(_cell(quantity(float(row[name]), "ns"), "number") for name in ("warmup", "measured")),
            _cell(_REASONS.get(str(row["reason"]), str(row["reason"]))),
            _cell(str(row["measure"])),
            *(_cell(_percent(float(row[name])), "number") for name in ("width", "target")),
        ]
        for row in frame
    ]
    return _table("How each cell stopped", heads, body, "No cell was begun.")


def _levels(row: Row, factors: Sequence[str], frame: Frame) -> list[str]:
    return [_cell(level(row[name], frame.units[name])) for name in factors]


def _mean(row: Row | None, unit: str) -> str:
    if row is None:
        return _cell(NOTHING, "number")
    mean, low, high = (float(row[name]) for name in ("mean", "low", "high"))
    if math.isnan(low) or math.isnan(high):
        return _cell(quantity(mean, unit), "number")
    text, half = map(escaped, with_error(mean, (high - low) / 2, unit))
    ends = escaped(f"{quantity(low, unit)} … {quantity(high, unit)}")
    return f'<td class="number" title="{ends}">{text} <span class="within">± {half}</span></td>'


def _p(p: float) -> str:
    if math.isnan(p):
        return NOTHING
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def _percent(share: float) -> str:
    return NOTHING if math.isnan(share) else f"{share * 100:.3g} %"


def _cell(text: str, kind: str = "") -> str:
    return f'<td class="{kind}">{escaped(text)}</td>' if kind else f"<td>{escaped(text)}</td>"


def _table(label: str, heads: Sequence[Head], rows: Sequence[Sequence[str]], empty: str) -> str:
    if not rows:
        return f'<p class="empty">{empty}</p>'
    head = "".join(
        f'<th scope="col"{" class=number" if one.number else ""}>{escaped(one.text)}'
        f"{f'<small>{escaped(one.below)}</small>' if one.below else ''}</th>"
        for one in heads
    )
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Table: {label}">'
        f'<table class="grid"><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>'
    )
