# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs that are kept and compared: their files, and what is comparable."""

from __future__ import annotations

import datetime
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from hvlab import state
from hvlab.errors import ReportError
from hvlab.performance import collect, files, table
from hvlab.performance.compare import Comparison, Options, Row, Verdict, compare
from hvlab.performance.runs import Case, Facts, Measure, Run, facts, joined
from hvlab.report import host_facts, json_report, reading
from hvlab.scenario.results import (
    AttemptResult,
    CaseResult,
    MachineResult,
    MeasureResult,
    Outcome,
    RunResult,
)

FACTS = Facts(hvlab="1", engine="e", cpu="c", cpus=2, kernel="k", python="3", workers=1)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


RESULT = CaseResult(
    id="f::a[n=1]",
    file="f",
    name="a[n=1]",
    outcome=Outcome.PASSED,
    backend="unicorn",
    seed=7,
    parameters={"n": 1},
    tags=(),
    line=1,
    reproduce="",
    measures=(MeasureResult("t", 5, "ns", "", None), MeasureResult("rate", 2.5, "", "> 1", True)),
    machines=(MachineResult("machine", guest_time=100, instructions=90),),
    wall=0.5,
    cpu=0.25,
)


def results(*walls: float, **more: object) -> list[CaseResult]:
    return [
        replace(RESULT, repetition=i, wall=w, **more)  # type: ignore[arg-type]
        for i, w in enumerate(walls)
    ]


def case(
    name: str = "a", backend: str = "unicorn", count: int = 1, seed: int = 1, **measures: object
) -> Case:
    made = []
    for key, value in measures.items():
        samples = value if isinstance(value, list) else [value] * count
        unit = "s" if key in ("wall", "cpu") else ("ns" if key == "guest_time" else "")
        better = "" if key == "free" else ("higher" if key == "rate" else "lower")
        made.append(Measure(name=key, unit=unit, better=better, samples=samples))  # type: ignore[arg-type]
    return Case(
        id=f"f::{name}", file="f", name=name, backend=backend, kvm="", parameters={}, images={},
        repetitions=list(range(count)), seeds=[seed] * count, failed=0, measures=made,
    )  # fmt: skip


def run(*cases: Case, pairing: str = "", **other: object) -> Run:
    made = FACTS.model_copy(update=other)
    return Run(started="now", facts=made, pairing=pairing, cases=list(cases))


def rows(a: Run, b: Run, **options: object) -> dict[str, Row]:
    found: Comparison = compare(a, b, Options(**options))  # type: ignore[arg-type]
    return {row.measure or row.case: row for row in found.rows}


# From results to samples.


def test_samples_of_a_run() -> None:
    made = collect.run_of(results(0.3, 0.1, 0.2), "now", FACTS)
    (found,) = made.cases
    assert (found.repetitions, found.seeds, found.failed) == ([0, 1, 2], [7, 7, 7], 0)
    by_name = {m.name: (m.unit, m.better, m.samples) for m in found.measures}
    assert by_name == {
        "wall": ("s", "lower", [0.3, 0.1, 0.2]),
        "cpu": ("s", "lower", [0.25] * 3),
        "guest_time": ("ns", "lower", [100] * 3),
        "instructions": ("", "lower", [90] * 3),
        "t": ("ns", "lower", [5] * 3),
        "rate": ("", "higher", [2.5] * 3),
    }


def test_only_what_passed_at_once_is_a_sample() -> None:
    failed = replace(RESULT, repetition=1, outcome=Outcome.FAILED)
    attempt = AttemptResult(7, Outcome.FAILED, "no", None, 0.1)
    flaky = replace(RESULT, repetition=2, attempts=(attempt,))
    skipped = replace(RESULT, id="f::b", outcome=Outcome.SKIPPED)
    made = collect.run_of([RESULT, failed, flaky, skipped], "now", FACTS)
    (found,) = made.cases
    assert (found.repetitions, found.failed) == ([0], 2)


def test_a_measure_that_was_absent_once_has_no_sample_there() -> None:
    without = replace(RESULT, repetition=1, measures=())
    (found,) = collect.run_of([RESULT, without], "now", FACTS).cases
    measure = found.measure("t")
    assert measure is not None
    assert measure.samples == [5, None]


