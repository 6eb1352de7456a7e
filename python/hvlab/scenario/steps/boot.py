# SPDX-License-Identifier: GPL-2.0-or-later
"""The step `boot`."""

from __future__ import annotations

from typing import ClassVar

from hvlab.scenario.context import CheckContext, RunContext
from hvlab.scenario.steps.base import StepBody


class Boot(StepBody):
    """Makes the machine that `machine` describes and loads what it boots. The guest runs from the
    next step on.
    """

    keyword: ClassVar[str] = "boot"
    example: ClassVar[str] = """\
- boot: {}
- expect: {text: "ready", within: 1s}
"""

    def title(self) -> str:
        return "boot"

    def check(self, context: CheckContext) -> None:
        context.boots()

    def run(self, context: RunContext) -> None:
        context.boot()
