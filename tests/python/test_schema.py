# SPDX-License-Identifier: GPL-2.0-or-later
"""The JSON Schema says what the model says, as far as a schema can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from conftest import BASE
from hvlab._core import parse_scenario
from hvlab.errors import ScenarioError
from hvlab.scenario.schema import experiment_schema, json_schema
from hvlab.scenario.tree import flatten
from test_language import FULL
from test_mistakes import MISTAKES, Mistake

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
    "disk that is not", "unknown machine", "step about no machine", "close twice", "measure of a name twice",
    "closed machine", "kvm with", "kvm by",
)  # fmt: skip
# Of the mistakes of the first hour, by their whole titles: what only the check can find.
BEYOND_OF_FIRST_HOUR = {
    "memory not multiple", "memory zero", "ports reversed", "cpu host on unicorn",
    "vars reserved", "vars refers to vars", "matrix include dup", "matrix exclude unknown",
    "matrix ref misspelt", "expect within huge", "expect as reserved",
    "regex named group python dup", "regex bad class", "regex star", "regex unknown escape",
    "regex possessive", "no boot", "measure name twice", "measure of a name twice", "measure limit unknown",
    "measure value truth",
}  # fmt: skip


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def data(text: str) -> Any:
    return flatten(parse_scenario(text, "case.hvlab.yaml"))[0]


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.name)
def test_shipped_scenarios_are_valid(validator: Any, path: Path) -> None:
    document = data(path.read_text(encoding="utf-8"))
    if "experiment" in document:
        validator = jsonschema.Draft202012Validator(experiment_schema())
    validator.validate(document)


def test_there_are_scenarios() -> None:
    assert len(SCENARIOS) >= 5


@pytest.mark.parametrize("text", [BASE, FULL], ids=["base", "full"])
def test_other_documents_are_valid(validator: Any, text: str) -> None:
    validator.validate(data(text))


def in_reach_of_a_schema(mistake: Mistake) -> bool:
    beyond = mistake.title in BEYOND_OF_FIRST_HOUR or any(word in mistake.title for word in BEYOND)
    try:
        data(mistake.document.replace("%base\n", BASE))
    except ScenarioError:
        return False  # it is no YAML: nothing that a schema sees
    return not beyond


@pytest.mark.parametrize(
    "mistake",
    [mistake for mistake in MISTAKES if in_reach_of_a_schema(mistake)],
    ids=lambda mistake: mistake.title,
)
def test_mistakes_are_invalid(validator: Any, mistake: Mistake) -> None:
    document = data(mistake.document.replace("%base\n", BASE))
    assert not validator.is_valid(document)


def test_what_is_beyond_a_schema_is_a_mistake_that_is_there() -> None:
    assert {mistake.title for mistake in MISTAKES} >= BEYOND_OF_FIRST_HOUR


def test_every_step_and_field_is_described() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for name, definition in schema["$defs"].items():
        assert definition.get("description"), name
        properties = definition.get("properties", {})
        for field, body in properties.items():
            assert body.get("description") or "$ref" in body, (name, field)
