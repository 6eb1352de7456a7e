# SPDX-License-Identifier: GPL-2.0-or-later
"""From a file to its cases: everything that is wrong with a document is found here, before anything
runs.
"""

from __future__ import annotations

import gc
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NoReturn

from pydantic import TypeAdapter, ValidationError

from hvlab.backends import Barrier
from hvlab.errors import ScenarioError
from hvlab.performance import baseline
from hvlab.performance.baseline import CaseBaselines
from hvlab.scenario import check, explain, include, template
from hvlab.scenario.context import Places, token_width
from hvlab.scenario.matrix import Cell, Matrix, expand
from hvlab.scenario.model import Scenario
from hvlab.scenario.problems import MAX_PROBLEMS, Problem, ScenarioInvalid
from hvlab.scenario.regex import Patterns
from hvlab.scenario.source import Source, read_source
from hvlab.scenario.steps.measure import Measure
from hvlab.scenario.template import Names, TemplateError
from hvlab.scenario.tree import Data, Mark, Marks, Scalar, flatten
from hvlab.scenario.tree import Path as Place

# Of substitutions in one document, summed over its cases: a bound on the work that a hostile one
# can ask for.
MAX_WORK = 2_000_000
_MATRIX: TypeAdapter[Matrix] = TypeAdapter(Matrix)
_NO_CELL = Cell({}, {})
# Of these the values are what they are: no case is known yet where they are read.
_WITHOUT_TEMPLATES = ("schema", "name", "tags", "matrix", "vars")


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
    """A checked scenario document."""

    source: Source
    cases: tuple[Case, ...]


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
        return _Reader(source, data, marks).document()


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """What a check makes has no cycles, and looking for them is a quarter of its time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def default_seed(source: Source, name: str) -> int:
    """A hash of the case id, of 32 bits: the file counts by its name alone, so it is the same
    everywhere.
    """
    text = f"{os.path.basename(source.name)}::{name}"  # noqa: PTH119 - a Path costs ten times as much
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def _empty_values(data: Data, places: Places, path: Place = ()) -> Iterator[Problem]:
    """Keys without a value, where the model would take that for a key that is not there.

    What has to be there is refused by the model; a step may be nothing but its key.
    """
    items: Iterable[tuple[str | int, Data]] = ()
    if isinstance(data, dict):
        items = data.items()
    elif isinstance(data, list):
        items = enumerate(data)
    for part, value in items:
        below = (*path, part)
        if isinstance(value, dict | list):
            yield from _empty_values(value, places, below)
        elif value is None and isinstance(part, str) and explain.is_optional(below):
            yield places.at_key(below, f"'{part}' has no value: give it one, or leave it out")


class _Reader:
    def __init__(self, source: Source, data: dict[str, Data], marks: Marks) -> None:
        self._source = source
        self._data = data
        self._marks = marks
        self._places = Places(source, marks)
        self._patterns = Patterns()
        self._problems: list[Problem] = []
        self._wrong_references: set[Place] = set()
        self._checked: dict[tuple[object, ...], Scenario | None] = {}

    def document(self) -> Document:
        names = self._names()
        self._data, self._marks = include.expand(self._source, self._data, self._marks, names.axes)
        self._places = Places(self._source, self._marks)
        self._problems += _empty_values(self._data, self._places)
        cells = self._cells()
        used = self._references(names)
        if not cells:
            # The matrix is wrong: what does not hang on its values is checked all the same.
            self._scenario(_NO_CELL, names)
            self._fail()
        if len(cells) * len(self._marks.values) > MAX_WORK:
            message = f"the matrix is too large for this document: {len(cells)} cases"
            self._problems.append(self._places.at_key(("matrix",), message))
            self._fail()
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

    def _fail(self) -> NoReturn:
        raise ScenarioInvalid(self._source, self._problems)

    def _cells(self) -> list[Cell]:
        if "matrix" not in self._data:
            return [_NO_CELL]
        for path, text in template.texts(self._data["matrix"], ("matrix",)):
            self._problems.append(
                self._places.at_value(path, f"'{text}': the matrix is read before ${{...}}")
            )
        try:
            matrix = _MATRIX.validate_python(self._data["matrix"])
        except ValidationError:
            return []  # explained with the rest of the document
        cells, faults = expand(matrix)
        for fault in faults[:MAX_PROBLEMS]:
            place = self._places.at_key if fault.at_key else self._places.at_value
            self._problems.append(place(fault.path, fault.message))
        return cells

    def _names(self) -> Names:
        matrix, variables = self._data.get("matrix"), self._data.get("vars")
        axes: list[str] = []
        if isinstance(matrix, dict):
            axes = [axis for axis in matrix if axis not in ("include", "exclude")]
            entries = matrix.get("include")
            if not axes and isinstance(entries, list) and entries and isinstance(entries[0], dict):
                axes = list(entries[0])
        return Names(tuple(axes), tuple(variables) if isinstance(variables, dict) else ())

    def _references(self, names: Names) -> list[str]:
        """The axes that the document refers to. Wrong references are problems."""
        used: set[str] = set()
        for path, text in template.texts(self._data):
            if len(self._problems) >= MAX_PROBLEMS:
                break
            if path[0] == "matrix":
                continue
            within_vars = Names(names.axes, later=names.variables)
            known = within_vars if path[0] == "vars" else names
            try:
                if path[0] in _WITHOUT_TEMPLATES and path[0] != "vars":
                    raise TemplateError(f"'{path[0]}' takes no ${{...}}", text.index("${"), 2)
                used.update(template.references(text, known))
            except TemplateError as error:
                where = self._places.in_text(path, text, error.offset, error.width, error.message)
                self._problems.append(where)
                self._wrong_references.add(path)
        return sorted(name.removeprefix("matrix.") for name in used if name.startswith("matrix."))

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

    def _substituted(self, names: Names, values: dict[str, Scalar]) -> dict[str, Data]:
        variables = self._data.get("vars")
        replaced = template.substitute(variables, Names(names.axes), values)
        if isinstance(replaced, dict):
            for name, value in replaced.items():
                if not isinstance(value, dict | list):
                    values[f"vars.{name}"] = value
        return {
            key: replaced
            if key == "vars"
            else value
            if key in _WITHOUT_TEMPLATES
            else template.substitute(value, names, values)
            for key, value in self._data.items()
        }

    def _placed(self, found: Iterable[Problem], cell: Cell, names: Names) -> list[Problem]:
        placed = (self._at_origin(problem, cell, names) for problem in found)
        return [problem for problem in placed if problem is not None]

    def _at_origin(self, problem: Problem, cell: Cell, names: Names) -> Problem | None:
        """Where a value came from a reference, the mistake is where the value stands.

        None for what follows from a wrong reference, or cannot be judged because the matrix is
        wrong.
        """
        path = self._marks.nearest(problem.place)
        text = self._text_at(path)
        if path in self._wrong_references:
            return None
        if text is None or "${" not in text:
            return problem
        if cell is _NO_CELL and names.axes and "matrix." in text:
            return None
        name = template.whole(text, names)
        if name is None:
            return problem
        scope, _, key = name.partition(".")
        origin = cell.origins[key] if scope == "matrix" else ("vars", key)
        moved = self._places.at_value(origin, f"{problem.message} (for {problem.path}: {text})")
        return replace(moved, path=problem.path)

    def _text_at(self, path: Place) -> str | None:
        data: Data = self._data
        for part in path:
            if isinstance(data, dict) and isinstance(part, str):
                data = data.get(part)
            elif isinstance(data, list) and isinstance(part, int):
                data = data[part]
        return data if isinstance(data, str) else None
