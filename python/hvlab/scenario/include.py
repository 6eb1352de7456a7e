# SPDX-License-Identifier: GPL-2.0-or-later
"""`include`: the steps of other files take its place, with the marks of those files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from hvlab.errors import ScenarioError
from hvlab.scenario import explain, template
from hvlab.scenario.context import Places
from hvlab.scenario.images import PATH_MAX
from hvlab.scenario.model import StepsFrame
from hvlab.scenario.nearest import did_you_mean, which_key
from hvlab.scenario.problems import Problem, ScenarioInvalid
from hvlab.scenario.source import STEPS_SUFFIX, Source, read_source
from hvlab.scenario.steps import Step
from hvlab.scenario.steps.include import Include
from hvlab.scenario.template import Names, TemplateError
from hvlab.scenario.tree import Data, Included, Mark, Marks, Scalar, flatten
from hvlab.scenario.tree import Path as Place

_KEYS = ("schema", "vars", "steps")
MAX_DEPTH = 8
MAX_FILES = 100
MAX_NODES = 10_000  # as the core has it for one file
_STEP: TypeAdapter[Step] = TypeAdapter(Step)


@dataclass(frozen=True)
class _Text:
    """A file with steps: its text, and where each piece of it stands in the text."""

    source: Source
    data: Data
    marks: Marks


@dataclass(frozen=True)
class _Piece:
    """A step that is no `include`: `place` is its own in its file, `file` says which that is."""

    data: Data
    text: _Text
    place: Place
    file: int


def expand(
    source: Source, data: Mapping[str, Data], marks: Marks, axes: tuple[str, ...]
) -> tuple[dict[str, Data], Marks]:
    """A document with every `include` replaced. Raises ScenarioInvalid where that is not possible."""
    steps = data.get("steps")
    if not isinstance(steps, list) or not any(_is_include(entry) for entry in steps):
        return dict(data), marks
    root = _Text(source, dict(data), marks)
    expansion = _Expansion(root, axes)
    pieces = list(expansion.pieces(root, steps, 0, ()))
    if expansion.problems:
        raise ScenarioInvalid(source, expansion.problems)
    return {**data, "steps": [piece.data for piece in pieces]}, _joined(root, pieces, expansion)


def _is_include(entry: Data) -> bool:
    return isinstance(entry, dict) and Include.keyword in entry


class _Expansion:
    def __init__(self, root: _Text, axes: tuple[str, ...]) -> None:
        self.problems: list[Problem] = []
        self.files: list[Included] = []
        self._root = root
        self._folder = root.source.folder.resolve()
        self._axes = axes
        self._nodes = len(root.marks.values)
        self._texts: dict[str, _Text] = {}

    def pieces(
        self, text: _Text, steps: list[Data], file: int, within: tuple[str, ...]
    ) -> Iterator[_Piece]:
        """The steps of a file, in order. `within`: the real paths of the files around it."""
        for index, entry in enumerate(steps):
            place: Place = ("steps", index)
            body = _body(entry)
            if body is None:  # a step, or nothing that is right: the model says what is wrong
                yield _Piece(entry, text, place, file)
            elif not self.problems:
                yield from self._included(body, text, (*place, Include.keyword), file, within)

    def _included(
        self, body: Include, text: _Text, place: Place, file: int, within: tuple[str, ...]
    ) -> Iterator[_Piece]:
        at = (*place, "file") if (*place, "file") in text.marks.values else place
        path = self._path(body.file, text, at, file)
        if path is None:
            return
        fault = self._too_much(path, within)
        loaded = None if fault else self._load(body.file, path, text, at, file)
        if fault:
            self._problem(text, file, at, fault)
        if loaded is None:
            return
        self.files.append(Included(loaded.source, text.marks.key(place), file))
        number = len(self.files)
        self._nodes += len(loaded.marks.values)
        if self._nodes > MAX_NODES:
            message = (
                f"the document and what it includes have more than {MAX_NODES} keys and values"
            )
            self._problem(text, file, at, message)
            return
        steps = self._filled(loaded, body, number, (text, file, (*place, "vars")))
        yield from self.pieces(loaded, steps, number, (*within, os.fspath(path)))

    def _path(self, reference: str, text: _Text, at: Place, file: int) -> Path | None:
        """The file that is meant. None if it cannot be one, which is then a problem."""
        fault = ""
        path = text.source.folder / reference
        if "${" in reference:
            fault = "which file is included is known before ${...}"
        elif not reference.endswith(STEPS_SUFFIX):
            fault = f"'{reference}' does not end in {STEPS_SUFFIX}, as the name of an included file does"
        elif len(reference) > PATH_MAX:  # before each part of it is looked at
            fault = f"too long for a path: {len(reference)} characters"
        else:
            try:
                path = path.resolve()
            except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a loop of links
                fault = f"'{reference}': {error}"
            if not fault and not path.is_relative_to(self._folder):
                fault = f"'{reference}' is outside the scenario's folder"
        if fault:
            self._problem(text, file, at, fault)
        return None if fault else path

    def _too_much(self, path: Path, within: tuple[str, ...]) -> str:
        if os.fspath(path) in within:
            names = [os.path.relpath(name, self._folder) for name in (*within, os.fspath(path))]
            return f"it includes itself: {' -> '.join(names)}"
        if len(within) >= MAX_DEPTH:
            return f"files include each other more than {MAX_DEPTH} deep"
        return f"more than {MAX_FILES} files are included" if len(self.files) >= MAX_FILES else ""

    def _load(self, reference: str, path: Path, text: _Text, at: Place, file: int) -> _Text | None:
        """Reads and checks a file by itself. None if it is wrong, which is then a problem."""
        key = os.fspath(path)
        if key in self._texts:
            return self._texts[key]
        name = os.path.normpath(Path(text.source.name).parent / reference)
        try:
            source = replace(read_source(key), name=name, folder=path.parent)
        except ScenarioError as error:
            hint = "" if path.exists() else _similar(path)
            where = f" (line {error.line}, column {error.column})" if error.line else ""
            self._problem(text, file, at, f"'{reference}': {error.message}{where}{hint}")
            return None
        included = Included(source, text.marks.key(at), file)
        loaded = self._parsed(source, included)
        if loaded is not None:
            self._texts[key] = loaded
        return loaded

    def _parsed(self, source: Source, included: Included) -> _Text | None:
        from hvlab._core import parse_scenario

        trail = self._trail(included)
        try:
            data, marks = flatten(parse_scenario(source.text, source.name))
        except ScenarioError as error:
            problem = Problem(error.line, error.column, error.message, error.path)
            self.problems.append(replace(problem, trail=trail))
            return None
        places = Places(source, marks)
        if not isinstance(data, dict):
            message = "a file of steps is a mapping of keys; it begins with 'schema: 1'"
            self.problems.append(replace(Problem(1, 1, message), trail=trail))
            return None
        wrong = list(_wrong_keys(data, places))
        try:
            StepsFrame.model_validate({key: value for key, value in data.items() if key in _KEYS})
        except ValidationError as error:
            wrong += explain.problems(error, data, places)
        if wrong:
            self.problems += [replace(problem, trail=trail) for problem in wrong]
            return None
        return _Text(source, data, marks)

    def _filled(
        self, loaded: _Text, body: Include, number: int, given: tuple[_Text, int, Place]
    ) -> list[Data]:
        """The steps with the file's variables filled in; references to the matrix stay."""
        assert isinstance(loaded.data, dict)  # it was validated
        own, steps = loaded.data.get("vars"), loaded.data["steps"]
        assert isinstance(steps, list)
        variables: dict[str, Data] = own if isinstance(own, dict) else {}
        for name in body.vars:
            if name not in variables:
                text, file, place = given
                known = ", ".join(variables) or "none"
                hint = did_you_mean(name, variables) or f"; known: {known}"
                message = f"unknown variable '{name}' of {loaded.source.name}{hint}"
                self._problem(text, file, (*place, name), message, at_key=True)
        names = Names(self._axes, tuple(variables))
        for path, reference in template.texts(steps, ("steps",)):
            try:
                list(template.references(reference, names))
            except TemplateError as error:
                places = self._places(loaded, number)
                where = (path, reference, error.offset, error.width, error.message)
                self.problems.append(places.in_text(*where))
        values: dict[str, Scalar] = {}
        for name, value in {**variables, **body.vars}.items():
            if not isinstance(value, list | dict):
                values[f"vars.{name}"] = value
        filled = template.substitute(steps, names, values, keep_escapes=True)
        assert isinstance(filled, list)
        return filled

    def _places(self, text: _Text, file: int) -> Places:
        """Where things stand in a file that is a part of the document."""
        marks = _moved(text.marks, file)
        marks.included = self.files
        return Places(self._root.source, marks)

    def _problem(
        self, text: _Text, file: int, place: Place, message: str, at_key: bool = False
    ) -> None:
        places = self._places(text, file)
        self.problems.append((places.at_key if at_key else places.at_value)(place, message))

    def _trail(self, included: Included) -> tuple[Included, ...]:
        marks = Marks(included=[*self.files, included])
        return marks.trail(len(marks.included))


