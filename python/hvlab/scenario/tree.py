# SPDX-License-Identifier: GPL-2.0-or-later
"""The core's marked tree -> plain data, and a map from each place in it to where it stood in the
file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hvlab._core import ScenarioNode
    from hvlab.scenario.source import Source

Scalar = None | bool | int | float | str
Data = Scalar | list["Data"] | dict[str, "Data"]
Path = tuple[str | int, ...]


class Mark(NamedTuple):
    """A place in a file; both count from 1, the column in characters. `file`: 0 is the document,
    another one the file of `Marks.included` with that number, from 1.
    """

    line: int
    column: int
    file: int = 0


@dataclass(frozen=True)
class Included:
    """A file whose steps stand in the place of an `include`, which is at `at` in file `file`."""

    source: Source
    at: Mark
    file: int = 0


@dataclass
class Marks:
    """Where keys and values of a document stood."""

    values: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)
    included: list[Included] = field(default_factory=list)

    def nearest(self, path: Path) -> Path:
        """`path`, or the longest beginning of it that the document has."""
        return next((path[:n] for n in range(len(path), 0, -1) if path[:n] in self.values), ())

    def value(self, path: Path) -> Mark:
        """Of the value at `path`, or of the nearest thing around it that is there."""
        return self.values[self.nearest(path)]

    def key(self, path: Path) -> Mark:
        """Of the key that `path` ends in; of its value where it is no key."""
        return self.keys.get(path) or self.value(path)

    def trail(self, file: int) -> tuple[Included, ...]:
        """The included files around a mark with that `file`, the innermost first."""
        found = []
        while file:
            found.append(self.included[file - 1])
            file = found[-1].file
        return tuple(found)


def flatten(root: ScenarioNode) -> tuple[Data, Marks]:
    """Plain data and its marks. The core has bounded the tree's depth and size."""
    marks = Marks()
    return _flatten(root, (), marks), marks


def _flatten(node: ScenarioNode, path: Path, marks: Marks) -> Data:
    # An empty value has no place of its own: the parser would give the next token's, so it takes
    # its key's.
    empty = node.kind == "null" and path in marks.keys
    marks.values[path] = marks.keys[path] if empty else Mark(node.line, node.column)
    if node.kind == "mapping":
        result: dict[str, Data] = {}
        for key, line, column, child in node.entries:
            below = (*path, key)
            marks.keys[below] = Mark(line, column)
            result[key] = _flatten(child, below, marks)
        return result
    if node.kind == "sequence":
        return [_flatten(child, (*path, index), marks) for index, child in enumerate(node.items)]
    value: Scalar = node.value
    return value


def format_path(path: Path) -> str:
    """`steps[2].expect.within`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text
