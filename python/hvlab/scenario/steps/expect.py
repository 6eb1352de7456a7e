# SPDX-License-Identifier: GPL-2.0-or-later
"""The step `expect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import ConfigDict, Field, model_validator

from hvlab import units
from hvlab.scenario.context import CheckContext, RunContext
from hvlab.scenario.fields import Duration, Identifier, refuse
from hvlab.scenario.shapes import NOT_COUNTED, Record, Shape, either_shape
from hvlab.scenario.steps.base import StepBody
from hvlab.scenario.steps.condition import AWAITED, Condition

if TYPE_CHECKING:
    from hvlab._core import Stop

DEFAULT_WITHIN = 10 * units.DURATION_UNITS["s"]
MAX_ALTERNATIVES = 32
_BOUNDS = ("deadline", "budget")


class Alternative(Condition):
    """One of several things that are waited for, or one that must not happen."""

    @model_validator(mode="after")
    def _no_bound(self) -> Self:
        if self.stop in _BOUNDS:
            raise refuse(f"'stop: {self.stop}' stands alone: what is waited for must not come then")
        return self


class Expect(Condition, StepBody):
    """Runs the guest until something happens: a text or regular expression on its console or its
    screen, a write to a port, or a stop.

    The case fails if it does not happen within the guest time given, or if the guest stops before.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"oneOf": [{"required": [name]} for name in (*AWAITED, "any_of")]},
                {"required": ["not"], "not": {"anyOf": [{"required": [n]} for n in AWAITED]}},
            ]
        },
    )
    keyword: ClassVar[str] = "expect"
    awaited: ClassVar[tuple[str, ...]] = (*AWAITED, "any_of")
    example: ClassVar[str] = r"""
- expect: {text: "ready", within: 1s, as: up}
- send: "hello\nquit\n"
- expect: {regex: '^echo: (?P<word>\w+)$', within: 1s, as: answer}
- assert: answer.word == "hello"
- expect: {stop: debug-exit, code: 0, within: 1s}
""".lstrip()

    any_of: list[Alternative] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_ALTERNATIVES,
        description="The first of several things; NAME.index says which, from 0.",
    )
    not_: Alternative | None = Field(
        default=None,
        alias="not",
        description="What must not happen before; alone, what must not happen `within` the time.",
    )
    instructions: int | None = Field(
        default=None,
        ge=1,
        le=(1 << 63) - 1,
        description="For budget: after how many instructions. Not on kvm.",
    )
    within: Duration = Field(
        default=DEFAULT_WITHIN,
        json_schema_extra={"default": "10s"},
        description="Guest time it may take.",
    )
    as_: Identifier | None = Field(
        default=None,
        alias="as",
        description="Names what was seen, for expressions: NAME.time, NAME.text, groups.",
    )

    @classmethod
    def _enough(cls, value: dict[str, Any]) -> bool:
        return "not" in value

    @model_validator(mode="after")
    def _details_fit(self) -> Self:
        if self.instructions is not None and self.stop != "budget":
            raise refuse("'instructions' goes with 'stop: budget' only")
        if self.as_ is not None and not self._goals:
            raise refuse("'as' names what happened, and here nothing is to happen")
        if self.machine is not None and self.any_of is not None:
            raise refuse("with 'any_of', each of its entries says its 'machine'")
        return self

    @property
    def _goals(self) -> list[Condition]:
        """What is waited for; nothing where something only must not happen."""
        if self.any_of is not None:
            return list(self.any_of)
        return [self] if any(getattr(self, name) is not None for name in AWAITED) else []

    def title(self) -> str:
        parts = [str(self)] if self.any_of is None and self._goals else []
        if self.any_of is not None:
            parts = [f"any of {', '.join(map(str, self.any_of))}"]
        if self.instructions is not None:
            parts.append(f"of {self.instructions} instructions")
        if self.not_ is not None:
            parts.append(f"not {self.not_}")
        return f"expect {' '.join(parts)} within {units.format_duration(self.within)}"

    # Before anything runs.

    def check(self, context: CheckContext) -> None:
        if self.any_of is not None:
            shapes = [self._inspect(context, c, "any_of", i) for i, c in enumerate(self.any_of)]
            found = [shape for shape in shapes if shape is not None]
            shape = either_shape(found) if len(found) == len(shapes) else None
        elif self._goals:
            shape = self._inspect(context, self)
        else:
            shape = None
        if self.not_ is not None:
            self._inspect(context, self.not_, "not")
        self._check_bounds(context)
        if self.as_ is not None and shape is not None:
            context.names(self.as_, shape)

    def _inspect(
        self, context: CheckContext, condition: Condition, *below: str | int
    ) -> Shape | None:
        # Where one thing is waited for on a machine, what must not happen is on that one too.
        if condition is self or condition.machine is not None or self._goals != [self]:
            context.needs_machine(self._machine_of(condition), *below)
        return condition.inspect(context, *below)

    def _check_bounds(self, context: CheckContext) -> None:
        if self.stop == "budget" and not context.counts:
            message = f"{NOT_COUNTED}, so no budget of them runs out; use 'stop: deadline'"
            context.problem(message, "stop")
        elif (
            self.stop == "budget" and self.instructions is None and not context.limits_instructions
        ):
            message = (
                "a budget needs 'instructions' here, or 'instructions' in the scenario's limits"
            )
            context.problem(message, "stop")
        if (
            self.stop == "deadline"
            and "within" not in self.model_fields_set
            and not context.limits_time
        ):
            context.problem(
                "a deadline needs 'within' here, or 'time' in the scenario's limits", "stop"
            )

    def _machine_of(self, condition: Condition) -> str | None:
        return condition.machine if condition.machine is not None else self.machine

    # While it runs.

    def run(self, context: RunContext) -> None:
        waiting = _Waiting(self, context)
        stop = waiting.kept() or self._wait(context, waiting)
        if waiting.forbids(stop):
            context.fail(self._forbidden(), {"time": units.format_duration(stop.time)})
        index = waiting.met(stop)
        if index is not None:
            self._name(context, index, stop)
        elif self._goals or str(stop.reason) != "deadline":
            self._fail(context, stop)

    def _wait(self, context: RunContext, waiting: _Waiting) -> Stop:
        ended = waiting.ended()
        stop = context.run(
            # Where nothing can come any more, it has been there or not.
            within=0 if ended is not None else self.within,
            until=waiting.events,
            machine=waiting.alone,
            instructions=self.instructions,
            awaited=self.stop,
            ends=waiting.ended_by,
        )
        return ended if ended is not None and str(stop.reason) == "deadline" else stop

    def _name(self, context: RunContext, index: int, stop: Stop) -> None:
        if self.as_ is None:
            return
        goal = self._goals[index]
        record, shape = goal.record(stop), goal.shape(context.counts)
        if self.any_of is not None:
            shape = either_shape([g.shape(context.counts) for g in self._goals])
            fields = {**dict.fromkeys(shape.fields), **record.fields, "index": index}
            missing = (None,) * (shape.items - len(record.items))
            record = Record(fields, (*record.items, *missing))
        context.name(self.as_, record, shape)

    def _forbidden(self) -> str:
        assert self.not_ is not None  # it happened
        if self.not_.stop is not None:
            return f"{self.not_}, which must not happen"
        verb = "happened" if self.not_.port is not None else "appeared"
        return f"{self.not_.shown} {verb}{self.not_.place}, which must not happen"

    def _fail(self, context: RunContext, stop: Stop) -> None:
        reason, within = str(stop.reason), units.format_duration(self.within)
        late, who = reason == "deadline", context.called(stop.machine)
        if self.any_of is not None:
            what = ", ".join(str(alternative) for alternative in self.any_of)
            if late:
                context.fail(f"none of these happened within {within} of guest time: {what}")
            context.fail(f"{who} stopped before any of these: {what}: {stop.message}")
        if not self._goals:
            context.fail(f"{who} stopped before {within} had passed: {stop.message}")
        if self.stop is not None:
            self._fail_stop(context, stop)
        verb = "happen" if self.port is not None else "appear"
        if late:
            message = f"{self.shown} did not {verb}{self.place} within {within} of guest time"
            context.fail(message)
        context.fail(f"{who} stopped before {self.shown} {verb}ed{self.place}: {stop.message}")

    def _fail_stop(self, context: RunContext, stop: Stop) -> None:
        wanted = f"stop {self.stop}" + (f" with code {self.code}" if self.code is not None else "")
        if str(stop.reason) == self.stop:
            context.fail(
                f"expected {wanted}, but the code is {stop.code}", {"code": str(stop.code)}
            )
        if str(stop.reason) == "deadline":
            within = units.format_duration(self.within)
            context.fail(
                f"expected {wanted}, but the guest still runs after {within} of guest time"
            )
        context.fail(f"expected {wanted}, but: {stop.message}", {"stop": str(stop.reason)})


