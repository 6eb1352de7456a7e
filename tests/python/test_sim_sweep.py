# SPDX-License-Identifier: GPL-2.0-or-later
"""Sweeps: how many replications, in which order, over interruptions, crashes and full disks. The jobs are
done by sim_work, for which the figures are plain.
"""

from __future__ import annotations

import errno
import math
import os
import signal
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

import sim_work
from hvlab.errors import HostError, SimulationError
from hvlab.report import files
from hvlab.scenario.document import Document
from hvlab.sim.experiments import sweep
from hvlab.sim.experiments.document import ExperimentDocument
from hvlab.sim.experiments.executor import Executor, ProcessExecutor
from hvlab.sim.experiments.jobs import Job, JobResult, replication_seed
from hvlab.sim.experiments.statistics import interval
from hvlab.sim.experiments.store import Store
from hvlab.sim.experiments.study import Reason, Study

TEXT = """\
schema: 1
name: t
seed: 7
matrix: {number: [1, 2, 3], weight: [1024, 2048]}
experiment:
  duration: 10s
  replications: {least: 4, most: 20}
  precision: {measure: ready, relative: 5%}
  hosts: [{name: node, cores: 8, scheduler: round-robin}]
  vms:
  - name: web
    count: "${matrix.number}"
    weight: "${matrix.weight}"
    workload: {closed: {think: 1s, service: 1s}}
  assert: ["ready < 0.025"]
  compare: [{factor: weight, of: [1024, 2048], measure: ready}]
"""


class Inline:
    """Does jobs at once, in this thread; `slots` only says how many it would do at a time."""

    def __init__(self, slots: int = 1, work: Callable[[Job], JobResult] = sim_work.work) -> None:
        self.slots = slots
        self.jobs: list[Job] = []
        self._work = work

    def submit(self, job: Job) -> Future[JobResult]:
        self.jobs.append(job)
        future: Future[JobResult] = Future()
        try:
            future.set_result(self._work(job))
        except Exception as error:  # noqa: BLE001 - it is the future's
            future.set_exception(error)
        return future

    def close(self) -> None:
        pass


@pytest.fixture
def experiment(read: Callable[[str], Document]) -> Callable[[str], ExperimentDocument]:
    def load(text: str = TEXT) -> ExperimentDocument:
        found = read(text).experiment
        assert found is not None
        return found

    return load


Load = Callable[..., ExperimentDocument]


def swept(document: ExperimentDocument, executor: Executor, **more: object) -> Study:
    return sweep.run(document, document.cells, executor, **more)  # type: ignore[arg-type]


def figures(study: Study) -> list[tuple[str, Reason, list[float]]]:
    return [(c.cell.label, c.reason, c.values("ready")) for c in study.cells]


def test_cells_stop_when_they_are_precise(experiment: Load) -> None:
    study = swept(experiment(), Inline())
    assert study.complete
    assert [cell.reason for cell in study.cells] == [Reason.PRECISE] * 6
    counts = [len(cell.replications) for cell in study.cells]
    assert counts[0] > counts[-1] >= 4  # the noise is the same, the mean is larger
    for cell in study.cells:
        assert cell.interval("ready").relative <= 0.05
        before = cell.values("ready")[:-1]
        if len(before) >= 4:
            assert interval(before, 0.95).relative > 0.05


def test_seeds_are_the_same_in_all_cells(experiment: Load) -> None:
    executor = Inline()
    document = experiment()
    swept(document, executor)
    seeds: dict[int, list[int]] = {}
    for job in executor.jobs:
        seeds.setdefault(job.cluster["vms"][0]["count"], []).append(job.seed)
    first = [replication_seed(7, r) for r in range(4)]
    assert all(found[:4] == first for found in seeds.values())
    assert all(job.seed < 1 << 63 for job in executor.jobs)


def test_the_number_of_workers_changes_nothing(experiment: Load) -> None:
    alone = figures(swept(experiment(), Inline()))
    assert figures(swept(experiment(), Inline(slots=7))) == alone
    with ProcessExecutor(2, sim_work.work) as executor:
        assert figures(swept(experiment(), executor)) == alone


