# SPDX-License-Identifier: GPL-2.0-or-later
"""How noisy measures are compared: against scipy's own permutation test, and on noise as hosts have it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from host_noise import Floats, Streams, alone, turns
from hvlab.performance import statistics
from hvlab.performance.compare import Comparison, Options, Verdict, compare
from hvlab.performance.runs import Case, Facts, Measure, Run

FACTS = Facts(hvlab="1", engine="e", cpu="c", cpus=2, kernel="k", python="3", workers=1)


def run(times: dict[str, Floats], pairing: str) -> Run:
    cases = [
        Case(
            id=f"f::{name}", file="f", name=name, backend="kvm", kvm="", parameters={}, images={},
            repetitions=list(range(len(samples))), seeds=[1] * len(samples), failed=0,
            measures=[Measure(name="wall", unit="s", better="lower", samples=samples.tolist())],
        )
        for name, samples in times.items()
    ]  # fmt: skip
    return Run(started="", facts=FACTS, pairing=pairing, cases=cases)


def compared(
    make: Streams, count: int, slowdown: float, seed: int, in_turns: bool, cases: int = 2
) -> Comparison:
    """A whole comparison of two runs of `cases` cases; only the first of B's is slower."""
    rng = np.random.default_rng(seed)
    a, b = {}, {}
    for i in range(cases):
        x, y = make(rng, count)
        a[f"c{i}"], b[f"c{i}"] = x, y * (slowdown if i == 0 else 1)
    pairing = "p" if in_turns else ""
    return compare(run(a, pairing), run(b, pairing), Options())


def changes(comparison: Comparison) -> int:
    return sum(row.verdict in (Verdict.BETTER, Verdict.WORSE) for row in comparison.rows)


# The tests themselves.


@pytest.mark.parametrize("seed", range(5))
def test_a_run_alone_is_tested_as_scipys_permutation_test_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.lognormal(0, 0.1, 6), rng.lognormal(0.1, 0.1, 5)
    away = 1.03
    expected = 1.0
    for x, y, side in ((a * away, b, "greater"), (a / away, b, "less")):
        ranks = stats.rankdata(np.concatenate([x, y]))
        found = stats.permutation_test(
            (ranks[6:], ranks[:6]),
            lambda p, q, axis: np.mean(p, axis=axis) - np.mean(q, axis=axis),
            alternative=side, n_resamples=np.inf,
        )  # fmt: skip
        expected = min(expected, 2 * found.pvalue)
    assert statistics.independent(a, b, 0.03).p == pytest.approx(expected)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_turns_are_tested_as_all_exchanges_within_rounds_have_it(seed: int, tied: bool) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.lognormal(0, 0.1, 9), rng.lognormal(0.08, 0.1, 9)
    if tied:
        a, b = np.round(a, 1), np.round(b, 1)
    ranks = stats.rankdata(np.concatenate([a, b]))
    apart = ranks[9:] - ranks[:9]
    signs = 1 - 2 * ((np.arange(2**9)[:, None] >> np.arange(9)) & 1)
    sums = signs @ apart
    high, low = np.mean(sums >= apart.sum()), np.mean(sums <= apart.sum())
    assert statistics.in_turns(a, b).p == pytest.approx(min(1.0, 2 * min(high, low)))


def test_many_rounds_are_tested_by_the_normal_approximation() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.lognormal(0, 0.1, 200), rng.lognormal(0.02, 0.1, 200)
    exact = statistics.in_turns(a, b).p
    a, b = np.append(a, [1, 1]), np.append(b, [1, 1])  # over the bound
    assert statistics.in_turns(a, b).p == pytest.approx(exact, rel=0.1)


@pytest.mark.parametrize("in_turns", [True, False])
def test_the_interval_holds_the_truth_as_often_as_it_says(in_turns: bool) -> None:
    make = (turns if in_turns else alone)(0.05)
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(400):
        a, b = make(rng, 20)
        b = b * 1.2
        shift = statistics.in_turns(a, b) if in_turns else statistics.independent(a, b, 0)
        assert shift.low <= shift.ratio <= shift.high
        held += shift.low <= 1.2 <= shift.high
    assert 0.92 <= held / 400 <= 0.99


