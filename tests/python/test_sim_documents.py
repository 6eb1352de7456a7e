# SPDX-License-Identifier: GPL-2.0-or-later
"""Experiments as documents: their cells, and what the commands for scenarios do with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from conftest import BASE
from hvlab.cli import main
from hvlab.errors import ScenarioError, SimulationError
from hvlab.scenario.document import Document
from hvlab.scenario.schema import experiment_schema
from hvlab.sim.experiments import reference
from hvlab.sim.experiments.document import load_experiment
from hvlab.sim.model.kinds import schedulers, workloads

EXPERIMENT = """\
schema: 1
name: ready
tags: [sim]
seed: 7
matrix: {ratio: [1, 2.5], slice: [1ms, 10ms]}
vars: {cores: 4}
experiment:
  duration: 10s
  warmup: auto
  resolution: 1s
  replications: {least: 3, most: 9}
  precision: {measure: web.ready, relative: 5%}
  hosts: [{name: node, cores: "${cores}", scheduler: {round-robin: {slice: "${matrix.slice}"}}}]
  vms: [{name: web, overcommit: "${matrix.ratio}", workload: {closed: {think: 1s, service: 1s}}}]
  measures: [ready, web.response.p99, node.utilisation]
  assert: ["ready < 0.5 and web.response.p99 < 2*minutes"]
  compare: [{factor: slice, of: [1ms, 10ms], measure: ready}]
  plots: [{y: ready, x: ratio, by: slice}, {kind: series, y: ready, by: [ratio], where: {slice: 1ms}, log: y}]
"""
ONE_CELL = """\
schema: 1
name: one
experiment:
  duration: 1s
  hosts: [{name: node}]
  vms: [{name: web, workload: {closed: {think: 1s, service: 1s}}}]