class _Waiting:
    """What an `expect` waits for, on the machines that are there now."""

    def __init__(self, step: Expect, context: RunContext) -> None:
        self._context = context
        self._goals = step._goals
        self._conditions = [*self._goals, *([step.not_] if step.not_ is not None else [])]
        self._machines = [context.machine(step._machine_of(c)) for c in self._conditions]
        # What each event of the run is about: its condition's index.
        self._awaited = [i for i, c in enumerate(self._conditions) if c.stop is None]
        self.events = [self._conditions[i].event(self._machines[i]) for i in self._awaited]
        names = [machine.name for machine in self._machines]
        # A machine on which something is awaited that still can come.
        self._live = set(names[: len(self._goals)] or names)
        self.alone = names[0] if len(set(names)) == 1 else None

    def kept(self) -> Stop | None:
        """A stop that is waited for and came while others were."""
        for condition, machine in zip(self._conditions, self._machines, strict=True):
            while condition.stop is not None:
                stop = self._context.stopped(machine.name)
                if stop is None:
                    break
                if self.ended_by(stop):
                    return stop
        return None

    def ended(self) -> Stop | None:
        """The last word of the machines on which something is awaited, where all of them have ended."""
        stops = [self._context.ended(name) for name in sorted(self._live)]
        return stops[-1] if None not in stops else None

    def ended_by(self, stop: Stop) -> bool:
        """Whether a guest's stop ends the wait."""
        if self.met(stop) is not None or self.forbids(stop):
            return True
        self._live.discard(stop.machine)
        return not self._live

    def met(self, stop: Stop) -> int | None:
        """Which of the goals has happened."""
        index = self._happened(stop)
        return index if index is not None and index < len(self._goals) else None

    def forbids(self, stop: Stop) -> bool:
        """Whether it is what must not happen."""
        index = self._happened(stop)
        return index is not None and index >= len(self._goals)

    def _happened(self, stop: Stop) -> int | None:
        if str(stop.reason) == "match":
            return self._awaited[stop.event or 0]
        for index, condition in enumerate(self._conditions):
            of = self._machines[index].name
            if condition.met_by(stop) and (stop.machine == of or str(stop.reason) in _BOUNDS):
                return index
        return None
