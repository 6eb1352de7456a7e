# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures that are held against NAME.baseline.json."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import BASE, enter
from hvlab.errors import ScenarioError
from hvlab.performance import baseline
from hvlab.performance.baseline import BaselineError, Known
from hvlab.scenario.document import Document, load
from hvlab.scenario.problems import ScenarioInvalid
from hvlab.scenario.results import AttemptResult, CaseResult, Outcome
from hvlab.scenario.runner import run_case

Read = Callable[[str], Document]
BACKENDS = BASE.replace("machine: {", "matrix: {n: [1, 2]}\nmachine: {")
HELLO = '- expect: {text: "Hello from the guest\\n", within: 1s, as: hello}\n'
TEXT = BASE + HELLO + "- measure: {name: t, value: hello.time, baseline: TOLERANCE}\n"
FILE = Path("case.baseline.json")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(tmp_path, monkeypatch)


def hvlab(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "hvlab", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


def write(value: float, unit: str = "ns", case: str = "t", measure: str = "t") -> None:
    cases = {case: {measure: {"value": value, "unit": unit}}}
    FILE.write_text(json.dumps({"format": "hvlab-baseline", "version": 1, "cases": cases}))


def outcome(read: Read, text: str) -> CaseResult:
    (case,) = read(text).cases
    return run_case(case)


def test_a_measure_may_differ_as_far_as_its_tolerance(read: Read) -> None:
    text = TEXT.replace("TOLERANCE", '"10%"')
    now = outcome(read, text).measures[0].value
    for factor, outcome_ in ((1.05, "passed"), (0.95, "passed"), (1.2, "failed"), (0.8, "failed")):
        write(now / factor)
        result = outcome(read, text)
        assert result.outcome == outcome_, factor
        assert result.measures[0].tolerance == "10%"
        assert result.measures[0].baseline == now / factor
        if outcome_ == "failed":
            side = "above" if factor > 1 else "below"
            assert f"20% {side} its baseline" in result.reason
            assert "at most 10% are allowed" in result.reason
            assert "hvlab run case.hvlab.yaml::t --update-baseline" in result.reason
            assert result.failure is not None
            assert result.failure.line == 7


@pytest.mark.parametrize("tolerance", ["exact", '"0%"', '"0.00 %"'])
def test_an_exact_baseline_lets_nothing_differ(read: Read, tolerance: str) -> None:
    text = TEXT.replace("TOLERANCE", tolerance)
    now = int(outcome(read, text).measures[0].value)
    for value, expected in ((now, "passed"), (now + 1, "failed"), (now - 1, "failed")):
        write(value)
        result = outcome(read, text)
        assert result.outcome == expected
        assert result.measures[0].tolerance == "exact"
    assert "has to be the same" in result.reason


def test_without_a_baseline_it_says_what_to_do(read: Read) -> None:
    text = TEXT.replace("TOLERANCE", "exact")
    expected = (
        "case.baseline.json has no 't' for this case; to make what it is now the baseline: "
        "hvlab run case.hvlab.yaml::t --update-baseline"
    )
    result = outcome(read, text)
    assert (result.outcome, result.reason) == (Outcome.FAILED, expected)
    write(1, case="another")
    assert outcome(read, text).reason == expected
    write(1, measure="another")
    assert outcome(read, text).reason == expected


def test_a_baseline_of_another_unit_is_not_compared(read: Read) -> None:
    write(300, unit="")
    result = outcome(read, TEXT.replace("TOLERANCE", "exact"))
    assert "the baseline of t has no unit, the measure ns" in result.reason


def test_a_limit_that_does_not_hold_comes_first(read: Read) -> None:
    write(1)
    text = TEXT.replace("TOLERANCE", "exact, limit: '< 1*ns'")
    assert "over its limit" in outcome(read, text).reason


def test_nothing_is_read_where_nothing_is_compared(read: Read) -> None:
    FILE.write_text("nonsense")
    (case,) = read(BASE).cases
    assert case.baselines is None


# Mistakes that check finds.


@pytest.mark.parametrize(
    ("tolerance", "message"),
    [
        ("2", r"a tolerance has its unit \(did you mean '2%'\?\), or is 'exact'"),
        ('"2"', "'2' is not a tolerance; write a percentage"),
        ('"-2%"', "is not a tolerance"),
        ('"2 percent"', "is not a tolerance"),
        ("exactly", "is not a tolerance"),
        ("[1]", "must be a tolerance, as in '2%', or 'exact', not a list"),
        ("true", "must be a tolerance"),
    ],
)
def test_tolerances_that_are_none(read: Read, tolerance: str, message: str) -> None:
    with pytest.raises(ScenarioInvalid, match=message) as caught:
        read(TEXT.replace("TOLERANCE", tolerance))
    assert caught.value.line == 7


def test_a_tolerance_by_reference(read: Read) -> None:
    text = TEXT.replace("TOLERANCE", '"${allowed}"').replace(
        "steps:", "vars: {allowed: 7%}\nsteps:"
    )
    (case,) = read(text).cases
    assert case.scenario.steps[2].body.baseline == "7%"  # type: ignore[attr-defined]


def test_no_guest_time_is_exact_on_kvm(read: Read) -> None:
    text = TEXT.replace("TOLERANCE", "exact").replace("machine: {", "machine: {backend: kvm, ")
    with pytest.raises(ScenarioInvalid, match="give a tolerance, as in '10%'"):
        read(text)
    read(text.replace("hello.time", "len(console.text)"))


def test_what_is_compared_has_to_be_there(read: Read) -> None:
    text = TEXT.replace("TOLERANCE", "exact").replace("hello.time", "machine.instructions")
    read(text)
    with pytest.raises(ScenarioInvalid, match="does not count instructions"):
        read(text.replace("machine: {", "machine: {backend: kvm, "))


def test_a_name_is_measured_once(read: Read) -> None:
    with pytest.raises(ScenarioInvalid, match="'t' is measured already, in line 7") as caught:
        read(TEXT.replace("TOLERANCE", "exact") + "- measure: {name: t, value: hello.time}\n")
    assert caught.value.line == 8


def test_the_direction_has_two_values(read: Read) -> None:
    with pytest.raises(ScenarioInvalid, match="did you mean 'higher'"):
        read(BASE + HELLO + "- measure: {name: t, value: hello.time, better: higer}\n")


GOOD = {"format": "hvlab-baseline", "version": 1, "cases": {}}


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "[" * 100_000, json.dumps(GOOD | {"version": 2}), json.dumps(GOOD | {"x": 1}),
        json.dumps(GOOD | {"format": "hvlab-run"}),
        json.dumps(GOOD | {"cases": {"t": {"t": {"value": "1", "unit": ""}}}}),
        json.dumps(GOOD | {"cases": {"t": {"t": {"value": True, "unit": ""}}}}),
        json.dumps(GOOD | {"cases": {"t": {"t": {"value": 1, "unit": "s"}}}}),
        json.dumps(GOOD | {"cases": {"t": {"t": {"value": float("nan"), "unit": ""}}}}),
        json.dumps(GOOD | {"cases": {"t": {"t": {"unit": ""}}}}), "\0", "\xff",
    ],
)  # fmt: skip
def test_files_that_are_no_baseline(read: Read, text: str) -> None:
    FILE.write_text(text, encoding="latin-1")
    with pytest.raises(
        ScenarioError, match=r"not a baseline file of version 1.*remove it"
    ) as caught:
        read(TEXT.replace("TOLERANCE", "exact"))
    assert caught.value.file == "case.baseline.json"
    assert len(str(caught.value)) < 400


