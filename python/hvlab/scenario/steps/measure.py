# SPDX-License-Identifier: GPL-2.0-or-later
"""The step `measure`."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from hvlab.performance.baseline import EXACT, CaseBaselines
from hvlab.scenario.context import CheckContext, RunContext
from hvlab.scenario.expression import AbsentValue
from hvlab.scenario.fields import TEMPLATE_PATTERN, Name, describe, refuse
from hvlab.scenario.results import MeasureResult
from hvlab.scenario.shapes import Kind, format_value
from hvlab.scenario.steps.base import StepBody

_LIMIT = re.compile(r"\s*(<=|>=|<|>)\s*")
_HOLDS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_PERCENT = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,6})?) *%")
_UNITS: Mapping[Kind, str] = {Kind.TIME: "ns", Kind.SIZE: "B"}


def _tolerance(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise refuse(f"a tolerance has its unit (did you mean '{value}%'?), or is '{EXACT}'")
    if not isinstance(value, str):
        raise refuse(f"must be a tolerance, as in '2%', or '{EXACT}', not {describe(value)}")
    match = _PERCENT.fullmatch(value.strip())
    if match is None and value.strip() != EXACT:
        raise refuse(
            f"'{value[:60]}' is not a tolerance; write a percentage, as in '2%', or '{EXACT}'"
        )
    return EXACT if match is None or float(match[1]) == 0 else f"{match[1]}%"


Tolerance = Annotated[
    str,
    BeforeValidator(_tolerance),
    WithJsonSchema(
        {"type": "string", "pattern": f"^({EXACT}|{_PERCENT.pattern}|.*{TEMPLATE_PATTERN}.*)$"}
    ),
]


class Measure(StepBody):
    """Records a number under a name in the reports; with a `limit` or a `baseline` it is an
    assertion too.
    """

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
    better: Literal["lower", "higher"] | None = Field(
        default=None,
        description="Which direction is an improvement; by default as the limit says, and lower for "
        "times and sizes.",
    )
    baseline: Tolerance | None = Field(
        default=None,
        description="How far it may be, up or down, from its value in NAME.baseline.json: a percentage, "
        f"or '{EXACT}'.",
        examples=["2%", EXACT],
    )

    def title(self) -> str:
        return f"measure {self.name}"

    def check(self, context: CheckContext) -> None:
        context.measures(self.name)
        # Where there is no such figure, it is absent from the reports; what it is held to would not be
        # checked.
        free = self.limit is None and self.baseline is None
        checked = context.expression(self.value, "value", absent_ok=free)
        kind = checked[1] if checked else Kind.ANY
        if kind in (Kind.TEXT, Kind.TRUTH):
            context.problem(f"{kind} can't be measured; int(...) makes a number of a text", "value")
            kind = Kind.ANY
        if self.baseline == EXACT and kind is Kind.TIME and not context.counts:
            message = "guest time on kvm is no two times the same; give a tolerance, as in '10%'"
            context.problem(message, "baseline")
        self._check_limit(context, kind)

    def _check_limit(self, context: CheckContext, kind: Kind) -> None:
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
        evaluated = context.evaluate(self.value)
        number, operands = evaluated.value, dict(evaluated.operands)
        if (
            isinstance(number, bool)
            or not isinstance(number, int | float)
            or not math.isfinite(number)
        ):
            context.fail(f"{format_value(number)} can't be measured", operands)
        broken, more = self._broken_limit(context, number, kind)
        known = context.baselines.values.get(self.name) if context.baselines else None
        result = MeasureResult(
            name=self.name,
            value=number,
            unit=_UNITS.get(kind, ""),
            limit=self.limit.strip() if self.limit else "",
            held=None if self.limit is None else not broken,
            better=self.better or "",
            tolerance=self.baseline or "",
            baseline=known.value if known and self.baseline else None,
        )
        context.measure(result)
        if broken:
            context.fail(broken, operands | more)
        if self.baseline is not None and context.baselines is not None:
            self._compare(context, context.baselines, result, kind)

    def _broken_limit(
        self, context: RunContext, number: int | float, kind: Kind
    ) -> tuple[str, dict[str, str]]:
        """What to say if the limit does not hold, else an empty text; and the limit's operands."""
        match = _LIMIT.match(self.limit) if self.limit else None
        if self.limit is None or match is None:
            return "", {}
        limit = context.evaluate(self.limit[match.end() :])
        operands = dict(limit.operands)
        if isinstance(limit.value, bool) or not isinstance(limit.value, int | float):
            context.fail(f"the limit {format_value(limit.value)} is not a number", operands)
        if _HOLDS[match[1]](number, limit.value):
            return "", operands
        shown, most = format_value(number, kind), format_value(limit.value, kind)
        return f"{self.name} is {shown}, over its limit: {match[1]} {most}", operands

    def _compare(
        self, context: RunContext, baselines: CaseBaselines, result: MeasureResult, kind: Kind
    ) -> None:
        """Fails the step where the measure is not what its baseline lets it be."""
        known = baselines.values.get(self.name)
        if known is None:
            context.fail(
                f"{baselines.file} has no '{self.name}' for this case; to make what it is now the "
                f"baseline: {baselines.how_to_update}"
            )
        if known.unit != result.unit:
            units = [unit or "no unit" for unit in (known.unit, result.unit)]
            context.fail(
                f"the baseline of {self.name} has {units[0]}, the measure {units[1]}; to make a new one: "
                f"{baselines.how_to_update}"
            )
        allowed = 0.0 if self.baseline == EXACT else float(str(self.baseline).rstrip("%")) / 100
        apart = result.value - known.value
        if abs(apart) <= allowed * abs(known.value):
            return
        shown = f"{self.name} is {format_value(result.value, kind)}"
        before = f"its baseline of {format_value(known.value, kind)}"
        most = (
            "and has to be the same" if allowed == 0 else f"and at most {self.baseline} are allowed"
        )
        away = f"{abs(apart / known.value) * 100:.3g}% " if known.value else ""
        side = "above" if apart > 0 else "below"
        context.fail(
            f"{shown}, {away}{side} {before}, {most}; if it is meant to be so: {baselines.how_to_update}"
        )
