# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures as the reports have them: a value, its limit, and the command that measures it again."""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Figure:
    """One measured figure. `limit` is the value that it must not exceed, `least` the one that it must reach;
    both None: for information.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    detail: str = ""
    least: float | None = None

    @property
    def judged(self) -> bool:
        return self.limit is not None or self.least is not None

    @property
    def met(self) -> bool:
        most = self.limit is None or self.value <= self.limit
        return most and (self.least is None or self.value >= self.least)

    @property
    def bound(self) -> str:
        parts = [] if self.limit is None else [f"{self.limit:g} {self.unit}"]
        return ", ".join(
            parts + ([] if self.least is None else [f"at least {self.least:g} {self.unit}"])
        )


def median(samples: Sequence[float]) -> float:
    return statistics.median(samples)


def spread(samples: Sequence[float]) -> str:
    """Smallest and largest sample, for the detail of a figure."""
    return f"{min(samples):.4g} to {max(samples):.4g} over {len(samples)}"


def options(description: str | None) -> argparse.Namespace:
    """The command line that all bench scripts have."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="few repetitions, nothing judged: does it still run?"
    )
    return parser.parse_args()


def publish(name: str, figures: Sequence[Figure], quick: bool, goal: str = "bench") -> int:
    """Prints the figures as a table and writes them as NAME.{json,md}; 1 if one is not met.

    They go into reports/; quick ones, which are too few to judge, into build/reports/. `goal`: make's.
    """
    command = f"make {goal}" + " BENCH_QUICK=1" * quick
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
        verdict = ("met" if figure.met else "**not met**") if figure.judged else ""
        value = f"{figure.value:.4g} {figure.unit}"
        lines.append(f"| {figure.name} | {value} | {figure.bound} | {verdict} {figure.detail} |")
    text = "\n".join(lines) + "\n"
    folder = ROOT / "build/reports" if quick else ROOT / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(text)
    document = {"command": command, "figures": [asdict(figure) for figure in figures]}
    (folder / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    sys.stdout.write(text + "\n")
    return 0 if quick or all(figure.met for figure in figures) else 1