def test_places_that_are_no_file(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    text = TEXT.replace("TOLERANCE", "exact")
    os.mkfifo(FILE)
    with pytest.raises(ScenarioError, match="not a regular file"):
        read(text)
    FILE.unlink()
    FILE.symlink_to("nowhere")
    with pytest.raises(ScenarioError, match="No such file"):
        read(text)
    FILE.unlink()
    write(1)
    monkeypatch.setattr(baseline, "MAX_BYTES", 10)
    with pytest.raises(ScenarioError, match="MiB"):
        read(text)


# Updates.


def test_an_update_makes_the_scenario_pass_and_says_what_it_wrote() -> None:
    text = BACKENDS + HELLO
    text += "- measure: {name: z, value: hello.time, baseline: exact}\n"
    text += "- measure: {name: a, value: len(console.text), baseline: 5%}\n"
    text += "- measure: {name: free, value: len(console.text)}\n"
    Path("case.hvlab.yaml").write_text(text)
    assert hvlab("run", "case.hvlab.yaml").returncode == 1
    done = hvlab("run", "case.hvlab.yaml", "--update-baseline")
    assert done.returncode == 0
    assert done.stdout.endswith("wrote case.baseline.json (4 values of cases that passed)\n")
    first = FILE.read_bytes()
    content = json.loads(first)
    assert list(content["cases"]) == ["t[n=1]", "t[n=2]"]
    assert list(content["cases"]["t[n=1]"]) == ["a", "z"]
    assert content["cases"]["t[n=1]"]["a"] == {"value": 21, "unit": ""}
    assert hvlab("run", "case.hvlab.yaml").returncode == 0
    changed = FILE.stat().st_mtime_ns
    done = hvlab("run", "case.hvlab.yaml", "--update-baseline")
    assert "unchanged: case.baseline.json" in done.stdout
    assert (FILE.read_bytes(), FILE.stat().st_mtime_ns) == (first, changed)


def test_a_wrong_file_is_refused_before_anything_runs() -> None:
    Path("case.hvlab.yaml").write_text(TEXT.replace("TOLERANCE", "exact"))
    FILE.write_text("{}")
    for arguments in (["check"], ["run"], ["run", "--update-baseline"]):
        done = hvlab(*arguments, "case.hvlab.yaml")
        assert done.returncode == 4
        assert "case.baseline.json: error: not a baseline file" in done.stderr
    assert FILE.read_text() == "{}"


def updated(read: Read, text: str, *more: CaseResult) -> dict[str, dict[str, Known]]:
    """The file after an update by the cases of a document, each run once, and other results."""
    cases = [replace(case, baselines=None) for case in read(text).cases]
    found = [*(run_case(case) for case in cases), *more]
    baseline.update(found, {case.id: case.source for case in cases})
    content = baseline.read(FILE, "x").cases
    return {name: dict(values) for name, values in content.items()}


def test_what_did_not_run_or_did_not_pass_keeps_its_baseline(read: Read) -> None:
    write(5, case="other")
    text = TEXT.replace("TOLERANCE", "exact")
    assert set(updated(read, text)) == {"other", "t"}
    write(5)
    failing = text + "- assert: hello.time == 1*ns\n"
    assert updated(read, failing) == {"t": {"t": Known(value=5, unit="ns")}}
    (case,) = read(text).cases
    attempt = AttemptResult(1, Outcome.FAILED, "no", None, 0.1)
    flaky = replace(run_case(replace(case, baselines=None)), attempts=(attempt,))
    assert baseline.update([flaky], {case.id: case.source}) == []


def test_a_measure_that_is_no_longer_compared_goes(read: Read) -> None:
    write(5, measure="old")
    assert set(updated(read, TEXT.replace("TOLERANCE", "exact"))["t"]) == {"t"}
    assert updated(read, BASE) == {}


def test_repetitions_give_the_middle_one(read: Read) -> None:
    text = TEXT.replace("TOLERANCE", "5%")
    (case,) = read(text).cases
    result = run_case(replace(case, baselines=None))
    first = result.measures[0]
    others = [
        replace(result, repetition=i, measures=(replace(first, value=first.value + add),))
        for i, add in ((1, 20), (2, 10))
    ]
    found = updated(read, text, *others)
    assert found["t"]["t"].value == first.value + 10


def test_an_exact_baseline_needs_repetitions_that_agree(read: Read) -> None:
    text = TEXT.replace("TOLERANCE", "exact")
    (case,) = read(text).cases
    result = run_case(replace(case, baselines=None))
    first = result.measures[0]
    other = replace(result, repetition=1, measures=(replace(first, value=first.value + 1),))
    with pytest.raises(BaselineError, match="in repetitions of one run"):
        updated(read, text, other)
    assert not FILE.exists()


def test_the_file_stands_beside_the_scenario_wherever_that_is() -> None:
    Path("sub").mkdir()
    Path("sub/case.hvlab.yaml").write_text(TEXT.replace("TOLERANCE", "exact"))
    assert hvlab("run", "sub", "--update-baseline").returncode == 0
    assert Path("sub/case.baseline.json").exists()
    (case,) = load("sub/case.hvlab.yaml").cases
    assert case.baselines is not None
    assert case.baselines.file == "sub/case.baseline.json"
    assert set(case.baselines.values) == {"t"}
