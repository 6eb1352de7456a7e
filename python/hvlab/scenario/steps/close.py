# SPDX-License-Identifier: GPL-2.0-or-later
"""The step `close`."""

from __future__ import annotations

from typing import ClassVar

from hvlab.scenario.context import CheckContext, RunContext
from hvlab.scenario.steps.base import MachineStep


class Close(MachineStep):
    """Powers a machine off for good and frees it. A later `boot` makes a new one."""

    keyword: ClassVar[str] = "close"
    example: ClassVar[str] = """\
- expect: {text: "ready", within: 1s}
- close: {}
- boot: {}
- expect: {text: "ready", within: 1s}
"""
    shorthand: ClassVar[str | None] = "machine"

    def title(self) -> str:
        return "close" if self.machine is None else f"close {self.machine}"

    def check(self, context: CheckContext) -> None:
        context.closes(self.machine)

    def run(self, context: RunContext) -> None:
        context.close(self.machine)
