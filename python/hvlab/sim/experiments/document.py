# SPDX-License-Identifier: GPL-2.0-or-later
"""From an `experiment:` document to its cells: everything that is wrong with it is found here, before
anything is simulated.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from pydantic import ValidationError

from hvlab.errors import SimulationError
from hvlab.scenario import explain, template
from hvlab.scenario.context import Places
from hvlab.scenario.document import default_seed, load
from hvlab.scenario.explain import Language
from hvlab.scenario.expression import ExpressionError
from hvlab.scenario.matrix import Cell
from hvlab.scenario.nearest import did_you_mean
from hvlab.scenario.problems import MAX_PROBLEMS, Problem, printable
from hvlab.scenario.reading import NO_CELL, Reader, empty_values
from hvlab.scenario.source import Source
from hvlab.scenario.template import Names, as_text
from hvlab.scenario.tree import Data, Marks, Path, Scalar
from hvlab.sim.experiments import checks
from hvlab.sim.experiments.checks import Check
from hvlab.sim.experiments.experiment import MAX_SAMPLES, Experiment, ExperimentFile, Plot
from hvlab.sim.experiments.results import RESERVED
from hvlab.sim.feeding import FED, FOR_PYTHON
from hvlab.sim.measures import MEASURES, Percentiles, Unit, UnknownMeasure, finest, split
from hvlab.sim.model import choices, consistency

# What the time series has, of all VMs or of a group.
_SERIES = ("run", "ready", "costop", "throttled", "idle", "throughput", "response.mean")
_GROUP = "group"  # of VMs: what plots of latencies and series can be divided by besides factors
# What is one for all cells.
_COMMON = ("replications", "precision", "confidence", "measures", "compare", "plots")


@dataclass(frozen=True)
class ExperimentCell:
    """One combination of the factors' values. `label`: `ratio=2-scheduler=esx`, empty without factors."""

    label: str
    factors: Mapping[str, Scalar]
    experiment: Experiment
    checks: tuple[Check, ...]

    @property
    def percentiles(self) -> Percentiles:
        """What has to have percentiles of its response times."""
        if self.experiment.percentiles is not None:
            return self.experiment.percentiles
        named = [name for _, name in _measures(self.experiment)]
        named += [name for check in self.checks for name in check.kinds]
        return finest(_needs(self.experiment, name) for name in named)


@dataclass(frozen=True)
class ExperimentDocument:
    """A checked experiment. `cells`: at least one, in the document's order."""

    source: Source
    name: str
    tags: tuple[str, ...]
    seed: int
    cells: tuple[ExperimentCell, ...]

    @property
    def common(self) -> Experiment:
        """For what is the same in all cells: measures, replications, comparisons, plots."""
        return self.cells[0].experiment

    @property
    def factors(self) -> Mapping[str, tuple[Scalar, ...]]:
        """The values of each factor, in the order in which cells have them."""
        found: dict[str, dict[str, Scalar]] = {}
        for cell in self.cells:
            for factor, value in cell.factors.items():
                found.setdefault(factor, {}).setdefault(as_text(value), value)
        return {factor: tuple(values.values()) for factor, values in found.items()}

    @property
    def command(self) -> str:
        """What runs all of it: `run` does one cell."""
        return "hvlab sim sweep" if len(self.cells) > 1 else "hvlab sim run"

    def id(self, cell: ExperimentCell) -> str:
        """`file::name[ratio=2-scheduler=esx]`."""
        label = f"[{cell.label}]" if cell.label else ""
        return f"{self.source.name}::{self.name}{label}"


def load_experiment(path: str | os.PathLike[str]) -> ExperimentDocument:
    """Reads and checks the experiment at `path`.

    Raises:
        ScenarioInvalid: it is wrong; holds every problem found.
        ScenarioError: it cannot be read as text.
        SimulationError: it is a scenario.
    """
    found = load(path).experiment
    if found is None:
        name = printable(os.fspath(path))
        raise SimulationError(
            f"{name} is a scenario, not an experiment: 'hvlab run {name}' runs it"
        )
    return found


def read(source: Source, data: dict[str, Data], marks: Marks) -> ExperimentDocument:
    """Checks a document's data. Raises ScenarioInvalid with every problem found."""
    return _ExperimentReader(source, data, marks).document()


@cache
def language() -> Language:
    """The language of experiments."""
    return Language(ExperimentFile, choices.marks())


