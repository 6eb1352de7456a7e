# SPDX-License-Identifier: GPL-2.0-or-later
"""The step `expect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from hvlab import units
from hvlab.scenario import regex
from hvlab.scenario.context import CheckContext, RunContext
from hvlab.scenario.fields import Duration, Identifier, Shortened, refuse
from hvlab.scenario.shapes import (
    MATCH_FIELDS,
    NOT_COUNTED,
    Record,
    Shape,
    match_shape,
    stop_shape,
)
from hvlab.scenario.steps.base import StepBody, quote

if TYPE_CHECKING:
    from hvlab._core import Match, Stop
    from hvlab.event import Event

DEFAULT_WITHIN = 10 * units.DURATION_UNITS["s"]
AWAITED = ("text", "regex", "screen", "stop")
MAX_PATTERN = 4096
KEYS = (*AWAITED, "code", "instructions", "within", "as")
StopName = Literal[
    "debug-exit",
    "halted",
    "reset",
    "triple-fault",
    "budget",
    "deadline",
    "unhandled-access",
    "guest-fault",
    "guest-call",
    "doorbell",
]


class OnScreen(Shortened):
    """What a row of the screen shows."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["text"]}, {"required": ["regex"]}]},
    )
    shorthand: ClassVar[str | None] = "text"

    text: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_PATTERN,
        json_schema_extra={"pattern": "^[^\\n]*$"},
        description="A text in a row of the screen.",
    )
    regex: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_PATTERN,
        description="A regular expression (RE2) within a row; '^' and '$' are its ends.",
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.text is None) == (self.regex is None):
            raise refuse("a screen is looked at for one thing: give 'text' or 'regex'")
        if "\n" in (self.text or ""):
            raise refuse("a text on the screen is looked for within a row: it has no line feed")
        return self


