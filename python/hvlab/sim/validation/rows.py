# SPDX-License-Identifier: GPL-2.0-or-later
"""One line of the table of a validation, and how it is judged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

CONFIDENCE = 0.999  # of each interval: there are dozens, and one of them would miss at 0.95


@dataclass(frozen=True)
class Row:
    """A comparison.

    Attributes:
        check: what is compared; setting: with what; quantity: of what, with its unit.
        expected: what theory or a promise says; measured: what the simulator says.
        tolerance: how far they may be apart; one-sided ones (`at_most`) may be below by any amount.
    """

    check: str
    setting: str
    quantity: str
    expected: float
    measured: float
    tolerance: float
    at_most: bool = False

    @property
    def missed(self) -> float:
        """How far it is off; never negative."""
        apart = self.measured - self.expected
        return max(0.0, apart) if self.at_most else abs(apart)

    @property
    def holds(self) -> bool:
        """NaN never holds."""
        return self.missed <= self.tolerance and not math.isnan(self.measured)

    @property
    def margin(self) -> float:
        """What is left of the tolerance, as a share: 1 if it is met exactly, below 0 if it is missed."""
        if self.tolerance == 0:
            return 1.0 if self.holds else -math.inf
        return 1 - self.missed / self.tolerance


def from_replications(
    check: str, setting: str, quantity: str, expected: float, found: Sequence[float], bias: float
) -> Row:
    """The mean of independent replications against `expected`: it must lie in their confidence interval,
    widened by `bias`: by how much the model is known to differ from the theory.
    """
    mean = sum(found) / len(found)
    error = stats.sem(found)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(found) - 1)) * float(error)
    return Row(check, setting, quantity, expected, mean, half + bias)
