# SPDX-License-Identifier: GPL-2.0-or-later
"""`make bench-sim`: that its programs run the model they say they run, and what it makes of their figures."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path[:0] = [str(BENCH), str(BENCH / "sim"), str(BENCH / "sim/peers")]

import agreement  # noqa: E402
import engine_figures  # noqa: E402
import programs  # noqa: E402
import sim_bench  # noqa: E402
import sim_model as model  # noqa: E402
from programs import Run  # noqa: E402

import figures  # noqa: E402

# `make test` builds them; SimGrid's program, which it does not, is held to the same by `make bench-sim`.
BUILT = [name for name in sim_bench.PROGRAMS if name != sim_bench.SIMGRID]


@pytest.mark.parametrize("name", BUILT)
def test_each_program_runs_the_model(name: str) -> None:
    assert agreement.stationary_response() == pytest.approx(1.173, abs=0.0005)
    assert agreement.faults(sim_bench.PROGRAMS[name]) == []


def program_that(*, events: int, response: float, refuses: bool) -> agreement.Program:
    """A program that answers this, whatever it is asked."""
    ran = {
        "events": events,
        "seconds": 1.0,
        "cpu_seconds": 1.0,
        "mean_response": response,
        "peak_bytes": 1 << 21,
    }
    refusal = "if sys.argv[1] == '100': sys.exit('--vms must be a multiple of 16')" * refuses
    code = f"import sys\n{refusal}\nprint({json.dumps(ran)!r})"
    return lambda vms: lambda _: [sys.executable, "-c", code, str(vms)]


def test_a_program_that_runs_another_model_is_found_out() -> None:
    assert agreement.faults(program_that(events=6400, response=1.155, refuses=True)) == []
    assert agreement.faults(program_that(events=6401, response=1.0, refuses=False)) == [
        "6401 events, not 6400",
        "mean response 1.0000 s with many bursts, not 1.1727 s",
        "VMs that make no whole hosts are not refused",
    ]


def test_both_queues_keep_one_order() -> None:
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


def test_the_queues_figures_are_ratios_and_judged_where_many_are_pending() -> None:
    line = {"increments": "exponential", "ns": {"ours": 10, "std::priority_queue": 14, "ladder": 7}}
    few, many = engine_figures.queue_figures(
        json.dumps({**line, "pending": pending}) for pending in (1000, 100_000)
    )
    assert few.value == many.value == pytest.approx(1.4)
    assert "ladder 2.0" in few.detail
    assert not few.judged
    assert not many.met


def test_google_benchmarks_figures_are_medians_over_repetitions() -> None:
    def run(name: str, family: int, kind: str = "iteration", **found: float) -> dict[str, object]:
        place = {"family_index": family, "per_family_instance_index": 0}
        return {"run_name": name, "run_type": kind, **place, **found}

    def item(rate: float, kind: str = "iteration") -> dict[str, object]:
        return run("x/1", 0, kind, items_per_second=rate, windows=5)

    def times(real: float) -> dict[str, object]:
        return run("y", 1, times_real=real, events=2e6)

    runs = [times(150), item(1e9), item(1e8), times(250), item(2e8), item(1.0, "aggregate")]
    one, speed = engine_figures.benchmark_figures({"benchmarks": runs})
    assert (one.name, one.value, one.unit) == ("x/1", pytest.approx(5), "ns")
    assert one.detail == "1 to 10 over 3; 5 windows/s"
    assert (speed.name, speed.value, speed.unit) == ("y: times real time", 200, "x")
    assert speed.detail == "150 to 250 over 2; 2 M events/s"


def test_figures_have_bounds_from_both_sides() -> None:
    assert figures.Figure("a", 2, "x", limit=2).met
    assert not figures.Figure("a", 2, "x", least=2.1).met
    assert figures.Figure("a", 2, "x").met
    assert not figures.Figure("a", 2, "x").judged
