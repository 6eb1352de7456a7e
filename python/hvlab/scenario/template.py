# SPDX-License-Identifier: GPL-2.0-or-later
"""`${matrix.backend}` and `${prompt}` in a document's texts.

A text that is one reference becomes the value with its type; a reference inside a longer text
becomes text. `$${` stands for `${`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from hvlab.scenario.nearest import did_you_mean
from hvlab.scenario.tree import Data, Path, Scalar

_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)(\}?)")


class TemplateError(Exception):
    """A reference is wrong. Attributes: message; offset, width: its place in the text."""

    def __init__(self, message: str, offset: int, width: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.width = width


@dataclass(frozen=True)
class Names:
    """What references can name: the matrix's axes and the variables, by path in the document.

    `later`: the variables, where they cannot be named: in their own values.
    """

    axes: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    later: tuple[str, ...] = ()

    @cached_property
    def _full(self) -> frozenset[str]:
        matrix = (f"matrix.{axis}" for axis in self.axes)
        return frozenset((*matrix, *(f"vars.{variable}" for variable in self.variables)))

    def resolve(self, reference: str) -> str:
        """`matrix.X` or `vars.X`. Raises LookupError with a message."""
        name = reference.strip()
        if name in self._full:
            return name
        if f"vars.{name}" in self._full:
            return f"vars.{name}"
        if f"matrix.{name}" in self._full:
            raise LookupError(f"unknown name '{name}' (did you mean 'matrix.{name}'?)")
        matrix = (f"matrix.{axis}" for axis in self.axes)
        known = self._full if "." in name else itertools.chain(self.variables, matrix)
        if not self.variables and name.removeprefix("vars.") in self.later:
            raise LookupError(f"a variable cannot refer to another one, as to '{name}'")
        hint = did_you_mean(name, known) or "; write $${...} for the text itself"
        raise LookupError(f"unknown name '{name}'{hint}")


def references(text: str, names: Names) -> Iterator[str]:
    """The full names that `text` refers to. Raises TemplateError."""
    for match in _REFERENCE.finditer(text):
        if match[0] != "$${":
            yield _resolve(match, names)


def texts(data: Data, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every text in `data` that has a `${`, with its path."""
    if isinstance(data, str):
        if "${" in data:
            yield path, data
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from texts(item, (*path, index))
    elif isinstance(data, dict):
        for key, item in data.items():
            yield from texts(item, (*path, key))


def whole(text: str, names: Names) -> str | None:
    """The full name if `text` is one reference and nothing else."""
    match = _REFERENCE.fullmatch(text)
    if match is None or match[0] == "$${":
        return None
    try:
        return _resolve(match, names)
    except TemplateError:
        return None


def substitute(
    data: Data, names: Names, values: Mapping[str, Scalar], keep_escapes: bool = False
) -> Data:
    """`data` with every reference replaced; references that are wrong, or have no value, stay as
    they are. `keep_escapes`: so does `$${`, for a substitution that comes after this.
    """
    if isinstance(data, str):
        return _substitute_text(data, names, values, keep_escapes) if "${" in data else data
    if isinstance(data, list):
        return [substitute(item, names, values, keep_escapes) for item in data]
    if isinstance(data, dict):
        return {key: substitute(item, names, values, keep_escapes) for key, item in data.items()}
    return data


def as_text(value: Scalar) -> str:
    """A value as it was written: `true`, not `True`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _substitute_text(
    text: str, names: Names, values: Mapping[str, Scalar], keep_escapes: bool
) -> Scalar:
    name = whole(text, names)
    if name is not None and name in values:
        return values[name]

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return match[0] if keep_escapes else "${"
        try:
            return as_text(values[_resolve(match, names)])
        except (TemplateError, KeyError):
            return match[0]

    return _REFERENCE.sub(replace, text)


def _resolve(match: re.Match[str], names: Names) -> str:
    width = match.end() - match.start()
    if not match[2]:
        raise TemplateError("'${' without its '}'; write $${ for the text itself", match.start(), 2)
    try:
        return names.resolve(match[1])
    except LookupError as error:
        raise TemplateError(str(error.args[0]), match.start(), width) from None
