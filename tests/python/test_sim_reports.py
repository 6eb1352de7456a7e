# SPDX-License-Identifier: GPL-2.0-or-later
"""The published results of the shipped experiments: that they are what comes out."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import sim_reports  # noqa: E402
from hvlab.sim.experiments.running import run_experiment  # noqa: E402

SHIPPED = sorted((ROOT / "scenarios/sim").glob("*.hvlab.yaml"))

EXPERIMENT = """
schema: 1
name: small
seed: 7
matrix: {scheduler: [eevdf, gang], ratio: [1, 4]}
experiment:
  duration: 2s
  replications: 2
  hosts: [{name: node, cores: 2, scheduler: "${matrix.scheduler}"}]
  vms:
    - name: web
      overcommit: ${matrix.ratio}
      workload: {constant: {utilisation: 1}}
  measures: [ready, response.mean]
"""


def test_a_row_for_each_cell_and_nothing_where_there_is_no_figure(tmp_path: Path) -> None:
    document = tmp_path / "small.hvlab.yaml"
    document.write_text(EXPERIMENT)
    titles, *rows = sim_reports.table(run_experiment(document, jobs=1))
    assert titles == [
        *(
            "scheduler",
            "ratio",
            "replications",
            "ready mean (1)",
            "ready low (1)",
            "ready high (1)",
        ),
        *(f"response.mean {what} (ns)" for what in ("mean", "low", "high")),
    ]
    assert [row[:4] for row in rows] == [
        ["eevdf", "1", "2", "0"],
        ["eevdf", "4", "2", "0.75"],
        ["gang", "1", "2", "0"],
        ["gang", "4", "2", "0.75"],
    ]
    assert {tuple(row[6:]) for row in rows} == {("", "", "")}


def test_every_shipped_experiment_is_published_and_nothing_else() -> None:
    names = {path.name.removesuffix(".hvlab.yaml") for path in SHIPPED}
    assert {path.stem for path in sim_reports.TARGET.glob("*.csv")} == names


@pytest.mark.long
@pytest.mark.parametrize("document", SHIPPED, ids=lambda path: path.name.split(".")[0])
def test_what_is_published_is_what_comes_out(document: Path) -> None:
    results = run_experiment(document)
    with (sim_reports.TARGET / f"{results.name}.csv").open(newline="") as file:
        published = list(csv.reader(file))
    assert sim_reports.table(results) == published, "make sim-reports"
