# SPDX-License-Identifier: GPL-2.0-or-later
"""Percentiles of the response times of each VM and each host, on request."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import hvlab.sim as sim
from hvlab.errors import SimulationError
from hvlab.scenario.problems import ScenarioInvalid
from hvlab.sim.experiments.document import load_experiment
from hvlab.sim.experiments.jobs import Job
from hvlab.sim.experiments.simulate import simulate

BOUND = 1 / 16  # of a percentile of a VM or a host, relative
COLUMNS = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
FIDELITIES = ["quantum", "fluid"]


class Works:
    """A workload that remembers the work of each request of each VM, in order."""

    def __init__(self) -> None:
        self.given: dict[int, list[float]] = {}
        self._random: dict[int, np.random.Generator] = {}

    def __call__(
        self, vms: NDArray[np.uint32], first: NDArray[np.uint64], pairs: int
    ) -> tuple[Any, Any]:
        rows = []
        for vm in vms.tolist():
            random = self._random.setdefault(vm, np.random.default_rng([7, vm]))
            rows.append(np.rint(random.lognormal(13 + vm / 4, 1.2, pairs)))
            self.given.setdefault(vm, []).extend(rows[-1])
        return np.full((len(vms), pairs), 1e5), np.array(rows)


def alone(fidelity: Any, workload: Any) -> sim.Cluster:
    """As many pCPUs as vCPUs and no costs: a response takes as long as its work."""
    return sim.Cluster(
        [sim.Host("node", count=3, cores=2, scheduler="round-robin", context_switch="0s", migration="0s")],
        [sim.VM("mine", count=6, workload=workload)],
        seed=3,
        fidelity=fidelity,
    )  # fmt: skip


@pytest.mark.parametrize("fidelity", FIDELITIES)
def test_they_are_those_of_numpy_within_the_bound(fidelity: Any) -> None:
    works = Works()
    result = alone(fidelity, works).run("20s", percentiles="vms")
    vms, hosts = result.frame("vms"), result.frame("hosts")
    of_host: dict[int, list[float]] = {}
    for row in vms:
        exact = works.given[row["number"]][: row["responses"]]
        assert len(exact) > 1000
        of_host.setdefault(row["host_number"], []).extend(exact)
        _expect_quantiles(row, exact)
    assert sorted(of_host) == hosts["number"].tolist()
    for row in hosts:
        _expect_quantiles(row, of_host[row["number"]])


def _expect_quantiles(row: Any, exact: list[float]) -> None:
    for name, p in COLUMNS.items():
        wanted = np.quantile(exact, p, method="inverted_cdf")
        assert row[f"latency_{name}"] == pytest.approx(wanted, rel=BOUND), name
    assert row["latency_mean"] == pytest.approx(np.mean(exact))


@pytest.mark.parametrize("fidelity", FIDELITIES)
def test_the_warmup_does_not_count(fidelity: Any) -> None:
    def long_at_first(
        vms: NDArray[np.uint32], first: NDArray[np.uint64], pairs: int
    ) -> tuple[Any, Any]:
        number = first[:, None] + np.arange(pairs, dtype=np.uint64)
        return np.full((len(vms), pairs), 9e6), np.where(number < 5, 50e6, 1e6)

    result = alone(fidelity, long_at_first).run("3s", warmup="1s", percentiles="vms")
    assert result.measure("response.p999.worst_vm") == pytest.approx(1e6)
    assert result.measure("response.p999.worst_host") == pytest.approx(1e6)
    unmeasured = alone(fidelity, long_at_first).run("3s", percentiles="vms")
    assert unmeasured.measure("response.p999.worst_vm") == pytest.approx(50e6)


def crowded(fidelity: Any) -> sim.Cluster:
    workload = {"closed": {"think": {"exponential": "20ms"}, "service": {"exponential": "5ms"}}}
    return sim.Cluster(
        [sim.Host("a", cores=2, scheduler="credit2"), sim.Host("b", cores=1, scheduler="credit2")],
        [
            sim.VM("web", count=6, workload=workload, hosts="a"),
            sim.VM("db", count=3, weight=256, workload=workload),
        ],
        seed=3,
        fidelity=fidelity,
    )


@pytest.mark.parametrize("fidelity", FIDELITIES)
def test_measures_of_the_worst(fidelity: Any) -> None:
    result = crowded(fidelity).run("5s", warmup="1s", percentiles="vms")
    vms, hosts = result.frame("vms"), result.frame("hosts")
    web = vms.where(group="web")["latency_p99"]
    assert result.measure("web.response.p99.worst_vm") == web.max()
    assert result.measure("response.p50.worst_vm") == vms["latency_p50"].max()
    assert result.measure("b.response.p90.worst_host") == hosts.where(group="b")["latency_p90"][0]
    assert result.measure("response.p90.worst_host") == hosts["latency_p90"].max()
    assert result.measure("web.response.p99.worst_vm") > web.min()
    with pytest.raises(SimulationError, match="it is a measure of hosts"):
        result.measure("web.response.p99.worst_host")


@pytest.mark.parametrize("fidelity", FIDELITIES)
def test_what_is_kept_changes_nothing_else(fidelity: Any) -> None:
    runs = {
        kept: crowded(fidelity).run("2s", percentiles=kept) for kept in ("groups", "hosts", "vms")
    }  # type: ignore[arg-type]
    plain, hosts, vms = runs.values()
    assert "latency_p99" not in plain.frame("vms").columns
    assert "latency_p99" not in plain.frame("hosts").columns
    assert "latency_p99" not in hosts.frame("vms").columns
    assert hosts.frame("hosts") == vms.frame("hosts")
    for name in ("groups", "population", "latency"):
        assert plain.frame(name) == hosts.frame(name) == vms.frame(name)  # type: ignore[arg-type]
    assert "response.p99.worst_vm" not in hosts.measures
    with pytest.raises(SimulationError, match="percentiles='vms'") as error:
        hosts.measure("response.p99.worst_vm")
    assert error.value.field == "percentiles"
    assert set(plain.measures) < set(hosts.measures) < set(vms.measures)


@pytest.mark.parametrize("fidelity", FIDELITIES)
def test_threads_and_checkpoints_do_not_show(fidelity: Any, tmp_path: Path) -> None:
    whole = crowded(fidelity).run("4s", warmup="1s", percentiles="vms")
    part = crowded(fidelity).run(
        "4s", warmup="1s", percentiles="vms", progress=lambda now, _: now < 2e9
    )
    assert not part.complete
    part.save(tmp_path / "run")
    resumed = sim.resume(tmp_path / "run", threads=2)
    assert resumed.complete
    for name in ("vms", "hosts"):
        assert resumed.frame(name) == whole.frame(name)  # type: ignore[arg-type]
    assert resumed.measures == whole.measures


def test_a_vm_without_a_response_has_none() -> None:
    workload = {"closed": {"think": "10s", "service": "1ms"}}
    cluster = sim.Cluster([sim.Host("node")], [sim.VM("web", count=2, workload=workload)])
    result = cluster.run("1s", percentiles="vms")
    assert np.isnan(result.frame("vms")["latency_p99"]).all()
    assert math.isnan(result.measure("response.p99.worst_vm"))
    assert math.isnan(result.measure("node.response.p99.worst_host"))


def test_memory_is_counted_before_it_starts() -> None:
    workload = {"closed": {"think": {"exponential": "1s"}, "service": {"exponential": "1s"}}}
    many = sim.Cluster(
        [sim.Host("node", count=20_000, cores=8)],
        [sim.VM("web", count=320_000, workload=workload)],
        fidelity="fluid",
    )
    assert many.run("1us", memory="300MiB").complete
    assert many.run("1us", memory="300MiB", percentiles="hosts").complete
    with pytest.raises(SimulationError, match=r"the run would take about 0\.5 GiB"):
        many.run("1us", memory="300MiB", percentiles="vms")


def test_an_unknown_one_is_refused() -> None:
    with pytest.raises(SimulationError, match="did you mean 'vms'") as error:
        crowded("fluid").run("1s", percentiles="vm")  # type: ignore[arg-type]
    assert error.value.field == "percentiles"


DOCUMENT = """\
schema: 1
name: worst
seed: 5
experiment:
  duration: 2s
  fidelity: fluid
  replications: 2
  {percentiles}
  hosts: [{{name: node, count: 2, cores: 2}}]
  vms:
    - name: web
      count: 8
      workload: {{closed: {{think: {{exponential: 20ms}}, service: {{exponential: 10ms}}}}}}
  measures: [{measure}]
  assert: ["{check}"]
