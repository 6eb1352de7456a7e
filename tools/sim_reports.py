# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the shipped experiments (scenarios/sim) and publishes what comes out in reports/sim: for each a table
of its cells, NAME.csv, and the figures that it asks for, NAME-1.svg, ...
"""

from __future__ import annotations

import csv
import math
import sys
from pathlib import Path
from typing import Any

from hvlab.sim import plots
from hvlab.sim.experiments.results import ExperimentResults
from hvlab.sim.experiments.running import run_experiment

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "reports/sim"


def _number(value: float) -> str:
    """Empty where there is none."""
    return "" if math.isnan(value) else f"{value:.5g}"


def table(results: ExperimentResults) -> list[list[str]]:
    """A row for each cell: its factors, replications, and mean, low and high of each measure that is
    asked for; of a measure that there is none of, nothing.
    """
    factors = list(results.factors)
    units: dict[str, str] = {}
    cells: dict[str, dict[str, Any]] = {}
    for row in results.summary:
        measure = row["measure"]
        if measure not in results.asked:
            continue
        units[measure] = row["unit"]
        cell = cells.setdefault(
            row["cell"], {name: row[name] for name in factors} | {"replications": 0}
        )
        cell["replications"] = max(cell["replications"], row["replications"])
        for what in ("mean", "low", "high"):
            cell[f"{measure} {what}"] = _number(row[what])
    asked = [(measure, what) for measure in results.asked for what in ("mean", "low", "high")]
    titles = [f"{measure} {what} ({units[measure]})" for measure, what in asked]
    keys = [*factors, "replications", *(f"{measure} {what}" for measure, what in asked)]
    return [
        [*factors, "replications", *titles],
        *([str(cell[key]) for key in keys] for cell in cells.values()),
    ]


def publish(document: Path) -> list[Path]:
    """Raises HvlabError."""
    results = run_experiment(document)
    if not results.complete:
        raise KeyboardInterrupt
    name = results.name
    written = [TARGET / f"{name}.csv"]
    with written[0].open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(table(results))
    for number, asked in enumerate(results.plots, 1):
        written.append(TARGET / f"{name}-{number}.svg")
        plots.draw(results, asked).save(written[-1])
    return written


def main() -> int:
    TARGET.mkdir(parents=True, exist_ok=True)
    for document in sorted((ROOT / "scenarios/sim").glob("*.hvlab.yaml")):
        print(f"==> {document.relative_to(ROOT)}", flush=True)
        for path in publish(document):
            print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
