# SPDX-License-Identifier: GPL-2.0-or-later
"""How far a step may run: its own bounds, and what is left of the limits of its case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from hvlab import units

if TYPE_CHECKING:
    from hvlab.scenario.document import Case


class StepFailed(Exception):
    """A step did not find what it expected. `traceback`: of the user's Python, if that said so."""

    def __init__(
        self, message: str, operands: Mapping[str, str] | None = None, traceback: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.traceback = traceback
        self.operands = tuple((operands or {}).items())


class LimitExceeded(StepFailed):
    """The case has used up one of its limits."""


class Running(Protocol):
    """A case while it runs."""

    case: Case

    @property
    def time(self) -> int:
        """Guest time in ns of the foremost machine."""

    @property
    def instructions(self) -> int | None:
        """Retired by all machines."""

    @property
    def interval(self) -> float | None:
        """Seconds after which a run comes back to tell how it goes; None for never."""

    def wall_left(self) -> float:
        """Seconds until the case's wall limit. Raises LimitExceeded."""


class Bounds:
    """How far one step may run: its own bounds and what is left of the case's limits."""

    def __init__(self, run: Running, within: int, instructions: int | None) -> None:
        self._run = run
        self._limits = run.case.scenario.limits
        now = run.time
        self._end = now + within
        self._time_limit = self._limits.time
        self._time_limited = self._time_limit is not None and self._time_limit < self._end
        if self._time_limit is not None and self._time_limited:
            self._end = self._time_limit
        count = run.instructions
        self._last: int | None = None
        self._count_limited = False
        if count is not None:
            self._last = None if instructions is None else count + instructions
            most = self._limits.instructions
            if most is not None and (self._last is None or most < self._last):
                self._last, self._count_limited = most, True
        if self._time_limited and self._end <= now:
            self.check("deadline")
        if (
            self._count_limited
            and self._last is not None
            and count is not None
            and self._last <= count
        ):
            self.check("budget")

    def time_left(self) -> int:
        return max(self._end - self._run.time, 0)

    def instructions_left(self) -> int | None:
        count = self._run.instructions
        return None if self._last is None or count is None else max(self._last - count, 0)

    def wall_slice(self) -> float:
        left = self._run.wall_left()
        interval = self._run.interval
        return left if interval is None else min(left, interval)

    def check(self, reason: str) -> None:
        """Raises LimitExceeded if it was the case's limit that ended the run, and not the
        step's bound.
        """
        if reason == "deadline" and self._time_limited and self._time_limit is not None:
            shown = units.format_duration(self._time_limit)
            raise LimitExceeded(exceeded("time", shown, "of guest time", self._run.case))
        if reason == "budget" and self._count_limited:
            shown = f"{self._limits.instructions}"
            raise LimitExceeded(exceeded("instructions", shown, "instructions", self._run.case))


def exceeded(key: str, shown: str, what: str, case: Case) -> str:
    """The sentence about a limit of the case that was reached."""
    line = case.marks.keys.get(("limits", key))
    where = f" in line {line.line}" if line is not None else ", by default"
    return f"the case's limit was reached: {shown} {what} (limits.{key}{where})"
