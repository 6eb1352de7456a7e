# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers in the description of a cluster: finite, and within bounds that a message names."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from hvlab import units
from hvlab.scenario.fields import TEMPLATE_PATTERN, Duration, Meaning, describe, refuse
from hvlab.scenario.template import as_text

# Of one draw, in ns; the core's Distribution::kLongest.
LONGEST = 1_000_000 * units.DURATION_UNITS["s"]


def _duration_given(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise refuse(f"a duration is finite, not {as_text(value)}")
    if isinstance(value, str) and value.strip().startswith("-"):
        raise refuse(f"a duration can't be negative: {value.strip()}")
    return value


def duration(least: float = 0, most: float = LONGEST) -> Any:
    """The type of a duration between bounds in ns, given as a text with a unit."""

    def within(value: int) -> int:
        if value < least:
            shown = units.format_duration(int(least))
            raise refuse(f"must be at least {shown}, not {units.format_duration(value)}")
        if value > most:
            shown = units.format_duration(int(most))
            raise refuse(f"must be at most {shown}, not {units.format_duration(value)}")
        return value

    return Annotated[Duration, BeforeValidator(_duration_given), AfterValidator(within)]


def _shown(value: float) -> str:
    """A count as its digits, not as 6.71e+07."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:g}"


def number(
    least: float = 0, most: float = math.inf, *, above: bool = False, whole: bool = False
) -> Any:
    """The type of a finite number between bounds; `above`: more than `least`."""
    words = "a whole number" if whole else "a number"
    bounds = f", more than {_shown(least)}" if above else f", at least {_shown(least)}"

    def check(value: Any) -> int | float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise refuse(f"must be {words}, not {describe(value)}")
        if not math.isfinite(value):
            raise refuse(f"must be finite, not {as_text(value)}")
        if whole and not isinstance(value, int):
            raise refuse(f"must be a whole number, not {_shown(value)}")
        if value <= 0 and 0 < least < 0.01:
            raise refuse(f"must be more than 0, not {_shown(value)}")
        if value < least or (above and value == least):
            raise refuse(
                f"must be {'more than' if above else 'at least'} {_shown(least)}, not {_shown(value)}"
            )
        if value > most:
            raise refuse(f"must be at most {_shown(most)}, not {_shown(value)}")
        return value if whole else float(value)

    schema: dict[str, Any] = {"type": "integer" if whole else "number"}
    schema["exclusiveMinimum" if above else "minimum"] = least
    if math.isfinite(most):
        schema["maximum"] = most
        bounds += f" and at most {_shown(most)}"
    return Annotated[
        int if whole else float,
        BeforeValidator(check),
        WithJsonSchema({"anyOf": [schema, {"type": "string", "pattern": TEMPLATE_PATTERN}]}),
        Meaning(words + bounds),
    ]


def exact(value: float) -> Fraction:
    """The number that was written: 1.1 is 11/10."""
    return Fraction(repr(value))


_PERCENT_MEANING = "a percentage, as 5%, or a fraction"


def _fraction(value: Any) -> float:
    given = value
    if isinstance(value, str) and value.strip().endswith("%"):
        try:
            value = float(value.strip()[:-1]) / 100
        except ValueError:
            raise refuse(f"'{given}' is no percentage, as '5%'") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refuse(f"must be a percentage, as '5%', not {describe(given)}")
    if not 0 < value < 1:
        raise refuse(f"must be more than 0 % and less than 100 %, not {given}")
    return float(value)


# More than 0, less than 1.
Share = Annotated[
    float,
    BeforeValidator(_fraction),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
                {"type": "string", "pattern": rf"^[0-9]+(\.[0-9]+)? *%$|{TEMPLATE_PATTERN}"},
            ]
        }
    ),
    Meaning(_PERCENT_MEANING),
]
