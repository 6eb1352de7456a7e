# SPDX-License-Identifier: GPL-2.0-or-later
"""The JSON Schema says what the model says, as far as a schema can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from conftest import BASE
from hvlab._core import parse_scenario
from hvlab.scenario.schema import json_schema
from hvlab.scenario.tree import flatten
from test_language import FULL
from test_mistakes import MISTAKES

SCENARIOS = sorted((Path(__file__).parents[2] / "scenarios").rglob("*.hvlab.yaml"))
# What only a schema with the knowledge of a whole document, of expressions or of files could find.
BEYOND = (
    "measure of a name twice",
    "image", "fixture", "reference", "regular expression", "name used", "name not known",
    "field of a name", "named value", "item that", "compared with", "assert", "single equals",
    "and as in C", "function", "limit without", "limit of another", "measure of a text",
    "before boot", "booted twice", "matrix value with", "variable of", "matrix without",
    "matrix axis empty", "exclude of", "include that", "matrix too large", "code without",
    "instructions without", "budget without", "deadline without", "group with",
    "name that expressions", "duration not whole", "tag that pytest", "key twice", "tab for",
    "bracket not closed", "matrix value twice", "colon missing", "space missing", "on no key",
    "disk that is not", "kvm with", "kvm by",
)  # fmt: skip


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def data(text: str) -> Any:
    return flatten(parse_scenario(text, "case.hvlab.yaml"))[0]


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.name)
def test_shipped_scenarios_are_valid(validator: Any, path: Path) -> None:
    validator.validate(data(path.read_text(encoding="utf-8")))


def test_there_are_scenarios() -> None:
    assert len(SCENARIOS) >= 5


@pytest.mark.parametrize("text", [BASE, FULL], ids=["base", "full"])
def test_other_documents_are_valid(validator: Any, text: str) -> None:
    validator.validate(data(text))


@pytest.mark.parametrize(
    "mistake",
    [m for m in MISTAKES if not any(words in m.title for words in BEYOND)],
    ids=lambda mistake: mistake.title,
)
def test_mistakes_are_invalid(validator: Any, mistake: Any) -> None:
    document = data(mistake.document.replace("%base\n", BASE))
    assert not validator.is_valid(document)


def test_every_step_and_field_is_described() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for name, definition in schema["$defs"].items():
        assert definition.get("description"), name
        properties = definition.get("properties", {})
        for field, body in properties.items():
            assert body.get("description") or "$ref" in body, (name, field)
