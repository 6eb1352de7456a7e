# SPDX-License-Identifier: GPL-2.0-or-later
"""A study as frames: what reports, plots, files and users read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hvlab import units
from hvlab.scenario.template import as_text
from hvlab.scenario.tree import Scalar
from hvlab.sim.experiments.experiment import Plot as AskedPlot
from hvlab.sim.experiments.jobs import Columns
from hvlab.sim.experiments.results import ExperimentResults, Plot
from hvlab.sim.experiments.study import CellResult, Comparison, Study
from hvlab.sim.frame import Frame
from hvlab.sim.model import kinds

Level = int | float | str
_ANY = "*"  # in the column of the factor that a comparison is about


def results(study: Study, facts: Mapping[str, str]) -> ExperimentResults:
    """The frames of a study, and what is known about it."""
    document = study.document
    levels = _Levels(study)
    return ExperimentResults(
        name=document.name,
        factors={
            name: [levels.of(name, value) for value in values]
            for name, values in document.factors.items()
        },
        measures=study.everything,
        asked=list(dict.fromkeys(document.common.measures)),
        replications=_replications(study, levels),
        summary=_summary(study, levels),
        stopping=_stopping(study, levels),
        comparison=_comparison(study, levels),
        latency=_latency(study, levels),
        series=_series(study, levels),
        seed=document.seed,
        confidence=document.common.confidence,
        complete=study.complete and all(not cell.error for cell in study.cells),
        warnings=warnings(study),
        clusters=clusters(study),
        facts=facts,
        plots=[_plot(plot, levels) for plot in document.common.plots],
    )


def warnings(study: Study) -> list[str]:
    """What a reader of the figures has to know."""
    found = [] if study.complete else ["interrupted: what is shown is partial"]
    for cell in study.cells:
        name = name_of(study, cell)
        found += [f"{name}: {text}" for text in (cell.error, cell.warning) if text]
        missed = [check for check in cell.checks if not check.holds]
        found += [f"{name}: {check.text} does not hold: {check.operands}" for check in missed]
    return found


def name_of(study: Study, cell: CellResult) -> str:
    """`ratio=2-scheduler=esx`, or the experiment's name where there are no factors."""
    return cell.cell.label or study.document.name


class _Levels:
    """The columns of the factors: durations in ns, else numbers or strings."""

    def __init__(self, study: Study) -> None:
        factors = study.document.factors
        self.names = list(factors)
        self._durations = {name for name, values in factors.items() if _all_durations(values)}
        self._texts = {
            name
            for name, values in factors.items()
            if any(isinstance(value, str | bool) for value in values)
        } - self._durations
        self.units = {
            name: "ns" if name in self._durations else "" if name in self._texts else "1"
            for name in self.names
        }
        self.meanings = dict.fromkeys(self.names, "a factor of the experiment")

    def of(self, name: str, value: Scalar) -> Level:
        if name in self._durations:
            return units.parse_duration(str(value))
        if name in self._texts or value is None:
            return as_text(value)
        return value

    def columns(self, cells: Iterable[CellResult], study: Study) -> dict[str, list[Any]]:
        """`cell` and the factors, a row for each of these."""
        listed = list(cells)
        found: dict[str, list[Any]] = {"cell": [name_of(study, cell) for cell in listed]}
        for name in self.names:
            found[name] = [self.of(name, cell.cell.factors[name]) for cell in listed]
        return found

    def frame(
        self,
        name: str,
        columns: Mapping[str, Sequence[Any]],
        units_: Mapping[str, str],
        meanings: Mapping[str, str] | None = None,
    ) -> Frame:
        known = {k: v for k, v in self.units.items() if k in columns}
        told = {k: v for k, v in self.meanings.items() if k in columns}
        return Frame.from_columns(
            columns, name=name, units={**known, **units_}, meanings={**told, **(meanings or {})}
        )


