# SPDX-License-Identifier: GPL-2.0-or-later
"""Times as a shared host gives them, made up: for the tests of statistics, and for bench/power.py."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# So many samples of A, and of B.
Streams = Callable[[np.random.Generator, int], tuple[Floats, Floats]]


def host_noise(
    rng: np.random.Generator, count: int, spread: float, drift: float, correlated: float
) -> Floats:
    """Times of equal work on a shared host: log-normal noise, a slow drift, a random walk that comes back,
    and one sample in twenty that is up to three times as long.
    """
    walk = np.zeros(count)
    for i in range(1, count):
        walk[i] = 0.9 * walk[i - 1] + rng.normal(0, correlated)
    trend = 1 + drift * np.arange(count) / count
    outliers = np.where(rng.random(count) < 0.05, rng.uniform(1.2, 3, count), 1)
    return 0.3 * trend * np.exp(walk + rng.normal(0, spread, count)) * outliers


def turns(spread: float, drift: float = 0.1, correlated: float = 0.01) -> Streams:
    """A B, B A, A B... of one host."""

    def make(rng: np.random.Generator, count: int) -> tuple[Floats, Floats]:
        rounds = host_noise(rng, 2 * count, spread, drift, correlated).reshape(count, 2)
        rounds[1::2] = rounds[1::2, ::-1]
        return rounds[:, 0], rounds[:, 1]

    return make


def alone(spread: float, drift: float = 0.0, correlated: float = 0.0) -> Streams:
    """All of A, then all of B."""

    def make(rng: np.random.Generator, count: int) -> tuple[Floats, Floats]:
        samples = host_noise(rng, 2 * count, spread, drift, correlated)
        return samples[:count], samples[count:]

    return make
