# SPDX-License-Identifier: GPL-2.0-or-later
"""How two samples of a noisy measure are told apart: rank tests against a margin, an interval for the ratio,
Cliff's delta, Holm's correction.

Everything is about the logarithms of the samples, so that it is about ratios. The tests are permutation
tests of ranks, exact where samples are small: one slow outlier weighs as much as any other rank, and no
shape of the noise is assumed.

    Hollander, Wolfe, Chicken: Nonparametric Statistical Methods, 3rd ed., ch. 3 and 4 (tests, Hodges-Lehmann
    estimates and their intervals)
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
_EXACT_ROUNDS = 50
_RESAMPLES = 9_999
# Of the permutations that are drawn where there are ties and many samples: same samples, same verdict.
_SEED = 1

Samples = NDArray[np.float64]


@dataclass(frozen=True)
class Shift:
    """How B stands to A.

    Attributes:
        ratio, low, high: B/A (Hodges-Lehmann) and its confidence interval;
        delta: Cliff's delta, from -1 (all of B below all of A) to 1; between runs in turns the matched-pairs
        rank-biserial correlation;
        p: how likely samples as far apart are if B is within the margin of A, two-sided.
    """

    ratio: float
    low: float
    high: float
    delta: float
    p: float


def independent(a: Sequence[float], b: Sequence[float], margin: float) -> Shift:
    """Of runs that stand alone (Wilcoxon-Mann-Whitney). Samples are above 0; margin: 0.05 is 5 %."""
    x, y = _logs(a), _logs(b)
    away = math.log1p(margin)
    above = _mann_whitney(y, x + away, "greater")
    below = _mann_whitney(y, x - away, "less")
    pairs = np.sort(np.subtract.outer(y, x), axis=None)
    n, m = len(x), len(y)
    ratio, low, high = _interval(pairs, math.sqrt(n * m * (n + m + 1) / 12))
    delta = float(np.mean(np.sign(pairs)))
    return Shift(ratio, low, high, delta, min(1.0, 2 * min(above, below)))


def paired(a: Sequence[float], b: Sequence[float], margin: float) -> Shift:
    """Of runs in turns: a[i] and b[i] were taken one right after the other (Wilcoxon signed-rank)."""
    apart = _logs(b) - _logs(a)
    away = math.log1p(margin)
    above = _signed_rank(apart - away, "greater")
    below = _signed_rank(apart + away, "less")
    n = len(apart)
    first, second = np.triu_indices(n)
    walsh = np.sort((apart[first] + apart[second]) / 2)
    ratio, low, high = _interval(walsh, math.sqrt(n * (n + 1) * (2 * n + 1) / 24))
    ranks = stats.rankdata(np.abs(apart))
    delta = float(np.sum(np.sign(apart) * ranks) / np.sum(ranks))
    return Shift(ratio, low, high, delta, min(1.0, 2 * min(above, below)))


def drifted(samples: Sequence[float], margin: float, alpha: float = 0.01) -> bool:
    """Whether the second half of a run differs from the first by more than the margin: then its samples
    are not of one and the same host, and no test that shuffles them holds.
    """
    half = len(samples) // 2
    if 2 / math.comb(2 * half, half) > alpha:
        return False
    return independent(samples[:half], samples[-half:], margin).p <= alpha


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


def needed(alpha: float, tests: int, in_turns: bool) -> int:
    """How many samples of each run it takes for any verdict at all: with fewer, the smallest p-value that
    there can be is above alpha, corrected for so many tests.
    """
    n = 1
    while 2 / (2**n if in_turns else math.comb(2 * n, n)) > alpha / tests:
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


def _signed_rank(apart: Samples, side: str) -> float:
    method: object = "asymptotic"
    if _tied(np.abs(apart)) or np.any(apart == 0):
        method = stats.PermutationMethod(n_resamples=_RESAMPLES, rng=np.random.default_rng(_SEED))
    elif len(apart) <= _EXACT_ROUNDS:
        method = "exact"
    # Pratt: a difference of 0 keeps its rank, and counts for neither side.
    return float(stats.wilcoxon(apart, zero_method="pratt", alternative=side, method=method).pvalue)


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