def test_cliffs_delta() -> None:
    assert statistics.independent([1, 2, 3], [4, 5, 6], 0).delta == 1
    assert statistics.independent([4, 5, 6], [1, 2, 3], 0).delta == -1
    assert statistics.independent([1, 4], [2, 3], 0).delta == 0


def test_holm() -> None:
    # Worked through by hand: 4 * 0.005, 3 * 0.01, 2 * 0.03, 0.04 raised to the one before.
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([0.9, 0.8]) == [1.0, 1.0]
    assert statistics.holm([]) == []


@pytest.mark.parametrize(("tests", "in_turns"), [(1, True), (1, False), (12, True), (12, False)])
def test_as_few_samples_as_said_are_enough_and_one_less_is_not(tests: int, in_turns: bool) -> None:
    least = statistics.needed(0.01, tests, in_turns)
    for count, enough in ((least, True), (least - 1, False)):
        a = np.arange(1, count + 1) / 1000 + 1
        shift = statistics.in_turns(a, a * 2) if in_turns else statistics.independent(a, a * 2, 0)
        assert (shift.p * tests <= 0.01) is enough


def test_drift_within_a_run_is_seen() -> None:
    rng = np.random.default_rng(1)
    steady = rng.lognormal(0, 0.02, 20)
    assert statistics.drift(steady) < 0.03
    assert statistics.drift(steady * np.repeat([1, 1.1], 10)) == pytest.approx(0.1, abs=0.03)
    assert statistics.drift([1.0]) == 0


# False alarms and power, on noise as hosts have it. The seeds are fixed: these either hold or do not.


@pytest.mark.parametrize(
    ("make", "in_turns"),
    [
        (turns(0.05), True),
        (turns(0.2, drift=0.3, correlated=0.05), True),  # a host that others use
        (alone(0.05), False),
        (alone(0.05, drift=0.1), False),
    ],
    ids=["turns", "turns-busy", "alone", "alone-drift"],
)
def test_at_most_one_of_fifty_comparisons_of_equals_is_a_false_alarm(
    make: Streams, in_turns: bool
) -> None:
    for block in range(2):
        seeds = range(50 * block, 50 * block + 50)
        alarms = sum(changes(compared(make, 20, 1.0, seed, in_turns)) > 0 for seed in seeds)
        assert alarms <= 1


@pytest.mark.parametrize(
    ("make", "in_turns", "count"),
    [(turns(0.03), True, 20), (turns(0.05), True, 30), (alone(0.02), False, 20)],
    ids=["turns", "turns-noisy", "alone"],
)
def test_a_slowdown_of_ten_percent_is_found(make: Streams, in_turns: bool, count: int) -> None:
    """With as many repetitions as docs/performance.md names."""
    found = [compared(make, count, 1.1, seed, in_turns) for seed in range(100)]
    assert sum(c.rows[0].verdict is Verdict.WORSE for c in found) >= 95
    assert sum(c.rows[1].verdict in (Verdict.BETTER, Verdict.WORSE) for c in found) <= 2


def test_a_change_below_the_floor_is_never_called_one() -> None:
    make = turns(0.001, drift=0, correlated=0)  # so quiet that 3 % is plain to see
    comparison = compared(make, 40, 1.03, 1, True)
    row = comparison.rows[0]
    assert row.p is not None
    assert row.p < 1e-6
    assert row.verdict is Verdict.SAME
    assert not comparison.regressed
    assert compared(make, 40, 1.06, 1, True).regressed


def test_an_interval_that_leaves_room_for_a_change_is_not_called_same() -> None:
    rows = compared(turns(0.2), 10, 1.0, 7, True).rows
    assert {row.verdict for row in rows} == {Verdict.UNCLEAR}
    assert all("repetitions would tell" in row.note for row in rows)


def test_a_host_that_moves_raises_the_floor_of_runs_alone() -> None:
    rng = np.random.default_rng(2)
    x = rng.lognormal(0, 0.005, 20) * np.linspace(1, 1.3, 20)
    y = rng.lognormal(0, 0.005, 20) * np.linspace(1.3, 1.6, 20)
    a, b = run({"c": x}, ""), run({"c": y}, "")
    row = compare(a, b, Options()).rows[0]
    assert row.verdict is not Verdict.WORSE
    assert "off its first in" in row.note
    assert row.floor is not None
    assert row.floor > 0.2
    assert math.isclose(Options().floor, 0.05)
