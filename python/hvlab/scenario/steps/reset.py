# SPDX-License-Identifier: GPL-2.0-or-later
"""The step `reset`."""

from __future__ import annotations

from typing import ClassVar

from hvlab.scenario.context import CheckContext, RunContext
from hvlab.scenario.steps.base import MachineStep


class Reset(MachineStep):
    """A hardware reset of a machine, now: CPU and devices as at power-on, what was booted in memory
    anew, the rest of memory as it is. One that has ended runs again.
    """

    keyword: ClassVar[str] = "reset"
    example: ClassVar[str] = """\
- expect: {text: "ready", within: 1s}
- reset: {}
- expect: {text: "ready", within: 1s}
"""
    shorthand: ClassVar[str | None] = "machine"

    def title(self) -> str:
        return "reset" if self.machine is None else f"reset {self.machine}"

    def check(self, context: CheckContext) -> None:
        context.needs_machine(self.machine)

    def run(self, context: RunContext) -> None:
        context.reset(self.machine)
