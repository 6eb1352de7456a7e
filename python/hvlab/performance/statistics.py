# SPDX-License-Identifier: GPL-2.0-or-later
"""How two samples of a noisy measure are told apart: permutation tests of ranks, an interval for the ratio,
Cliff's delta, Holm's correction.

Ratios are what counts, so estimates are about logarithms. The tests are about ranks: one slow outlier weighs
as much as any other rank, and no shape of the noise is assumed.

    Hollander, Wolfe, Chicken: Nonparametric Statistical Methods, 3rd ed., ch. 3 and 4 (rank tests, Hodges-
    Lehmann estimates and their intervals)
    Edgington, Onghena: Randomization Tests, 4th ed. (permutations within blocks)
    Cliff: Dominance statistics, Psychological Bulletin 114 (1993), 494-509
    Holm: A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979), 65-70
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

CONFIDENCE = 0.95
_Z = 1.959963984540054  # of CONFIDENCE, two-sided
_EXACT_PAIRS = 10_000  # of one sample with the other: beyond, the normal approximation is as good
_EXACT_ROUNDS = 200
_RESAMPLES = 9_999
# Of the permutations that are drawn where there are ties and many samples: same samples, same verdict.
_SEED = 1

Samples = NDArray[np.float64]


@dataclass(frozen=True)
class Shift:
    """How B stands to A.

    Attributes:
        ratio, low, high: B/A (Hodges-Lehmann) and its confidence interval;
        delta: Cliff's delta, from -1 (all of B below all of A) to 1;
        p: how likely samples as far apart are if nothing has changed, two-sided.
    """

    ratio: float
    low: float
    high: float
    delta: float
    p: float


def independent(a: Sequence[float], b: Sequence[float], margin: float) -> Shift:
    """Of runs that stand alone, by Mann and Whitney's test. Samples are above 0.

    margin: 0.05 lets a host that is up to 5 % faster or slower for one of the runs count as nothing.
    """
    x, y = _logs(a), _logs(b)
    away = math.log1p(margin)
    above = _mann_whitney(y, x + away, "greater")
    below = _mann_whitney(y, x - away, "less")
    n, m = len(x), len(y)
    shifts = np.sort(np.subtract.outer(y, x), axis=None)
    ratio, low, high = _interval(shifts, math.sqrt(n * m * (n + m + 1) / 12))
    return Shift(ratio, low, high, _cliff(x, y), min(1.0, 2 * min(above, below)))


def in_turns(a: Sequence[float], b: Sequence[float]) -> Shift:
    """Of runs in turns: a[i] and b[i] are of one round, taken one right after the other. Samples are above 0.

    The statistic is Mann and Whitney's, B's sum of ranks among all samples; the permutations exchange A and B
    within rounds only, so that what changes from round to round does not matter. Differences within
    rounds tested by Wilcoxon's signed ranks would let two outliers in twenty rounds hide a shift of 10 %.
    """
    x, y = _logs(a), _logs(b)
    n = len(x)
    ranks = stats.rankdata(np.concatenate([x, y]))
    above, below = _exchanged(ranks[n:] - ranks[:n])
    apart = y - x
    first, second = np.triu_indices(n)
    walsh = np.sort((apart[first] + apart[second]) / 2)
    ratio, low, high = _interval(walsh, math.sqrt(n * (n + 1) * (2 * n + 1) / 24))
    return Shift(ratio, low, high, _cliff(x, y), min(1.0, 2 * min(above, below)))


def drift(samples: Sequence[float]) -> float:
    """By which part a run's second half differs from its first, 0.05 for 5 %.

    Not whether that could be chance: a run too noisy to show how its host moved is no proof that it stood.
    """
    half = len(samples) // 2
    if half == 0:
        return 0.0
    first, second = _logs(samples[:half]), _logs(samples[-half:])
    return math.expm1(abs(float(np.median(np.subtract.outer(second, first)))))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: with those at most alpha called changes, the chance that any one of them is
    a false alarm is at most alpha.
    """
    count = len(p_values)
    adjusted = [0.0] * count
    highest = 0.0
    for rank, index in enumerate(sorted(range(count), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def needed(alpha: float, tests: int, turns: bool) -> int:
    """How many samples of each run it takes for any verdict at all: with fewer, the smallest p-value that
    there can be is above alpha, corrected for so many tests.
    """
    n = 1
    while 2 / (2**n if turns else math.comb(2 * n, n)) > alpha / tests:
        n += 1
    return n


def needed_to_tell(shift: Shift, count: int, margin: float) -> int:
    """About how many samples would narrow the interval to the margin on both sides: its width goes
    with the root of their number.
    """
    half = math.log(shift.high / shift.low) / 2
    return math.ceil(count * (half / math.log1p(margin)) ** 2)


def _logs(samples: Sequence[float]) -> Samples:
    return np.log(np.asarray(samples, dtype=np.float64))


def _mann_whitney(y: Samples, x: Samples, side: str) -> float:
    method: object = "asymptotic"
    if _tied(np.concatenate([x, y])):
        method = stats.PermutationMethod(n_resamples=_RESAMPLES, rng=np.random.default_rng(_SEED))
    elif len(x) * len(y) <= _EXACT_PAIRS:
        method = "exact"
    return float(stats.mannwhitneyu(y, x, alternative=side, method=method).pvalue)


def _exchanged(apart: Samples) -> tuple[float, float]:
    """p-values of the sum of the differences `apart` of ranks, against all exchanges of signs: of a sum as
    high, and of one as low.
    """
    weights = np.rint(2 * np.abs(apart)).astype(np.int64)  # tied ranks are halves
    if len(apart) > _EXACT_ROUNDS:
        z = float(np.sum(apart)) / math.sqrt(float(np.sum(apart**2)) or 1.0)
        return float(stats.norm.sf(z)), float(stats.norm.cdf(z))
    chances = np.zeros(int(weights.sum()) + 1)  # of each sum of the weights with a positive sign
    chances[0] = 1.0
    for weight in weights:
        with_it = np.zeros_like(chances)
        with_it[weight:] = chances[: len(chances) - weight]
        chances = (chances + with_it) / 2
    positive = int(weights[apart > 0].sum())
    negative = int(weights[apart < 0].sum())
    return float(chances[positive:].sum()), float(chances[negative:].sum())


def _cliff(x: Samples, y: Samples) -> float:
    return float(np.mean(np.sign(np.subtract.outer(y, x))))


def _tied(samples: Samples) -> bool:
    return len(np.unique(samples)) < len(samples)


def _interval(ordered: Samples, deviation: float) -> tuple[float, float, float]:
    """The middle of the ordered pairwise shifts, and the two of them between which the true one lies;
    `deviation`: of the test's statistic.
    """
    count = len(ordered)
    outside = max(0, math.floor(count / 2 - _Z * deviation))
    low, high = ordered[outside], ordered[count - 1 - outside]
    return math.exp(np.median(ordered)), math.exp(low), math.exp(high)
