# SPDX-License-Identifier: GPL-2.0-or-later
"""Who wants to know how a run goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hvlab.scenario.document import Case
    from hvlab.scenario.results import CaseResult
    from hvlab.scenario.steps import Step


class Observer:
    """Is told how a run goes, from the thread that runs it. A subclass takes what it needs.

    Attributes:
        interval: seconds between two calls of `progress`; None for never.
    """

    interval: float | None = None

    def case_started(self, case: Case) -> None:
        """A case begins. Not called for one that is skipped."""

    def step_started(self, case: Case, index: int, step: Step) -> None:
        """A step of it begins."""

    def progress(self, guest_time: int, instructions: int | None) -> None:
        """The guest has run for about `interval` seconds more."""

    def case_finished(self, result: CaseResult) -> None:
        """A case is done, or was skipped."""
