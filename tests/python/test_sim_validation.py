# SPDX-License-Identifier: GPL-2.0-or-later
"""The validation of the simulator, and that it can fail."""

from __future__ import annotations

import csv
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hvlab.cli.app import app
from hvlab.sim import validation
from hvlab.sim.experiments.executor import ProcessExecutor
from hvlab.sim.experiments.jobs import Job
from hvlab.sim.validation import fidelity, queues, theory
from hvlab.sim.validation.rows import Row, from_replications
from hvlab.sim.validation.runs import Checked, Runs, checked

SHORT = 0.05


def test_the_formulas_agree_with_each_other_and_with_textbooks() -> None:
    assert theory.mmc_response(0.5, 1, 1) == pytest.approx(2)  # M/M/1: 1 / (mu - lambda)
    # Erlang's C(2, 1) = 1/3: the wait is C / (c mu - lambda).
    assert theory.mmc_response(1, 1, 2) == pytest.approx(1 + (1 / 3) / (2 - 1))
    assert theory.mmc_response(2, 1, 2) == math.inf
    assert theory.mg1_ps_response(0.5, 1) == theory.mmc_response(0.5, 1, 1)
    assert theory.mg1_ps_response(1, 1) == math.inf
    # As many servers as clients: nobody waits; one server, one client too.
    assert theory.closed_response(8, 8, 1, 1) == pytest.approx(1)
    assert theory.closed_response(1, 1, 3, 1) == pytest.approx(1)
    assert theory.closed_response(16, 8, 1, 1) == pytest.approx(1.173, abs=0.001)
    # Very many clients who think long: an open queue.
    assert theory.closed_response(500, 2, 500, 1) == pytest.approx(
        theory.mmc_response(500 / 501.3, 1, 2), rel=0.02
    )


def test_a_row_can_fail() -> None:
    assert Row("x", "", "", 1.0, 1.1, 0.2).holds
    assert not Row("x", "", "", 1.0, 1.3, 0.2).holds
    assert Row("x", "", "", 1.0, 0.1, 0.0, at_most=True).holds
    assert not Row("x", "", "", 1.0, 1.0001, 0.0, at_most=True).holds
    assert not Row("x", "", "", 1.0, math.nan, 1.0).holds
    assert Row("x", "", "", 1.0, 1.1, 0.2).margin == pytest.approx(0.5)
    assert Row("x", "", "", 1.0, 1.1, 0.0).margin == -math.inf


def test_replications_that_are_off_are_found() -> None:
    assert from_replications("x", "", "", 10, [9.9, 10.1, 10.0, 9.8, 10.2], 0).holds
    assert not from_replications("x", "", "", 11, [9.9, 10.1, 10.0, 9.8, 10.2], 0).holds
    assert from_replications("x", "", "", 11, [9.9, 10.1, 10.0, 9.8, 10.2], 1).holds


CHECKS = [check for check in validation.CHECKS if check is not queues.mg1_ps]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_simulator_holds(check: validation.Check) -> None:
    runs = Runs(6, SHORT)
    rows = list(check(runs))
    assert rows
    assert [row for row in rows if not row.holds] == []
    assert all(worst <= bound for worst, bound, _ in runs.identities.values())
    assert runs.count > 0


def test_processor_sharing() -> None:
    rows = list(queues.mg1_ps(Runs(6, SHORT)))
    assert len(rows) == 9  # of quantum, also what it differs from fluid in
    assert [row for row in rows if not row.holds] == []


# Against a theory that is wrong by as much as a waiting customer, it has to turn red.
def test_it_turns_red(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theory, "mmc_response", lambda rate, service, servers: service)
    rows = list(queues.mmc(Runs(6, SHORT)))
    assert not any(row.holds for row in rows)


def _one_row(measured: float) -> validation.Check:
    def check(runs: Runs) -> Iterator[Row]:
        runs.count += 1
        runs.identities["little"] = (0.0, 0.0, "")
        yield Row("planted", "nothing", "a number", 1.0, measured, 0.1)

    return check


@pytest.mark.parametrize(("measured", "code", "word"), [(1.0, 0, "pass"), (2.0, 1, "FAIL")])
def test_the_command(
    measured: float, code: int, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "CHECKS", (_one_row(measured),))
    table = tmp_path / "table.csv"
    result = CliRunner().invoke(app, ["sim", "validate", "--quick", "--csv", str(table)])
    assert result.exit_code == code, result.output
    assert f"{word}\n" in result.output
    assert f"{2 - code} of 2 hold" in result.output
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["holds"] for row in rows] == [str(1 - code), "1"]


def test_the_number_of_processes_changes_no_row() -> None:
    def rows(jobs: int) -> list[Row]:
        with ProcessExecutor(jobs, checked) as executor:
            return list(fidelity.fluid_against_quantum(Runs(3, SHORT, executor=executor)))

    alone = list(fidelity.fluid_against_quantum(Runs(3, SHORT)))
    assert rows(1) == rows(2) == alone


def test_progress_is_told_of_each_run() -> None:
    told = []
    runs = Runs(3, SHORT, ("fluid",), told=lambda *how_far: told.append(how_far))
    list(queues.mmc(runs))
    title = "M/M/c, fluid, c = 1, load 0.7"
    assert told[:3] == [(title, 1, 3), (title, 2, 3), (title, 3, 3)]
    assert len(told) == 9


def test_an_identity_that_a_worker_found_broken_is_a_row_that_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(job: Job) -> Checked:
        return Checked({"response.mean": 33.3e6}, [("little", 5.0, float(job.seed % 2), "node")])

    monkeypatch.setattr(validation.runs, "checked", broken)
    runs = Runs(3, SHORT, ("fluid",))
    list(queues.mmc(runs))
    (row,) = validation._identities(runs)
    assert not row.holds
    assert row.setting == "M/M/c, fluid, c = 1, load 0.7, seed 1000: node"


_NEVER_ENDING = """
import sys
from hvlab.cli import main
from hvlab.sim import validation
from hvlab.sim.validation import queues
from hvlab.sim.validation.rows import Row

def check(runs):
    yield Row("planted", "", "", 1, 1, 0)
    runs.scale = 1e6
    yield from queues.closed(runs)

validation.CHECKS = (check,)
sys.exit(main(sys.argv[1:]))
"""


def test_ctrl_c_ends_the_command_and_its_processes(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    options = ["sim", "validate", "-j", "2", "--csv", str(table)]
    with subprocess.Popen(
        [sys.executable, "-uc", _NEVER_ENDING, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("check")
        assert process.stdout.readline().startswith("planted")
        os.killpg(process.pid, signal.SIGINT)
        # Its workers have these pipes too: they end when everybody has ended.
        _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said == "interrupted\n"
    assert not table.exists()


def test_an_interruption_goes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(runs: Runs) -> Iterator[Row]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(validation, "CHECKS", (interrupted,))
    with pytest.raises(KeyboardInterrupt):
        validation.validate()
