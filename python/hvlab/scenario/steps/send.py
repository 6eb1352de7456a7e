# SPDX-License-Identifier: GPL-2.0-or-later
"""The step `send`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from hvlab.keyboard import untypable
from hvlab.scenario.context import CheckContext, RunContext
from hvlab.scenario.steps.base import MachineStep, quote


class Send(MachineStep):
    """Types a text into the guest's console, as `send: "uname -a\\n"`, or on its keyboard. The guest
    reads it as it runs.
    """

    keyword: ClassVar[str] = "send"
    shorthand: ClassVar[str | None] = "text"
    example: ClassVar[str] = r"""
- expect: {text: "ready", within: 1s}
- send: "hello\n"
- expect: {text: "echo: hello", within: 1s}
""".lstrip()

    text: str = Field(
        min_length=1, description="What to type; a line ends in \\n.", examples=["uname -a\n"]
    )

    to: Literal["console", "keyboard"] = Field(
        default="console",
        description="Where: the serial console, or the keyboard (US layout), when the guest waits "
        "for keys.",
    )

    def title(self) -> str:
        where = "" if self.to == "console" else " to the keyboard"
        return f"{self.of_machine()}send {quote(self.text)}{where}"

    def check(self, context: CheckContext) -> None:
        context.needs_machine(self.machine)
        missing = untypable(self.text) if self.to == "keyboard" else ""
        if missing:
            context.problem(f"no key types {missing!r}", "text")

    def run(self, context: RunContext) -> None:
        machine = context.machine(self.machine)
        if self.to == "keyboard":
            machine.keyboard.type(self.text)
        else:
            machine.console.send(self.text)
