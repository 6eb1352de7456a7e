# SPDX-License-Identifier: GPL-2.0-or-later
"""`make bench-sim`: that its programs run the model they say they run, and what it makes of their figures."""

from __future__ import annotations

import importlib.util
import json
import math
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path[:0] = [str(BENCH), str(BENCH / "sim"), str(BENCH / "sim/peers")]

import programs  # noqa: E402
import sim_bench  # noqa: E402
import sim_model as model  # noqa: E402
from programs import Run  # noqa: E402

import figures  # noqa: E402

NEED = {
    "SimGrid": programs.BUILD / "sim_simgrid_peer",
    "bare C++": programs.BUILD / "sim_heap_peer",
    "hvlab": programs.BUILD / "sim_fluid",
    "hvlab, 2 threads": programs.BUILD / "sim_fluid",
}


def needs(name: str) -> None:
    """Skips where what a program needs is not there."""
    if name == "SimPy" and importlib.util.find_spec("simpy") is None:
        pytest.skip("SimPy is not installed: pip install 'hvlab[bench-sim]'")
    if name in NEED and not NEED[name].exists():
        pytest.skip(f"{NEED[name].name} is not built: tools/setup.sh bench-sim")


def stationary_response() -> float:
    """Mean response of the model if bursts never ended: M/M/8//16 (machine repairman), both means 1 s."""
    weights = [1.0]
    for active in range(model.VMS_OF_HOST):
        thinking = model.VMS_OF_HOST - active
        weights.append(weights[-1] * thinking / min(active + 1, model.CORES))
    whole = sum(weights)
    busy = sum(w * min(n, model.CORES) for n, w in enumerate(weights)) / whole
    present = sum(w * n for n, w in enumerate(weights)) / whole
    return present / busy  # Little's law


@pytest.mark.parametrize("name", list(sim_bench.PROGRAMS))
def test_each_program_runs_the_model(name: str) -> None:
    needs(name)
    found = programs.run(sim_bench.PROGRAMS[name](320)(7))
    assert found.events == 320 * 20
    assert found.mean_response is not None
    assert abs(found.mean_response - 1.12) < 0.14  # 5 standard errors
    assert found.seconds > 0
    assert found.cpu_seconds > 0
    assert found.peak_bytes > 1 << 20


@pytest.mark.parametrize("name", list(sim_bench.PROGRAMS))
def test_with_many_bursts_the_response_is_that_of_theory(name: str) -> None:
    needs(name)
    assert stationary_response() == pytest.approx(1.173, abs=0.0005)
    found = programs.run([*sim_bench.PROGRAMS[name](160)(3), "--bursts", "400"])
    assert found.mean_response == pytest.approx(stationary_response(), abs=0.02)


@pytest.mark.parametrize("name", ["SimGrid", "SimPy", "bare C++"])
def test_a_number_of_vms_that_makes_no_whole_hosts_is_refused(name: str) -> None:
    needs(name)
    with pytest.raises(RuntimeError, match="--vms must be a multiple of 16"):
        programs.run(sim_bench.PROGRAMS[name](100)(1))


def test_both_queues_keep_one_order() -> None:
    needs("bare C++")
    commands = programs.holds(3000)
    digests = {programs.run(command(1)).digest for command in commands.values()}
    assert len(digests) == 1


def test_what_is_not_the_model_is_a_fault() -> None:
    assert model.fault(16_000, 10, 320_000, model.MEAN_RESPONSE) == ""
    assert model.fault(16_000, 10, 319_999, model.MEAN_RESPONSE) == "319999 events, not 320000"
    error = model.HOST_DEVIATION / math.sqrt(1000)
    assert model.fault(16_000, 10, 320_000, model.MEAN_RESPONSE + 4.9 * error) == ""
    assert "mean response" in model.fault(16_000, 10, 320_000, model.MEAN_RESPONSE - 5.1 * error)
    assert "mean response" in model.fault(16_000, 10, 320_000, math.nan)
    assert model.fault(16_000, 99, 2 * 16_000 * 99, 1.16) == ""  # another model