class Expect(StepBody):
    """Runs the guest until something happens: a text or regular expression on its console or its
    screen, or a stop.

    The case fails if it does not happen within the guest time given, or if the guest stops before.
    """

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [name]} for name in AWAITED]},
    )
    keyword: ClassVar[str] = "expect"
    example: ClassVar[str] = r"""
- expect: {text: "ready", within: 1s, as: up}
- send: "hello\nquit\n"
- expect: {regex: '^echo: (?P<word>\w+)$', within: 1s, as: answer}
- assert: answer.word == "hello"
- expect: {stop: debug-exit, code: 0, within: 1s}
""".lstrip()

    text: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_PATTERN,
        description="A text on the console; it may span lines.",
    )
    regex: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_PATTERN,
        description="A regular expression (RE2) within a line; '^' and '$' are its ends.",
    )
    screen: OnScreen | None = Field(
        default=None,
        description="A text in a row of the screen, or {regex: ...}. What is shown already counts.",
    )
    stop: StopName | None = Field(
        default=None,
        description="Why the guest stops. 'deadline' is that it still runs after `within`, "
        "'budget' that it still runs after `instructions`.",
    )
    code: int | None = Field(
        default=None,
        ge=0,
        le=(1 << 32) - 1,
        description="For debug-exit: the value that the guest wrote.",
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

    @model_validator(mode="before")
    @classmethod
    def _awaits_one(cls, value: Any) -> Any:
        if isinstance(value, dict):
            given = [name for name in AWAITED if name in value]
            # A misspelt key is an unknown key's error, which is nearer to the cause.
            if not given and all(key in KEYS for key in value):
                raise refuse("says nothing to wait for: give 'text', 'regex', 'screen' or 'stop'")
            if len(given) > 1:
                raise refuse(f"waits for one thing, not for '{given[0]}' and '{given[1]}'")
        elif isinstance(value, str) or value is None:
            raise refuse(
                "says what to wait for: {text: ...}, {regex: ...}, {screen: ...} or {stop: ...}"
            )
        return value

    @model_validator(mode="after")
    def _details_fit(self) -> Self:
        if self.code is not None and self.stop != "debug-exit":
            raise refuse("'code' goes with 'stop: debug-exit' only")
        if self.instructions is not None and self.stop != "budget":
            raise refuse("'instructions' goes with 'stop: budget' only")
        return self

    def title(self) -> str:
        within = f" within {units.format_duration(self.within)}"
        if self.stop is not None:
            code = f" with code {self.code}" if self.code is not None else ""
            budget = (
                f" of {self.instructions} instructions" if self.instructions is not None else ""
            )
            return f"expect stop {self.stop}{code}{budget}{within}"
        where = "" if self.screen is None else "screen "
        if self._expression is not None:
            return f"expect {where}regex {quote(self._expression)}{within}"
        return f"expect {where}text {quote(self._literal)}{within}"

    @property
    def _expression(self) -> str | None:
        """The regular expression, be it for the console or for the screen."""
        return self.regex if self.screen is None else self.screen.regex

    @property
    def _literal(self) -> str:
        return (self.text if self.screen is None else self.screen.text) or ""

    def check(self, context: CheckContext) -> None:
        context.needs_machine()
        shape: Shape | None = (
            stop_shape(context.counts) if self.stop is not None else match_shape(0, {})
        )
        if self._expression is not None:
            below = ("regex",) if self.regex is not None else ("screen", "regex")
            pattern = context.regex(self._expression, *below)
            shape = match_shape(pattern.groups, pattern.names) if pattern else None
            for name in pattern.names if pattern else ():
                if name in MATCH_FIELDS:
                    context.problem(
                        f"the group '{name}' has the name of a field of every match", *below
                    )
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
        if self.as_ is not None and shape is not None:
            context.names(self.as_, shape)

    def run(self, context: RunContext) -> None:
        if self.stop is not None:
            self._run_to_stop(context)
            return
        event, what = self._event(context)
        stop = context.run(until=event, within=self.within)
        if str(stop.reason) == "deadline":
            within = units.format_duration(self.within)
            context.fail(
                f"{what} did not appear on the {self._place} within {within} of guest time"
            )
        if str(stop.reason) != "match" or stop.match is None:
            context.fail(
                f"the guest stopped before {what} appeared on the {self._place}: {stop.message}"
            )
        if self.as_ is not None:
            self._name_match(context, stop.match, self.as_)

    @property
    def _place(self) -> str:
        return "console" if self.screen is None else "screen"

    def _event(self, context: RunContext) -> tuple[Event, str]:
        """What to run until, and how to call it."""
        console, screen = context.machine.console, context.machine.screen
        if self._expression is not None:
            regex_on = console.regex if self.screen is None else screen.regex
            return regex_on(self._expression), f"/{self._expression}/"
        text_on = console.text if self.screen is None else screen.contains
        return text_on(self._literal), quote(self._literal)

    def _name_match(self, context: RunContext, match: Match, name: str) -> None:
        expression = self._expression
        pattern = regex.inspect(expression) if expression is not None else regex.Regex(0, {})
        groups = tuple(match[index] for index in range(pattern.groups + 1))
        fields = {group: groups[index] for group, index in pattern.names.items()}
        record = Record({**fields, "time": match.time, "text": groups[0]}, groups)
        context.name(name, record, match_shape(pattern.groups, pattern.names))

    def _run_to_stop(self, context: RunContext) -> None:
        stop = context.run(
            until=None, within=self.within, instructions=self.instructions, awaited=self.stop
        )
        wanted = f"stop {self.stop}" + (f" with code {self.code}" if self.code is not None else "")
        if str(stop.reason) != self.stop:
            if str(stop.reason) == "deadline":
                within = units.format_duration(self.within)
                context.fail(
                    f"expected {wanted}, but the guest still runs after {within} of guest time"
                )
            context.fail(f"expected {wanted}, but: {stop.message}", {"stop": str(stop.reason)})
        if self.code is not None and stop.code != self.code:
            context.fail(
                f"expected {wanted}, but the code is {stop.code}", {"code": str(stop.code)}
            )
        if self.as_ is not None:
            context.name(self.as_, stop_record(stop), stop_shape(context.counts))


def stop_record(stop: Stop) -> Record:
    """A stop as expressions see it."""
    return Record(
        {
            "reason": str(stop.reason),
            "code": stop.code,
            "time": stop.time,
            "instructions": stop.instructions,
            "rip": stop.rip,
            "message": stop.message,
        }
    )
