# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures as the reports have them: a value, its limit, and the command that measures it again."""

from __future__ import annotations

import json
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

REPORTS = Path(__file__).resolve().parent.parent / "reports"


@dataclass(frozen=True)
class Figure:
    """One measured figure. `limit` is the value that it must not exceed; None: for information."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    detail: str = ""

    @property
    def met(self) -> bool:
        return self.limit is None or self.value <= self.limit


def median(samples: Sequence[float]) -> float:
    return statistics.median(samples)


def spread(samples: Sequence[float]) -> str:
    """Smallest and largest sample, for the detail of a figure."""
    return f"{min(samples):.4g} to {max(samples):.4g} over {len(samples)}"


def publish(name: str, command: str, figures: Sequence[Figure]) -> int:
    """Prints the figures as a table and writes them to reports/NAME.{json,md}; 1 if one is not met."""
    lines = [
        f"# {name}",
        "",
        f"Measured by `{command}` on {platform.machine()}, {platform.system()} {platform.release()}.",
        "Medians; absolute times are of a shared machine, ratios are what to compare.",
        "",
        "| figure | value | limit | |",
        "|---|---|---|---|",
    ]
    for figure in figures:
        limit = "" if figure.limit is None else f"{figure.limit:g} {figure.unit}"
        verdict = "" if figure.limit is None else ("met" if figure.met else "**not met**")
        value = f"{figure.value:.4g} {figure.unit}"
        lines.append(f"| {figure.name} | {value} | {limit} | {verdict} {figure.detail} |")
    text = "\n".join(lines) + "\n"
    REPORTS.mkdir(exist_ok=True)
    (REPORTS / f"{name}.md").write_text(text)
    document = {"command": command, "figures": [asdict(figure) for figure in figures]}
    (REPORTS / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    sys.stdout.write(text + "\n")
    return 0 if all(figure.met for figure in figures) else 1