def test_the_most_and_a_fixed_number(experiment: Load) -> None:
    few = experiment(TEXT.replace("most: 20", "most: 5").replace("5%", "0.01%"))
    study = swept(few, Inline())
    assert {cell.reason for cell in study.cells} == {Reason.MOST}
    assert {len(cell.replications) for cell in study.cells} == {5}
    fixed = "".join(line for line in TEXT.splitlines(True) if "precision" not in line)
    study = swept(experiment(fixed), Inline(slots=3))
    assert {cell.reason for cell in study.cells} == {Reason.FIXED}
    assert {len(cell.replications) for cell in study.cells} == {4}


def test_a_measure_without_values_is_never_precise(experiment: Load) -> None:
    text = TEXT.replace("measure: ready, relative", "measure: response.mean, relative")
    document = experiment(text.replace("name: web", "name: web\n    vcpus: 2"))
    study = swept(document, Inline())
    assert {cell.reason for cell in study.cells} == {Reason.MOST}
    assert math.isnan(study.cells[0].interval("response.mean").mean)


def test_warm_up_of_a_pilot(experiment: Load) -> None:
    executor = Inline()
    document = experiment(TEXT.replace("duration: 10s", "duration: 10s\n  warmup: auto"))
    study = swept(document, executor)
    pilots = [job for job in executor.jobs if job.resolution]
    assert len(pilots) == 6
    assert {job.seed for job in pilots} == {replication_seed(7, "pilot")}
    assert {job.warmup for job in pilots} == {0}
    warmup = study.cells[0].warmup
    assert (
        10**8 < warmup < 10**10 // 2
    )  # the transient has a time constant of 20 intervals of 10 ms
    assert {job.warmup for job in executor.jobs if not job.resolution} == {warmup}


def test_asserts_are_of_the_means(experiment: Load) -> None:
    study = swept(experiment(), Inline())
    failed = {cell.cell.factors["number"] for cell, _ in study.failed_checks}
    assert failed == {3}
    shown = study.failed_checks[0][1]
    assert shown.text == "ready < 0.025"
    assert shown.operands.startswith("ready is 0.03")


def test_comparison_of_pairs(experiment: Load) -> None:
    study = swept(experiment(), Inline())
    found = study.comparisons
    assert [(c.others, c.baseline, c.candidate) for c in found] == [
        ({"number": n}, 1024, 2048) for n in (1, 2, 3)
    ]
    for comparison in found:
        # The noise is that of the seed: pairs differ by the effect alone.
        assert comparison.difference.interval.mean == pytest.approx(0.001)
        assert comparison.difference.verdict(0.05) == "more"


def test_resume_does_nothing_twice(experiment: Load, tmp_path: Path) -> None:
    store = Store(tmp_path / "r")
    first, second = Inline(), Inline()
    done = figures(swept(experiment(), first, store=store))
    assert figures(swept(experiment(), second, store=store, resume=True)) == done
    assert second.jobs == []
    third = Inline()
    swept(experiment(), third, store=store)  # not asked to
    assert len(third.jobs) == len(first.jobs)


def test_resume_does_again_what_is_damaged_or_of_another_document(
    experiment: Load, tmp_path: Path
) -> None:
    store = Store(tmp_path / "r")
    swept(experiment(), Inline(), store=store)
    damaged = sorted((tmp_path / "r/jobs").iterdir())
    damaged[0].write_text("{")
    damaged[1].write_text('{"format": 99}')
    again = Inline()
    swept(experiment(), again, store=store, resume=True)
    assert len(again.jobs) == 2
    other = Inline()
    swept(experiment(TEXT.replace("10s", "11s")), other, store=store, resume=True)
    assert len(other.jobs) == len(list((tmp_path / "r/jobs").iterdir())) - len(damaged)


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (sim_work.crash, "the worker process died: by SIGKILL; was there enough memory?"),
        (sim_work.refuse, "does not fit in memory"),
    ],
)
def test_a_job_that_fails_fails_its_cells_alone(
    experiment: Load, work: Callable[[Job], JobResult], said: str
) -> None:
    with ProcessExecutor(2, work) as executor:
        study = swept(experiment(), executor)
    for cell in study.cells:
        failed = cell.cell.factors["number"] == 2
        assert (cell.reason is Reason.FAILED) == failed
        assert (cell.error == said) == failed
    assert study.complete


