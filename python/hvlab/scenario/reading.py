# SPDX-License-Identifier: GPL-2.0-or-later
"""What reading a document is, whatever kind it is: its matrix, its `${...}`, and where its mistakes
stand.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NoReturn

from pydantic import TypeAdapter, ValidationError

from hvlab.scenario import explain, template
from hvlab.scenario.context import Places
from hvlab.scenario.explain import Language
from hvlab.scenario.matrix import Cell, Matrix, expand
from hvlab.scenario.problems import MAX_PROBLEMS, Problem, ScenarioInvalid
from hvlab.scenario.source import Source
from hvlab.scenario.template import Names, TemplateError
from hvlab.scenario.tree import Data, Marks, Scalar
from hvlab.scenario.tree import Path as Place

# Of substitutions in one document, summed over its cases: a bound on the work that a hostile one
# can ask for.
MAX_WORK = 2_000_000
_MATRIX: TypeAdapter[Matrix] = TypeAdapter(Matrix)
NO_CELL = Cell({}, {})
# Of these the values are what they are: no case is known yet where they are read.
WITHOUT_TEMPLATES = ("schema", "name", "tags", "matrix", "vars")


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


def empty_values(
    data: Data, places: Places, language: Language, path: Place = ()
) -> Iterator[Problem]:
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
            yield from empty_values(value, places, language, below)
        elif value is None and isinstance(part, str) and explain.is_optional(below, language):
            yield places.at_key(below, f"'{part}' has no value: give it one, or leave it out")


class Reader:
    """Reads one document. A kind of document derives from it."""

    def __init__(self, source: Source, data: dict[str, Data], marks: Marks) -> None:
        self._source = source
        self._data = data
        self._marks = marks
        self._places = Places(source, marks)
        self._problems: list[Problem] = []
        self._wrong_references: set[Place] = set()

    def _check_size(self, cells: list[Cell]) -> None:
        if len(cells) * len(self._marks.values) > MAX_WORK:
            message = f"the matrix is too large for this document: {len(cells)} cases"
            self._problems.append(self._places.at_key(("matrix",), message))
            self._fail()

    def _fail(self) -> NoReturn:
        raise ScenarioInvalid(self._source, self._problems)

    def _cells(self) -> list[Cell]:
        if "matrix" not in self._data:
            return [NO_CELL]
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
                if path[0] in WITHOUT_TEMPLATES and path[0] != "vars":
                    raise TemplateError(f"'{path[0]}' takes no ${{...}}", text.index("${"), 2)
                used.update(template.references(text, known))
            except TemplateError as error:
                where = self._places.in_text(path, text, error.offset, error.width, error.message)
                self._problems.append(where)
                self._wrong_references.add(path)
        return sorted(name.removeprefix("matrix.") for name in used if name.startswith("matrix."))

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
            if key in WITHOUT_TEMPLATES
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
        if cell is NO_CELL and names.axes and "matrix." in text:
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
