# SPDX-License-Identifier: GPL-2.0-or-later
"""What came of an experiment: the replications of each cell, and what they say."""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from hvlab.scenario.template import as_text
from hvlab.scenario.tree import Scalar
from hvlab.sim.experiments.document import ExperimentCell, ExperimentDocument
from hvlab.sim.experiments.experiment import Compare
from hvlab.sim.experiments.jobs import JobResult, replication_seed
from hvlab.sim.experiments.statistics import Difference, Interval, differences, interval
from hvlab.sim.measures import MEASURES, Measure, split


class Reason(enum.StrEnum):
    """Why a cell has no more replications."""

    PRECISE = "precise"  # the interval is narrow enough
    MOST = "most"  # the most that were allowed
    FIXED = "fixed"  # a number was given
    INTERRUPTED = "interrupted"
    FAILED = "failed"


@dataclass(frozen=True)
class CheckResult:
    """Whether an `assert` holds in a cell, and its operands."""

    text: str
    holds: bool
    operands: str


@dataclass(frozen=True)
class CellResult:
    """What came of a cell.

    Attributes:
        warmup: ns; replications: from 0 on, all of them complete; error: why it failed; warning: what
        to know about its figures.
    """

    cell: ExperimentCell
    warmup: int
    replications: tuple[JobResult, ...]
    reason: Reason
    error: str = ""
    warning: str = ""

    def values(self, measure: str) -> list[float]:
        """Of its replications, in order; NaN where there is none."""
        return values(self.replications, measure)

    def interval(self, measure: str) -> Interval:
        """Of the mean over its replications."""
        return interval(self.values(measure), self.cell.experiment.confidence)

    @cached_property
    def checks(self) -> list[CheckResult]:
        """Its asserts, over the means. None of a cell without replications."""
        if not self.replications:
            return []
        found = []
        for check in self.cell.checks:
            means = {name: self.interval(name).mean for name in check.kinds}
            known = {name: None if math.isnan(mean) else mean for name, mean in means.items()}
            found.append(CheckResult(check.text, *check.holds(known)))
        return found


@dataclass(frozen=True)
class Comparison:
    """Two cells that differ in one factor only. `others`: the values of the other factors."""

    factor: str
    others: Mapping[str, Scalar]
    measure: str
    baseline: Scalar
    candidate: Scalar
    difference: Difference


@dataclass
class Study:
    """A document and what came of its cells, in the document's order, as far as it went."""

    document: ExperimentDocument
    cells: list[CellResult] = field(default_factory=list)
    complete: bool = True
    wall: float = 0.0  # seconds

    @property
    def measures(self) -> list[str]:
        """What is shown: what the document asks for, or else what the population has values of."""
        asked = self.document.common.measures
        if asked:
            return list(dict.fromkeys(asked))
        return [
            name
            for name in MEASURES
            if any(not math.isnan(v) for cell in self.cells for v in cell.values(name))
        ]

    @property
    def everything(self) -> list[str]:
        """Every measure that a replication has."""
        names = (r.measures for cell in self.cells for r in cell.replications)
        return list(dict.fromkeys(itertools.chain.from_iterable(names)))

    def measure(self, name: str) -> Measure:
        """What a measure is."""
        experiment = self.document.common
        vms, hosts = [v.name for v in experiment.vms], [h.name for h in experiment.hosts]
        return split(name, vms, hosts)[1]

    def seed(self, replication: int) -> int:
        return replication_seed(self.document.seed, replication)

    @property
    def failed_checks(self) -> list[tuple[CellResult, CheckResult]]:
        return [(cell, c) for cell in self.cells for c in cell.checks if not c.holds]

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """All that the document asks for, with their p-values corrected together."""
        found: list[tuple[Compare, CellResult, CellResult]] = []
        for compare in self.document.common.compare:
            found += ((compare, a, b) for a, b in self._pairs(compare))
        made = differences(
            [_paired(a, b, compare.measure) for compare, a, b in found],
            self.document.common.confidence,
        )
        return [
            Comparison(
                compare.factor,
                {k: v for k, v in a.cell.factors.items() if k != compare.factor},
                compare.measure,
                a.cell.factors[compare.factor],
                b.cell.factors[compare.factor],
                difference,
            )
            for (compare, a, b), difference in zip(found, made, strict=True)
        ]

    def _pairs(self, compare: Compare) -> Iterator[tuple[CellResult, CellResult]]:
        """(baseline, candidate), in the order of the cells of the baseline."""
        first, *rest = map(as_text, compare.of)
        by_factors = {_text(c.cell.factors): c for c in self.cells if c.replications}
        for cell in self.cells:
            factors = _text(cell.cell.factors)
            if cell.replications and dict(factors).get(compare.factor) == first:
                for value in rest:
                    other = tuple((k, value if k == compare.factor else v) for k, v in factors)
                    if other in by_factors:
                        yield cell, by_factors[other]


def values(replications: Sequence[JobResult], measure: str) -> list[float]:
    """NaN where there is none."""
    found = (result.measures.get(measure) for result in replications)
    return [math.nan if value is None else value for value in found]


def _text(factors: Mapping[str, Scalar]) -> tuple[tuple[str, str], ...]:
    return tuple((name, as_text(value)) for name, value in factors.items())


def _paired(a: CellResult, b: CellResult, measure: str) -> tuple[list[float], list[float]]:
    """Of the replications that both have."""
    return tuple(zip(*zip(a.values(measure), b.values(measure), strict=False), strict=True))  # type: ignore[return-value]
