# SPDX-License-Identifier: GPL-2.0-or-later
"""How many repetitions it takes to find a slowdown, by how noisy the host is:
`.venv/bin/python bench/power.py`.

Made-up noise (tests/python/host_noise.py) with fixed seeds, so that the table is the same everywhere.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy import stats

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests/python")]

from host_noise import Streams, alone, turns  # noqa: E402
from hvlab.performance import statistics  # noqa: E402
from hvlab.performance.compare import ALPHA, FLOOR  # noqa: E402

TRIALS = 300
COUNTS = (10, 20, 30, 40)
SLOWDOWN = 1.1


def share(make: Streams, count: int, factor: float, how: str) -> float:
    """Of the trials, those that are called a change in the direction of `factor`; both if it is 1."""
    rng = np.random.default_rng(1)
    called = 0
    for _ in range(TRIALS):
        a, b = make(rng, count)
        b = b * factor
        if how == "in turns":
            shift = statistics.in_turns(a, b)
            p, ratio = shift.p, shift.ratio
        elif how == "alone":
            moved = max(statistics.drift(a), statistics.drift(b))  # as compare.py has it
            shift = statistics.independent(a, b, max(FLOOR, (1 + moved) ** 2 - 1))
            p, ratio = shift.p, shift.ratio
        else:  # what in_turns() is not, and why
            p = stats.wilcoxon(np.log(b) - np.log(a)).pvalue
            ratio = statistics.in_turns(a, b).ratio
        up, down = ratio > 1 + FLOOR, ratio < 1 / (1 + FLOOR)
        called += p <= ALPHA and (up or (down and factor == 1))
    return called / TRIALS


def main() -> int:
    print(
        f"share called a change, of {TRIALS}; noise floor {FLOOR:.0%}, alpha {ALPHA:.0%}, one measure"
    )
    for how, stream in (("in turns", turns), ("signed ranks", turns), ("alone", alone)):
        for spread in (0.01, 0.02, 0.03, 0.05, 0.1):
            for factor in (1.0, SLOWDOWN):
                shares = [share(stream(spread), count, factor, how) for count in COUNTS]
                cells = "  ".join(
                    f"{count}: {part:6.1%}" for count, part in zip(COUNTS, shares, strict=True)
                )
                print(f"{how:<12}  noise {spread:3.0%}  B/A {factor:.2f}   {cells}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
