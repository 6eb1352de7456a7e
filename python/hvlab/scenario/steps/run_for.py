# SPDX-License-Identifier: GPL-2.0-or-later
"""The step `run_for`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from hvlab import units
from hvlab.scenario.context import CheckContext, RunContext
from hvlab.scenario.fields import Duration
from hvlab.scenario.steps.base import StepBody


class RunFor(StepBody):
    """Runs all machines for a guest time, as `run_for: 2s`. Fails if a guest stops before."""

    keyword: ClassVar[str] = "run_for"
    shorthand: ClassVar[str | None] = "time"
    example: ClassVar[str] = "- run_for: 50ms\n"

    time: Duration = Field(description="Guest time.")

    def title(self) -> str:
        return f"run_for {units.format_duration(self.time)}"

    def check(self, context: CheckContext) -> None:
        context.needs_machines()

    def run(self, context: RunContext) -> None:
        stop = context.run(within=self.time)
        if str(stop.reason) != "deadline":
            wanted = units.format_duration(self.time)
            who = context.called(stop.machine)
            context.fail(f"{who} stopped before {wanted} had passed: {stop.message}")
