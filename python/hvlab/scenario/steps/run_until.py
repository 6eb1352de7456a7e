# SPDX-License-Identifier: GPL-2.0-or-later
"""The step `run_until`."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import ConfigDict, Field, model_validator

from hvlab import units
from hvlab.scenario.context import CheckContext, RunContext
from hvlab.scenario.expression import is_comparison
from hvlab.scenario.fields import Duration, refuse
from hvlab.scenario.shapes import NOT_COUNTED, Kind
from hvlab.scenario.steps.base import MachineStep

_MS = units.DURATION_UNITS["ms"]
DEFAULT_WITHIN = 10 * units.DURATION_UNITS["s"]
MAX_LOOKS = 1_000_000
_WHEN = ("time", "instructions", "condition")


class RunUntil(MachineStep):
    """Runs all machines until guest time is what is said, as `run_until: 3s`, until a machine has
    retired so many instructions, or until a condition holds, which is looked at every so often.
    Fails if a guest stops before.
    """

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [n]} for n in _WHEN]})
    keyword: ClassVar[str] = "run_until"
    example: ClassVar[str] = """\
- run_until: 50ms
- run_until: {condition: '"ready" in console.text', every: 1ms, within: 1s}
"""
    shorthand: ClassVar[str | None] = "time"

    time: Duration | None = Field(
        default=None, description="Guest time since the first machine was booted."
    )
    instructions: int | None = Field(
        default=None,
        ge=1,
        le=(1 << 63) - 1,
        description="Instructions since the machine was booted. Not on kvm.",
    )
    condition: str | None = Field(
        default=None,
        min_length=1,
        description="An expression, looked at first now and then after each `every`.",
        examples=['"done" in console.text'],
    )
    every: Duration = Field(
        default=_MS, json_schema_extra={"default": "1ms"}, description="Guest time between looks."
    )
    within: Duration = Field(
        default=DEFAULT_WITHIN,
        json_schema_extra={"default": "10s"},
        description="Guest time that `instructions` or `condition` may take.",
    )

    @model_validator(mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        given = [name for name in _WHEN if name in value]
        if len(given) > 1:
            raise refuse(f"runs until one thing, not '{given[0]}' and '{given[1]}'")
        if not given and set(value) <= {"every", "within", "machine"}:
            raise refuse("says not until when: give 'time', 'instructions' or 'condition'")
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        given = self.model_fields_set
        if "every" in given and self.condition is None:
            raise refuse("'every' goes with 'condition' only")
        if self.time is not None and "within" in given:
            raise refuse("'time' says itself how long it takes: leave 'within' out")
        if self.machine is not None and self.instructions is None:
            raise refuse("'machine' goes with 'instructions' only: all machines run")
        if self.condition is not None and not 0 < self.within <= self.every * MAX_LOOKS:
            raise refuse(f"looks too often: at most {MAX_LOOKS} times, so make 'every' longer")
        return self

    def title(self) -> str:
        if self.time is not None:
            return f"run_until {units.format_duration(self.time)}"
        if self.instructions is not None:
            return f"{self.of_machine()}run_until {self.instructions} instructions"
        return f"run_until {' '.join((self.condition or '').split())}"

    def check(self, context: CheckContext) -> None:
        if self.instructions is None:
            context.needs_machines()
        else:
            context.needs_machine(self.machine)
            if not context.counts:
                context.problem(f"{NOT_COUNTED}; use 'time'", "instructions")
        if self.condition is not None:
            checked = context.expression(self.condition, "condition")
            if checked is not None and (
                checked[1] is not Kind.TRUTH or not is_comparison(checked[0])
            ):
                message = "nothing is compared here: a condition is true or false"
                width = len(checked[0].text)
                context.expression_problem(self.condition, "condition", 0, width, message)

    def run(self, context: RunContext) -> None:
        if self.time is not None:
            self._to_time(context, self.time)
        elif self.instructions is not None:
            self._to_instructions(context, self.instructions)
        else:
            self._to_condition(context, self.condition or "")

    def _to_time(self, context: RunContext, time: int) -> None:
        now, wanted = context.time, units.format_duration(time)
        if now > time:
            context.fail(f"guest time is past {wanted} already: {units.format_duration(now)}")
        if now == time:
            return
        stop = context.run(within=time - now)
        if str(stop.reason) != "deadline":
            who = context.called(stop.machine)
            context.fail(f"{who} stopped before guest time was {wanted}: {stop.message}")

    def _to_instructions(self, context: RunContext, count: int) -> None:
        machine = context.machine(self.machine)
        now = machine.instructions
        assert now is not None  # checked: it counts
        if now > count:
            context.fail(f"more than {count} instructions are retired already: {now}")
        if now == count:
            return
        stop = context.run(
            machine=machine.name,
            instructions=count - now,
            within=self.within,
            ends=lambda stop: stop.machine == machine.name,
        )
        if str(stop.reason) == "deadline":
            within = units.format_duration(self.within)
            context.fail(f"only {machine.instructions} instructions after {within} of guest time")
        if str(stop.reason) != "budget":
            who = context.called(stop.machine)
            context.fail(f"{who} stopped before {count} instructions: {stop.message}")

    def _to_condition(self, context: RunContext, condition: str) -> None:
        end = context.time + self.within
        while True:
            result = context.evaluate(condition)
            if result.value is True:
                return
            left = end - context.time
            shown, operands = " ".join(condition.split()), dict(result.operands)
            if left <= 0:
                within = units.format_duration(self.within)
                context.fail(f"not true within {within} of guest time: {shown}", operands)
            stop = context.run(within=min(self.every, left))
            if str(stop.reason) != "deadline":
                result = context.evaluate(condition)
                if result.value is True:
                    return
                who = context.called(stop.machine)
                message = f"{who} stopped before this was true: {shown}: {stop.message}"
                context.fail(message, dict(result.operands))
