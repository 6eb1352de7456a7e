# SPDX-License-Identifier: GPL-2.0-or-later
"""The experiments of scenarios/sim show what they are there for: here with one short run of each cell."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from hvlab.scenario.template import as_text
from hvlab.sim.experiments.document import ExperimentDocument, load_experiment
from hvlab.sim.experiments.jobs import Job, replication_seed
from hvlab.sim.experiments.simulate import simulate

FOLDER = Path(__file__).parents[2] / "scenarios/sim"
FILES = sorted(FOLDER.glob("*.hvlab.yaml"))
_S = 10**9


@cache
def document(name: str) -> ExperimentDocument:
    return load_experiment(FOLDER / f"{name}.hvlab.yaml")


@cache
def measured(name: str, **factors: object) -> Mapping[str, float | None]:
    """Of the cell with these factors."""
    found = document(name)
    wanted = {factor: as_text(value) for factor, value in factors.items()}  # type: ignore[arg-type]
    (cell,) = (
        cell
        for cell in found.cells
        if {factor: as_text(value) for factor, value in cell.factors.items()} == wanted
    )
    job = Job(cell.experiment.plain(), replication_seed(found.seed, 0), 6 * _S, _S)
    return simulate(job).measures


def value(name: str, measure: str, **factors: object) -> float:
    found = measured(name, **factors)[measure]
    assert found is not None
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.partition(".")[0])
def test_every_cell_runs(file: Path) -> None:
    found = load_experiment(file)
    assert "sim" in found.tags
    assert found.common.plots
    for cell in found.cells:
        plain = cell.experiment.plain()
        result = simulate(Job(plain, replication_seed(found.seed, 0), _S // 2, _S // 10))
        assert result.complete, cell.label
        for name in found.common.measures:
            assert name in result.measures


def test_ready_time_grows_with_the_ratio() -> None:
    factors = document("overcommit-ready").factors
    for scheduler in factors["scheduler"]:
        at = [
            value("overcommit-ready", "ready", scheduler=scheduler, ratio=ratio)
            for ratio in factors["ratio"]
        ]
        assert all(a <= b + 0.005 for a, b in itertools.pairwise(at)), (scheduler, at)
        assert at[0] < 0.02, scheduler
        assert at[-1] > 0.1, scheduler


def test_who_runs_vcpus_together_pays_the_larger_the_vm() -> None:
    def costop(scheduler: str, vcpus: int) -> float:
        return value("coscheduling", "costop", scheduler=scheduler, vcpus=vcpus)

    assert costop("credit2", 16) == 0
    assert costop("esx", 1) == 0
    assert costop("esx", 16) > costop("esx", 2)
    used = [
        value("coscheduling", "utilisation", scheduler="gang", vcpus=vcpus) for vcpus in (1, 16)
    ]
    assert used[1] < used[0] - 0.1
    for vcpus in (8, 16):
        gang, free = (
            value("coscheduling", "throughput", scheduler=scheduler, vcpus=vcpus)
            for scheduler in ("gang", "credit2")
        )
        assert gang < free


def test_a_reservation_protects_from_neighbours() -> None:
    for scheduler in ("esx", "hyperv"):
        alone, without, with_it = (
            value(
                "noisy-neighbour",
                "quiet.response.mean",
                scheduler=scheduler,
                reservation=reservation,
                neighbours=neighbours,
            )
            for reservation, neighbours in ((0, 4), (0, 32), (0.5, 32))
        )
        assert without > 2 * alone, scheduler
        assert with_it < 0.7 * without, scheduler


def test_barriers_suffer_where_vcpus_are_not_run_together() -> None:
    def barriers(scheduler: str, wait: str) -> float:
        return value("barrier", "hpc.throughput", scheduler=scheduler, wait=wait)

    for scheduler in ("eevdf", "esx", "round-robin"):
        assert barriers("gang", "spin") > 1.5 * barriers(scheduler, "spin"), scheduler
        assert barriers("gang", "block") < barriers(scheduler, "block"), scheduler
        assert value("barrier", "hpc.spun", scheduler=scheduler, wait="spin") > 0.05, scheduler
        assert value("barrier", "hpc.spun", scheduler=scheduler, wait="block") == 0


def test_sweeps_are_reasonable() -> None:
    """Simulated seconds times pCPUs, at most: what a sweep costs hangs on it."""
    for file in FILES:
        found = load_experiment(file)
        cost = 0.0
        for cell in found.cells:
            pcpus = sum(host.count * host.pcpus for host in cell.experiment.hosts)
            cost += pcpus * cell.experiment.duration / _S * found.common.replications.least
        assert cost < 150_000, file.name