def _all_durations(values: Sequence[Scalar]) -> bool:
    try:
        return all(units.parse_duration(v) >= 0 if isinstance(v, str) else False for v in values)
    except units.UnitError:
        return False


def _replications(study: Study, levels: _Levels) -> Frame:
    rows = [(c, n, r) for c in study.cells for n, r in enumerate(c.replications)]
    columns = levels.columns((cell for cell, _, _ in rows), study)
    columns["replication"] = [number for _, number, _ in rows]
    columns["seed"] = [study.seed(number) for _, number, _ in rows]
    columns["complete"] = [int(result.complete) for _, _, result in rows]
    described = {}
    for name in study.everything:
        found = (result.measures.get(name) for _, _, result in rows)
        columns[name] = [math.nan if value is None else float(value) for value in found]
        described[name] = study.measure(name)
    return levels.frame(
        "replications",
        columns,
        {name: measure.unit.value for name, measure in described.items()},
        {name: measure.meaning for name, measure in described.items()},
    )


def _summary(study: Study, levels: _Levels) -> Frame:
    rows = [(c, name) for c in study.cells for name in study.everything]
    found = [cell.interval(name) for cell, name in rows]
    columns = levels.columns((cell for cell, _ in rows), study)
    columns["measure"] = [name for _, name in rows]
    columns["unit"] = [study.measure(name).unit.value for _, name in rows]
    for name in ("mean", "low", "high", "deviation"):
        columns[name] = [float(getattr(each, name)) for each in found]
    columns["replications"] = [each.count for each in found]
    return levels.frame("summary", columns, {})


def _stopping(study: Study, levels: _Levels) -> Frame:
    cells = study.cells
    precision = study.document.common.precision
    columns = levels.columns(cells, study)
    columns["replications"] = [len(cell.replications) for cell in cells]
    columns["warmup"] = [cell.warmup for cell in cells]
    columns["measured"] = [cell.cell.experiment.duration - cell.warmup for cell in cells]
    columns["reason"] = [cell.reason.value for cell in cells]
    measure = precision.measure if precision else ""
    columns["measure"] = [measure for _ in cells]
    columns["width"] = [
        float(cell.interval(measure).relative) if precision else math.nan for cell in cells
    ]
    columns["target"] = [
        (precision.bounds[0] or math.nan) if precision else math.nan for _ in cells
    ]
    return levels.frame("stopping", columns, {"warmup": "ns", "measured": "ns"})


def _comparison(study: Study, levels: _Levels) -> Frame | None:
    found = study.comparisons
    if not found:
        return None
    compared = {each.factor for each in found}
    kept = [name for name in levels.names if len(compared) > 1 or name not in compared]
    columns: dict[str, list[Any]] = {
        name: _column([_level(levels, each, name) for each in found]) for name in kept
    }
    columns["measure"] = [each.measure for each in found]
    columns["unit"] = [study.measure(each.measure).unit.value for each in found]
    for key in ("baseline", "candidate"):
        columns[key] = _column([levels.of(e.factor, getattr(e, key)) for e in found])
    intervals = [each.difference.interval for each in found]
    columns["difference"] = [float(each.mean) for each in intervals]
    columns["low"] = [float(each.low) for each in intervals]
    columns["high"] = [float(each.high) for each in intervals]
    columns["p"] = [float(each.difference.p) for each in found]
    columns["replications"] = [each.count for each in intervals]
    alpha = 1 - study.document.common.confidence
    columns["verdict"] = [each.difference.verdict(alpha) for each in found]
    numeric = {k: v for k, v in levels.units.items() if k in columns and _is_numeric(columns[k])}
    return Frame.from_columns(columns, name="comparison", units=numeric)


def _level(levels: _Levels, comparison: Comparison, name: str) -> Level:
    if name == comparison.factor:
        return _ANY
    return levels.of(name, comparison.others[name])


def _column(values: list[Any]) -> list[Any]:
    """Strings if any of them is one."""
    if any(isinstance(value, str) for value in values):
        return [as_text(value) for value in values]
    return values


