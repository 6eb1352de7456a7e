# SPDX-License-Identifier: GPL-2.0-or-later
"""The JSON Schema of scenario files, for editors and other tools (draft 2020-12)."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from hvlab.scenario.fields import TEMPLATE_PATTERN
from hvlab.scenario.model import Scenario, StepsFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEMPLATE = {"type": "string", "pattern": TEMPLATE_PATTERN}


def json_schema() -> dict[str, Any]:
    """The schema. Where a document may say `${...}` instead of a number or a word, so does
    the schema.
    """
    schema = Scenario.model_json_schema(by_alias=True, schema_generator=_Generator)
    return {"$schema": DIALECT, **schema}


def steps_schema() -> dict[str, Any]:
    """The schema of files that scenarios include."""
    schema = StepsFile.model_json_schema(by_alias=True, schema_generator=_Generator)
    return {"$schema": DIALECT, **schema}


class _Generator(GenerateJsonSchema):
    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        return _or_template(super().int_schema(schema))

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        result = super().literal_schema(schema)
        return result if result.get("const") == 1 else _or_template(result)


def _or_template(schema: JsonSchemaValue) -> JsonSchemaValue:
    return {"anyOf": [schema, _TEMPLATE]}
