# SPDX-License-Identifier: GPL-2.0-or-later
"""A study as frames, as a JSON file and back, and as text."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

import sim_work
from hvlab.errors import HostError, ReportError, SimulationError
from hvlab.scenario.document import Document
from hvlab.sim.experiments import folder, outcome, saved, summary, sweep
from hvlab.sim.experiments.document import ExperimentDocument
from hvlab.sim.experiments.study import Study
from hvlab.sim.frame import Frame
from hvlab.sim.measures import MEASURES
from test_sim_sweep import Inline

TEXT = """\
schema: 1
name: t
seed: 7
matrix: {number: [1, 2], slice: [1ms, 10ms], word: [a]}
experiment:
  duration: 10s
  resolution: 1s
  replications: 3
  hosts: [{name: node, cores: 8, scheduler: {round-robin: {slice: "${matrix.slice}"}}}]
  vms:
  - name: web
    count: "${matrix.number}"
    workload: {closed: {think: 1s, service: 1s}}
  assert: ["ready < 0.015"]
  compare: [{factor: number, of: [1, 2], measure: ready}]
  plots: [{y: ready, x: number, by: slice, where: {slice: 1ms}, log: xy, title: T}]
"""


@pytest.fixture
def document(read: Callable[[str], Document]) -> ExperimentDocument:
    found = read(TEXT).experiment
    assert found is not None
    return found


@pytest.fixture
def study(document: ExperimentDocument) -> Study:
    return sweep.run(document, document.cells, Inline())


def test_frames(study: Study) -> None:
    found = outcome.results(study, {"hvlab": "1"})
    assert found.factors == {"number": [1, 2], "slice": [10**6, 10**7], "word": ["a"]}
    assert found.measures == ["ready", "web.ready", "response.mean"]
    assert found.complete
    runs = found.replications
    assert runs.columns == (
        "cell", "number", "slice", "word", "replication", "seed", "complete",
        "ready", "web.ready", "response.mean",
    )  # fmt: skip
    assert runs.units["slice"] == "ns"
    assert runs.units["response.mean"] == "ns"
    assert runs.meanings["ready"] == MEASURES["ready"].meaning
    assert len(runs) == 12
    assert runs["seed"].tolist()[:3] == [study.seed(r) for r in range(3)]
    one = found.summary.where(number=2, slice=10**7, measure="ready")
    assert len(one) == 1
    interval = study.cells[-1].interval("ready")
    assert one["mean"][0] == interval.mean
    assert (one["low"][0], one["high"][0]) == (interval.low, interval.high)
    assert one["replications"][0] == 3
    stopping = found.stopping
    assert stopping["reason"].tolist() == ["fixed"] * 4
    assert stopping["measured"].tolist() == [10**10] * 4
    assert math.isnan(stopping["target"][0])
    compared = found.comparison
    assert compared is not None
    assert compared.columns[:2] == ("slice", "word")
    assert compared["baseline"].tolist() == [1, 1]
    assert compared["difference"] == pytest.approx([0.01, 0.01])
    assert compared["verdict"].tolist() == ["more", "more"]
    assert found.series is not None
    assert len(found.series) == 4 * 10
    assert found.latency is not None
    assert found.latency.where(number=1, slice=10**6)["count"].tolist() == [15, 3]
    assert found.latency.units["low"] == "ns"
    (plot,) = found.plots
    assert (plot.kind, plot.y, plot.x, plot.by) == ("line", "ready", "number", ("slice",))
    assert (plot.where, plot.log, plot.title) == ({"slice": 10**6}, "xy", "T")


def test_warnings_say_what_to_know(study: Study, document: ExperimentDocument) -> None:
    found = outcome.results(study, {}).warnings
    assert found[0].startswith(
        "number=2-slice=1ms-word=a: ready < 0.015 does not hold: ready is 0.02"
    )
    failed = sweep.run(document, document.cells, Inline(work=sim_work.refuse))
    results = outcome.results(failed, {})
    assert not results.complete
    assert "number=2-slice=1ms-word=a: does not fit in memory" in results.warnings
    failed.complete = False
    assert outcome.results(failed, {}).warnings[0] == "interrupted: what is shown is partial"


def test_json_and_back(study: Study, tmp_path: Path) -> None:
    results = outcome.results(study, {"hvlab": "1", "took": "1 s"})
    text = saved.text(results)
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    (tmp_path / "results.json").write_text(text)
    for path in (tmp_path, tmp_path / "results.json"):
        loaded = saved.load(path)
        for field in fields(results):
            before, after = getattr(results, field.name), getattr(loaded, field.name)
            if isinstance(before, Frame):
                assert after.columns == before.columns
                assert dict(after.units) == dict(before.units)
                assert dict(after.meanings) == dict(before.meanings)
            assert after == before, field.name


def test_json_of_nothing(document: ExperimentDocument, tmp_path: Path) -> None:
    empty = outcome.results(Study(document, complete=False), {})
    (tmp_path / "results.json").write_text(saved.text(empty))
    assert saved.load(tmp_path).summary == empty.summary
    assert not saved.load(tmp_path).complete


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "not the results of an experiment"),
        ('{"kind": "hvlab experiment", "format": 99}', "format 99, and this hvlab reads 1"),
        ('{"kind": "hvlab experiment", "format": 1}', "damaged: KeyError"),
        ('{"kind": "hvlab experiment", "format": 1, "frames": {"summary": 3}}', "damaged"),
    ],
)
def test_json_that_is_none(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(ReportError, match=said):
        saved.load(tmp_path)
    with pytest.raises(HostError):
        saved.load(tmp_path / "nothing")


def test_text(study: Study) -> None:
    lines = list(summary.table(study))
    assert lines[0].split() == ["number", "slice", "word", "ready", "response.mean", "n"]
    assert lines[1].startswith("1       1ms    a")
    assert " ± " in lines[1]
    one = list(summary.one_cell(study, study.cells[0]))
    assert one[0] == (
        "number=1-slice=1ms-word=a: quantum, 10 s measured after a warm-up of 0 ns, "
        "3 replications (fixed), 95% intervals"
    )
    assert one[1].startswith("  ready ")
    (first, _) = summary.comparisons(study)
    assert first.startswith("number: 2 against 1, slice=1ms, word=a: ready 0.0100 (")
    assert first.endswith(": more")
    (check, _) = summary.checks(study)
    assert check.startswith("FAILED  number=2-slice=1ms-word=a: ready < 0.015: ready is 0.02")


# The folder


def prepared(path: Path, document: ExperimentDocument, **more: bool) -> None:
    folder.prepare(path, document, **{"resume": False, "overwrite": False, **more})


def test_a_folder_with_results_is_not_lost(document: ExperimentDocument, tmp_path: Path) -> None:
    path = tmp_path / "a/b"
    prepared(path, document)
    assert (path / "experiment.hvlab.yaml").read_text() == TEXT
    assert (path / "PARTIAL").exists()
    with pytest.raises(SimulationError, match="--resume goes on"):
        prepared(path, document)
    prepared(path, document, resume=True)
    prepared(path, document, overwrite=True)
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("")
    for more in ({}, {"resume": True}, {"overwrite": True}):
        with pytest.raises(SimulationError, match="holds other things than results"):
            prepared(other, document, **more)
    with pytest.raises(SimulationError, match="is no folder"):
        prepared(other / "thesis.tex", document)


def test_what_is_written(study: Study, document: ExperimentDocument, tmp_path: Path) -> None:
    prepared(tmp_path / "r", document)
    results = outcome.results(study, {})
    names = folder.write(tmp_path / "r", results)
    assert {"results.json", "summary.csv", "replications.csv", "comparison.csv"} <= set(names)
    assert all((tmp_path / "r" / name).exists() for name in names)
    assert not (tmp_path / "r/PARTIAL").exists()
    head, first, *_ = (tmp_path / "r/summary.csv").read_text().splitlines()
    assert head.startswith("cell,number,slice,word,measure,unit,mean,low,high")
    assert first.startswith("number=1-slice=1ms-word=a,1,1000000,a,ready,1,0.01")
    study.complete = False
    names = folder.write(tmp_path / "r", outcome.results(study, {}))
    assert not saved.load(tmp_path / "r").complete


def test_every_measure_is_documented() -> None:
    page = Path(__file__).parents[2] / "docs/simulator-experiments.md"
    text = page.read_text()
    for measure in MEASURES.values():
        assert f"| `{measure.name}` | {measure.unit.value} | {measure.meaning} |" in text
