# SPDX-License-Identifier: GPL-2.0-or-later
"""What `expect` can wait for on one machine: an output, a write to a port, a stop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from hvlab.scenario.context import CheckContext
from hvlab.scenario.fields import Shortened, refuse
from hvlab.scenario.nearest import one_of
from hvlab.scenario.regex import Regex
from hvlab.scenario.regex import inspect as inspect_regex
from hvlab.scenario.shapes import (
    MATCH_FIELDS,
    PORT_SHAPE,
    Record,
    Shape,
    match_shape,
    stop_shape,
)
from hvlab.scenario.steps.base import quote

if TYPE_CHECKING:
    from hvlab._core import Match, Stop
    from hvlab.event import Event
    from hvlab.machine import Machine

AWAITED = ("text", "regex", "screen", "stop", "port")
MAX_PATTERN = 4096
WIDTHS = (1, 2, 4)
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


class PortWrite(Shortened):
    """A write of the guest to a port."""

    shorthand: ClassVar[str | None] = "port"

    port: int = Field(ge=0, le=0xFFFF, description="The port.", examples=[0x80])
    value: int | None = Field(
        default=None,
        ge=0,
        le=(1 << 32) - 1,
        description="What is written; without it, anything.",
    )
    width: int | None = Field(
        default=None,
        json_schema_extra={"enum": list(WIDTHS)},
        description="With how many bytes; without it, with any number of them.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.width is not None and self.width not in WIDTHS:
            raise refuse(f"a port is written with 1, 2 or 4 bytes, not with {self.width}")
        if self.value is not None and self.value >> (8 * (self.width or 4)):
            raise refuse(f"{self.value:#x} does not fit into {self.width} bytes")
        return self

    def __str__(self) -> str:
        what = "a write" if self.value is None else f"a write of {self.value:#x}"
        return f"{what} to port {self.port:#x}"


class Condition(Shortened):
    """Something that may happen on one machine."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [name]} for name in AWAITED]},
    )
    awaited: ClassVar[tuple[str, ...]] = AWAITED

    machine: str | None = Field(
        default=None,
        min_length=1,
        description="On which machine; needed where there are several.",
    )
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
    port: PortWrite | None = Field(
        default=None,
        description="A write of the guest to a port: its number, or "
        "{port: 0x80, value: 0x42, width: 1}.",
    )

    @model_validator(mode="before")
    @classmethod
    def _awaits_one(cls, value: Any) -> Any:
        if isinstance(value, dict):
            given = [name for name in cls.awaited if name in value]
            # A misspelt key is an unknown key's error, which is nearer to the cause.
            if not given and cls._knows(value) and not cls._enough(value):
                raise refuse(f"says nothing to wait for: give {one_of(cls.awaited)}")
            if len(given) > 1:
                raise refuse(f"waits for one thing, not for '{given[0]}' and '{given[1]}'")
        elif isinstance(value, str) or value is None:
            raise refuse(
                "says what to wait for: {text: ...}, {regex: ...}, {screen: ...} or {stop: ...}"
            )
        return value

    @classmethod
    def _knows(cls, keys: Iterable[str]) -> bool:
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return known.issuperset(keys)

    @classmethod
    def _enough(cls, value: dict[str, Any]) -> bool:
        """Whether a mapping without a thing to wait for makes sense all the same."""
        del value
        return False

    @model_validator(mode="after")
    def _code_fits(self) -> Self:
        if self.code is not None and self.stop != "debug-exit":
            raise refuse("'code' goes with 'stop: debug-exit' only")
        return self

    def __str__(self) -> str:
        """In one line, for titles and messages."""
        of = "" if self.machine is None else f"{self.machine}: "
        if self.stop is not None:
            code = f" with code {self.code}" if self.code is not None else ""
            return f"{of}stop {self.stop}{code}"
        if self.port is not None:
            return f"{of}{self.port}"
        where = "" if self.screen is None else "screen "
        if self._expression is not None:
            return f"{of}{where}regex {quote(self._expression)}"
        return f"{of}{where}text {quote(self._literal)}"

    @property
    def shown(self) -> str:
        """What appears, for a sentence about it; not of a stop."""
        if self.port is not None:
            return f"{self.port}"
        return f"/{self._expression}/" if self._expression is not None else quote(self._literal)

    @property
    def place(self) -> str:
        """Where it appears, with its preposition; empty for a port."""
        if self.port is not None:
            return ""
        return " on the console" if self.screen is None else " on the screen"

    @property
    def _expression(self) -> str | None:
        """The regular expression, be it for the console or for the screen."""
        return self.regex if self.screen is None else self.screen.regex

    @property
    def _literal(self) -> str:
        return (self.text if self.screen is None else self.screen.text) or ""

    def inspect(self, context: CheckContext, *below: str | int) -> Shape | None:
        """Checks it, at the field `below` of the step; the shape of what it gives, None if that is
        wrong.
        """
        if self._expression is None:
            return self.shape(context.counts)
        field = (*below, "regex") if self.regex is not None else (*below, "screen", "regex")
        pattern = context.regex(self._expression, *field)
        for name in pattern.names if pattern else ():
            if name in MATCH_FIELDS:
                message = f"the group '{name}' has the name of a field of every match"
                context.problem(message, *field)
        return self.shape(context.counts) if pattern else None

    def event(self, machine: Machine) -> Event:
        """What to run until; not for a stop."""
        if self.port is not None:
            return machine.port_write(self.port.port, self.port.value, width=self.port.width)
        console, screen = machine.console, machine.screen
        if self._expression is not None:
            regex_on = console.regex if self.screen is None else screen.regex
            return regex_on(self._expression)
        text_on = console.text if self.screen is None else screen.contains
        return text_on(self._literal)

    def met_by(self, stop: Stop) -> bool:
        """Whether it is this stop of a guest."""
        return str(stop.reason) == self.stop and self.code in (None, stop.code)

    def shape(self, counts: bool) -> Shape:
        """Of what expressions see of it; its regular expression is a right one."""
        if self.stop is not None:
            return stop_shape(counts)
        if self.port is not None:
            return PORT_SHAPE
        groups = self._groups
        return match_shape(groups.groups, groups.names)

    def record(self, stop: Stop) -> Record:
        """What expressions see of it when it has happened."""
        if self.stop is not None:
            return stop_record(stop)
        if self.port is not None:
            return port_record(stop)
        assert stop.match is not None  # the core gives one with every such match
        return self._match_record(stop.match)

    @property
    def _groups(self) -> Regex:
        expression = self._expression
        return Regex(0, {}) if expression is None else inspect_regex(expression)

    def _match_record(self, match: Match) -> Record:
        groups = tuple(match[index] for index in range(self._groups.groups + 1))
        fields = {group: groups[index] for group, index in self._groups.names.items()}
        return Record({**fields, "time": match.time, "text": groups[0]}, groups)


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


def port_record(stop: Stop) -> Record:
    """A write to a port as expressions see it."""
    write = stop.port_write
    assert write is not None  # the core gives one with every match of a port
    return Record(
        {"time": write.time, "port": write.port, "value": write.value, "width": write.width}
    )
