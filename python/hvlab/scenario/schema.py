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


def experiment_schema() -> dict[str, Any]:
    """The schema of experiments."""
    from hvlab.sim.experiments.experiment import ExperimentFile

    schema = ExperimentFile.model_json_schema(by_alias=True, schema_generator=_Generator)
    return {"$schema": DIALECT, **schema}


class _Generator(GenerateJsonSchema):
    # In a document a key without a value is an error; it is left out instead.
    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        result = super().default_schema(schema)
        if "default" in result and result["default"] is None:
            del result["default"]
        return result

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        result = super().dict_schema(schema)
        if "keys_schema" in schema:
            names = self.generate_inner(schema["keys_schema"])
            if "pattern" in names:
                result["propertyNames"] = {"pattern": names["pattern"]}
        return result

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        return _or_template(super().int_schema(schema))

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        result = super().literal_schema(schema)
        return result if result.get("const") == 1 else _or_template(result)


def _or_template(schema: JsonSchemaValue) -> JsonSchemaValue:
    return {"anyOf": [schema, _TEMPLATE]}
