# SPDX-License-Identifier: GPL-2.0-or-later
"""What every step is: a mapping with one key. The key's name finds the body's model in the
registry.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from pydantic import GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from hvlab.scenario.context import CheckContext, RunContext
from hvlab.scenario.fields import Strict


class StepBody(Strict):
    """The body of a step. A subclass's docstring is the step's documentation.

    Attributes:
        keyword: the step's key; shorthand: the field that a body stands for which is no mapping.
    """

    keyword: ClassVar[str]
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

    @abstractmethod
    def title(self) -> str:
        """The step in one line, for reports and progress."""

    @abstractmethod
    def check(self, context: CheckContext) -> None:
        """Finds what is wrong with the step where it stands; touches no guest and imports nothing
        of it.
        """

    @abstractmethod
    def run(self, context: RunContext) -> None:
        """Does it. What did not happen as expected is `context.fail`."""


def quote(text: str, most: int = 60) -> str:
    """`text` in double quotes on one line, shortened."""
    shown = text if len(text) <= most else text[: most - 3] + "..."
    escaped = (
        shown.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    )
    return f'"{escaped}"'
