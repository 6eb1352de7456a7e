# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/simulator-workloads.md says of each workload what it has; each one runs on both fidelities."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

import hvlab.sim as sim
from hvlab._core import SimCluster
from hvlab.errors import SimulationError
from hvlab.sim.model.kinds import OPTIONAL, workloads
from hvlab.sim.validation import theory

PAGE = Path(__file__).resolve().parents[2] / "docs" / "simulator-workloads.md"
FED = "fed"  # only with a function


def tables() -> dict[str, dict[str, str]]:
    """Of each section named as a workload: its parameters with their defaults."""
    found: dict[str, dict[str, str]] = {}
    for section in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        name = re.match(r"`([\w-]+)`\n", section)
        if name:
            rows = re.findall(r"^\| `(\w+)` \| ([^|]*?) ?\|", section, flags=re.MULTILINE)
            found[name[1]] = {key: default.strip("` ") for key, default in rows}
    return found


def test_the_page_has_every_workload_with_every_parameter() -> None:
    described = {
        name: {p.name: "none" if p.preset == OPTIONAL else p.preset for p in kind.parameters}
        for name, kind in workloads().items()
    }
    assert tables() == described


def test_the_overview_names_them_all() -> None:
    rows = re.findall(r"^\| \[`([\w-]+)`\]\(#([\w-]+)\)", PAGE.read_text(), flags=re.MULTILINE)
    assert [name for name, _ in rows] == [anchor for _, anchor in rows] == list(tables())


REQUIRED: dict[str, dict[str, Any]] = {
    "constant": {"utilisation": 0.4},
    "on-off": {"on": {"exponential": "5ms"}, "off": {"exponential": "5ms"}},
    "poisson": {"rate": 500, "service": "1ms"},
    "diurnal": {"rate": 500, "service": "1ms", "period": "100ms"},
    "closed": {"think": {"exponential": "2ms"}, "service": {"exponential": "1ms"}},
    "trace": {"utilisation": [0.2, 0.8], "step": "50ms"},
    "barrier": {"phase": {"exponential": "1ms"}},
    "spinlock": {"work": {"exponential": "200us"}, "critical": {"exponential": "50us"}},
}


@pytest.mark.parametrize("fidelity", ["fluid", "quantum"])
@pytest.mark.parametrize("name", sorted(workloads().keys() - {FED}))
def test_each_runs(name: str, fidelity: Any) -> None:
    cluster = sim.Cluster(
        [sim.Host("node", cores=2)],
        [sim.VM("vm", count=3, vcpus=2, workload={name: REQUIRED[name]})],
        seed=3,
        fidelity=fidelity,
    )
    result = cluster.run("200ms")
    assert result.complete
    assert result.measure("vm.ready") > 0
    assert result.measure("vm.run") > 0


@pytest.mark.parametrize("fidelity", ["fluid", "quantum"])
def test_clients_of_a_vm_are_a_closed_queue(fidelity: Any) -> None:
    closed = {"think": {"exponential": "60ms"}, "service": {"exponential": "10ms"}, "clients": 24}
    cluster = sim.Cluster(
        [sim.Host("node", count=20, cores=4, context_switch="0s", migration="0s")],
        [sim.VM("vm", count=20, vcpus=4, workload={"closed": closed})],
        seed=3,
        fidelity=fidelity,
    )
    result = cluster.run("60s", warmup="5s", percentiles="vms")
    expected = theory.closed_response(24, 4, 60e6, 10e6)
    assert expected > 10.5e6  # queueing included
    assert result.measure("response.mean") == pytest.approx(expected, rel=0.02)
    assert result.measure("throughput") == pytest.approx(20 * 24e9 / (60e6 + expected), rel=0.02)
    assert result.measure("response.p99") > 2 * expected
    assert result.frame("identities")["holds"].all()


@pytest.mark.parametrize("clients", [0, 65537])
def test_a_number_of_clients_that_cannot_be(clients: int) -> None:
    with pytest.raises(SimulationError, match="clients") as error:
        sim.VM("vm", workload={"closed": {"think": "1s", "service": "1ms", "clients": clients}})
    assert error.value.field == "workload.closed.clients"


def plain_with(think: Any) -> dict[str, Any]:
    closed = {"closed": {"think": think, "service": "1ms"}}
    return sim.Cluster([sim.Host("node")], [sim.VM("vm", count=1, workload=closed)]).spec.plain()


# The bounds of the checks in Python.
@pytest.mark.parametrize(
    "think",
    [
        "0s",
        "1000000s",
        {"exponential": "1ns"},
        {"uniform": ["0s", "1000000s"]},
        {"lognormal": {"mean": "1ns", "cv": 1e-6}},
        {"lognormal": {"mean": "1s", "cv": 1e3}},
        {"pareto": {"mean": "1s", "tail": 1.001}},
        {"pareto": {"mean": "1s", "tail": 1e6}},
        {"erlang": {"mean": "1s", "phases": 1000}},
        {"hyperexponential": {"mean": "1s", "cv": 1}},
        {"hyperexponential": {"mean": "1s", "cv": 1e3}},
    ],
)
def test_what_the_checks_let_pass_the_core_takes(think: Any) -> None:
    assert SimCluster(plain_with(think), seed=1, until=1000).run() == "complete"


@pytest.mark.parametrize(
    ("shape", "a", "b"),
    [
        ("constant", -1.0, 0.0),
        ("exponential", math.nan, 0.0),
        ("exponential", 0.0, 0.0),
        ("uniform", 2.0, 1.0),
        ("lognormal", 1.0, math.inf),
        ("pareto", 1.0, 1.0),
        ("erlang", 1.0, 1.5),
        ("hyperexponential", 1.0, 0.5),
    ],
)
def test_the_core_has_checks_of_its_own(shape: str, a: float, b: float) -> None:
    plain = plain_with("1ms")
    plain["vms"][0]["workload"]["values"]["think"] = {"shape": shape, "a": a, "b": b}
    with pytest.raises(SimulationError, match="think"):
        SimCluster(plain, seed=1, until=1000)
