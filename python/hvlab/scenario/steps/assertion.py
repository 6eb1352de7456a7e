# SPDX-License-Identifier: GPL-2.0-or-later
"""The step `assert`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from hvlab.scenario.context import CheckContext, RunContext
from hvlab.scenario.expression import is_comparison
from hvlab.scenario.shapes import Kind, format_value
from hvlab.scenario.steps.base import StepBody


class Assert(StepBody):
    """Compares what earlier steps named, as `assert: digest.sum == "2c7a..."`; shows each operand
    if it fails.
    """

    keyword: ClassVar[str] = "assert"
    shorthand: ClassVar[str | None] = "that"
    example: ClassVar[str] = """\
- expect: {text: "ready", within: 1s, as: up}
- assert: up.time < 1*ms
- assert: {that: '"panic" not in console.text', message: the guest has panicked}
"""

    that: str = Field(
        min_length=1,
        description="An expression that has to be true.",
        examples=["ready.time < 5*second"],
    )
    message: str | None = Field(default=None, description="What it means when it is not true.")

    def title(self) -> str:
        return f"assert {' '.join(self.that.split())}"

    def check(self, context: CheckContext) -> None:
        checked = context.expression(self.that, "that")
        if checked is None:
            return
        parsed, kind = checked
        if kind is not Kind.TRUTH or not is_comparison(parsed):
            message = (
                "nothing is compared here: an assertion is true or false, as in x.time < 5*second"
            )
            context.expression_problem(self.that, "that", 0, len(parsed.text), message)

    def run(self, context: RunContext) -> None:
        result = context.evaluate(self.that)
        if result.value is True:
            return
        operands = dict(result.operands)
        if result.value is not False:
            context.fail(f"gives {format_value(result.value)}, not true or false", operands)
        context.fail(self.message or f"not true: {' '.join(self.that.split())}", operands)
