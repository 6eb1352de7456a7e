# SPDX-License-Identifier: GPL-2.0-or-later
"""Who does the jobs: processes of this host, or whatever has the same two methods."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Generic, Protocol, TypeVar

from hvlab.closing import Closing
from hvlab.errors import SimulationError
from hvlab.sim.experiments.jobs import Job, JobResult

Done = TypeVar("Done")
_PRELOADED = ("hvlab.sim.experiments.simulate", "hvlab.sim.experiments.jobs")


class Executor(Protocol):
    """Does jobs, in any order, several at once.

    A distributed engine takes the place of ProcessExecutor by having these: jobs and results are plain
    data (Job, JobResult), and a job's result hangs on nothing but the job.
    """

    @property
    def slots(self) -> int:
        """How many jobs it does at once."""

    def submit(self, job: Job) -> Future[JobResult]:
        """Begins a job, or puts it into line. The future raises SimulationError if the job fails, or if
        whoever did it died.
        """

    def close(self) -> None:
        """Ends at once: what is not done is not going to be."""


class ProcessExecutor(Closing, Generic[Done]):
    """Worker processes of this host, each for one job at a time. One that dies fails its job alone.

    Args:
        size: how many; work: what does a job, a function that a worker can import.
    """

    def __init__(self, size: int, work: Callable[[Job], Done]) -> None:
        self._work = work
        self._size = size
        # Not fork: this process has threads, and may have a display and a core with threads of its own.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(_PRELOADED))
        self._threads = ThreadPoolExecutor(size, "hvlab-sim")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._workers: set[_Worker[Done]] = set()  # guarded by _lock
        self._closed = False  # guarded by _lock

    @property
    def slots(self) -> int:
        return self._size

    def submit(self, job: Job) -> Future[Done]:
        return self._threads.submit(self._do, job)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            workers = list(self._workers)
        for worker in workers:
            worker.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _do(self, job: Job) -> Done:
        worker: _Worker[Done] | None = getattr(self._own, "worker", None)
        if worker is None:
            worker = self._start()
        try:
            return worker.do(job)
        except _Died as death:
            self._own.worker = None
            with self._lock:
                self._workers.discard(worker)
            raise SimulationError(f"the worker process died: {death}") from None

    def _start(self) -> _Worker[Done]:
        with self._lock:
            if self._closed:
                raise SimulationError("the executor is closed")
            worker = _Worker(self._context, self._work)
            self._workers.add(worker)
        self._own.worker = worker
        return worker


class _Died(Exception):
    """A worker is gone; the text says how."""


class _Worker(Generic[Done]):
    """A process that does one job after the other. Used by one thread; `kill` by any."""

    def __init__(self, context: Any, work: Callable[[Job], Done]) -> None:
        self._pipe: Connection
        self._pipe, there = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=_serve, args=(there, work), daemon=True, name="hvlab-sim-worker"
        )
        self._process.start()
        there.close()

    def do(self, job: Job) -> Done:
        """Raises what the job raised, or _Died."""
        try:
            self._pipe.send(job)
            answer = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            self._pipe.close()
            raise _Died(_cause(self._process.exitcode)) from None
        if isinstance(answer, Exception):
            raise answer
        result: Done = answer
        return result

    def kill(self) -> None:
        with suppress(OSError, ValueError):
            self._process.kill()


def _cause(code: int | None) -> str:
    if code is None:
        return "for an unknown reason"
    if code < 0:
        with suppress(ValueError):
            name = signal.Signals(-code).name
            hint = "; was there enough memory?" if name == "SIGKILL" else ""
            return f"by {name}{hint}"
    return f"with exit code {code}"


def _serve(pipe: Connection, work: Callable[[Job], Done]) -> None:
    # Ctrl-C goes to the whole foreground group; whoever started us decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            job = pipe.recv()
        except (EOFError, OSError):
            return  # nobody wants anything any more
        answer: Done | Exception
        try:
            answer = work(job)
        except Exception as error:  # noqa: BLE001 - it is raised where the job came from
            answer = error
        try:
            pipe.send(answer)
        except (BrokenPipeError, OSError):
            return
        except Exception as error:  # noqa: BLE001 - an exception that can't be pickled
            pipe.send(SimulationError(f"{type(answer).__name__}: {answer} ({error})"))