def _is_numeric(values: Sequence[Any]) -> bool:
    return not any(isinstance(value, str) for value in values)


def _latency(study: Study, levels: _Levels) -> Frame | None:
    """The histograms of a cell's replications, added up."""
    rows: list[tuple[CellResult, str, int, int, int]] = []
    for cell in study.cells:
        counts: dict[tuple[str, int, int], int] = {}
        for result in cell.replications:
            for group, low, high, count in _zipped(result.latency, "group", "low", "high", "count"):
                counts[group, low, high] = counts.get((group, low, high), 0) + count
        rows += [(cell, *key, counts[key]) for key in sorted(counts)]
    if not rows:
        return None
    columns = levels.columns((row[0] for row in rows), study)
    for index, name in enumerate(("group", "low", "high", "count"), 1):
        columns[name] = [row[index] for row in rows]
    return levels.frame("latency", columns, {"low": "ns", "high": "ns"})


def _series(study: Study, levels: _Levels) -> Frame | None:
    """Of the first replication of each cell."""
    cells, rows = [], []
    names: list[str] = []
    for cell in study.cells:
        series = cell.replications[0].series if cell.replications else {}
        if series:
            names = list(series)
            found = list(_zipped(series, *names))
            rows += found
            cells += [cell] * len(found)
    if not rows:
        return None
    columns = levels.columns(cells, study)
    for name, values in zip(names, zip(*rows, strict=True), strict=True):
        columns[name] = list(values)
    times = ("time", "run", "ready", "costop", "throttled", "idle", "latency_mean")
    return levels.frame("series", columns, {name: "ns" for name in times if name in columns})


def _zipped(columns: Columns, *names: str) -> Iterator[tuple[Any, ...]]:
    return zip(*(columns.get(name, ()) for name in names), strict=True)


def clusters(study: Study) -> dict[str, list[str]]:
    """What was simulated, in words, of the first cell; what differs are the factors."""
    first = study.document.cells[0].experiment
    plain = first.plain()
    hosts = [
        f"{h['name']}: {h['count']} of {h['sockets']} x {h['cores']} x {h['threads']} "
        f"(sockets, cores, threads), scheduler {_choice(h['scheduler'])}"
        for h in plain["hosts"]
    ]
    vms = [
        f"{v['name']}: {v['count']} of {v['vcpus']} vCPUs, weight {v['weight']:g}"
        f"{_share(v)}, workload {_choice(v['workload'])}"
        for v in plain["vms"]
    ]
    title = f"first cell: {study.document.cells[0].label}" if levels_differ(study) else "cluster"
    return {title: [f"fidelity {first.fidelity}", *hosts, *vms]}


def levels_differ(study: Study) -> bool:
    """Whether there is more than one cell."""
    return len(study.document.cells) > 1


def _share(vms: Mapping[str, Any]) -> str:
    reserved = f", reservation {vms['reservation']:g}" if vms["reservation"] else ""
    limited = "" if vms["limit"] is None else f", limit {vms['limit']:g}"
    return f"{reserved}{limited}"


def _choice(choice: Mapping[str, Any]) -> str:
    kind = {**kinds.schedulers(), **kinds.workloads()}[choice["name"]]
    durations = {p.name for p in kind.parameters if p.type == "duration"}
    values = ", ".join(
        f"{name} {units.format_duration(value) if name in durations and value is not None else _value(value)}"
        for name, value in choice["values"].items()
    )
    return f"{choice['name']} ({values})" if values else str(choice["name"])


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['shape']} {units.format_duration(round(value['a']))}"
    if isinstance(value, list):
        return f"{len(value)} numbers"
    return as_text(value)


def _plot(plot: AskedPlot, levels: _Levels) -> Plot:
    where = {name: levels.of(name, value) for name, value in plot.where.items()}
    return Plot(plot.kind, plot.y, plot.x, plot.lines, where, plot.title, plot.log)
