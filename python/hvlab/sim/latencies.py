# SPDX-License-Identifier: GPL-2.0-or-later
"""Distributions of response times: frames with columns `low`, `high` (ns, ends of a cell), `count`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hvlab import _core
from hvlab.sim.frame import Frame, FrameError

Integers = NDArray[np.int64]


def histogram(samples: Sequence[int] | Sequence[float] | NDArray[np.number]) -> Frame:
    """Of response times in ns, such as those of a real system, in the cells that the simulator uses: 128 to
    an octave, so within 0.4 %. Fractions of a ns are cut off. Raises FrameError.
    """
    try:
        values = np.asarray(samples)
        if values.size and not np.all(np.isfinite(values)):
            raise FrameError("response times are finite")
        return Frame(_core.SimTable.latencies(values.astype(np.int64).data))
    except (TypeError, ValueError) as error:
        raise FrameError(str(error)) from None


def quantile(frame: Frame, p: float) -> float:
    """The smallest response time, ns, that at least the share `p` of all does not exceed: the middle of its
    cell, so within 0.4 %. NaN if there was none.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"a share is between 0 and 1, not {p}")
    low, high, passed = cumulative(frame)
    if not len(passed) or not passed[-1]:
        return math.nan
    # A product that rounding put just above a whole number means that number.
    wanted = max(1, math.ceil(np.nextafter(p * float(passed[-1]), 0)))
    index = int(np.searchsorted(passed, wanted))
    return float(low[index] + high[index]) / 2


def cumulative(frame: Frame) -> tuple[Integers, Integers, Integers]:
    """The cells by rising time, those of several histograms added: low, high, responses up to there."""
    low, place = np.unique(frame["low"], return_inverse=True)
    count = np.zeros(len(low), dtype=np.int64)
    np.add.at(count, place, frame["count"])
    high = np.zeros(len(low), dtype=np.int64)
    high[place] = frame["high"]
    return low, high, np.cumsum(count)
