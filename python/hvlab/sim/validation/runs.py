# SPDX-License-Identifier: GPL-2.0-or-later
"""The runs of a validation: how many and how long, who makes them, and what every one of them must keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, field

from hvlab.sim.cluster import Cluster
from hvlab.sim.experiments.executor import ProcessExecutor
from hvlab.sim.experiments.jobs import Job
from hvlab.sim.model import kinds
from hvlab.sim.model.description import Fidelity
from hvlab.sim.result import Result, run_plain

# Of one run: an identity, the worst that was found of it, its bound, and where that was.
Identities = Sequence[tuple[str, float, float, str]]


@dataclass(frozen=True)
class Checked:
    """What is looked at of a run: its measures by name, and its identities."""

    measures: Mapping[str, float]
    identities: Identities


# Called with (what is run, runs that are done, runs in all).
Told = Callable[[str, int, int], None]


@dataclass
class Runs:
    """Makes runs, and checks the identities of each.

    Attributes:
        replications: of each random model; scale: of their lengths, 1 for a full validation.
        executor: makes replications, several at once; None: this process, one by one; told: how far they are.
        identities: the worst that was found of each identity, with its bound and where; count: runs made.
    """

    replications: int = 20
    scale: float = 1.0
    fidelities: tuple[Fidelity, ...] = ("fluid", "quantum")
    executor: ProcessExecutor[Checked] | None = None
    told: Told | None = None
    identities: dict[str, tuple[float, float, str]] = field(default_factory=dict)
    count: int = 0

    @property
    def work_conserving(self) -> list[str]:
        """The schedulers that promise it."""
        return [k.name for k in kinds.schedulers().values() if "work_conserving" in k.promises]

    def promising(self, promise: str) -> list[str]:
        """The schedulers that promise that."""
        return [k.name for k in kinds.schedulers().values() if promise in k.promises]

    def run(
        self, cluster: Cluster, duration: int, *, warmup: int = 0, resolution: int = 0
    ) -> Result:
        """One run, in ns, in this process. Raises SimulationError, and KeyboardInterrupt if it was
        interrupted.
        """
        result = cluster.run(duration, warmup=warmup, resolution=resolution or None)
        if not result.complete:
            raise KeyboardInterrupt
        self._keep(repr(cluster), _identities(result))
        return result

    def replicate(self, title: str, cluster: Cluster, seconds: float) -> list[Mapping[str, float]]:
        """The measures of each replication: so many simulated seconds x `scale`, a tenth of them warm-up.
        The same clusters, whoever calls, have the same seeds. Raises as `run` does.
        """
        duration = round(seconds * self.scale * 1e9)
        plain = cluster.spec.plain()
        jobs = [
            Job(plain, 1000 + number, duration, duration // 10)
            for number in range(self.replications)
        ]
        found: list[Mapping[str, float]] = [{}] * len(jobs)
        for done, (number, checked) in enumerate(self._done(jobs), 1):
            found[number] = checked.measures
            self._keep(f"{title}, seed {jobs[number].seed}", checked.identities)
            if self.told is not None:
                self.told(title, done, len(jobs))
        return found

    def _done(self, jobs: Sequence[Job]) -> Iterator[tuple[int, Checked]]:
        """The number of each job, and what came of it, as they end."""
        if self.executor is None:
            for number, job in enumerate(jobs):
                yield number, checked(job)
            return
        numbers = {self.executor.submit(job): number for number, job in enumerate(jobs)}
        for future in as_completed(numbers):
            yield numbers[future], future.result()

    def _keep(self, run: str, identities: Identities) -> None:
        self.count += 1
        for name, worst, bound, where in identities:
            seen = self.identities.get(name)
            if seen is None or worst - bound > seen[0] - seen[1]:
                self.identities[name] = (worst, bound, f"{run}: {where}")


def checked(job: Job) -> Checked:
    """Does a job; what worker processes run. Raises SimulationError, and KeyboardInterrupt if it was
    interrupted.
    """
    result = run_plain(job.cluster, job.seed, {"until": job.duration, "warmup": job.warmup})
    if not result.complete:
        raise KeyboardInterrupt
    return Checked(dict(result.measures), _identities(result))


def _identities(result: Result) -> Identities:
    frame = result.frame("identities")
    return [
        (str(name), float(worst), float(bound), str(where))
        for name, worst, bound, where in zip(
            frame["identity"], frame["worst"], frame["bound"], frame["where"], strict=True
        )
    ]
