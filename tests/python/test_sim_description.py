# SPDX-License-Identifier: GPL-2.0-or-later
"""Clusters described in Python: the same models and words as in documents."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import hvlab.sim as sim
from hvlab.errors import HvlabError, SimulationError
from hvlab.sim.cluster import described
from hvlab.sim.model import consistency
from hvlab.sim.model.description import HostSpec, VmSpec

MISSPELT = {"name": "n", "coers": 8, "scheduler": "round-robin"}
CLOSED = {"closed": {"think": {"exponential": "1s"}, "service": "5ms"}}


def host(**values: Any) -> sim.Host:
    return sim.Host("node", **{"cores": 8, "scheduler": "round-robin", **values})


def web(**values: Any) -> sim.VM:
    return sim.VM("web", **{"workload": CLOSED, **values})


def plain(*vms: sim.VM, hosts: list[Any] | None = None, fidelity: Any = "quantum") -> Any:
    return described(hosts or [host()], vms, fidelity, "1ms").plain()


def refused(make: Any) -> SimulationError:
    with pytest.raises(SimulationError) as caught:
        make()
    assert isinstance(caught.value, HvlabError)
    assert isinstance(caught.value, ValueError)
    return caught.value


def test_plain_is_what_was_said() -> None:
    made = plain(web(count=3, weight=512, limit=0.5, pcpus=[3, 1]), hosts=[host(migration="20us")])
    assert made["hosts"][0]["migration"] == 20_000
    assert made["hosts"][0]["accounting_period"] == 100_000_000
    vms = made["vms"][0]
    assert (vms["count"], vms["weight"], vms["limit"], vms["pcpus"]) == (3, 512.0, 0.5, [1, 3])
    assert vms["workload"] == {
        "name": "closed",
        "values": {
            "think": {"shape": "exponential", "a": 1e9, "b": 0.0},
            "service": {"shape": "constant", "a": 5e6, "b": 0.0},
        },
    }


@pytest.mark.parametrize(
    ("written", "shape"),
    [
        ("2s", ("constant", 2e9, 0)),
        ({"constant": "2s"}, ("constant", 2e9, 0)),
        ({"exponential": {"mean": "2s"}}, ("exponential", 2e9, 0)),
        ({"uniform": ["1s", "2s"]}, ("uniform", 1e9, 2e9)),
        ({"lognormal": {"mean": "1s", "cv": 2}}, ("lognormal", 1e9, 2)),
        ({"pareto": {"mean": "1s", "tail": 1.5}}, ("pareto", 1e9, 1.5)),
        ({"erlang": {"mean": "1s", "phases": 3}}, ("erlang", 1e9, 3)),
        ({"hyperexponential": {"mean": "1s", "cv": 3}}, ("hyperexponential", 1e9, 3)),
    ],
)
def test_distributions(written: Any, shape: tuple[str, float, float]) -> None:
    made = plain(web(workload={"closed": {"think": written, "service": "1ms"}}))
    think = made["vms"][0]["workload"]["values"]["think"]
    assert (think["shape"], think["a"], think["b"]) == shape


@pytest.mark.parametrize(
    ("ratio", "vcpus", "count"), [(1, 1, 16), (1.5, 1, 24), (1.1, 1, 17), (2, 3, 10), (0.5, 8, 1)]
)
def test_overcommit_is_rounded_down(ratio: float, vcpus: int, count: int) -> None:
    hosts = [host(count=2), sim.Host("other", cores=4, scheduler="round-robin")]
    assert (
        plain(web(overcommit=ratio, vcpus=vcpus, hosts="node"), hosts=hosts)["vms"][0]["count"]
        == count
    )


def test_overcommit_is_of_the_number_that_was_written() -> None:
    assert int(0.29 * 100) == 28
    assert plain(web(overcommit=0.29), hosts=[host(cores=100)])["vms"][0]["count"] == 29


@pytest.mark.parametrize(
    ("make", "field", "message"),
    [
        (lambda: host(cores=0), "cores", "cores must be at least 1, not 0"),
        (lambda: host(scheduler="round-robbin"), "scheduler", "did you mean 'round-robin'"),
        (lambda: host(scheduler={"round-robin": {"slice": 5}}), "scheduler.round-robin.slice", "has a unit"),
        (lambda: web(weight=0), "weight", "weight must be more than 0, not 0"),
        (lambda: web(weight=float("nan")), "weight", "weight must be finite, not nan"),
        (lambda: web(workload={"closed": {"think": "1", "service": "1s"}}), "workload.closed.think", "unit"),
        (lambda: web(count=1, overcommit=2), "", "give one of them"),
        (lambda: plain(web(vcpus=9)), "vms[0].vcpus", "fits on no host"),
        (lambda: plain(web(with_="web")), "vms[0].with", "circle: web -> web"),
        (lambda: plain(web(), web()), "vms[1].name", "there is a group of VMs 'web' already"),
        (lambda: plain(), "vms", "vms is empty"),
        (lambda: plain(web(), fidelity="fast"), "fidelity", "unknown value 'fast'"),
        (lambda: plain(web(reservation=0.5)), "vms[0].reservation", "of the hosts 'node' has no"),
        (lambda: plain(web(), hosts=[MISSPELT]), "hosts[0].coers", "did you mean 'cores'"),
    ],
)  # fmt: skip
def test_mistakes(make: Any, field: str, message: str) -> None:
    error = refused(make)
    assert error.field == field
    assert message in str(error)


def test_every_mistake_is_said() -> None:
    error = refused(lambda: web(weight=0, vcpus=0))
    assert "weight must be more than 0" in str(error)
    assert "vcpus must be at least 1" in str(error)


@pytest.mark.parametrize(("model", "made"), [(HostSpec, sim.Host), (VmSpec, sim.VM)])
def test_arguments_are_the_keys_and_their_presets(model: Any, made: Any) -> None:
    parameters = {
        name.rstrip("_"): parameter.default
        for name, parameter in inspect.signature(made).parameters.items()
    }
    keys = {field.alias or name for name, field in model.model_fields.items()}
    assert set(parameters) == keys
    given = made("x") if made is sim.Host and _has("eevdf") else made("x", **_needed(made))
    for name, field in model.model_fields.items():
        if field.is_required() or name in ("scheduler", "workload"):
            continue
        default = field.get_default(call_default_factory=True)
        assert getattr(given, name) == default, name


def _needed(made: Any) -> dict[str, Any]:
    return {"scheduler": "round-robin"} if made is sim.Host else {"workload": CLOSED}


def _has(scheduler: str) -> bool:
    from hvlab.sim.model.kinds import schedulers

    return scheduler in schedulers()


def test_a_circle_is_told_once_for_each_in_it_and_ends() -> None:
    vms = [
        sim.VM("a", workload=CLOSED, with_="b"),
        sim.VM("b", workload=CLOSED, with_="c"),
        sim.VM("c", workload=CLOSED, with_="b"),
    ]
    error = refused(lambda: plain(*vms))
    assert str(error).count("circle") == 2


def test_faults_hang_on_nothing_but_the_description() -> None:
    spec = described([host()], [web()], "quantum", "1ms")
    assert list(consistency.faults(spec)) == []