def test_what_cannot_be_pickled_is_told_all_the_same(experiment: Load) -> None:
    with ProcessExecutor(1, sim_work.unpicklable) as executor:
        study = swept(experiment(), executor)
    assert {cell.reason for cell in study.cells} == {Reason.FAILED}
    assert study.cells[0].error.startswith("Strange: strange")


def test_interrupted_keeps_what_was_done(experiment: Load, tmp_path: Path) -> None:
    class Interrupted(sweep.Watcher):
        jobs = 0

        def job_done(self, *_: object) -> None:
            self.jobs += 1
            if self.jobs == 9:
                raise KeyboardInterrupt

    store = Store(tmp_path / "r")
    executor = Inline()
    study = swept(experiment(), executor, store=store, watcher=Interrupted())
    assert not study.complete
    assert study.cells[-1].reason is Reason.INTERRUPTED
    assert study.cells[-1].replications == ()
    kept = len(list((tmp_path / "r/jobs").iterdir()))
    assert kept >= 9
    again = Inline()
    resumed = swept(experiment(), again, store=store, resume=True)
    assert figures(resumed) == figures(swept(experiment(), Inline()))
    keys = {job.key() for job in executor.jobs}
    assert len([job for job in again.jobs if job.key() in keys]) <= len(keys) - kept


def test_interrupted_while_workers_work(experiment: Load) -> None:
    document = experiment()
    executor = ProcessExecutor(2, sim_work.slow)

    class Interrupted(sweep.Watcher):
        interrupted = False

        # Once: other cells may be done too by the time of it, and are told while it is dealt with.
        def cell_done(self, _: object) -> None:
            if not self.interrupted:
                self.interrupted = True
                os.kill(os.getpid(), signal.SIGINT)

    study = swept(document, executor, watcher=Interrupted())
    assert not study.complete
    reasons = {cell.reason for cell in study.cells}
    assert reasons == {Reason.PRECISE, Reason.INTERRUPTED}
    assert study.cells[-1].reason is Reason.INTERRUPTED
    with pytest.raises((SimulationError, RuntimeError)):
        executor.submit(Job({}, 1, 1)).result()


def test_a_full_disk_ends_the_sweep(
    experiment: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "r")
    written = 0

    def fsync(_fd: int) -> None:
        nonlocal written
        written += 1
        if written == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(files.os, "fsync", fsync)
        with pytest.raises(HostError, match="No space left on device") as caught:
            swept(experiment(), Inline(), store=store)
    assert caught.value.errno == errno.ENOSPC
    assert len(list((tmp_path / "r/jobs").iterdir())) == 2  # whole ones, and no rest of the third
    again = Inline()
    swept(experiment(), again, store=store, resume=True)
    assert all(job.key() for job in again.jobs)


def test_what_did_not_come_to_its_end_does_not_count(experiment: Load, tmp_path: Path) -> None:
    def half(job: Job) -> JobResult:
        return replace(sim_work.work(job), complete=False)

    store = Store(tmp_path / "r")
    study = swept(experiment(), Inline(work=half), store=store)
    assert {cell.reason for cell in study.cells} == {Reason.FAILED}
    assert study.cells[0].error == "the run did not come to its end"
    job = Job({}, 1, 2)
    store.put(job, JobResult({}, False, 1, 1, 1.0))
    assert store.get(job) is None


def test_workers_leave_ctrl_c_to_who_started_them(experiment: Load) -> None:
    with ProcessExecutor(1, sim_work.interruptible) as executor:
        assert executor.submit(Job({}, 1, 1)).result().measures == {"ready": 0.0}


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    tmp_path.joinpath("file").write_text("")
    with pytest.raises(HostError, match="cannot make"):
        Store(tmp_path / "file")


def test_keys_hang_on_all_of_a_job() -> None:
    job = Job({"a": 1}, 1, 2, 3, 4)
    others = [
        Job({"a": 2}, 1, 2, 3, 4),
        Job({"a": 1}, 2, 2, 3, 4),
        Job({"a": 1}, 1, 3, 3, 4),
        Job({"a": 1}, 1, 2, 4, 4),
        Job({"a": 1}, 1, 2, 3, 5),
    ]
    assert len({j.key() for j in (job, *others)}) == 6
    assert Job({"a": 1}, 1, 2, 3, 4).key() == job.key()
