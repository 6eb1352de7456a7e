# SPDX-License-Identifier: GPL-2.0-or-later
"""From a file to its cases: everything that is wrong with a document is found here, before anything
runs.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from hvlab.backends import Barrier
from hvlab.errors import ScenarioError
from hvlab.performance import baseline
from hvlab.performance.baseline import CaseBaselines
from hvlab.scenario import check, explain, include
from hvlab.scenario.context import Places, token_width
from hvlab.scenario.matrix import Cell
from hvlab.scenario.model import Scenario
from hvlab.scenario.nearest import nearest
from hvlab.scenario.problems import MAX_PROBLEMS, Problem, ScenarioInvalid
from hvlab.scenario.reading import NO_CELL, Reader, empty_values, no_garbage_collection
from hvlab.scenario.regex import Patterns
from hvlab.scenario.source import Source, read_source
from hvlab.scenario.steps.measure import Measure
from hvlab.scenario.template import Names
from hvlab.scenario.tree import Data, Mark, Marks, Scalar, flatten

if TYPE_CHECKING:
    from hvlab.sim.experiments.document import ExperimentDocument


@dataclass(frozen=True)
class Case:
    """One cell of a scenario's matrix, checked, ready to run; it can be pickled.

    Attributes:
        id: `file::name[axis=value-...]`; parameters: the cell's values; seed: 0 to 2^64 - 1;
        barrier: what keeps it from running on this host, None if nothing does or nobody has
        looked yet (plan.on_host); allow_python: whoever runs it lets the Python of its folder run;
        marks: where everything stood in `source`; baselines: what its measures are compared with,
        None if with nothing.
    """

    id: str
    source: Source
    marks: Marks
    scenario: Scenario
    parameters: Mapping[str, Scalar]
    seed: int
    barrier: Barrier | None = None
    allow_python: bool = False
    baselines: CaseBaselines | None = None

    @property
    def name(self) -> str:
        """The id without its file."""
        return self.id[len(self.source.name) + 2 :]


@dataclass(frozen=True)
class Document:
    """A checked document: a scenario's cases, or an experiment, which has none."""

    source: Source
    cases: tuple[Case, ...]
    experiment: ExperimentDocument | None = None


def load(path: str | os.PathLike[str]) -> Document:
    """Reads and checks the document at `path`.

    Raises:
        ScenarioInvalid: it is wrong; holds every problem found.
        ScenarioError: it cannot be read as text.
    """
    return parse(read_source(path))


def parse(source: Source) -> Document:
    """Checks a document's text. Raises ScenarioInvalid with every problem found."""
    from hvlab._core import parse_scenario

    try:
        tree = parse_scenario(source.text, source.name)
    except ScenarioError as error:
        # The core's message, shown like every other: with its line and a caret.
        width = token_width(source, Mark(error.line, error.column))
        problem = Problem(error.line, error.column, error.message, error.path, width)
        raise ScenarioInvalid(source, [problem]) from None
    with no_garbage_collection():
        data, marks = flatten(tree)
        if not isinstance(data, dict):
            what = "the document is empty" if data is None else "a scenario is a mapping of keys"
            raise ScenarioInvalid(source, [Problem(1, 1, f"{what}; it begins with 'schema: 1'")])
        if _is_experiment(data):
            from hvlab.sim.experiments import document

            return Document(source, (), document.read(source, data, marks))
        return _Reader(source, data, marks).document()


def _is_experiment(data: Mapping[str, Data]) -> bool:
    """Whether it is one, or was meant to be."""
    if "experiment" in data:
        return True
    known = {"machine", "machines", "steps", "include"}
    return not known & set(data) and any(nearest(key, ("experiment",)) for key in data)


def default_seed(source: Source, name: str) -> int:
    """A hash of the case id, of 32 bits: the file counts by its name alone, so it is the same
    everywhere.
    """
    text = f"{os.path.basename(source.name)}::{name}"  # noqa: PTH119 - a Path costs ten times as much
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


class _Reader(Reader):
    def __init__(self, source: Source, data: dict[str, Data], marks: Marks) -> None:
        super().__init__(source, data, marks)
        self._patterns = Patterns()
        self._checked: dict[tuple[object, ...], Scenario | None] = {}

    def document(self) -> Document:
        names = self._names()
        self._data, self._marks = include.expand(self._source, self._data, self._marks, names.axes)
        self._places = Places(self._source, self._marks)
        self._problems += empty_values(self._data, self._places, explain.scenarios())
        cells = self._cells()
        used = self._references(names)
        if not cells:
            # The matrix is wrong: what does not hang on its values is checked all the same.
            self._scenario(NO_CELL, names)
            self._fail()
        self._check_size(cells)
        cases = []
        for cell in cells:
            if len(self._problems) >= MAX_PROBLEMS:
                break
            cases.append(self._case(cell, names, used))
        if self._problems:
            self._fail()
        made = [case for case in cases if case is not None]
        if len(made) != len(cells):
            raise AssertionError("a case was refused, and no problem says why")
        return Document(self._source, self._with_baselines(made))

    def _with_baselines(self, cases: Iterable[Case]) -> tuple[Case, ...]:
        """The file is read only where a measure is compared with it."""
        known: baseline.Baselines | None = None
        made = []
        for case in cases:
            bodies = (step.body for step in case.scenario.steps)
            if any(isinstance(b, Measure) and b.baseline is not None for b in bodies):
                known = known or baseline.beside(self._source)
                case = replace(case, baselines=known.of(case.id, case.name))
            made.append(case)
        return tuple(made)

    def _case(self, cell: Cell, names: Names, used: list[str]) -> Case | None:
        key = tuple(cell.values[axis] for axis in used)
        typed = (*map(type, key), *key)  # 1, 1.0 and true are not the same value
        if typed not in self._checked:
            self._checked[typed] = self._scenario(cell, names)
        scenario = self._checked[typed]
        if scenario is None:
            return None
        name = f"{scenario.name}[{cell.label}]" if cell.label else scenario.name
        seed = default_seed(self._source, name) if scenario.seed is None else scenario.seed
        return Case(
            id=f"{self._source.name}::{name}",
            source=self._source,
            marks=self._marks,
            scenario=scenario,
            parameters=cell.values,
            seed=seed,
        )

    def _scenario(self, cell: Cell, names: Names) -> Scenario | None:
        values = {f"matrix.{axis}": value for axis, value in cell.values.items()}
        data = self._substituted(names, values)
        before = len(self._problems)
        try:
            scenario = Scenario.model_validate(data)
        except ValidationError as error:
            wrong = explain.problems(error, data, self._places)
            self._problems += self._placed(wrong, cell, names)
            partly = check.check_partly(data, self._places, names.axes, self._patterns)
            self._problems += self._placed(partly, cell, names)
            return None
        found = check.check(scenario, self._places, names.axes, self._patterns)
        self._problems += self._placed(found, cell, names)
        return scenario if len(self._problems) == before else None