"""


def written(tmp_path: Path, measure: str, percentiles: str = "", check: str = "ready < 1") -> Path:
    path = tmp_path / "worst.hvlab.yaml"
    path.write_text(DOCUMENT.format(percentiles=percentiles, measure=measure, check=check))
    return path


@pytest.mark.parametrize(
    ("measure", "percentiles", "check", "kept"),
    [
        ("response.p99", "", "ready < 1", "groups"),
        ("node.response.p99.worst_host", "", "ready < 1", "hosts"),
        ("web.response.p99.worst_vm", "", "ready < 1", "vms"),
        ("ready", "", "response.p95.worst_host < 1*s", "hosts"),
        ("ready", "percentiles: vms", "ready < 1", "vms"),
    ],
)
def test_documents_have_what_they_name(
    tmp_path: Path, measure: str, percentiles: str, check: str, kept: str
) -> None:
    path = written(tmp_path, measure, percentiles, check)
    document = load_experiment(path)
    assert document.cells[0].percentiles == kept
    results = sim.run_experiment(path, jobs=1)
    assert results.complete
    assert not results.warnings
    for name, wanted in (("response.p99.worst_vm", "vms"), ("response.p99.worst_host", "hosts")):
        there = name in results.measures
        assert there == (
            ("groups", "hosts", "vms").index(kept) >= ("groups", "hosts", "vms").index(wanted)
        )
    row = next(iter(results.summary.where(measure=measure)))
    assert row["mean"] > 0


@pytest.mark.parametrize(
    ("measure", "check", "line"),
    [("response.p99.worst_vm", "ready < 1", 14), ("ready", "response.p99.worst_vm < 1*s", 15)],
)
def test_a_measure_that_is_not_kept_is_told(
    tmp_path: Path, measure: str, check: str, line: int
) -> None:
    with pytest.raises(ScenarioInvalid, match="needs 'percentiles: vms'") as error:
        load_experiment(written(tmp_path, measure, "percentiles: hosts", check))
    assert error.value.line == line


def test_jobs_differ_in_it() -> None:
    plain = crowded("fluid").spec.plain()
    jobs = [Job(plain, 1, 10**8, percentiles=kept) for kept in ("groups", "hosts", "vms")]  # type: ignore[arg-type]
    assert len({job.key() for job in jobs}) == 3
    assert "response.p50.worst_vm" in simulate(jobs[2]).measures
