# SPDX-License-Identifier: GPL-2.0-or-later
"""The statistics of experiments against textbook figures, SciPy and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from hvlab.sim.experiments.jobs import replication_seed
from hvlab.sim.experiments.statistics import differences, enough, interval, mser5

# Law, Simulation Modeling and Analysis, 5th ed., example 4.27: ten observations, 90 %.
LAW = (1.20, 1.50, 1.68, 1.89, 0.95, 1.49, 1.58, 1.55, 0.50, 1.09)


def test_interval_of_the_textbook() -> None:
    found = interval(LAW, 0.90)
    assert found.mean == pytest.approx(1.343, abs=5e-4)
    assert found.half == pytest.approx(0.24, abs=5e-3)
    assert found.count == 10


def test_interval_leaves_out_what_has_no_value() -> None:
    assert interval([1, math.nan, 3], 0.95) == interval([1, 3], 0.95)
    assert math.isnan(interval([math.nan], 0.95).mean)
    one = interval([2.5], 0.95)
    assert (one.mean, one.count) == (2.5, 1)
    assert math.isnan(one.low)
    assert math.isnan(one.relative)


def test_relative_width() -> None:
    assert interval([2, 2, 2], 0.95).relative == 0
    assert interval([0, 0], 0.95).relative == 0
    assert interval([-1, 1], 0.95).relative == math.inf
    values = [9.0, 10.0, 11.0]
    half = stats.t.ppf(0.975, 2) / math.sqrt(3)
    assert interval(values, 0.95).relative == pytest.approx(half / 10)


def test_intervals_hold_the_mean_as_often_as_they_say() -> None:
    random = np.random.default_rng(1)
    held = 0
    for _ in range(2000):
        found = interval(random.normal(5, 2, 8).tolist(), 0.95)
        held += found.low <= 5 <= found.high
    assert 0.935 <= held / 2000 <= 0.965


def test_enough_is_the_first_that_is_narrow() -> None:
    values = [1.0, 2.0, 1.0, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5]
    counts = [n for n in range(2, 10) if interval(values[:n], 0.95).relative <= 0.3]
    assert enough(values, 0.95, (0.3, 0.0), 2) == counts[0]
    assert enough(values, 0.95, (0.3, 0.0), counts[0] + 1) == counts[0] + 1
    assert enough(values[: counts[0] - 1], 0.95, (0.3, 0.0), 2) is None
    # One value has no interval, however few are asked for.
    assert enough([1.0, 1.0], 0.95, (0.05, 0.0), 1) == 2
    assert enough([1.0], 0.95, (0.05, 0.0), 1) is None
    # Around 0 nothing is narrow relative to the mean; the bound of the width itself will do.
    small = [1e-6, -1e-6, 1e-6, -1e-6, 1e-6]
    assert enough(small, 0.95, (0.05, 0.0), 2) is None
    assert enough(small, 0.95, (0.0, 1e-4), 2) == 2


def test_mser5_finds_the_end_of_a_transient() -> None:
    random = np.random.default_rng(7)
    settled = random.normal(10, 1, 1000)
    settled[:100] += 20 * np.exp(-np.arange(100) / 20)
    cut = mser5(settled.tolist())
    assert cut is not None
    assert 40 <= cut <= 200
    assert cut % 5 == 0


def test_mser5_is_what_its_definition_says() -> None:
    found = set()
    for seed in range(40):
        series = np.random.default_rng(seed).normal(0, 1, 203)
        series[:30] += np.linspace(3, 0, 30)
        batches = series[:200].reshape(40, 5).mean(axis=1)
        errors = [np.var(batches[d:]) / (40 - d) for d in range(20)]
        best = int(np.argmin(errors))
        assert mser5(series.tolist()) == (None if best == 19 else 5 * best)
        found.add(best)
    assert len(found) > 3


def test_mser5_of_what_never_settles() -> None:
    assert mser5(list(np.linspace(0, 1, 500))) is None
    assert mser5([1.0] * 19) is None
    assert mser5([1.0] * 500) == 0


def test_differences_are_those_of_pairs() -> None:
    random = np.random.default_rng(5)
    noise = random.normal(0, 10, 12)
    baseline = (100 + noise).tolist()
    candidate = (101 + noise + random.normal(0, 0.5, 12)).tolist()
    (found,) = differences([(baseline, candidate)], 0.95)
    expected = stats.ttest_rel(candidate, baseline)
    assert found.p == pytest.approx(expected.pvalue)
    low, high = expected.confidence_interval(0.95)
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high))
    assert found.verdict(0.05) == "more"
    (back,) = differences([(candidate, baseline)], 0.95)
    assert back.verdict(0.05) == "less"


def test_several_are_corrected_together() -> None:
    random = np.random.default_rng(5)
    same = [(list(random.normal(0, 1, 10)), list(random.normal(0, 1, 10))) for _ in range(4)]
    apart = (list(random.normal(0, 1, 10)), list(random.normal(9, 1, 10)))
    alone = differences([apart], 0.95)[0].p
    found = differences([*same, apart], 0.95)
    assert found[-1].p == pytest.approx(5 * alone)
    assert [d.verdict(0.05) for d in found] == ["unclear"] * 4 + ["more"]


def test_differences_without_any_noise() -> None:
    equal, more, one = differences([([1, 1], [1, 1]), ([1, 2], [2, 3]), ([1], [2])], 0.95)
    assert (equal.p, equal.verdict(0.05)) == (1.0, "unclear")
    assert (more.p, more.verdict(0.05)) == (0.0, "more")
    assert math.isnan(one.p)
    assert one.verdict(0.05) == "unclear"


def test_seeds_hang_on_the_document_and_the_replication() -> None:
    seeds = {replication_seed(s, r) for s in range(50) for r in [*range(50), "pilot"]}
    assert len(seeds) == 50 * 51
    assert all(0 <= seed < 1 << 63 for seed in seeds)
    assert replication_seed(7, 3) == replication_seed(7, 3)
