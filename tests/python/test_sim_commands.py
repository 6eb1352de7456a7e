# SPDX-License-Identifier: GPL-2.0-or-later
"""`hvlab sim` as a user meets it: what it prints, exit codes, files, interruptions."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import hvlab.sim as sim
from conftest import BASE, enter
from hvlab.cli import main
from hvlab.errors import SimulationError
from hvlab.sim.experiments import saved

EXPERIMENT = """\
schema: 1
name: small
seed: 7
matrix: {scheduler: [credit2, round-robin], ratio: [1, 3], exclude: [{scheduler: round-robin, ratio: 3}]}
experiment:
  duration: 500ms
  warmup: 100ms
  replications: 2
  hosts: [{name: node, cores: 2, scheduler: "${matrix.scheduler}"}]
  vms:
    - name: web
      overcommit: ${matrix.ratio}
      workload: {closed: {think: {exponential: 10ms}, service: {exponential: 10ms}}}
  assert: ["ready < 0.9"]
"""
COMMAND = (sys.executable, "-m", "hvlab", "sim")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(tmp_path, monkeypatch)
    Path("small.hvlab.yaml").write_text(EXPERIMENT)


def hvlab(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


def test_run_shows_one_cell() -> None:
    done = hvlab("run", "small.hvlab.yaml", "--where", "ratio=3", "-j", "2")
    assert done.returncode == 0, done.stderr
    assert (
        "scheduler=credit2-ratio=3: quantum, 400 ms measured after a warm-up of 100 ms"
        in done.stdout
    )
    assert "\n  ready " in done.stdout
    assert "\n  web.response.p99 " in done.stdout
    assert sorted(path.name for path in Path().iterdir()) == ["small.hvlab.yaml"]


def test_sweep_writes_everything_and_resumes(capsys: pytest.CaptureFixture[str]) -> None:
    done = hvlab("sweep", "small.hvlab.yaml")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("done    scheduler=") == 3
    assert "small.results: results.json, summary.csv" in done.stdout
    folder = Path("small.results")
    assert (folder / "experiment.hvlab.yaml").read_text() == EXPERIMENT
    assert not (folder / "PARTIAL").exists()
    assert len(list((folder / "jobs").iterdir())) == 6
    first = saved.load(folder)
    assert first.complete
    assert len(first.replications) == 6
    assert len(first.facts["hvlab"]) > 0
    before = {path.name: path.stat().st_mtime_ns for path in (folder / "jobs").iterdir()}
    assert main(["sim", "sweep", "small.hvlab.yaml"]) == 4
    assert "holds results already" in capsys.readouterr().err
    assert main(["sim", "sweep", "small.hvlab.yaml", "--resume"]) == 0
    after = {path.name: path.stat().st_mtime_ns for path in (folder / "jobs").iterdir()}
    assert after == before
    assert saved.load(folder).summary == first.summary


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run", "small.hvlab.yaml"], 4, "3 cells: choose one, as with --where scheduler=credit2"),
        (["run", "small.hvlab.yaml", "--where", "ratoi=3"], 4, "'ratoi' (did you mean 'ratio'?)"),
        (["run", "small.hvlab.yaml", "--where", "ratio=2"], 4, "'2' is no value of 'ratio'; there are: 1, 3"),
        (["run", "small.hvlab.yaml", "--where", "ratio"], 4, "it is FACTOR=VALUE"),
        (["sweep", "small.hvlab.yaml", "--where", "ratio=3", "--where", "scheduler=round-robin"], 5,
         "nothing ran: no cell has these values"),
        (["run", "small.hvlab.yaml", "--resume", "--where", "ratio=3"], 4, "give it with --output"),
        (["run", "small.hvlab.yaml", "-j", "0"], 4, "'0' is not auto, or a number"),
        (["run", "nothing.hvlab.yaml"], 4, "cannot open it: No such file or directory"),
        (["run", "scenario.hvlab.yaml"], 4, "is a scenario, not an experiment"),
        (["run", "wrong.hvlab.yaml"], 4, "wrong.hvlab.yaml:6:13: error: a duration has a unit"),
        (["plot", "nothing"], 3, "cannot read nothing"),
        (["plot", "small.hvlab.yaml"], 4, "not JSON"),
        (["plot", "small.hvlab.yaml", "--format", "png"], 4, "png"),
        (["jump"], 4, "jump"),
    ],
)  # fmt: skip
def test_usage(
    arguments: list[str], code: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("scenario.hvlab.yaml").write_text(BASE)
    Path("wrong.hvlab.yaml").write_text(EXPERIMENT.replace("500ms", "500"))
    assert main(["sim", *arguments]) == code
    assert said in capfd.readouterr().err
    assert not Path("small.results").exists()


def test_without_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sim"]) == 0
    said = capsys.readouterr().out
    assert "sweep" in said
    assert "plot" in said


def test_an_assert_that_does_not_hold() -> None:
    Path("small.hvlab.yaml").write_text(EXPERIMENT.replace("ready < 0.9", "ready < 0.1"))
    done = hvlab("sweep", "small.hvlab.yaml")
    assert done.returncode == 1
    assert "FAILED  scheduler=credit2-ratio=3: ready < 0.1: ready is 0." in done.stdout
    assert saved.load(Path("small.results")).complete


def test_a_cell_that_can_not_be_placed_fails_alone() -> None:
    # Each VM fits on a host, but no two of them on one: the reservations of three need three hosts.
    text = """\
