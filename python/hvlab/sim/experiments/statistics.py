# SPDX-License-Identifier: GPL-2.0-or-later
"""What replications say: intervals, when there are enough of them, where a warm-up ends, and how two
policies differ.

    Law: Simulation Modeling and Analysis, 5th ed., ch. 9 (replications, sequential stopping) and
    ch. 10 (pairs under common random numbers)
    White: An Effective Truncation Heuristic for Bias Reduction in Simulation Output, Simulation 69
    (1997), 323-334, in the form of MSER-5 (White, Cobb, Spratt: Proc. Winter Simulation Conf. 2000)
    Holm: A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979), 65-70
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from hvlab.performance.statistics import holm

_BATCH = 5  # observations; the 5 of MSER-5


@dataclass(frozen=True)
class Interval:
    """A mean over replications, and Student's interval for it.

    Attributes:
        mean: NaN without any value; low, high, deviation: NaN with fewer than two; count: of values.
    """

    mean: float
    low: float
    high: float
    deviation: float
    count: int

    @property
    def half(self) -> float:
        return (self.high - self.low) / 2

    @property
    def relative(self) -> float:
        """Half its width, relative to the mean: 0 where all values are the same, infinite where the mean
        is 0 and they are not.
        """
        if math.isnan(self.half):
            return math.nan
        if self.half == 0:
            return 0.0
        return math.inf if self.mean == 0 else self.half / abs(self.mean)


def interval(values: Sequence[float], confidence: float) -> Interval:
    """Of independent, equally distributed values; NaN among them are left out."""
    kept = np.asarray([value for value in values if not math.isnan(value)], dtype=np.float64)
    count = len(kept)
    if count == 0:
        return Interval(math.nan, math.nan, math.nan, math.nan, 0)
    mean = float(np.mean(kept))
    if count == 1:
        return Interval(mean, math.nan, math.nan, math.nan, 1)
    deviation = float(np.std(kept, ddof=1))
    half = float(stats.t.ppf((1 + confidence) / 2, count - 1)) * deviation / math.sqrt(count)
    return Interval(mean, mean - half, mean + half, deviation, count)


def enough(
    values: Sequence[float], confidence: float, bounds: tuple[float, float], least: int
) -> int | None:
    """How many of the values, in their order, it takes until half the interval's width is at most the
    first of the bounds, relative to the mean, or the second as it is; None if all of them are too few. At
    least `least`, and never fewer than two.

    Looking after each value and stopping at the first that is narrow enough makes intervals that hold
    the mean a little less often than `confidence` says (Law, section 9.4.1); more with a small `least`.
    """
    for count in range(max(least, 2), len(values) + 1):
        found = interval(values[:count], confidence)
        if found.relative <= bounds[0] or found.half <= bounds[1]:
            return count
    return None


def mser5(series: Sequence[float]) -> int | None:
    """How many observations at the beginning to leave out: the multiple of 5, in the first half, that
    makes the standard error of the rest's mean least. None if the series is too short, or if the least
    is at the end of that half, where there may be no steady state.
    """
    values = np.asarray(series, dtype=np.float64)
    batches = len(values) // _BATCH
    if batches < 4:
        return None
    means = np.mean(values[: batches * _BATCH].reshape(batches, _BATCH), axis=1)
    # Sums over the tails: of n batches from d on.
    n = np.arange(batches, 0, -1)
    sums = np.cumsum(means[::-1])[::-1]
    squares = np.cumsum((means**2)[::-1])[::-1]
    errors = np.maximum(squares - sums**2 / n, 0) / n**2
    half = batches // 2
    best = int(np.argmin(errors[:half]))
    return None if best == half - 1 else best * _BATCH


@dataclass(frozen=True)
class Difference:
    """Of a candidate's mean to the baseline's. `p`: after Holm's correction; NaN with fewer than two
    pairs.
    """

    interval: Interval
    p: float

    def verdict(self, alpha: float) -> str:
        """`less`, `more` or `unclear`: how the candidate stands to the baseline."""
        if math.isnan(self.p) or self.p > alpha:
            return "unclear"
        return "less" if self.interval.mean < 0 else "more"


def differences(
    pairs: Sequence[tuple[Sequence[float], Sequence[float]]], confidence: float
) -> list[Difference]:
    """For each (baseline, candidate): replications under the same seeds, by Student's test of pairs; the
    p-values corrected together.
    """
    found = []
    for baseline, candidate in pairs:
        apart = [b - a for a, b in zip(baseline, candidate, strict=True)]
        between = interval(apart, confidence)
        found.append((between, _p(between)))
    tested = [i for i, (_, p) in enumerate(found) if not math.isnan(p)]
    corrected = dict(zip(tested, holm([found[i][1] for i in tested]), strict=True))
    return [Difference(between, corrected.get(i, math.nan)) for i, (between, _) in enumerate(found)]


def _p(between: Interval) -> float:
    if between.count < 2:
        return math.nan
    if between.deviation == 0:
        return 1.0 if between.mean == 0 else 0.0
    t = abs(between.mean) / (between.deviation / math.sqrt(between.count))
    return float(2 * stats.t.sf(t, between.count - 1))
