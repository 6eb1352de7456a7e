# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the cells of an experiment: pilots, replications until there are enough, several at once.

Which replications count hangs on their values alone, never on the order in which jobs came to their
end: the results are the same with one worker and with many, in one go and resumed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait

from hvlab.errors import HostError, HvlabError
from hvlab.sim.experiments.document import ExperimentCell, ExperimentDocument
from hvlab.sim.experiments.executor import Executor
from hvlab.sim.experiments.jobs import Job, JobResult, replication_seed
from hvlab.sim.experiments.statistics import enough
from hvlab.sim.experiments.store import Store
from hvlab.sim.experiments.study import CellResult, Reason, Study, values
from hvlab.sim.experiments.warmup import PILOT, Warmup, from_pilot, pilot_resolution


class Watcher:
    """Is told how it goes; tells nobody itself."""

    def job_done(self, cell: ExperimentCell, replication: int | str, result: JobResult) -> None:
        """A job came to its end, or was found done."""

    def cell_done(self, result: CellResult) -> None:
        """A cell has all that it needs, or failed."""


def run(
    document: ExperimentDocument,
    cells: Sequence[ExperimentCell],
    executor: Executor,
    store: Store | None = None,
    watcher: Watcher | None = None,
    *,
    resume: bool = False,
) -> Study:
    """Runs these cells of the document. On KeyboardInterrupt the study is what was done until then.

    Args:
        store: keeps what is done; resume: takes what is there instead of doing it again.

    Raises:
        HostError: a result cannot be kept.
    """
    return _Sweep(document, cells, executor, store, watcher or Watcher(), resume).run()


class _CellRun:
    """A cell while it is under way."""

    def __init__(self, document: ExperimentDocument, cell: ExperimentCell, ahead: int) -> None:
        self.cell = cell
        self._seed = document.seed
        self._plain = cell.experiment.plain()
        self._ahead = ahead
        experiment = cell.experiment
        fixed = experiment.warmup
        self.warmup = None if fixed == "auto" else Warmup(fixed)
        self._target = experiment.replications.least
        self._begun: set[int | str] = set()
        self._done: dict[int, JobResult] = {}
        self.result: CellResult | None = None

    def wanted(self) -> Iterator[int | str]:
        """What to begin now."""
        if self.result is not None:
            return
        if self.warmup is None:
            if PILOT not in self._begun:
                yield PILOT
            return
        for replication in range(self._target):
            if replication not in self._begun:
                yield replication

    def job(self, replication: int | str) -> Job:
        self._begun.add(replication)
        experiment = self.cell.experiment
        seed = replication_seed(self._seed, replication)
        if replication == PILOT:
            resolution = pilot_resolution(experiment.duration)
            return Job(self._plain, seed, experiment.duration, 0, resolution)
        warmup = 0 if self.warmup is None else self.warmup.length
        return Job(
            self._plain,
            seed,
            experiment.duration,
            warmup,
            experiment.resolution or 0,
            self.cell.percentiles,
        )

    def done(self, replication: int | str, result: JobResult) -> None:
        if isinstance(replication, str):
            self.warmup = from_pilot(self.cell.experiment, result)
            return
        self._done[replication] = result
        self._decide()

    def _decide(self) -> None:
        experiment, count = self.cell.experiment, len(self._in_order())
        if self.result is not None or count < experiment.replications.least:
            return
        if experiment.precision is None:
            self._finish(count, Reason.FIXED)
            return
        precise = enough(
            values(self._in_order(), experiment.precision.measure),
            experiment.confidence,
            experiment.precision.bounds,
            experiment.replications.least,
        )
        if precise is not None:
            self._finish(precise, Reason.PRECISE)
        elif count >= experiment.most:
            self._finish(experiment.most, Reason.MOST)
        else:
            self._target = min(experiment.most, max(self._target, count + self._ahead))

    def _in_order(self) -> list[JobResult]:
        """From 0 on, up to the first that is missing."""
        found: list[JobResult] = []
        while len(found) in self._done:
            found.append(self._done[len(found)])
        return found

    def _finish(self, count: int, reason: Reason, error: str = "") -> None:
        warmup = self.warmup or Warmup(0)
        kept = tuple(self._in_order()[:count])
        self.result = CellResult(self.cell, warmup.length, kept, reason, error, warmup.warning)

    def fail(self, error: str) -> None:
        if self.result is None:
            self._finish(len(self._done), Reason.FAILED, error)

    def interrupt(self) -> CellResult:
        if self.result is None:
            self._finish(len(self._done), Reason.INTERRUPTED)
        assert self.result is not None
        return self.result


class _Sweep:
    def __init__(
        self,
        document: ExperimentDocument,
        cells: Sequence[ExperimentCell],
        executor: Executor,
        store: Store | None,
        watcher: Watcher,
        resume: bool,
    ) -> None:
        self._document = document
        self._runs = [_CellRun(document, cell, executor.slots) for cell in cells]
        self._executor = executor
        self._store = store
        self._watcher = watcher
        self._resume = resume
        self._pending: dict[Future[JobResult], tuple[_CellRun, int | str, Job]] = {}

    def run(self) -> Study:
        began = time.monotonic()
        study = Study(self._document)
        try:
            while self._begin() or self._pending:
                self._collect()
        except KeyboardInterrupt:
            study.complete = False
            self._executor.close()
            self._keep_done()
        study.cells = [run.interrupt() for run in self._runs]
        study.wall = time.monotonic() - began
        return study

    def _begin(self) -> bool:
        """Puts jobs into line, two for each slot, so that none stands idle. Whether any came to its end
        at once, because it was done before.
        """
        found = False
        for run in self._runs:
            for replication in run.wanted():
                if len(self._pending) >= 2 * self._executor.slots:
                    return found
                job = run.job(replication)
                known = self._store.get(job) if self._store is not None and self._resume else None
                if known is not None:
                    self._done(run, replication, known)
                    found = True
                    continue
                self._pending[self._executor.submit(job)] = (run, replication, job)
        return found

    def _collect(self) -> None:
        if not self._pending:
            return
        for future in wait(self._pending, return_when=FIRST_COMPLETED).done:
            run, replication, job = self._pending.pop(future)
            try:
                result = future.result()
            except HostError:
                raise
            except HvlabError as error:
                self._failed(run, str(error))
                continue
            if not result.complete:
                self._failed(run, "the run did not come to its end")
                continue
            if self._store is not None:
                self._store.put(job, result)
            self._done(run, replication, result)

    def _failed(self, run: _CellRun, error: str) -> None:
        if run.result is None:
            run.fail(error)
            self._watcher.cell_done(run.interrupt())

    def _keep_done(self) -> None:
        """What came to its end and nobody has looked at yet."""
        for future, (run, replication, job) in self._pending.items():
            if not future.done() or future.cancelled() or future.exception() is not None:
                continue
            result = future.result()
            if result.complete:
                if self._store is not None:
                    self._store.put(job, result)
                self._done(run, replication, result)

    def _done(self, run: _CellRun, replication: int | str, result: JobResult) -> None:
        before = run.result
        run.done(replication, result)
        self._watcher.job_done(run.cell, replication, result)
        if before is None and run.result is not None:
            self._watcher.cell_done(run.result)
