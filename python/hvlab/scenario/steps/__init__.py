# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps there are: a new one is a module here and a line in `_BUILT_IN`; those of plugins
come in by entry points (hvlab.plugins). Importing this raises PluginError where one is broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from hvlab import plugins
from hvlab.scenario.steps.assertion import Assert
from hvlab.scenario.steps.base import StepBody
from hvlab.scenario.steps.boot import Boot
from hvlab.scenario.steps.close import Close
from hvlab.scenario.steps.expect import Expect
from hvlab.scenario.steps.include import Include
from hvlab.scenario.steps.measure import Measure
from hvlab.scenario.steps.python import Python
from hvlab.scenario.steps.read import Read
from hvlab.scenario.steps.reset import Reset
from hvlab.scenario.steps.run_for import RunFor
from hvlab.scenario.steps.run_until import RunUntil
from hvlab.scenario.steps.send import Send
from hvlab.scenario.steps.write import Write

_BUILT_IN: tuple[type[StepBody], ...] = (
    Boot, Expect, Send, RunFor, RunUntil, Read, Write, Assert, Measure, Python, Include, Reset, Close,
)  # fmt: skip


def _of_plugins(taken: Mapping[str, type[StepBody]]) -> Iterator[tuple[str, type[StepBody]]]:
    for keyword, point in plugins.find(plugins.STEPS, taken).items():
        body: type[StepBody] = plugins.load(point, StepBody)
        body.keyword = keyword
        yield keyword, body


_OWN = {body.keyword: body for body in _BUILT_IN}
STEPS: Mapping[str, type[StepBody]] = {**_OWN, **dict(_of_plugins(_OWN))}

# Marks the alternatives of the union in pydantic's error locations, so that no key is taken for
# one.
TAG = "step:"


@dataclass(frozen=True)
class Step:
    """One entry of `steps`: its key and its body."""

    keyword: str
    body: StepBody

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices: dict[Any, CoreSchema] = {}
        for keyword, body in STEPS.items():
            fields = {keyword: core_schema.typed_dict_field(handler.generate_schema(body))}
            choices[TAG + keyword] = core_schema.no_info_after_validator_function(
                cls._from_mapping,
                core_schema.typed_dict_schema(fields, extra_behavior="forbid", strict=True),
            )
        return core_schema.tagged_union_schema(choices, discriminator=_tag)

    @classmethod
    def _from_mapping(cls, value: dict[str, StepBody]) -> Step:
        ((keyword, body),) = value.items()
        return cls(keyword, body)


def _tag(value: Any) -> str | None:
    """The alternative for an entry: the first of its keys that is a step's. None is an error."""
    if isinstance(value, Step):
        return TAG + value.keyword
    if not isinstance(value, dict):
        return None
    keyword = next((key for key in value if key in STEPS), None)
    return TAG + keyword if keyword else None
