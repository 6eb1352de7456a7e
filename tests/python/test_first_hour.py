# SPDX-License-Identifier: GPL-2.0-or-later
"""What a person meets first: `hvlab new`, `hvlab explain`, and the JSON Schema in an editor."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hvlab._core import parse_scenario
from hvlab.cli import main
from hvlab.cli.app import NewKind
from hvlab.scenario.document import load
from hvlab.scenario.model import Scenario
from hvlab.scenario.reference import Topic, everything, find, names, related, topics
from hvlab.scenario.schema import json_schema
from hvlab.scenario.steps import STEPS
from hvlab.scenario.tree import flatten

# The keys that an example may leave to these.
AROUND = {
    "schema": "schema: 1\n",
    "name": "name: example\n",
    "machine": 'machine: {boot: {flat: "fixture:echo"}}\n',
    "steps": 'steps:\n- boot: {}\n- expect: {text: "ready", within: 10s}\n',
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def document(topic: Topic) -> str:
    """The example of a topic, with what it needs around it."""
    if topic.example.startswith("- "):
        boot = "" if topic.example.startswith("- boot") else "- boot: {}\n"
        example = f"steps:\n{boot}{topic.example}"
    else:
        example = topic.example
    given = flatten(parse_scenario(example, "example"))[0]
    assert isinstance(given, dict)
    return "".join(text for key, text in AROUND.items() if key not in given) + example


# hvlab new


@pytest.mark.parametrize("kind", list(NewKind))
def test_a_new_scenario_passes_as_it_stands(
    kind: NewKind, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "one", "--kind", kind]) == 0
    said = capsys.readouterr().out
    assert "one.hvlab.yaml: written" in said
    assert "hvlab run -v one.hvlab.yaml" in said
    assert main(["run", "one.hvlab.yaml"]) == 0
    assert load("one.hvlab.yaml").cases[0].scenario.name == "one"


def test_a_new_scenario_is_valid_by_the_schema_beside_it() -> None:
    assert main(["new"]) == 0
    text = Path("first.hvlab.yaml").read_text()
    assert text.splitlines()[0] == "# yaml-language-server: $schema=./hvlab.schema.json"
    schema = json.loads(Path("hvlab.schema.json").read_text())
    assert schema == json_schema()
    jsonschema.validate(flatten(parse_scenario(text, "x"))[0], schema)


def test_new_overwrites_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Path("one.hvlab.yaml").write_text("mine")
    assert main(["new", "one"]) == 4
    assert "one.hvlab.yaml: is there already, and is not overwritten" in capsys.readouterr().err
    assert Path("one.hvlab.yaml").read_text() == "mine"
    assert not Path("hvlab.schema.json").exists()
    Path("hvlab.schema.json").write_text("{}")
    assert main(["new", "two"]) == 0
    assert "another one is there, and stays" in capsys.readouterr().out
    assert Path("hvlab.schema.json").read_text() == "{}"


def test_new_in_a_folder_and_with_the_whole_name() -> None:
    Path("sub").mkdir()
    assert main(["new", "sub/one.hvlab.yaml"]) == 0
    assert load("sub/one.hvlab.yaml").cases[0].id == "sub/one.hvlab.yaml::one"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["my scenario"], "can't be a scenario's name"),
        (["nowhere/one"], "there is no folder 'nowhere'"),
        (["one", "--kind", "windows"], "--kind"),
    ],
)
def test_new_refuses(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", *arguments]) == 4
    assert said in capsys.readouterr().err
    assert list(Path().iterdir()) == []


# hvlab explain


def test_explain_lists_every_step_and_section(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    said = capsys.readouterr().out
    for topic in topics():
        assert f"  {topic.name} " in said
    assert {topic.name for topic in topics() if topic.is_step} == set(STEPS)


@pytest.mark.parametrize("topic", topics(), ids=lambda topic: f"{topic.kind}:{topic.name}")
def test_explain_says_all_of_a_topic(topic: Topic, capsys: pytest.CaptureFixture[str]) -> None:
    assert topic.text
    assert main(["explain", topic.name]) == 0
    said = capsys.readouterr().out
    assert f"{topic.name}: a {topic.kind}\n" in said
    for key in topic.keys:
        assert f"\n  {key.name}: {key.type}" in said
        assert key.purpose, key.name
    for line in topic.example.splitlines():
        assert line in said


@pytest.fixture
def dice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution that brings the device which an example has."""
    place = tmp_path / "installed"
    info = place / "dice-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dice\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hvlab.devices]\ndice = dice:Dice\n")
    (place / "dice.py").write_text(
        "import hvlab\n\n\nclass Dice(hvlab.Device):\n    size = 1\n\n"
        "    def read(self, offset, size):\n        return self.random() % 6 + 1\n"
    )
    monkeypatch.syspath_prepend(place)
    monkeypatch.setenv("PYTHONPATH", str(place), prepend=os.pathsep)