class _ExperimentReader(Reader):
    def document(self) -> ExperimentDocument:
        names = self._names()
        self._problems += empty_values(self._data, self._places, language())
        cells = self._cells()
        self._references(names)
        self._same_for_all(names)
        if not cells:
            self._cell(NO_CELL, names)
            self._fail()
        self._check_size(cells)
        made = []
        for cell in cells:
            if len(self._problems) >= MAX_PROBLEMS:
                break
            made.append(self._cell(cell, names))
        if self._problems:
            self._fail()
        found = [each for each in made if each is not None]
        if len(found) != len(cells):
            raise AssertionError("a cell was refused, and no problem says why")
        file, _ = found[0]
        document = ExperimentDocument(
            self._source,
            file.name,
            tuple(file.tags),
            default_seed(self._source, file.name) if file.seed is None else file.seed,
            tuple(cell for _, cell in found),
        )
        self._problems += _of_factors(document, self._places)
        if self._problems:
            self._fail()
        return document

    def _same_for_all(self, names: Names) -> None:
        body = self._data.get("experiment")
        for key in _COMMON if isinstance(body, dict) else ():
            for path, text in template.texts(body.get(key), ("experiment", key)):  # type: ignore[union-attr]
                if path in self._wrong_references:
                    continue
                if any(name.startswith("matrix.") for name in template.references(text, names)):
                    message = f"'{key}' is the same for all cells: it takes no factor"
                    self._problems.append(self._places.at_value(path, message))

    def _cell(self, cell: Cell, names: Names) -> tuple[ExperimentFile, ExperimentCell] | None:
        values = {f"matrix.{axis}": value for axis, value in cell.values.items()}
        data = self._substituted(names, values)
        before = len(self._problems)
        try:
            file = ExperimentFile.model_validate(data)
        except ValidationError as error:
            wrong = explain.problems(error, data, self._places, language())
            self._problems += self._placed(wrong, cell, names)
            return None
        experiment = file.experiment
        self._problems += self._placed(self._faults(experiment), cell, names)
        made, wrong_ones = self._checks(experiment)
        self._problems += self._placed(wrong_ones, cell, names)
        if len(self._problems) > before:
            return None
        return file, ExperimentCell(cell.label, cell.values, experiment, tuple(made))

    def _faults(self, experiment: Experiment) -> Iterator[Problem]:
        def at(message: str, *path: str | int) -> Problem:
            return self._places.at_value(("experiment", *path), message)

        for fault in consistency.faults(experiment):
            yield at(fault.message, *fault.path)
        for index, vms in enumerate(experiment.vms):
            if vms.workload.name == FED:
                yield at(FOR_PYTHON, "vms", index, "workload")
        measured = experiment.duration
        if experiment.warmup != "auto":
            measured -= experiment.warmup
            if measured <= 0:
                yield at("the warm-up leaves nothing of the duration to measure", "warmup")
        if experiment.resolution and measured > 0:
            if experiment.resolution > measured:
                yield at("the resolution is longer than what is measured", "resolution")
            elif measured > experiment.resolution * MAX_SAMPLES:
                yield at(f"more than {MAX_SAMPLES} samples in the time series", "resolution")
        for path, name in _measures(experiment):
            try:
                measure = split(name, *_groups(experiment))[1]
            except UnknownMeasure as error:
                yield at(str(error), *path)
                continue
            if missing := _not_kept(experiment, name):
                yield at(missing, *path)
            if path[0] == "precision" and experiment.precision is not None:
                absolute = experiment.precision.absolute
                if absolute is not None and (measure.unit is Unit.TIME) != isinstance(
                    absolute, int
                ):
                    wanted = "a duration, as 1ms" if measure.unit is Unit.TIME else "a number"
                    yield at(f"absolute of '{name}' is {wanted}", "precision", "absolute")

    def _checks(self, experiment: Experiment) -> tuple[list[Check], list[Problem]]:
        made, wrong = [], []
        for index, text in enumerate(experiment.assert_):
            path = ("experiment", "assert", index)
            try:
                made.append(checks.parse(text, *_groups(experiment)))
            except ExpressionError as error:
                wrong.append(
                    self._places.in_text(path, text, error.offset, error.width, error.message)
                )
                continue
            missing = (_not_kept(experiment, name) for name in made[-1].kinds)
            wrong += [self._places.at_value(path, message) for message in missing if message]
        return made, wrong


def _groups(experiment: Experiment) -> tuple[list[str], list[str]]:
    return [vms.name for vms in experiment.vms], [host.name for host in experiment.hosts]


def _needs(experiment: Experiment, name: str) -> Percentiles:
    return split(name, *_groups(experiment))[1].needs


