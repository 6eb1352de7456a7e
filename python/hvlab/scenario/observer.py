# SPDX-License-Identifier: GPL-2.0-or-later
"""Who wants to know how a case goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hvlab.scenario.document import Case
    from hvlab.scenario.steps import Step


class Observer:
    """Is told how a case goes, from the thread that runs it. A subclass takes what it needs.

    Attributes:
        interval: seconds between two calls of `progress`; None for never.
    """

    interval: float | None = None

    def step_started(self, case: Case, index: int, step: Step) -> None:
        """A step begins."""

    def progress(self, guest_time: int, instructions: int | None) -> None:
        """The guest has run for about `interval` seconds more."""
