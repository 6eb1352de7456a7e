# SPDX-License-Identifier: GPL-2.0-or-later
"""The results file: its schema against real runs, and reading it back."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import report_samples as samples
from hvlab.errors import ReportError
from hvlab.report import history, json_report, load, reading
from hvlab.scenario import results
from hvlab.scenario.results import Outcome, RunResult
from test_cli import hvlab

ROOT = Path(__file__).parents[2]
REAL = ("echo", "hello", "screen", "runaway", "micro")
BAD = """\
schema: 1
name: bad
tags: [smoke]
machine: {boot: {flat: "fixture:screen"}}
steps:
  - boot: {}
  - expect: {screen: "step 3 of 3", within: 5s, as: last}
  - measure: {name: shown, value: last.time}
  - assert: last.time < 1*ms
"""


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json_report.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a run of shipped scenarios, and of one that fails."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "bad.hvlab.yaml").write_text(BAD)
    targets = [str(ROOT / f"scenarios/{name}.hvlab.yaml") for name in REAL]
    done = subprocess.run(
        [sys.executable, "-m", "hvlab", "run", *targets, "bad.hvlab.yaml", "--json", "r.json"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    return folder / "r.json"


def test_real_results_are_as_the_schema_says(validator: Any, real: Path) -> None:
    data = json.loads(real.read_text())
    validator.validate(data)
    assert data["summary"]["failed"] == 1
    assert data["host"]["processors"].startswith(f"{len(os.sched_getaffinity(0))} usable of ")
    (failed,) = (case for case in data["cases"] if case["outcome"] == "failed")
    assert failed["failure"]["operands"][0][0] == "last.time"
    (machine,) = failed["machines"]
    assert machine["picture"].startswith("<svg")
    assert "step 3 of 3" in machine["screen"]
    (echo,) = data["cases"][0]["machines"]
    assert [line for _, line in echo["log"]] == echo["console"].splitlines()
    (measure,) = failed["measures"]
    assert measure["time"] == failed["steps"][2]["guest_end"] > 0


def test_hostile_results_are_as_the_schema_says(validator: Any) -> None:
    run = RunResult([samples.hostile(0), samples.pair(1), samples.flaky(2), samples.skipped(7)])
    validator.validate(json.loads(json_report.render(run, samples.STARTED)))


def objects(schema: Any, names: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every schema of an object with properties of its own, by its name."""
    if isinstance(schema, dict):
        if "properties" in schema:
            yield names[-1] if names else "", schema
        for name, part in schema.items():
            plain = name in ("properties", "items", "oneOf", "$defs")
            yield from objects(part, names if plain else (*names, name))
    elif isinstance(schema, list):
        for part in schema:
            yield from objects(part, names)


@pytest.mark.parametrize(
    ("name", "kind", "derived"),
    [
        ("case", results.CaseResult, {"flaky", "guest_time", "instructions"}),
        ("failure", results.Failure, set()),
        ("step", results.StepResult, set()),
        ("measure", results.MeasureResult, set()),
        ("machine", results.MachineResult, set()),
        ("attempt", results.AttemptResult, set()),
        ("stop", results.StopResult, set()),
        ("images", results.ImageResult, set()),
        ("events", results.EventResult, set()),
    ],
)
def test_the_schema_knows_every_field(name: str, kind: Any, derived: set[str]) -> None:
    schema = dict(objects(json_report.schema()))[name]
    fields = {field.name for field in dataclasses.fields(kind)} | derived
    assert set(schema["properties"]) == fields
    assert set(schema["required"]) == fields


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 1),
        (("started",), "yesterday"),
        (("cases", 0, "outcome"), "flaky"),
        (("cases", 0, "seed"), -1),
        (("cases", 0, "machines", 0, "log", 0), {"time": 1, "line": "x"}),
        (("cases", 0, "machines", 0, "log", 0), [1, "x", 2]),
        (("cases", 0, "steps", 0, "guest_end"), 1.5),
    ],
)
def test_the_schema_refuses_what_is_wrong(
    validator: Any, path: tuple[Any, ...], value: Any
) -> None:
    data = json.loads(json_report.render(RunResult([samples.pair(1)]), samples.STARTED))
    validator.validate(data)
    place = data
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    assert not validator.is_valid(data)