@pytest.mark.usefixtures("dice")
def test_every_topic_has_an_example_that_passes(capsys: pytest.CaptureFixture[str]) -> None:
    for number, topic in enumerate(topics()):
        assert topic.example, topic.name
        Path(f"{number}.hvlab.yaml").write_text(document(topic))
        for name, text in topic.files.items():
            Path(name).write_text(text)
    code = main(["run", ".", "--allow-python"])
    assert code == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("linux", "machine.boot.linux: a section"),
        ("boot", "Below boot\n  machine.boot.flat"),
        ("machine.boot", "Below machine.boot\n"),
        ("vars", "vars: a key of a scenario\n"),
        ("within", "within: a key of expect\n  within: a duration, as 20s; default 10s\n"),
    ],
)
def test_explain_takes_a_part_of_a_name(
    name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", name]) == 0
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "meant"), [("expct", "expect"), ("machin", "machine"), ("linus", "linux")]
)
def test_explain_knows_the_nearest_name(
    name: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", name]) == 4
    assert f"no step or section '{name}' (did you mean '{meant}'?)" in capsys.readouterr().err


def test_names_find_something() -> None:
    keys = {key.name for topic in everything() for key in topic.keys}
    for name in names():
        assert find(name) or related(name) or name in keys, name


# the schema, as an editor uses it


def properties(definition: dict[str, Any]) -> dict[str, Any]:
    for alternative in definition.get("anyOf", ()):
        if "properties" in alternative:
            return dict(alternative["properties"])
    return dict(definition.get("properties", {}))


def test_the_schema_describes_every_key_and_says_what_it_may_be() -> None:
    schema = json_schema()
    definitions = schema["$defs"]
    for name, definition in {"Scenario": schema, **definitions}.items():
        assert definition.get("description"), name
        for key, body in properties(definition).items():
            assert body.get("description") or "$ref" in body, (name, key)
            kinds = {"type", "anyOf", "oneOf", "$ref", "enum", "const", "pattern"}
            assert kinds & set(body), (name, key)


def test_the_schema_has_what_an_editor_offers() -> None:
    schema = json_schema()
    machine = schema["$defs"]["MachineSpec"]["properties"]
    assert machine["memory"]["default"] == "64MiB"
    assert "pattern" in machine["memory"]
    assert machine["backend"]["anyOf"][0]["enum"] == ["unicorn", "kvm"]
    expect = properties(schema["$defs"]["Expect"])
    assert expect["within"]["default"] == "10s"
    assert "triple-fault" in json.dumps(expect["stop"])
    assert schema["additionalProperties"] is False
    required = {alias(name) for name, f in Scenario.model_fields.items() if f.is_required()}
    assert set(schema["required"]) == required
    # A key without a value is an error, so an editor must not offer one.
    assert '"null"' not in json.dumps(schema)
    assert ": null" not in json.dumps(schema)


def alias(name: str) -> str:
    return Scenario.model_fields[name].alias or name