def test_a_measure_of_the_scenarios_takes_the_place_of_a_built_in_one() -> None:
    own = replace(RESULT, measures=(MeasureResult("instructions", 7, "", "", None),))
    (found,) = collect.run_of([own], "now", FACTS).cases
    kept = [m for m in found.measures if m.name == "instructions"]
    assert [(m.samples, m.better) for m in kept] == [([7], "lower")]


@pytest.mark.parametrize(
    ("unit", "limit", "stated", "expected"),
    [
        ("ns", "", "", "lower"), ("B", "", "", "lower"), ("", "", "", ""), ("", "< 5", "", "lower"),
        ("", ">= 5", "", "higher"), ("ns", "> 1*ms", "", "higher"), ("", "< 5", "higher", "higher"),
    ],
)  # fmt: skip
def test_which_direction_is_better(unit: str, limit: str, stated: str, expected: str) -> None:
    assert collect.direction(unit, limit, stated) == expected  # type: ignore[arg-type]


def test_parameters_that_json_has_no_numbers_for() -> None:
    made = collect.run_of([replace(RESULT, parameters={"n": float("inf")})], "now", FACTS)
    assert made.cases[0].parameters == {"n": "inf"}
    files.save(Path("x.json"), made)
    assert files.load("x.json") == made


def test_rounds_are_joined() -> None:
    first = run(case(count=1, wall=1.0), case("b", wall=3.0))
    second = run(
        case(count=1, wall=2.0, rate=5), case("b", count=0).model_copy(update={"failed": 1})
    )
    both = joined([first, second], "p")
    a, b = both.cases
    assert (a.repetitions, b.repetitions, b.failed) == ([0, 1], [0], 1)
    assert [(m.name, m.samples) for m in a.measures] == [("wall", [1.0, 2.0]), ("rate", [None, 5])]
    assert both.pairing == "p"


# Files.


def test_a_run_is_kept_as_it_is() -> None:
    made = collect.run_of(results(0.3, 0.1), "now", facts(1))
    files.save(files.prepare("x.1"), made)
    assert files.load("x.1") == made
    assert files.load(".hvlab/runs/x.1.json") == made
    assert (state.FOLDER / ".gitignore").read_text() == "*\n"
    assert files.saved() == ["x.1"]


@pytest.mark.parametrize("name", ["", ".x", "-x", "a b", "x" * 101, "a\n", "ä"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(ReportError, match="can't be the name of a run"):
        files.prepare(name)
    assert not state.FOLDER.exists()


GOOD = json.loads(collect.run_of(results(0.3, 0.1), "now", FACTS).model_dump_json())


def changed(**change: object) -> str:
    return json.dumps(GOOD | change)


def case_changed(**change: object) -> str:
    return changed(cases=[GOOD["cases"][0] | change])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cut short, the results"),
        ("[]", "neither a saved run nor results"),
        ("[" * 100_000, "not JSON"),
        ("{}", "neither a saved run nor results"),
        ('{"format": ["hvlab-run"]}', "neither a saved run nor results"),
        ('{"format": "hvlab-run", "version": ' + "9" * 10_000 + "}", "not JSON|version"),
        (changed(version=2), "version 2 of the format; this hvlab reads version 1: read it with"),
        (changed(version="1"), 'version "1"'),
        (changed(extra=1), "x.json: extra: "),
        (changed(cases=None), "x.json: cases: "),
        (changed(cases=GOOD["cases"] * 2), "do not fit together"),
        (case_changed(repetitions=[0]), "do not fit together"),
        (case_changed(seeds=[1]), "do not fit together"),
        (case_changed(measures=GOOD["cases"][0]["measures"] * 2), "do not fit together"),
        (case_changed(measures=[{"name": "t", "unit": "", "better": "x", "samples": []}]), "better"),
        (changed()[:-9], "cut short, the results are not whole"),
        (changed().replace("0.3", "NaN"), r"cases\[0\].measures\[0\].samples\[0\]"),
        (changed().replace("0.3", "1e999"), "samples"),
        (changed().replace("0.3", '"0.3"'), "samples"),
        ('{"format": "hvlab-results", "version": 1}', "reads version 2: run the scen"),
        ('{"format": "hvlab-results", "version": 2}', "hvlab: Field required"),
        ('{"format": "hvlab-results", "version": 2, "cases": [{}]}', "hvlab: Field required"),
    ],
)  # fmt: skip
def test_files_that_are_no_run(text: str, message: str) -> None:
    Path("x.json").write_text(text)
    with pytest.raises(ReportError, match=message) as caught:
        files.load("x.json")
    assert "x.json" in str(caught.value)
    assert len(str(caught.value)) < 600


