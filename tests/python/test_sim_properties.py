# SPDX-License-Identifier: GPL-2.0-or-later
"""What is true of every cluster, tried on random ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hvlab.sim as sim
from hvlab.sim import kinds

LASTS = "300ms"
_TIMES = st.sampled_from(["200us", "3ms", "20ms"])
_DRAWN = st.one_of(
    _TIMES,
    st.builds(lambda mean: {"exponential": mean}, _TIMES),
    st.builds(
        lambda mean, cv: {"lognormal": {"mean": mean, "cv": cv}}, _TIMES, st.sampled_from([0.5, 2])
    ),
)
_RATES = st.sampled_from([5.0, 200.0, 2000.0])
_WORKLOADS: Mapping[str, st.SearchStrategy[Any]] = {
    "constant": st.fixed_dictionaries({"utilisation": st.sampled_from([0.2, 0.7, 1])}),
    "on-off": st.fixed_dictionaries({"on": _DRAWN, "off": _DRAWN}),
    "poisson": st.fixed_dictionaries({"rate": _RATES, "service": _DRAWN}),
    "diurnal": st.fixed_dictionaries(
        {"rate": _RATES, "service": _DRAWN, "period": st.just("100ms")}
    ),
    "closed": st.fixed_dictionaries({"think": _DRAWN, "service": _DRAWN}),
    "trace": st.fixed_dictionaries(
        {
            "utilisation": st.lists(st.sampled_from([0, 0.3, 1]), min_size=1, max_size=4),
            "step": st.sampled_from(["10ms", "30ms"]),
        }
    ),
    "barrier": st.fixed_dictionaries({"phase": _DRAWN, "wait": st.sampled_from(["spin", "block"])}),
    "spinlock": st.fixed_dictionaries(
        {"work": _DRAWN, "critical": _DRAWN, "lock": st.sampled_from(["ticket", "unfair"])}
    ),
}


@st.composite
def _vms(draw: st.DrawFn, name: str, most_vcpus: int, reserving: bool) -> dict[str, Any]:
    workload = draw(st.sampled_from(sorted(_WORKLOADS)))
    vcpus = draw(st.integers(1, most_vcpus))
    found: dict[str, Any] = {
        "name": name,
        "count": draw(st.integers(1, 3)),
        "vcpus": vcpus,
        "weight": draw(st.sampled_from([64, 1024, 3000])),
        "workload": {workload: draw(_WORKLOADS[workload])},
    }
    if draw(st.booleans()):
        found["limit"] = vcpus * draw(st.sampled_from([0.3, 0.9, 1]))
    if reserving and draw(st.booleans()):
        found["reservation"] = min(0.1, found.get("limit", 0.1))
    return found


@st.composite
def clusters(draw: st.DrawFn) -> dict[str, Any]:
    """The arguments of a cluster, as plain data, with a seed."""
    scheduler = draw(st.sampled_from(sorted(kinds.schedulers())))
    cores = draw(st.integers(1, 4))
    threads = draw(st.integers(1, 2))
    hosts = [
        {
            "name": name,
            "count": draw(st.integers(1, 2)),
            "cores": cores,
            "threads": threads,
            "context_switch": draw(st.sampled_from(["0ns", "2us"])),
            "scheduler": scheduler,
        }
        for name in draw(st.sampled_from([["b"], ["b", "a"]]))
    ]
    reserving = "reservations" in kinds.schedulers()[scheduler].promises
    vms = [
        draw(_vms(name, cores * threads, reserving))
        for name in draw(st.sampled_from([["y"], ["y", "x"], ["z", "y", "x"]]))
    ]
    fidelity = draw(st.sampled_from(["fluid", "quantum"]))
    return {"hosts": hosts, "vms": vms, "seed": draw(st.integers(0, 99)), "fidelity": fidelity}


def _run(described: Mapping[str, Any], **options: Any) -> sim.Result:
    return sim.Cluster(**described).run(LASTS, warmup="40ms", resolution="50ms", **options)


def _same(one: sim.Result, other: sim.Result) -> bool:
    names = ("vms", "hosts", "groups", "population", "series", "latency")
    return all(one.frame(name) == other.frame(name) for name in names)


_SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(clusters())
@_SETTINGS
def test_no_time_is_lost_or_created(described: dict[str, Any]) -> None:
    result = _run(described)
    identities = result.frame("identities")
    assert identities["holds"].all(), (
        identities.to_rows() if hasattr(identities, "to_rows") else identities
    )
    series = result.frame("series")
    states = sum(series[state] for state in ("run", "ready", "costop", "throttled", "idle"))
    vcpus = {vm["name"]: vm["count"] * vm["vcpus"] for vm in described["vms"]}
    assert [int(time) for time in states] == [vcpus[name] * 50_000_000 for name in series["group"]]


@given(clusters())
@_SETTINGS
def test_the_order_of_declaration_does_not_matter(described: dict[str, Any]) -> None:
    turned = {**described, "hosts": described["hosts"][::-1], "vms": described["vms"][::-1]}
    assert _same(_run(described), _run(turned))


@given(clusters())
@_SETTINGS
def test_the_same_seed_gives_the_same_bits_whatever_the_threads(described: dict[str, Any]) -> None:
    once = _run(described)
    assert _same(once, _run(described))
    assert _same(once, _run(described, threads=3))


# The tests above would not notice a simulator that ignores its seed.
@given(st.integers(0, 2**63), st.integers(0, 2**63))
@settings(max_examples=10, deadline=None)
def test_another_seed_gives_another_run(seed: int, other: int) -> None:
    vm = {"name": "vm", "workload": {"closed": {"think": {"exponential": "1ms"}, "service": "1ms"}}}
    runs = [
        sim.Cluster([{"name": "host", "scheduler": "eevdf"}], [vm], seed=number).run(LASTS)
        for number in (seed, other)
    ]
    assert _same(*runs) == (seed == other)
