# SPDX-License-Identifier: GPL-2.0-or-later
"""What holds for every cluster, over random ones: no time lost or created, nothing hangs on the order of
declaration or on threads, the same seed gives the same bits. HVLAB_EXAMPLES=2000 looks at more of them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import hvlab.sim as sim
from hvlab.errors import SimulationError
from hvlab.sim.model.kinds import schedulers

FRAMES = ("vms", "hosts", "groups", "population", "series", "latency")
# The same examples each time: a test that fails must fail again.
QUICK = settings(
    max_examples=int(os.environ.get("HVLAB_EXAMPLES", "60")),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


def milliseconds(least: int, most: int) -> st.SearchStrategy[str]:
    return st.integers(least, most).map(lambda ms: f"{ms}ms")


times = st.one_of(
    milliseconds(1, 50),
    milliseconds(1, 50).map(lambda mean: {"exponential": mean}),
    st.tuples(milliseconds(1, 20), milliseconds(20, 60)).map(lambda ends: {"uniform": list(ends)}),
    milliseconds(1, 50).map(lambda mean: {"hyperexponential": {"mean": mean, "cv": 3}}),
)
workloads = st.one_of(
    st.tuples(times, times).map(lambda t: {"closed": {"think": t[0], "service": t[1]}}),
    st.tuples(times, times).map(lambda t: {"on-off": {"on": t[0], "off": t[1]}}),
    st.sampled_from([0.1, 0.5, 1.0]).map(lambda u: {"constant": {"utilisation": u}}),
    st.tuples(st.integers(1, 100), times).map(
        lambda t: {"poisson": {"rate": t[0], "service": t[1]}}
    ),
    st.tuples(times, st.sampled_from(["spin", "block", "spin-then-block"])).map(
        lambda t: {"barrier": {"phase": t[0], "wait": t[1]}}
    ),
    times.map(lambda t: {"spinlock": {"work": t, "critical": "1ms"}}),
)


@st.composite
def hosts(draw: st.DrawFn, name: str) -> dict[str, Any]:
    numa = draw(st.sampled_from([1, 2]))
    return {
        "name": name,
        "count": draw(st.integers(1, 3)),
        "sockets": draw(st.integers(1, 2)),
        "cores": numa * draw(st.integers(1, 3)),
        "threads": draw(st.integers(1, 2)),
        "numa_nodes": numa,
        "scheduler": draw(st.sampled_from(sorted(schedulers()))),
    }


@st.composite
def vms(draw: st.DrawFn, name: str) -> dict[str, Any]:
    vcpus = draw(st.integers(1, 4))
    return {
        "name": name,
        "count": draw(st.integers(1, 6)),
        "vcpus": vcpus,
        "weight": draw(st.sampled_from([256, 1024, 3000])),
        "limit": draw(st.sampled_from([None, 0.25, 0.5 * vcpus])),
        "workload": draw(workloads),
    }


@st.composite
def clusters(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "hosts": [draw(hosts(name)) for name in "AB"[: draw(st.integers(1, 2))]],
        "vms": [draw(vms(name)) for name in ("web", "db", "cache")[: draw(st.integers(1, 3))]],
        "seed": draw(st.integers(0, 2**64 - 1)),
        "fidelity": draw(st.sampled_from(["quantum", "fluid"])),
    }


def frames(description: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Of a short run, and what is true of every run is so."""
    try:
        cluster = sim.Cluster(**description)
        result = cluster.run("300ms", warmup="50ms", resolution="50ms", **more)
    except SimulationError as error:
        # Some of them are larger than any of their hosts.
        assume("fits" not in str(error) and "at once" not in str(error))
        raise
    assert result.complete
    kept = result.frame("identities")
    missed = [row for row in kept if not row["holds"]]
    assert missed == []
    return {name: result.frame(name) for name in FRAMES}  # type: ignore[arg-type]


def turned(groups: Sequence[Any]) -> list[Any]:
    return list(reversed(groups))


@QUICK
@given(clusters())
def test_time_is_neither_lost_nor_created(description: dict[str, Any]) -> None:
    found = frames(description)
    rows = found["vms"]
    states = sum(rows[state] for state in ("run", "ready", "costop", "throttled", "idle"))
    slack = 0 if description["fidelity"] == "quantum" else 1000
    assert abs(states - rows["vcpus"] * 250_000_000).max() <= slack
    hosts_ = found["hosts"]
    assert ((hosts_["busy"] + hosts_["idle"]) == hosts_["pcpus"] * 250_000_000).all()
    assert abs(int(rows["run"].sum()) - int(hosts_["busy"].sum())) <= slack * len(rows)


@QUICK
@given(clusters())
def test_the_order_of_declaration_does_not_matter(description: dict[str, Any]) -> None:
    other = description | {
        "hosts": turned(description["hosts"]),
        "vms": turned(description["vms"]),
    }
    first, second = frames(description), frames(other)
    for name in FRAMES:
        assert first[name] == second[name], name


@QUICK
@given(clusters(), st.integers(2, 4))
def test_threads_do_not_matter_and_the_same_seed_gives_the_same_bits(
    description: dict[str, Any], threads: int
) -> None:
    first = frames(description)
    for again in (frames(description), frames(description, threads=threads)):
        for name in FRAMES:
            assert first[name] == again[name], name


@QUICK
@given(clusters())
def test_a_group_more_leaves_the_demand_of_the_others_as_it_is(description: dict[str, Any]) -> None:
    """Common random numbers: arrivals that hang on nothing but the VM's own stream are the same."""
    open_ = {"name": "open", "count": 3, "workload": {"poisson": {"rate": 50, "service": "1ms"}}}
    alone = frames(description | {"vms": [open_]})["vms"]
    beside = frames(description | {"vms": [*description["vms"], open_]})["vms"]
    assert beside.where(group="open")["arrivals"].tolist() == alone["arrivals"].tolist()


def test_the_examples_reach_all_schedulers_and_both_fidelities() -> None:
    seen: set[str] = set()

    @settings(QUICK, max_examples=100)
    @given(clusters())
    def collect(description: dict[str, Any]) -> None:
        seen.add(description["fidelity"])
        seen.update(host["scheduler"] for host in description["hosts"])
        seen.update(next(iter(group["workload"])) for group in description["vms"])

    collect()
    assert {"quantum", "fluid", "barrier", "spinlock", "poisson"} | set(schedulers()) <= seen
