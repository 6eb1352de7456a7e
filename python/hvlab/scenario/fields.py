# SPDX-License-Identifier: GPL-2.0-or-later
"""The types of the model's fields: what a text in a document has to look like, and what becomes of
it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from hvlab import units
from hvlab.registers import REGISTERS
from hvlab.scenario.nearest import did_you_mean
from hvlab.scenario.shapes import RESERVED

TEMPLATE_PATTERN = r"\$\{[^}]*\}"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
# These marks change what pytest does with an item.
_PYTEST_WORDS = frozenset(
    {"skip", "skipif", "xfail", "parametrize", "usefixtures", "filterwarnings"}
)


class Strict(BaseModel):
    """Base of every mapping in a document: no unknown keys, no conversions, no changes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, validate_default=False)


class Shortened(Strict):
    """A mapping that may be written shorter.

    Attributes:
        shorthand: the field that a value stands for which is no mapping; None if there is none.
    """

    shorthand: ClassVar[str | None] = None

    @model_validator(mode="before")
    @classmethod
    def _from_shorthand(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return value
        if value is None and not any(f.is_required() for f in cls.model_fields.values()):
            return {}
        return {cls.shorthand: value} if cls.shorthand else value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core_schema)
        body = handler.resolve_ref_schema(schema)
        if cls.shorthand is None or "properties" not in body:
            return schema
        short = dict(body["properties"][cls.shorthand])
        title, description = body.get("title", cls.__name__), body.pop("description", "")
        full = dict(body)
        body.clear()
        body.update({"title": title, "description": description, "anyOf": [short, full]})
        return schema


@dataclass(frozen=True)
class Meaning:
    """What a value is, in the words of `hvlab explain` and the reference; stands in a field's type."""

    text: str


def refuse(message: str) -> PydanticCustomError:
    """An error whose text goes to the user as it is."""
    return PydanticCustomError("hvlab", "{text}", {"text": message})


def _unit_schema(known: tuple[str, ...], what: str, examples: list[str]) -> WithJsonSchema:
    pattern = rf"^([0-9]+(\.[0-9]+)? *({'|'.join(known)})|.*{TEMPLATE_PATTERN}.*)$"
    return WithJsonSchema(
        {"type": "string", "pattern": pattern, "description": what, "examples": examples}
    )


def _size(value: Any) -> int:
    return _quantity(value, "size", units.parse_size, "MiB")


def _duration(value: Any) -> int:
    return _quantity(value, "duration", units.parse_duration, "s")


def _quantity(value: Any, what: str, parse: Any, unit: str) -> int:
    if isinstance(value, int | float) and not isinstance(value, bool):
        bytes_meant = what == "size" and isinstance(value, int) and value >= 1 << 20
        guess = units.format_size(int(value)) if bytes_meant else f"{value}{unit}"
        raise refuse(f"a {what} has a unit (did you mean '{guess}'?)")
    if not isinstance(value, str):
        example = "64MiB" if what == "size" else "20s"
        raise refuse(f"must be a {what} with its unit, as in '{example}', not {describe(value)}")
    try:
        return int(parse(value))
    except units.UnitError as error:
        raise refuse(str(error)) from None


def _name(value: Any) -> Any:
    if value == "":
        raise refuse("a name is not empty")
    if isinstance(value, str) and not _NAME.fullmatch(value):
        raise refuse(
            f"'{value[:60]}' can't be a name: letters, digits, '_', '-' and '.', "
            "beginning with a letter or a digit"
        )
    return value


def _tag(value: Any) -> Any:
    if isinstance(value, str) and value in _PYTEST_WORDS:
        raise refuse(f"'{value}' can't be a tag: pytest has a meaning for it")
    return _name(value)


def _identifier(value: Any) -> Any:
    return value if not isinstance(value, str) else identifier(value)


def identifier(value: str) -> str:
    """Checks that expressions and templates can name it. Raises PydanticCustomError."""
    if not _IDENTIFIER.fullmatch(value):
        raise refuse(
            f"'{value[:60]}' can't be a name here: letters, digits and '_', "
            "not beginning with a digit"
        )
    if value in RESERVED:
        raise refuse(f"'{value}' can't be a name here: expressions have a meaning for it")
    return value


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, list | dict):
        raise refuse(f"must be a text, a number or true/false, not {describe(value)}")
    if isinstance(value, str) and len(value) > 10_000:
        raise refuse("longer than 10000 characters")
    return value


def _number(value: Any) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        raise refuse(f"must be a whole number or an expression, not {describe(value)}")
    if isinstance(value, int) and not 0 <= value < 1 << 64:
        raise refuse(f"must be 0 to 2^64 - 1, not {value}")
    return value


def _hex_bytes(value: Any) -> bytes:
    if isinstance(value, str):
        try:
            data = bytes.fromhex(value)
        except ValueError:
            data = b""
        if data:
            return data
    raise refuse(f"must be bytes in hex, as in 'de ad be ef', not {describe(value)}")


def _register(value: Any) -> Any:
    if isinstance(value, str) and value not in REGISTERS:
        hint = did_you_mean(value, REGISTERS) or "; as in rax, eax, al, rip, rflags, cr3, cs"
        raise refuse(f"unknown register '{value}'{hint}")
    return value


def describe(value: object) -> str:
    """What a value of a document is, for a message."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"the value {str(value).lower()}"
        case int() | float():
            return f"the number {value!r}"
        case str():
            return f"the text '{value}'" if len(value) <= 40 else "a text"
        case list():
            return "a list"
        case dict():
            return "a mapping"
    return f"a {type(value).__name__}"


Size = Annotated[
    int,
    BeforeValidator(_size),
    _unit_schema(tuple(units.SIZE_UNITS), "A size with its unit.", ["64MiB", "1GiB"]),
    Meaning("a size, as 64MiB"),
]
Duration = Annotated[
    int,
    BeforeValidator(_duration),
    _unit_schema(tuple(units.DURATION_UNITS), "A duration with its unit.", ["20s", "50us", "5min"]),
    Meaning("a duration, as 20s"),
]
# A number, or the text of an expression that gives one.
Number = Annotated[
    Any,
    BeforeValidator(_number),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": (1 << 64) - 1},
                {"type": "string", "minLength": 1},
            ]
        }
    ),
]
HexBytes = Annotated[
    Any,
    BeforeValidator(_hex_bytes),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": rf"^(\s*[0-9A-Fa-f]{{2}})+\s*$|{TEMPLATE_PATTERN}",
            "examples": ["de ad be ef"],
        }
    ),
]
RegisterName = Annotated[
    str,
    BeforeValidator(_register),
    WithJsonSchema(
        {"anyOf": [{"enum": list(REGISTERS)}, {"type": "string", "pattern": TEMPLATE_PATTERN}]}
    ),
]
Name = Annotated[
    str,
    BeforeValidator(_name),
    Field(json_schema_extra={"pattern": f"^{_NAME.pattern}$"}),
    Meaning("a name: letters, digits, '_', '-' and '.'"),
]
Tag = Annotated[
    str,
    BeforeValidator(_tag),
    Field(json_schema_extra={"pattern": f"^{_NAME.pattern}$"}),
    Meaning("a name"),
]
Identifier = Annotated[
    str,
    BeforeValidator(_identifier),
    Field(json_schema_extra={"pattern": f"^{_IDENTIFIER.pattern}$"}),
    Meaning("a name: letters, digits and '_'"),
]
ScalarValue = Annotated[
    Any,
    BeforeValidator(_scalar),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
    Meaning("a text, a number or true/false"),
]