def test_places_that_are_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("d.json").mkdir()
    os.mkfifo("f.json")
    for name in ("d.json", "f.json", "none.json", "/dev/zero"):
        with pytest.raises(ReportError, match="cannot read"):
            files.load(name)
    Path("big.json").write_text(changed())
    monkeypatch.setattr(reading, "MAX_SIZE", 100)
    with pytest.raises(ReportError, match="MiB"):
        files.load("big.json")


def test_the_nearest_name_is_told() -> None:
    files.save(files.prepare("before"), run())
    with pytest.raises(ReportError, match="did you mean 'before'"):
        files.load("befor")
    with pytest.raises(ReportError, match="there are: before"):
        files.load("zzz")


# Results of `hvlab run --json`.

STARTED = datetime.datetime(2026, 11, 28, 12, 30, tzinfo=datetime.UTC)


def results_file(*cases: CaseResult, **host: str) -> str:
    json_report.write(Path("r.json"), RunResult(list(cases), host=host), STARTED)
    return "r.json"


def test_results_give_the_samples_that_the_runner_gave() -> None:
    run_ = results(0.3, 0.1)
    found = files.load(results_file(*run_))
    assert found.cases == collect.run_of(run_, "", FACTS).cases
    assert found.started == "2026-11-28T12:30:00+00:00"


def test_results_tell_their_host() -> None:
    here = facts(1).model_copy(update={"engine": "", "workers": None})
    assert all((here.cpu, here.cpus, here.kernel, here.python))
    assert files.load(results_file(RESULT, **host_facts.facts())).facts == here


def test_times_of_results_of_another_host_are_not_compared() -> None:
    many = results(*[1.0] * 9)
    one = files.load(results_file(*many, processor="c", processors="2 usable of 4"))
    other = files.load(results_file(*many, processor="d", processors="2 usable of 4"))
    assert "another processor: c in A, d in B" in rows(one, other)["wall"].note
    fewer = files.load(results_file(*many, processor="c", processors="1 usable of 4"))
    assert "another number of processors: 2 in A, 1 in B" in rows(one, fewer)["wall"].note


@pytest.mark.parametrize(
    "host",
    [
        {},
        {"processor": "(processor could not be collected: OSError: no)", "processors": "many"},
        {"processors": "9" * 5000 + " usable of 1", "kernel": "", "Python": "3"},
    ],
)
def test_a_host_of_which_results_say_nothing_is_unknown(host: dict[str, str]) -> None:
    found = files.load(results_file(RESULT, **host)).facts
    assert (found.cpu, found.cpus, found.kernel, found.python) == ("", 0, "", "")


def test_results_that_no_run_can_hold_are_refused() -> None:
    long = replace(RESULT, measures=(MeasureResult("t" * 201, 5, "ns", "", None),))
    with pytest.raises(ReportError, match="at most 200 characters"):
        files.load(results_file(long))


# Exact measures.


def test_any_difference_of_an_exact_measure_is_a_change() -> None:
    a = run(case(instructions=10**17, guest_time=50, rate=10, free=1))
    b = run(case(instructions=10**17 + 1, guest_time=49, rate=9, free=2))
    found = rows(a, b)
    assert {name: row.verdict for name, row in found.items()} == {
        "instructions": Verdict.WORSE,
        "guest_time": Verdict.BETTER,
        "rate": Verdict.WORSE,
        "free": Verdict.CHANGED,
    }
    assert all(row.exact for row in found.values())
    assert table.word(found["instructions"]) == "slower"
    assert table.word(found["rate"]) == "worse"
    assert rows(a, a)["instructions"].verdict is Verdict.SAME


def test_exact_measures_are_compared_seed_by_seed() -> None:
    one = case(count=2, instructions=[10, 20]).model_copy(update={"seeds": [1, 2]})
    two = case(count=2, instructions=[20, 30]).model_copy(update={"seeds": [2, 3]})
    assert rows(run(one), run(two))["instructions"].verdict is Verdict.SAME
    other = case(instructions=20, seed=9)
    assert rows(run(one), run(other))["instructions"].note == "no seed is common to A and B"


