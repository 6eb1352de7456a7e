# SPDX-License-Identifier: GPL-2.0-or-later
"""The step `python`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from hvlab.scenario import python_code
from hvlab.scenario.context import CheckContext, RunContext
from hvlab.scenario.fields import TEMPLATE_PATTERN, Identifier, ScalarValue
from hvlab.scenario.python_code import CallError
from hvlab.scenario.shapes import Kind, Record, Shape, Value
from hvlab.scenario.steps.base import StepBody

MAX_FIELDS = 100


class Python(StepBody):
    """Calls a function of a module in the scenario's folder with an `hvlab.CaseContext`, as
    `python: checks:no_oops`. An `assert` in it is a failure, another exception an error. Runs only
    where `--allow-python` is given, as under pytest by default.
    """

    keyword: ClassVar[str] = "python"
    example: ClassVar[str] = r"""
- expect: {text: "ready\n", within: 1s}
- python: {call: "checks:lines", with: {least: 1}, as: count}
- assert: count.value >= 1
""".lstrip()
    example_files: ClassVar[Mapping[str, str]] = {
        "checks.py": """\
def lines(context, least):
    found = context.console.output.count("\\n")
    assert found >= least, f"only {found} lines"
    return found
"""
    }
    shorthand: ClassVar[str | None] = "call"

    call: str = Field(
        min_length=1,
        json_schema_extra={"pattern": f"^[\\w.]+:\\w+$|{TEMPLATE_PATTERN}"},
        description="MODULE:FUNCTION.",
        examples=["checks:no_oops"],
    )
    with_: dict[Identifier, ScalarValue] = Field(
        default_factory=dict,
        alias="with",
        description="What the function gets by name, besides the context.",
    )
    as_: Identifier | None = Field(
        default=None,
        alias="as",
        description="Names what it returns: NAME.value, or of a mapping its names.",
    )

    def title(self) -> str:
        return f"python {self.call}"

    def check(self, context: CheckContext) -> None:
        try:
            python_code.inspect(self.call, tuple(self.with_), context.places.source.folder)
        except CallError as error:
            context.problem(str(error), *error.field, at_key=error.field[0] == "with")
        if self.as_ is not None:
            context.names(self.as_, Shape({}, anything=True))

    def run(self, context: RunContext) -> None:
        result = context.call(self.call, self.with_)
        if self.as_ is not None:
            fields = _fields(result)
            context.name(self.as_, Record(fields), Shape(dict.fromkeys(fields, Kind.ANY)))


def _fields(result: Any) -> dict[str, Value]:
    """What expressions see of what a function returned. Raises CallError."""
    if not isinstance(result, Mapping):
        return {"value": _value(result)}
    if len(result) > MAX_FIELDS:
        raise CallError(f"it returned a mapping of {len(result)} values; {MAX_FIELDS} are at most")
    for name in result:
        if not isinstance(name, str) or not name.isidentifier():
            raise CallError(f"it returned a mapping with the key {name!r}, which is no name")
    return {name: _value(value, f" '{name}'") for name, value in result.items()}


def _value(value: Any, of: str = "") -> Value:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    what = f"the value{of} that it returned is of the type {type(value).__name__}"
    raise CallError(f"{what}; a number, a text, true, false or None can be named")
