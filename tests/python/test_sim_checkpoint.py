# SPDX-License-Identifier: GPL-2.0-or-later
"""Simulated runs that are interrupted, written down, and gone on with."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hvlab.sim as sim
from hvlab.errors import HostError, SimulationError

WORKLOAD = {"closed": {"think": {"exponential": "20ms"}, "service": {"exponential": "10ms"}}}


def _cluster(fidelity: Any = "quantum", workload: Any = WORKLOAD) -> sim.Cluster:
    host = sim.Host("node", count=2, cores=2, scheduler="credit2")
    return sim.Cluster(
        [host], [sim.VM("web", count=9, workload=workload)], seed=5, fidelity=fidelity
    )


def _same(one: sim.Result, other: sim.Result) -> bool:
    names = ("vms", "hosts", "groups", "population", "series", "latency")
    return all(one.frame(name) == other.frame(name) for name in names)


@pytest.mark.parametrize("fidelity", ["fluid", "quantum"])
def test_saved_and_resumed_it_is_the_same_run(fidelity: str, tmp_path: Path) -> None:
    run = {"warmup": "1s", "resolution": "2s"}
    whole = _cluster(fidelity).run("30s", **run)
    partial = _cluster(fidelity).run("30s", **run, progress=lambda now, events: False)
    assert partial.outcome == "stopped"
    assert 0 < partial.end < 30e9
    partial.save(tmp_path / "run")
    for threads in (1, 2):
        resumed = sim.resume(tmp_path / "run", threads=threads)
        assert resumed.complete
        assert _same(resumed, whole)
    assert not _same(partial, whole)


def test_ctrl_c_keeps_what_was_simulated(tmp_path: Path) -> None:
    def interrupt(now: int, events: int) -> None:
        if now > 10e9:
            os.kill(os.getpid(), signal.SIGINT)

    result = _cluster().run("300s", progress=interrupt)
    assert result.outcome == "interrupted"
    assert not result.complete
    assert "partial" in repr(result)
    assert 10e9 < result.end < 300e9
    assert result.frame("vms")["responses"].sum() > 0
    result.save(tmp_path / "run")
    assert sim.resume(tmp_path / "run").complete


def test_files_that_are_no_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "run"
    _cluster().run("30s", progress=lambda now, events: False).save(path)
    good = path.read_bytes()
    for bad in (b"", b"hello", good[:-1], good[: len(good) // 2], good + b"x"):
        path.write_bytes(bad)
        with pytest.raises(SimulationError):
            sim.resume(path)
    for place in range(0, len(good), max(1, len(good) // 50)):
        path.write_bytes(good[:place] + bytes([good[place] ^ 0x40]) + good[place + 1 :])
        with pytest.raises(SimulationError):
            sim.resume(path)
    with pytest.raises(HostError):
        sim.resume(tmp_path / "none")


def test_where_it_cannot_be_written(tmp_path: Path) -> None:
    partial = _cluster().run("30s", progress=lambda now, events: False)
    with pytest.raises(HostError, match="none"):
        partial.save(tmp_path / "none" / "run")


def _drawn(vms: Any, first: Any, pairs: int) -> tuple[Any, Any]:
    """A function of the VM and the number of the pair alone."""
    random = [
        np.random.Generator(np.random.Philox(key=vm, counter=start))
        for vm, start in zip(vms.tolist(), first.tolist(), strict=True)
    ]
    draws = np.array([each.random((2, pairs)) for each in random])
    return draws[:, 0] * 40e6, draws[:, 1] * 20e6 + 1


@pytest.mark.parametrize("fidelity", ["fluid", "quantum"])
def test_a_function_of_the_pair_is_resumed_to_the_same_run(fidelity: str, tmp_path: Path) -> None:
    run = {"warmup": "1s", "resolution": "2s"}
    whole = _cluster(fidelity, _drawn).run("20s", **run)
    partial = _cluster(fidelity, _drawn).run("20s", **run, progress=lambda now, _: now < 5e9)
    assert 0 < partial.end < 20e9
    partial.save(tmp_path / "run")
    for threads in (1, 2):
        resumed = sim.resume(tmp_path / "run", workloads={"web": _drawn}, threads=threads)
        assert resumed.complete
        assert _same(resumed, whole)
    # Again, from where it was stopped a second time.
    second = sim.resume(
        tmp_path / "run", workloads={"web": _drawn}, progress=lambda now, _: now < 12e9
    )
    assert partial.end < second.end < 20e9
    second.save(tmp_path / "run")
    assert _same(sim.resume(tmp_path / "run", workloads={"web": _drawn}), whole)


def test_what_is_written_in_python_is_given_again(tmp_path: Path) -> None:
    _cluster(workload=_drawn).run("30s", progress=lambda now, _: False).save(tmp_path / "run")
    with pytest.raises(
        SimulationError, match="the workload of 'web' is written in Python"
    ) as error:
        sim.resume(tmp_path / "run")
    assert error.value.field == "workloads"
    with pytest.raises(SimulationError, match=r"no workload of 'wbe' .*did you mean 'web'"):
        sim.resume(tmp_path / "run", workloads={"wbe": _drawn})
    with pytest.raises(SimulationError, match=r"no scheduler of 'node' .*the run has none"):
        sim.resume(tmp_path / "run", workloads={"web": _drawn}, schedulers={"node": sim.Scheduler})
    _cluster().run("30s", progress=lambda now, _: False).save(tmp_path / "plain")
    with pytest.raises(SimulationError, match="no workload of 'web'"):
        sim.resume(tmp_path / "plain", workloads={"web": _drawn})


# The window under way needs the function's numbers: it is asked once more, and the run ends with the window.
def test_ctrl_c_in_a_function() -> None:
    calls = 0

    def once(vms: Any, first: Any, pairs: int) -> tuple[Any, Any]:
        nonlocal calls
        calls += 1
        if calls == 20:
            raise KeyboardInterrupt
        return np.full((len(vms), pairs), 9e6), np.full((len(vms), pairs), 1e6)

    result = _cluster(workload=once).run("300s")
    assert result.outcome == "interrupted"
    assert result.frame("vms")["responses"].sum() > 0
