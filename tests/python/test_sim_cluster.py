# SPDX-License-Identifier: GPL-2.0-or-later
"""hvlab.sim.Cluster: runs, their frames and measures, interruptions, errors."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest

import hvlab.sim as sim
from hvlab.errors import SimulationError
from hvlab.sim.measures import MEASURES

CLOSED = {"closed": {"think": {"exponential": "100ms"}, "service": {"exponential": "50ms"}}}


def cluster(fidelity: Any = "quantum", **more: Any) -> sim.Cluster:
    return sim.Cluster(
        hosts=[sim.Host("node", count=2, cores=4, scheduler=more.pop("scheduler", "credit2"))],
        vms=[
            sim.VM("web", overcommit=3, workload=CLOSED),
            sim.VM("db", count=2, vcpus=2, weight=2048, workload=CLOSED),
        ],
        fidelity=fidelity,
        **{"seed": 7, **more},
    )


@pytest.mark.parametrize("fidelity", ["quantum", "fluid"])
def test_measures(fidelity: Any) -> None:
    result = cluster(fidelity).run("5s", warmup="1s", resolution="100ms")
    assert result.complete
    assert (result.end, result.outcome) == (5 * 10**9, "complete")
    assert result.events > 1000
    names = set(result.measures)
    assert {name for name, measure in MEASURES.items() if measure.needs == "groups"} <= names
    assert {"web.ready", "db.response.p99", "node.utilisation"} <= names
    for scope in ("", "web.", "db."):
        states = ("run", "ready", "costop", "throttled", "idle")
        assert sum(result.measure(f"{scope}{state}") for state in states) == pytest.approx(1)
        p50, p99, longest = (result.measure(f"{scope}response.{q}") for q in ("p50", "p99", "max"))
        assert 0 < p50 < p99 <= longest * 1.02
    assert result.measure("ready") > 0
    assert 0 < result.measure("fairness") <= 1
    assert result.measure("utilisation") == result.measure("node.utilisation")
    responses = result.frame("vms")["responses"].sum()
    assert result.measure("throughput") == pytest.approx(responses / 4)
    for rate in ("arrivals", "switches", "migrations"):
        assert result.measure(rate) == pytest.approx(result.frame("vms")[rate].sum() / 4)
    assert result.measure("throughput") == pytest.approx(
        result.measure("web.throughput") + result.measure("db.throughput")
    )
    assert len(result.frame("vms")) == 26
    assert len(result.frame("series")) == 2 * 50
    assert result.frame("identities")["holds"].all()


def test_the_same_again() -> None:
    runs = [cluster().run("3s", threads=threads) for threads in (1, 1, 2)]
    for name in ("vms", "hosts", "groups", "population", "latency"):
        first, *others = [run.frame(name) for run in runs]
        for other in others:
            assert other == first
    assert cluster(seed=8).run("3s").frame("vms") != runs[0].frame("vms")


def test_unknown_names() -> None:
    result = cluster().run("100ms")
    with pytest.raises(SimulationError, match="did you mean 'ready'"):
        result.measure("redy")
    with pytest.raises(SimulationError, match="unknown frame 'vm'"):
        result.frame("vm")  # type: ignore[arg-type]


def test_shown_in_a_notebook() -> None:
    result = cluster().run("1s")
    assert "ready" in repr(result)
    assert repr(result).startswith("<Result: 1 s simulated, ")
    assert '<th scope="row" title="ready (steal) time' in result._repr_html_()
    assert repr(cluster()) == "<Cluster: hosts 2 node; VMs 24 web, 2 db; quantum, seed 7>"


def test_stopped_by_the_progress_function() -> None:
    told: list[tuple[int, int]] = []

    def progress(now: int, events: int) -> bool:
        told.append((now, events))
        return len(told) < 3

    result = cluster().run("1000s", progress=progress)
    assert (result.complete, result.outcome) == (False, "stopped")
    assert len(told) == 3
    assert 0 < result.end < 1000 * 10**9
    assert "stopped: partial" in repr(result)
    assert cluster().run("1s", progress=lambda now, events: None).complete


def test_what_the_progress_function_raises() -> None:
    def progress(now: int, events: int) -> bool:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        cluster().run("1000s", progress=progress)


def test_ctrl_c_keeps_what_was_simulated() -> None:
    begun = threading.Event()

    def interrupt() -> None:
        begun.wait(30)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    result = cluster().run("20h", progress=lambda now, events: begun.set())
    thread.join()
    assert (result.complete, result.outcome) == (False, "interrupted")
    assert result.end > 0
    assert not math.isnan(result.measure("ready"))


@pytest.mark.parametrize(
    ("arguments", "field", "said"),
    [
        ({"duration": 0}, "duration", "more than 0"),
        ({"duration": "5"}, "duration", "has no unit (did you mean '5s'?)"),
        ({"duration": -1}, "duration", "can't be negative"),
        ({"duration": "1s", "warmup": "1s"}, "warmup", "less than the duration"),
        ({"duration": "1s", "resolution": 0}, "resolution", "more than 0"),
        ({"duration": "1s", "threads": 0}, "threads", "at least 1"),
        ({"duration": "1s", "memory": "1KiB"}, "memory", ""),
        ({"duration": "1s", "memory": "much"}, "memory", "is not a size"),
        ({"duration": "1000000h"}, "duration", "too long"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(SimulationError) as caught:
        cluster().run(**arguments)
    assert caught.value.field == field
    assert said in str(caught.value)


def test_wrong_seeds() -> None:
    for seed in (-1, 1 << 64, 1.5, True):
        with pytest.raises(SimulationError, match="a seed is"):
            cluster(seed=seed)


def test_a_run_that_would_not_fit_says_so_before_it_starts() -> None:
    many = sim.Cluster(
        hosts=[sim.Host("node", count=4_000_000, scheduler="credit2")],
        vms=[sim.VM("web", count=60_000_000, workload=CLOSED)],
        fidelity="fluid",
    )
    began = time.monotonic()
    with pytest.raises(SimulationError, match="memory"):
        many.run("1s", memory="1GiB")
    assert time.monotonic() - began < 10


# A workload of the user's own


def fed(function: Any, **more: Any) -> sim.Cluster:
    return sim.Cluster(
        hosts=[sim.Host("node", cores=4, scheduler="credit2")],
        vms=[sim.VM("mine", count=8, workload=function), sim.VM("web", count=2, workload=CLOSED)],
        **more,
    )


class Drawn:
    """Numbers of each VM from a generator of its own: the same whoever else asks. Each batch of a VM begins
    where its last one ended.
    """

    def __init__(self) -> None:
        self.random = [np.random.default_rng(vm) for vm in range(8)]
        self.asked: list[tuple[list[int], int]] = []
        self.had = np.zeros(8, dtype=np.uint64)

    def __call__(self, vms: Any, first: Any, pairs: int) -> Any:
        assert (first.dtype, first.shape) == (np.uint64, vms.shape)
        assert first.tolist() == self.had[vms].tolist()
        self.had[vms] += np.uint64(pairs)
        self.asked.append((vms.tolist(), pairs))
        draws = np.array([self.random[vm].exponential(1e8, (2, pairs)) for vm in vms])
        return draws[:, 0], draws[:, 1] / 2


@pytest.mark.parametrize("fidelity", ["quantum", "fluid"])
def test_a_workload_in_python_is_asked_in_batches(fidelity: Any) -> None:
    function = Drawn()
    result = fed(function, fidelity=fidelity).run("10s")
    assert result.complete
    assert function.asked[0][0] == list(range(8))
    assert {pairs for _, pairs in function.asked} == {32}
    # About 10 s / 150 ms requests of each VM.
    assert 6 * 8 * 10 / 0.25 > result.frame("groups")["responses"][0] > 8 * 10 / 0.5
    again = fed(Drawn(), fidelity=fidelity).run("10s", threads=2)
    assert again.frame("vms") == result.frame("vms")


def test_a_workload_that_raises() -> None:
    def function(vms: Any, first: Any, pairs: int) -> Any:
        raise KeyError("mine")

    with pytest.raises(
        SimulationError, match="the workload of 'mine' failed: KeyError: 'mine'"
    ) as e:
        fed(function).run("1s")
    assert isinstance(e.value.__cause__, KeyError)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "gave a NoneType"),
        (([], []), "its think times are 0"),
        ((np.empty((8, 0)), np.empty((8, 0))), "its think times are 8 x 0"),
        ((1, 2, 3), "gave a tuple of 3"),
        (([1], [2]), "its think times are 1"),
        ((5, 5), "its think times are one number"),
        ((np.ones((8, 32)), "text"), "its work are no numbers"),
        ((np.ones((8, 32)), np.full((8, 32), math.nan)), "work time"),
        ((np.full((8, 32), -1.0), np.ones((8, 32))), "think time"),
        ((np.ones((8, 32)), np.full((8, 32), math.inf)), "work time"),
    ],
)
def test_a_workload_that_gives_nonsense(given: Any, said: str) -> None:
    with pytest.raises(SimulationError, match=said):
        fed(lambda vms, first, pairs: given).run("1s")


def test_a_workload_of_python_needs_its_function() -> None:
    with pytest.raises(SimulationError, match="is for Python") as caught:
        fed({"fed": {}})
    assert caught.value.field == "vms[0].workload"
