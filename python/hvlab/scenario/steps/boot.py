# SPDX-License-Identifier: GPL-2.0-or-later
"""The step `boot`."""

from __future__ import annotations

from typing import ClassVar

from hvlab.scenario.context import CheckContext, RunContext
from hvlab.scenario.steps.base import MachineStep


class Boot(MachineStep):
    """Makes a machine as it is described and loads what it boots; without `machine`, all that are
    not up. The guest runs from the next step on.
    """

    keyword: ClassVar[str] = "boot"
    shorthand: ClassVar[str | None] = "machine"
    example: ClassVar[str] = """\
- boot: {}
- expect: {text: "ready", within: 1s}
"""

    def title(self) -> str:
        return "boot" if self.machine is None else f"boot {self.machine}"

    def check(self, context: CheckContext) -> None:
        context.boots(self.machine)

    def run(self, context: RunContext) -> None:
        context.boot(self.machine)
