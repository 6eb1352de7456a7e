# SPDX-License-Identifier: GPL-2.0-or-later
"""What expressions know of a value before anything runs: its kind, and the fields of what a step
names.

Kinds make a missing unit an error: `ready.time < 5` compares nanoseconds with a bare number.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hvlab import units

Value = None | bool | int | float | str


class Kind(enum.StrEnum):
    """The kind of a value. ANY is known only when it is there."""

    TIME = "a time"
    SIZE = "a size"
    NUMBER = "a number"
    TEXT = "a text"
    TRUTH = "true or false"
    ANY = "a value"


@dataclass(frozen=True)
class Shape:
    """Of a named value: its fields, and how many items `[0]`, `[1]`... it has.

    `anything`: nothing is known, because the step that names it is wrong itself. `absent`: fields
    that have no value in this case, and why. `refused`: why none of it can be asked for here.
    """

    fields: Mapping[str, Kind]
    items: int = 0
    anything: bool = False
    absent: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""


@dataclass(frozen=True)
class Record:
    """A named value at run time, laid out as its Shape says."""

    fields: Mapping[str, Value]
    items: tuple[Value, ...] = field(default=())


def match_shape(groups: int, names: Mapping[str, int]) -> Shape:
    """Of what `expect: {text | regex, as: NAME}` names. `groups` counts the regular expression's
    groups.
    """
    fields = {**dict.fromkeys(names, Kind.TEXT), **MATCH_FIELDS}
    return Shape(fields, groups + 1)


def either_shape(shapes: Sequence[Shape]) -> Shape:
    """Of what `expect: {any_of: [...], as: NAME}` names: the fields of all alternatives; those that
    the one that happened has not are null.
    """
    fields: dict[str, Kind] = {}
    for shape in shapes:
        for name, kind in shape.fields.items():
            fields[name] = kind if fields.get(name, kind) is kind else Kind.ANY
    absent = {name: why for shape in shapes for name, why in shape.absent.items()}
    most = max((shape.items for shape in shapes), default=0)
    return Shape({**fields, "index": Kind.NUMBER}, most, absent=absent)


MATCH_FIELDS: Mapping[str, Kind] = {"time": Kind.TIME, "text": Kind.TEXT}
NOT_COUNTED = "kvm does not count instructions"


def _counted(fields: Mapping[str, Kind], counts: bool) -> Shape:
    if counts:
        return Shape({**fields, "instructions": Kind.NUMBER})
    return Shape(fields, absent={"instructions": NOT_COUNTED})


def stop_shape(counts: bool) -> Shape:
    """Of a stop that a step named. `counts`: whether the backend counts instructions."""
    fields = {
        "reason": Kind.TEXT,
        "code": Kind.NUMBER,
        "time": Kind.TIME,
        "rip": Kind.NUMBER,
        "message": Kind.TEXT,
    }
    return _counted(fields, counts)


def machine_shape(counts: bool) -> Shape:
    """Of a machine, by its name, once it is booted."""
    fields = {"time": Kind.TIME, "console": Kind.TEXT, "screen": Kind.TEXT}
    return _counted(fields, counts)


PORT_SHAPE = Shape(
    {"time": Kind.TIME, "port": Kind.NUMBER, "value": Kind.NUMBER, "width": Kind.NUMBER}
)
CONSOLE_SHAPE = Shape({"text": Kind.TEXT})
SCREEN_SHAPE = Shape({"text": Kind.TEXT})

UNITS: Mapping[str, tuple[Kind, int]] = {
    **{name: (Kind.SIZE, factor) for name, factor in units.SIZE_UNITS.items()},
    # `min` is the function here.
    **{name: (Kind.TIME, n) for name, n in units.DURATION_UNITS.items() if name != "min"},
    **{
        word: (Kind.TIME, units.DURATION_UNITS[unit])
        for word, unit in (("second", "s"), ("minute", "min"), ("hour", "h"))
    },
    **{
        word: (Kind.TIME, units.DURATION_UNITS[unit])
        for word, unit in (("seconds", "s"), ("minutes", "min"), ("hours", "h"))
    },
}
FUNCTIONS = ("abs", "float", "int", "len", "max", "min", "str")
WORDS = (
    "True",
    "False",
    "None",
    "true",
    "false",
    "null",
    "and",
    "or",
    "not",
    "in",
    "is",
    "if",
    "else",
)
# Of a lone machine; where there are several, each has its own name.
LONE = ("machine", "console", "screen")
GIVEN = (*LONE, "matrix", "vars")
# Units and functions are not among them: a named value is only ever used with its fields, as
# `second.time`.
RESERVED = frozenset({*WORDS, *GIVEN})


def format_value(value: Value, kind: Kind = Kind.ANY) -> str:
    """`value` for a person, exact, and with its unit where its kind has one."""
    if isinstance(value, int) and not isinstance(value, bool):
        if kind is Kind.TIME:
            return (
                f"{units.format_duration(value)} ({value} ns)"
                if abs(value) >= 1000
                else f"{value} ns"
            )
        if kind is Kind.SIZE and value >= 1024:
            return f"{units.format_size(value)} ({value} bytes)"
        return str(value)
    if isinstance(value, str):
        return repr(value) if len(value) <= 200 else f"{value[:200]!r}... ({len(value)} characters)"
    if value is None:
        return "none"
    return repr(value).lower() if isinstance(value, bool) else repr(value)