def _not_kept(experiment: Experiment, name: str) -> str:
    """What is wrong with a measure if there will be none of it, because of `percentiles`."""
    kept, needs = experiment.percentiles, _needs(experiment, name)
    if kept is None or finest([kept, needs]) == kept:
        return ""
    return f"'{name}' needs 'percentiles: {needs}'"


def _measures(experiment: Experiment) -> Iterator[tuple[Path, str]]:
    for index, name in enumerate(experiment.measures):
        yield ("measures", index), name
    if experiment.precision is not None:
        yield ("precision", "measure"), experiment.precision.measure
    for index, compare in enumerate(experiment.compare):
        yield ("compare", index, "measure"), compare.measure
    for index, plot in enumerate(experiment.plots):
        if plot.kind in ("line", "series") and plot.y:
            yield ("plots", index, "y"), plot.y


def _of_factors(document: ExperimentDocument, places: Places) -> Iterator[Problem]:
    """What comparisons and plots say of the matrix."""
    factors = document.factors
    experiment = document.common

    def at(message: str, *path: str | int) -> Problem:
        return places.at_value(("experiment", *path), message)

    for factor in factors:
        if factor in RESERVED or factor in MEASURES:
            message = f"a factor can't be called '{factor}': results have a column of that name"
            yield places.at_key(("matrix", factor), message)
    for index, compare in enumerate(experiment.compare):
        if compare.factor not in factors:
            yield at(_unknown_factor(compare.factor, factors), "compare", index, "factor")
            continue
        values = [as_text(value) for value in factors[compare.factor]]
        for number, value in enumerate(map(as_text, compare.of)):
            if value not in values:
                hint = did_you_mean(value, values) or f"; there are: {', '.join(values)}"
                message = f"'{value}' is no value of '{compare.factor}'{hint}"
                yield at(message, "compare", index, "of", number)
            elif value in map(as_text, compare.of[:number]):
                yield at(f"'{value}' is there already", "compare", index, "of", number)
    for index, plot in enumerate(experiment.plots):
        yield from (
            at(message, "plots", index, *path) for path, message in _of_plot(plot, document)
        )


def _of_plot(plot: Plot, document: ExperimentDocument) -> Iterator[tuple[Path, str]]:
    """What is wrong with a plot, and with which of its keys."""
    factors = document.factors
    for key, needed, taken in (
        ("y", ("line", "series"), ("line", "series", "shares")),
        ("x", ("line", "shares"), ("line", "shares")),
    ):
        if plot.kind in needed and not getattr(plot, key):
            yield (), f"'{key}' is missing in a plot of the kind '{plot.kind}'"
        elif plot.kind not in taken and getattr(plot, key):
            yield (key,), f"a plot of the kind '{plot.kind}' takes no '{key}'"
    vms, hosts = _groups(document.common)
    if plot.kind == "series":
        if document.common.resolution is None:
            yield ("kind",), "a plot of the time series needs a 'resolution' of the experiment"
        if plot.y and split(plot.y, vms, hosts)[1].name not in _SERIES:
            yield ("y",), f"the time series has no '{plot.y}'; it has {', '.join(_SERIES)}"
    if plot.kind == "shares" and plot.y and plot.y not in vms:
        hint = did_you_mean(plot.y, vms) or f"; there are: {', '.join(vms)}"
        yield ("y",), f"unknown group of VMs '{plot.y}'{hint}"
    if plot.x and plot.x not in factors:
        yield ("x",), _unknown_factor(plot.x, factors)
    for number, name in enumerate(plot.lines):
        place = ("by",) if isinstance(plot.by, str) else ("by", number)
        if name == _GROUP and plot.kind in ("latency", "series"):
            continue
        if name not in factors:
            yield place, _unknown_factor(name, factors)
        elif name == plot.x:
            yield place, f"'{name}' is x already"
    for name, value in plot.where.items():
        if name not in factors:
            yield ("where", name), _unknown_factor(name, factors)
            continue
        values = [as_text(known) for known in factors[name]]
        if as_text(value) not in values:
            hint = did_you_mean(as_text(value), values) or f"; there are: {', '.join(values)}"
            yield ("where", name), f"'{as_text(value)}' is no value of '{name}'{hint}"


def _unknown_factor(name: str, known: Iterable[str]) -> str:
    names = list(known)
    there = f"; there are: {', '.join(names)}" if names else "; the document has no matrix"
    return f"unknown factor '{name}'{did_you_mean(name, names) or there}"