# Reading back.


def saved_file(folder: Path, run: RunResult, name: str = "r.json") -> Path:
    path = folder / name
    json_report.write(path, run, samples.STARTED)
    return path


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    run = samples.run_of(60, lines=3)
    run.cases += [samples.pair(1), samples.hostile(2)]
    run.interrupted = True
    read = load.read(saved_file(tmp_path, run))
    rounded = [dataclasses.replace(case, wall=round(case.wall, 6)) for case in run.cases]
    assert read.run.cases == rounded
    assert (read.run.wall, read.run.interrupted, read.run.host) == (run.wall, True, run.host)
    assert (read.started, read.name) == (samples.STARTED, "r")
    assert read.run.exit_code == run.exit_code
    assert read.run.count(Outcome.FAILED) == run.count(Outcome.FAILED) > 0
    assert json_report.render(read.run, read.started) == (tmp_path / "r.json").read_text()


def test_numbers_that_json_has_not_are_texts(validator: Any, tmp_path: Path) -> None:
    values = {"a": float("inf"), "b": float("-inf"), "c": float("nan"), "d": 1.5, "e": None}
    case = dataclasses.replace(samples.case(0), parameters=values)
    path = saved_file(tmp_path, RunResult([case]))
    validator.validate(json.loads(path.read_text(), parse_constant=pytest.fail))
    (read,) = load.read(path).run.cases
    assert read.parameters == {"a": "inf", "b": "-inf", "c": "nan", "d": 1.5, "e": None}


def test_real_results_are_read_back(real: Path) -> None:
    read = load.read(real)
    assert json_report.render(read.run, read.started) == real.read_text()


def test_a_file_that_was_cut_short_is_refused_wherever(tmp_path: Path) -> None:
    whole = saved_file(tmp_path, RunResult([samples.pair(1)])).read_bytes().rstrip()
    for length in range(0, len(whole), len(whole) // 97):
        (tmp_path / "cut.json").write_bytes(whole[:length])
        with pytest.raises(ReportError, match=r"cut short|not JSON"):
            load.read(tmp_path / "cut.json")


FOREIGN = {
    "text": ("hello", "not JSON, so it holds no results", ""),
    "xml": ("<testsuites/>", "not JSON", ""),
    "list": ("[]", "not results of `hvlab run --json`", "format"),
    "other": ('{"format": "hvlab-doctor", "version": 1}', "not results of `hvlab run", "format"),
    "deep": ("[" * 100_000, "not JSON", ""),
    "not UTF-8": (b'{"format": "\xff"}', "not JSON", ""),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_is_refused(tmp_path: Path, name: str) -> None:
    text, message, field = FOREIGN[name]
    path = tmp_path / "x.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ReportError, match=message) as caught:
        load.read(path)
    assert (caught.value.path, caught.value.field) == (str(path), field)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("old", "new", "message", "field"),
    [
        ('"version": 2', '"version": 1', "version 1 .* run the scenarios again", "version"),
        ('"version": 2', '"version": 99', "reads version 2: read it with the hvlab", "version"),
        ('"version": 2', '"version": "\\u001b[2J"', "version .*001b", "version"),
        ('"version": 2,', "", "no version", "version"),
        ('"wall": 1.5', '"wall": NaN', "finite", "wall"),
        ('"wall": 0.02', '"wall": Infinity', "finite", "cases[0].steps[0].wall"),
        ('"wall": 1.5', '"wall": -1', "wall: ", "wall"),
        ('"started": "2026', '"started": "20', "started: ", "started"),
        ('"index": 0', '"index": "0"', "valid integer", "cases[0].steps[0].index"),
        ('"outcome": "failed"', '"outcome": "maybe"', "'passed', 'failed'", "cases[0].outcome"),
    ],
)
def test_a_wrong_part_is_named(
    tmp_path: Path, old: str, new: str, message: str, field: str
) -> None:
    path = saved_file(tmp_path, RunResult([samples.pair(1)], wall=1.5))
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ReportError, match=message) as caught:
        load.read(path)
    assert caught.value.field == field
    assert str(caught.value).isprintable()