def _wrong_keys(data: Mapping[str, Data], places: Places) -> Iterator[Problem]:
    for key in data:
        if key not in _KEYS:
            hint = which_key(key, _KEYS) or f"; it has {', '.join(_KEYS)}"
            yield places.at_key((key,), f"unknown key '{key}' in a file of steps{hint}")


def _body(entry: Data) -> Include | None:
    if not _is_include(entry):
        return None
    try:
        step = _STEP.validate_python(entry)
    except ValidationError:
        return None
    return step.body if isinstance(step.body, Include) else None


def _moved(marks: Marks, file: int) -> Marks:
    values = {path: mark._replace(file=file) for path, mark in marks.values.items()}
    keys = {path: mark._replace(file=file) for path, mark in marks.keys.items()}
    return Marks(values, keys)


def _joined(root: _Text, pieces: list[_Piece], expansion: _Expansion) -> Marks:
    """The marks of the whole: those of the document, and of each step where it came from."""
    joined = Marks(included=expansion.files)
    for of, into in ((root.marks.values, joined.values), (root.marks.keys, joined.keys)):
        into |= {
            path: mark for path, mark in of.items() if path[:1] != ("steps",) or len(path) == 1
        }
    of_steps: dict[int, dict[Place, Marks]] = {}
    for index, piece in enumerate(pieces):
        if id(piece.text) not in of_steps:
            of_steps[id(piece.text)] = _by_step(piece.text.marks)
        marks = of_steps[id(piece.text)][piece.place]
        for of, into in ((marks.values, joined.values), (marks.keys, joined.keys)):
            for path, mark in of.items():
                into["steps", index, *path] = Mark(mark.line, mark.column, piece.file)
    return joined


def _by_step(marks: Marks) -> dict[Place, Marks]:
    """The marks inside each step, by its place; paths from the step on."""
    found: dict[Place, Marks] = {}
    for path, mark in marks.values.items():
        if len(path) > 1 and path[0] == "steps":
            found.setdefault(path[:2], Marks()).values[path[2:]] = mark
    for path, mark in marks.keys.items():
        if len(path) > 1 and path[0] == "steps":
            found[path[:2]].keys[path[2:]] = mark
    return found


def _similar(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.name.endswith(STEPS_SUFFIX)]
    except OSError:
        return ""
    return did_you_mean(path.name, names)