"""
SCENARIO = BASE + "- expect: {stop: debug-exit, code: 0}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("ready.hvlab.yaml").write_text(EXPERIMENT)
    return tmp_path


def test_cells_in_the_order_of_the_document(read: Callable[[str], Document]) -> None:
    document = read(EXPERIMENT)
    experiment = document.experiment
    assert document.cases == ()
    assert experiment is not None
    assert (experiment.name, experiment.tags, experiment.seed) == ("ready", ("sim",), 7)
    assert [cell.label for cell in experiment.cells] == [
        "ratio=1-slice=1ms",
        "ratio=1-slice=10ms",
        "ratio=2.5-slice=1ms",
        "ratio=2.5-slice=10ms",
    ]
    last = experiment.cells[-1]
    assert experiment.id(last) == "case.hvlab.yaml::ready[ratio=2.5-slice=10ms]"
    assert last.factors == {"ratio": 2.5, "slice": "10ms"}
    assert experiment.factors == {"ratio": (1, 2.5), "slice": ("1ms", "10ms")}
    plain = last.experiment.plain()
    assert plain["vms"][0]["count"] == 10
    assert plain["hosts"][0]["scheduler"]["values"] == {"slice": 10_000_000}
    common = experiment.common
    assert (common.duration, common.warmup, common.resolution) == (10**10, "auto", 10**9)
    assert (common.replications.least, common.most, common.confidence) == (3, 9, 0.95)


@pytest.mark.parametrize(
    ("written", "least", "most"),
    [
        ("", 5, 5),
        ("  replications: 12\n", 12, 12),
        ("  replications: 40\n  precision: {measure: ready}\n", 40, 40),
        ("  precision: {measure: ready}\n", 5, 30),
    ],
)
def test_how_many_replications(
    read: Callable[[str], Document], written: str, least: int, most: int
) -> None:
    lines = EXPERIMENT.splitlines(keepends=True)
    text = "".join(line for line in lines if "replications" not in line and "precision" not in line)
    experiment = read(text + written).experiment
    assert experiment is not None
    assert (experiment.common.replications.least, experiment.common.most) == (least, most)


def test_a_default_seed_hangs_on_file_and_name_alone(read: Callable[[str], Document]) -> None:
    text = EXPERIMENT.replace("seed: 7\n", "")
    first, again = read(text).experiment, read(text.replace("10s", "20s")).experiment
    other = read(text.replace("name: ready", "name: other")).experiment
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.seed == again.seed != other.seed


def test_measures_in_asserts(read: Callable[[str], Document]) -> None:
    experiment = read(EXPERIMENT).experiment
    assert experiment is not None
    (check,) = experiment.cells[0].checks
    second = 1e9
    assert check.holds({"ready": 0.4, "web.response.p99": 3 * second})[0]
    held, shown = check.holds({"ready": 0.4, "web.response.p99": 200 * second})
    assert not held
    assert "web.response.p99 is 200 s" in shown
    held, shown = check.holds({"ready": 0.4, "web.response.p99": None})
    assert not held
    assert shown == "web.response.p99 has no value"


def test_the_same_text_twice_is_checked_for_each_document(read: Callable[[str], Document]) -> None:
    # Parsed expressions are kept: one document's names must not stand in another's.
    assert read(EXPERIMENT).experiment is not None
    with pytest.raises(ScenarioError, match=r"unknown measure 'web\.response\.p99'"):
        read(EXPERIMENT.replace("name: web", "name: db").replace("web.ready", "db.ready"))


def test_load_experiment_refuses_a_scenario(folder: Path) -> None:
    Path("s.hvlab.yaml").write_text(SCENARIO)
    with pytest.raises(SimulationError, match=r"'hvlab run s\.hvlab\.yaml' runs it"):
        load_experiment("s.hvlab.yaml")
    assert load_experiment("ready.hvlab.yaml").name == "ready"


def test_check_and_list(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("s.hvlab.yaml").write_text(SCENARIO)
    assert main(["check", "."]) == 0
    said = capsys.readouterr().out
    assert said == "1 scenario, 1 case; 1 experiment, 4 cells: no errors\n"
    assert main(["list", "."]) == 0
    ids = capsys.readouterr().out.splitlines()
    assert ids[:2] == ["s.hvlab.yaml::t", "ready.hvlab.yaml::ready[ratio=1-slice=1ms]"]
    assert len(ids) == 5
    Path("s.hvlab.yaml").unlink()
    assert main(["list", "-v", "."]) == 0
    assert "(experiment, quantum, seed 7)" in capsys.readouterr().out


def test_mistakes_are_shown_as_those_of_scenarios(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("ready.hvlab.yaml").write_text(EXPERIMENT.replace("duration: 10s", "duration: 10"))
    assert main(["check", "."]) == 4
    said = capsys.readouterr().err
    assert "ready.hvlab.yaml:8:13: error: a duration has a unit (did you mean '10s'?)" in said
    assert "1 error in 1 of 1 scenario" in said


def test_run_says_that_it_runs_no_experiments(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "ready.hvlab.yaml"]) == 5
    said = capsys.readouterr().err
    assert "ready.hvlab.yaml is an experiment: 'hvlab sim sweep ready.hvlab.yaml' runs it" in said
    Path("one.hvlab.yaml").write_text(ONE_CELL)
    assert main(["run", "one.hvlab.yaml"]) == 5
    said = capsys.readouterr().err
    assert "one.hvlab.yaml is an experiment: 'hvlab sim run one.hvlab.yaml' runs it" in said
    Path("one.hvlab.yaml").unlink()
    Path("s.hvlab.yaml").write_text(SCENARIO)
    Path("more.hvlab.yaml").write_text(EXPERIMENT)
    assert main(["run", "--in-process", "."]) == 0
    assert "2 experiments are left aside: 'hvlab sim' runs them" in capsys.readouterr().err
    assert main(["run", "ready.hvlab.yaml::ready"]) == 4
    said = capsys.readouterr().err
    assert "is an experiment, and has no cases: 'hvlab sim sweep ready.hvlab.yaml' runs it" in said


def test_pytest_leaves_them_aside(pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("ready.hvlab.yaml").write_text(EXPERIMENT)
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    assert done.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    done.stdout.fnmatch_lines(
        ["ready.hvlab.yaml: an experiment, left aside: 'hvlab sim sweep ready.hvlab.yaml' runs it"]
    )


def test_schema_takes_what_check_takes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "--experiment"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema == experiment_schema()
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    good = {
        "schema": 1,
        "name": "t",
        "experiment": {
            "duration": "10s",
            "warmup": "auto",
            "replications": 3,
            "hosts": [{"name": "node", "scheduler": {"round-robin": {"slice": "1ms"}}}],
            "vms": [
                {
                    "name": "web",
                    "overcommit": "${matrix.ratio}",
                    "workload": {"closed": {"think": {"uniform": ["1s", "2s"]}, "service": "1s"}},
                }
            ],
        },
    }
    assert list(validator.iter_errors(good)) == []
    for path, value in (
        (("experiment", "duration"), 10),
        (("experiment", "hosts", 0, "scheduler"), "round-robbin"),
        (("experiment", "hosts", 0, "coers"), 2),
        (("experiment", "vms", 0, "weight"), 0),
        (("experiment", "vms", 0, "workload", "closed", "think"), {"exponental": "1s"}),
    ):
        bad = json.loads(json.dumps(good))
        at = bad
        for part in path[:-1]:
            at = at[part]
        at[path[-1]] = value
        assert list(validator.iter_errors(bad)), path


def test_explain_knows_experiments(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    listed = capsys.readouterr().out
    for topic in reference.topics():
        assert topic.text, topic.name
        assert f"  {topic.name} " in listed
        assert main(["explain", topic.name]) == 0
        said = capsys.readouterr().out
        assert f"{topic.name}: a section" in said
        for key in topic.keys:
            assert f"  {key.name}: {key.type}" in said
            assert key.purpose, (topic.name, key.name)
    names = {topic.name for topic in reference.topics()}
    assert {f"scheduler.{name}" for name in schedulers()} <= names
    assert {f"workload.{name}" for name in workloads()} <= names
    assert main(["explain", "overcommit"]) == 0
    assert "overcommit: a key of experiment.vms" in capsys.readouterr().out


def test_presets_of_all_kinds_are_within_their_own_bounds() -> None:
    from hvlab.sim.model.choices import Scheduler, Workload

    for one in (Scheduler, Workload):
        for name, body in one.bodies().items():
            for key, field in body.model_fields.items():
                assert field.description, (name, key)
                if not field.is_required():
                    field.get_default(call_default_factory=True)