def test_what_is_no_file_or_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ReportError, match="not a regular file"):
        load.read(tmp_path)
    with pytest.raises(ReportError, match="No such file"):
        load.read(tmp_path / "x.json")
    os.mkfifo(tmp_path / "pipe.json")  # nobody writes: reading it must not wait
    for path in (tmp_path / "pipe.json", Path("/dev/zero")):
        with pytest.raises(ReportError, match="not a regular file"):
            load.read(path)
    monkeypatch.setattr(reading, "MAX_SIZE", 1 << 20)
    (tmp_path / "large.json").write_bytes(b" " * ((1 << 20) + 1))
    with pytest.raises(ReportError, match="over 1 MiB"):
        load.read(tmp_path / "large.json")


def test_history_is_read_from_files_and_folders_oldest_first(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    run = samples.run_of(2, lines=1)
    for name, age in (("a", 1), ("b", 3), ("c", 2)):
        started = samples.saved(run, age=age).started
        folder = tmp_path if name == "a" else tmp_path / "runs"
        json_report.write(folder / f"{name}.json", run, started)
    found = history.read([str(tmp_path / "a.json"), str(tmp_path / "runs")])
    assert [saved.name for saved in found] == ["b", "c", "a"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReportError, match="no saved run"):
        history.read([str(tmp_path / "empty")])


# The commands.


def test_reports_can_be_made_later(
    real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = hvlab(
        "report", str(real), "--html", "x.html", "--trace", "x.trace", "--junit", "x.xml",
        "--history", str(real), "--history", str(real.parent),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1 failed, ")
    assert "<!DOCTYPE html>" in Path("x.html").read_text()
    assert "traceEvents" in json.loads(Path("x.trace").read_text())
    assert "<testsuites" in Path("x.xml").read_text()


def test_a_run_writes_them_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = str(ROOT / "scenarios/hello.hvlab.yaml")
    done = hvlab("run", path, "--backend", "unicorn", "--json", "a.json", "--save", "first")
    assert done.returncode == 0
    done = hvlab("run", path, "--backend", "unicorn", "--html", "x.html", "--trace", "x.trace",
                 "--history", "a.json", "--history", "first", "--history", ".hvlab/runs")  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    page = Path("x.html").read_text()
    index = json.loads(page.split('id="index">')[1].split("</script>")[0])
    assert sorted(run["name"] for run in index["history"]) == ["a", "first", "first"]
    (series,) = index["series"].values()
    assert len(series["instructions"]) == 3
    assert {value for _, value in series["instructions"]} == {index["cases"][0]["instructions"]}
    assert len(json.loads(Path("x.trace").read_text())["traceEvents"]) > 5


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        ("report good.json", "name a report to write", 4),
        ("report missing.json --html x.html", "cannot read missing.json: No such file", 4),
        ("report cut.json --html x.html", "cut.json: cut short", 4),
        ("report good.json --html no/x.html", "there is no folder", 3),
        ("report good.json --html /dev/full", "No space left on device", 3),
        ("run . --html no/x.html", "there is no folder", 4),
        ("run . --html x.html --history cut.json", "cut.json: cut short", 4),
        ("run . --html x.html --history nightly", "there is no run 'nightly'", 4),
    ],
)
def test_what_cannot_be_read_or_written_is_said_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, message: str, code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    text = saved_file(tmp_path, samples.run_of(3, lines=1), "good.json").read_text()
    Path("cut.json").write_text(text[:-30])
    Path("a.hvlab.yaml").write_text(BAD)
    done = hvlab(*arguments.split())
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "FAILED" not in done.stdout
    assert not Path("x.html").exists()
