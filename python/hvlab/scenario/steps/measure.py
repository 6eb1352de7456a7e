# SPDX-License-Identifier: GPL-2.0-or-later
"""The step `measure`."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import ClassVar

from pydantic import Field

from hvlab.scenario.context import CheckContext, RunContext
from hvlab.scenario.expression import AbsentValue
from hvlab.scenario.fields import Name
from hvlab.scenario.shapes import Kind, format_value
from hvlab.scenario.steps.base import StepBody

_LIMIT = re.compile(r"\s*(<=|>=|<|>)\s*")
_HOLDS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


class Measure(StepBody):
    """Records a number under a name in the reports; with a `limit` it is an assertion too."""

    keyword: ClassVar[str] = "measure"
    example: ClassVar[str] = """\
- expect: {text: "ready", within: 1s, as: up}
- measure: {name: boot_time, value: up.time, limit: "< 1*ms"}
"""

    name: Name = Field(description="Its name in the reports.", examples=["boot_time"])
    value: str = Field(min_length=1, description="An expression.", examples=["ready.time"])
    limit: str | None = Field(
        default=None, description="A comparison and what it is with.", examples=["< 5*second"]
    )

    def title(self) -> str:
        return f"measure {self.name}"

    def check(self, context: CheckContext) -> None:
        # Where there is no such figure, it is absent from the reports; a limit would not be checked.
        context.measures(self.name)
        checked = context.expression(self.value, "value", absent_ok=self.limit is None)
        kind = checked[1] if checked else Kind.ANY
        if kind in (Kind.TEXT, Kind.TRUTH):
            context.problem(f"{kind} can't be measured; int(...) makes a number of a text", "value")
            kind = Kind.ANY
        if self.limit is None:
            return
        match = _LIMIT.match(self.limit)
        if match is None:
            context.problem("a limit begins with <, <=, > or >=, as in '< 5*second'", "limit")
            return
        limited = context.expression(self.limit, "limit", match.end())
        if limited is None or Kind.ANY in (kind, limited[1]) or kind is limited[1]:
            return
        if limited[1] is Kind.NUMBER and limited[0].text.strip() != "0":
            example = "5*second" if kind is Kind.TIME else "5*MiB"
            context.problem(
                f"the limit has no unit, for {kind}; write it as in '{match[1]} {example}'", "limit"
            )
        elif limited[1] is not Kind.NUMBER:
            context.problem(f"the limit is {limited[1]}, the value is {kind}", "limit")

    def run(self, context: RunContext) -> None:
        try:
            kind = context.kind(self.value)
        except AbsentValue:
            return
        result = context.evaluate(self.value)
        number = result.value
        if (
            isinstance(number, bool)
            or not isinstance(number, int | float)
            or not math.isfinite(number)
        ):
            context.fail(f"{format_value(number)} can't be measured", dict(result.operands))
        match = _LIMIT.match(self.limit) if self.limit else None
        if self.limit is None or match is None:
            context.measure(self.name, number, kind, "", None)
            return
        limit = context.evaluate(self.limit[match.end() :])
        if isinstance(limit.value, bool) or not isinstance(limit.value, int | float):
            context.fail(
                f"the limit {format_value(limit.value)} is not a number", dict(limit.operands)
            )
        held = _HOLDS[match[1]](number, limit.value)
        context.measure(self.name, number, kind, self.limit.strip(), held)
        if not held:
            shown, most = format_value(number, kind), format_value(limit.value, kind)
            operands = dict(result.operands) | dict(limit.operands)
            context.fail(f"{self.name} is {shown}, over its limit: {match[1]} {most}", operands)