def test_a_count_that_differs_between_repetitions_is_not_compared() -> None:
    torn = case(count=2, instructions=[10, 11])
    row = rows(run(case(instructions=10)), run(torn))["instructions"]
    assert row.verdict is Verdict.NOT_COMPARABLE
    assert "not the same in all repetitions of B" in row.note


def test_a_measure_of_the_scenarios_that_differs_is_a_noisy_one() -> None:
    torn = case(count=2, own=[10, 11])
    row = rows(run(torn), run(torn))["own"]
    assert not row.exact
    assert row.verdict is Verdict.TOO_FEW


def test_on_kvm_nothing_is_exact() -> None:
    a = run(case(backend="kvm", guest_time=50))
    row = rows(a, a)["guest_time"]
    assert not row.exact
    assert row.note == "1 of at least 5 repetitions that it takes"


# What is comparable.


def test_times_of_another_host_are_not_compared() -> None:
    a = run(case(count=9, wall=1.0, instructions=5))
    for facts_, message in (
        ({"cpu": "d"}, "another processor: c in A, d in B"),
        ({"cpus": 3}, "another number of processors"),
        ({"workers": 0}, "run by 1 worker processes in A, by 0 in B"),
    ):
        b = run(case(count=9, wall=2.0, instructions=5), **facts_)
        found = rows(a, b)
        assert message in found["wall"].note
        assert found["instructions"].verdict is Verdict.SAME
        assert rows(a, b, any_host=True)["wall"].verdict is Verdict.WORSE
    unknown = run(case(count=9, wall=2.0), cpu="", cpus=0, workers=None)
    assert rows(a, unknown)["wall"].verdict is Verdict.WORSE


def test_times_of_another_kvm_are_not_compared() -> None:
    a = run(case(backend="kvm", count=9, wall=1.0).model_copy(update={"kvm": "VT-x"}))
    b = run(case(backend="kvm", count=9, wall=2.0).model_copy(update={"kvm": "software"}))
    assert "another KVM: VT-x in A, software in B" in rows(a, b)["wall"].note


def test_what_is_on_one_side_only_is_said() -> None:
    a = run(case("a", wall=1.0, t=1), case("b", wall=1.0), case("c", count=0))
    b = run(case("a", wall=1.0), case("d", wall=1.0), case("c", wall=1.0))
    found = rows(a, b)
    notes = {name: row.note for name, row in found.items()}
    assert notes["f::b"] == "only in A"
    assert notes["f::d"] == "only in B"
    assert notes["f::c"] == "no repetition of it passed in A"
    assert notes["t"] == "measured in A only"
    assert not compare(a, b, Options()).regressed


def test_units_and_ratios_that_are_none() -> None:
    one, other = case(count=9, backend="kvm", x=1), case(count=9, backend="kvm", x=1)
    sized = other.model_copy(
        update={"measures": [other.measures[0].model_copy(update={"unit": "B"})]}
    )
    assert "in no unit in A, in B in B" in rows(run(one), run(sized))["x"].note
    zero = case(count=9, backend="kvm", x=0)
    assert "has no ratio" in rows(run(zero), run(other))["x"].note


def test_cases_match_across_backends_if_asked_to() -> None:
    def of(backend: str) -> Case:
        made = case(f"a[backend={backend}-n=1]", backend, 9, wall=1.0, guest_time=5)
        return made.model_copy(update={"parameters": {"backend": backend, "n": 1}})

    a, b = run(of("unicorn")), run(of("kvm"))
    assert {row.note for row in rows(a, b).values()} == {"only in A", "only in B"}
    found = rows(a, b, across_backends=True)
    assert found["wall"].samples == (9, 9)
    assert found["guest_time"].note == "guest time is not the same clock on unicorn and kvm"


def test_rounds_pair_by_their_number() -> None:
    a = case(backend="kvm", count=9, wall=1.0).model_copy(update={"repetitions": list(range(9))})
    b = case(backend="kvm", count=9, wall=2.0).model_copy(
        update={"repetitions": list(range(3, 12))}
    )
    row = rows(run(a, pairing="p"), run(b, pairing="p"))["wall"]
    assert row.samples == (6, 6)
    assert row.verdict is Verdict.TOO_FEW
    assert rows(run(a, pairing="p"), run(b, pairing="q"))["wall"].samples == (9, 9)


def test_only_the_measures_that_are_asked_for() -> None:
    a = run(case(wall=1.0, instructions=5))
    assert list(rows(a, a, measures=("instructions",))) == ["instructions"]