def test_the_numbers_of_the_model_are_the_same_in_both_languages() -> None:
    header = (BENCH / "sim/peers/model.h").read_text(encoding="utf-8")
    constants = dict(re.findall(r"constexpr \w+ (k\w+) = ([\d.]+);", header))
    assert {name: float(value) for name, value in constants.items()} == {
        "kCores": model.CORES,
        "kVmsOfHost": model.VMS_OF_HOST,
        "kBursts": model.BURSTS,
        "kMeanResponse": model.MEAN_RESPONSE,
        "kHostDeviation": model.HOST_DEVIATION,
        "kStandardErrors": model.STANDARD_ERRORS,
    }


def test_a_line_that_is_no_result_is_refused() -> None:
    good = {"events": 20, "seconds": 2.0, "cpu_seconds": 1.0, "rate": 10.0, "digest": "ab"}
    assert programs.parse(json.dumps(good)) == Run(20, 2.0, 1.0, digest="ab")
    with pytest.raises(ValueError, match="cpu_seconds missing"):
        programs.parse('{"events": 20, "seconds": 2.0}')
    with pytest.raises(ValueError, match="one line of JSON"):
        programs.parse("")


def test_a_program_that_fails_is_told_with_what_it_said() -> None:
    with pytest.raises(RuntimeError, match=r"ended with 3: mean response 9 s"):
        programs.run([sys.executable, "-c", "import sys; print('mean response 9 s'); sys.exit(3)"])


def test_turns_begin_with_another_each_time() -> None:
    order: list[tuple[str, int]] = []

    def runner(command: Sequence[str]) -> Run:
        order.append((command[0], int(command[1])))
        return Run(1, 1.0, 1.0)

    def command(name: str) -> Callable[[int], Sequence[str]]:
        return lambda seed: [name, str(seed)]

    runs = programs.in_turns({name: command(name) for name in "abc"}, [4, 5], runner)
    assert order == [("a", 4), ("b", 4), ("c", 4), ("b", 5), ("c", 5), ("a", 5)]
    assert {name: len(found) for name, found in runs.items()} == {"a": 2, "b": 2, "c": 2}


def test_ratios_are_of_medians_and_judged_from_below() -> None:
    ours = [Run(100, 9.0, seconds) for seconds in (1.0, 2.0, 50.0)]
    theirs = [Run(100, 1.0, seconds) for seconds in (30.0, 20.0, 40.0)]
    figure = sim_bench.ratio("x", ours, theirs, "cpu_rate", 15)
    assert figure.value == pytest.approx(15)
    assert figure.met
    assert figure.bound == "at least 15 x"
    assert figure.detail == "pairs 0.8 to 30 over 3"
    assert not sim_bench.ratio("x", ours, theirs, "cpu_rate", 15.1).met
    assert sim_bench.ratio("x", ours, theirs, "wall_rate", None).value == pytest.approx(1 / 9)


def test_sizes_ask_for_what_the_issue_asks_for() -> None:
    asked = {size.vms: (dict(size.least), size.in_two) for size in sim_bench.SIZES}
    assert asked == {
        10_000: ({"SimGrid": 15, "SimPy": 30, "bare C++": 0.6}, None),
        100_000: ({"SimGrid": 30, "SimPy": 30}, None),
        1_000_000: ({"bare C++": 1.5}, {"bare C++": 2.5}),
    }


def test_results_that_differ_with_the_threads_end_the_bench() -> None:
    alike = {
        sim_bench.OURS: [Run(1, 1, 1, digest="a")],
        sim_bench.OURS_IN_TWO: [Run(1, 1, 1, digest="a")],
    }
    sim_bench.same_bits(alike)
    other = {**alike, sim_bench.OURS_IN_TWO: [Run(1, 1, 1, digest="b")]}
    with pytest.raises(SystemExit, match="seed 1: a with one thread, b with two"):
        sim_bench.same_bits(other)


def test_figures_have_bounds_from_both_sides() -> None:
    assert figures.Figure("a", 2, "x", limit=2).met
    assert not figures.Figure("a", 2, "x", least=2.1).met
    assert figures.Figure("a", 2, "x").met
    assert not figures.Figure("a", 2, "x").judged
