# SPDX-License-Identifier: GPL-2.0-or-later
"""The step `send`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from hvlab.scenario.context import CheckContext, RunContext
from hvlab.scenario.steps.base import StepBody, quote


class Send(StepBody):
    """Types a text into the guest's console, as `send: "uname -a\\n"`. The guest reads it as it
    runs.
    """

    keyword: ClassVar[str] = "send"
    shorthand: ClassVar[str | None] = "text"

    text: str = Field(
        min_length=1, description="What to type; a line ends in \\n.", examples=["uname -a\n"]
    )

    def title(self) -> str:
        return f"send {quote(self.text)}"

    def check(self, context: CheckContext) -> None:
        context.needs_machine()

    def run(self, context: RunContext) -> None:
        context.machine.console.send(self.text)