schema: 1
name: small
matrix: {number: [1, 3]}
experiment:
  duration: 100ms
  hosts: [{name: node, count: 2, cores: 4, scheduler: esx}]
  vms:
    - name: web
      count: ${matrix.number}
      vcpus: 3
      reservation: 2.5
      workload: {constant: {utilisation: 1}}
"""
    Path("small.hvlab.yaml").write_text(text)
    done = hvlab("sweep", "small.hvlab.yaml")
    assert done.returncode == 1, done.stderr
    assert "done    number=1" in done.stdout
    assert "FAILED  number=3: " in done.stdout
    assert not saved.load(Path("small.results")).complete


def test_interrupted_keeps_what_was_done_and_resumes() -> None:
    long = EXPERIMENT.replace("ratio: [1, 3]", "ratio: [1, 3, 4]").replace(
        "duration: 500ms", 'duration: "${matrix.length}"'
    )
    long = long.replace("matrix: {", "matrix: {length: [500ms, 20h], ")
    Path("small.hvlab.yaml").write_text(long)
    with subprocess.Popen(
        [*COMMAND, "sweep", "small.hvlab.yaml", "-j", "2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("done    length=500ms"):
                break
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        out, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    assert (
        "interrupted: these results are partial; what was done is kept, and --resume goes on" in err
    )
    assert "Traceback" not in out + err
    folder = Path("small.results")
    assert (folder / "PARTIAL").exists()
    results = saved.load(folder)
    assert not results.complete
    assert results.warnings[0] == "interrupted: what is shown is partial"
    assert len(results.replications) >= 2
    done = hvlab("sweep", "small.hvlab.yaml", "--resume", "--where", "length=500ms")
    assert done.returncode == 0, done.stderr


def test_terminated_is_interrupted() -> None:
    Path("small.hvlab.yaml").write_text(EXPERIMENT.replace("500ms", "20h"))
    with subprocess.Popen(
        [*COMMAND, "sweep", "small.hvlab.yaml"], stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 30
        while not Path("small.results/jobs").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2, err


def test_a_full_disk_is_an_error_of_the_host() -> None:
    """Files may have 4 KiB at most: results.json can't be written, and says so."""
    done = subprocess.run(
        [*COMMAND, "sweep", "small.hvlab.yaml"],
        capture_output=True, text=True, timeout=120, check=False,
        preexec_fn=lambda: (
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
        ),
    )  # fmt: skip
    assert done.returncode == 3
    assert "cannot write small.results/" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(Path("small.results").glob(".*"))


def test_results_are_what_their_names_say() -> None:
    assert hvlab("sweep", "small.hvlab.yaml", "-o", "out").returncode == 0
    told = json.loads(Path("out/results.json").read_text())
    assert told["kind"] == "hvlab experiment"
    assert told["seed"] == 7
    assert told["frames"]["summary"]["mean"]["type"] == "float64"


def test_from_python() -> None:
    results = sim.run_experiment("small.hvlab.yaml", where={"ratio": 1}, jobs=2, output="out")
    assert results.complete
    assert results.summary.levels("scheduler") == ("credit2", "round-robin")
    assert saved.load(Path("out")).summary == results.summary
    with pytest.raises(SimulationError, match="holds results already"):
        sim.run_experiment("small.hvlab.yaml", output="out")
    with pytest.raises(SimulationError, match="where: unknown factor 'ratoi'"):
        sim.run_experiment("small.hvlab.yaml", where={"ratoi": 1})
