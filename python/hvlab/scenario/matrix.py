# SPDX-License-Identifier: GPL-2.0-or-later
"""A scenario's matrix: named axes, and the cells that they span less `exclude`, plus `include`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ConfigDict, Field

from hvlab.scenario.fields import ScalarValue, Strict
from hvlab.scenario.nearest import did_you_mean
from hvlab.scenario.template import as_text
from hvlab.scenario.tree import Path, Scalar

MAX_CELLS = 4096
MAX_EXCLUDING = 250_000  # entries of exclude times cells: a bound on the work


class Matrix(Strict):
    """One case is run for each combination of the axes' values; `${matrix.AXIS}` is the value."""

    model_config = ConfigDict(
        extra="allow",
        strict=True,
        frozen=True,
        json_schema_extra={"propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}},
    )
    __pydantic_extra__: dict[str, list[ScalarValue]]

    exclude: list[dict[str, ScalarValue]] = Field(
        default_factory=list, description="Cells to leave out: all that have these values."
    )
    include: list[dict[str, ScalarValue]] = Field(
        default_factory=list, description="Cells to add: each names a value for every axis."
    )

    @property
    def axes(self) -> Mapping[str, list[Scalar]]:
        return self.__pydantic_extra__


@dataclass(frozen=True)
class Cell:
    """One combination. `origins`: where in the document each value stood."""

    values: Mapping[str, Scalar]
    origins: Mapping[str, Path]

    @property
    def label(self) -> str:
        """`backend=unicorn-memory=128MiB`; empty without axes."""
        return "-".join(f"{axis}={as_text(value)}" for axis, value in self.values.items())


@dataclass(frozen=True)
class Fault:
    """Something wrong with a matrix; `at_key` if it is about the key at `path`, not its value."""

    path: Path
    message: str
    at_key: bool = False


def expand(matrix: Matrix) -> tuple[list[Cell], list[Fault]]:
    """The cells in the document's order, and what is wrong with the matrix."""
    faults = _faults(matrix)
    if faults:
        return [], faults
    axes = list(matrix.axes.items())
    cells = []
    if axes:
        for indices in itertools.product(*(range(len(values)) for _, values in axes)):
            picked = {name: values[i] for (name, values), i in zip(axes, indices, strict=True)}
            if not any(_covers(entry, picked) for entry in matrix.exclude):
                origins: dict[str, Path] = {
                    name: ("matrix", name, i) for (name, _), i in zip(axes, indices, strict=True)
                }
                cells.append(Cell(picked, origins))
    labels = {cell.label for cell in cells}
    for number, entry in enumerate(matrix.include):
        order = [name for name, _ in axes] or list(matrix.include[0])
        cell = Cell(
            {name: entry[name] for name in order},
            {name: ("matrix", "include", number, name) for name in order},
        )
        if cell.label in labels:
            faults.append(
                Fault(("matrix", "include", number), f"the cell {cell.label} is already there")
            )
        labels.add(cell.label)
        cells.append(cell)
    if not cells:
        faults.append(Fault(("matrix",), "the matrix expands to no case at all", at_key=True))
    return cells, faults


def _covers(entry: Mapping[str, Scalar], cell: Mapping[str, Scalar]) -> bool:
    return all(as_text(cell[axis]) == as_text(value) for axis, value in entry.items())


def _faults(matrix: Matrix) -> list[Fault]:
    faults = []
    for axis, values in matrix.axes.items():
        path: Path = ("matrix", axis)
        if not axis.isidentifier() or not axis.isascii():
            faults.append(
                Fault(path, f"'{axis}' can't be an axis: letters, digits and '_' only", True)
            )
        if not values:
            faults.append(
                Fault(path, f"the axis '{axis}' has no values: the matrix expands to no case", True)
            )
        seen: dict[str, int] = {}
        for index, value in enumerate(values):
            if seen.setdefault(as_text(value), index) != index:
                faults.append(
                    Fault((*path, index), f"{as_text(value)} is already a value of '{axis}'")
                )
    count = math.prod(len(values) for values in matrix.axes.values())
    if count + len(matrix.include) > MAX_CELLS:
        cases = f"{count}" if count < 10**9 else "more than 10^9"
        faults.append(
            Fault(("matrix",), f"the matrix expands to {cases} cases; at most {MAX_CELLS}", True)
        )
    work = len(matrix.exclude) * max(count, *map(len, matrix.axes.values()), 1)
    if work > MAX_EXCLUDING:
        many = f"{len(matrix.exclude)} entries are too many for {count} cases"
        return [*faults, Fault(("matrix", "exclude"), many, True)]
    for key, entries in (("exclude", matrix.exclude), ("include", matrix.include)):
        for index, entry in enumerate(entries):
            faults += _entry_faults(matrix, ("matrix", key, index), entry, key == "include")
    return faults


def _which_axis(axis: str, known: Sequence[str]) -> str:
    return did_you_mean(axis, known) or f"; there are {', '.join(known[:10])}" * bool(known)


def _entry_faults(
    matrix: Matrix, path: Path, entry: Mapping[str, Scalar], complete: bool
) -> list[Fault]:
    if not entry:
        return [Fault(path, "names no axis")]
    axes: Mapping[str, list[Scalar]] = matrix.axes
    known = list(axes) or list(matrix.include[0] if matrix.include else ())
    faults = []
    for axis, value in entry.items():
        if axis not in known:
            faults.append(
                Fault((*path, axis), f"unknown axis '{axis}'{_which_axis(axis, known)}", True)
            )
        elif not complete and as_text(value) not in map(as_text, axes.get(axis, ())):
            values = [as_text(v) for v in axes.get(axis, ())]
            hint = did_you_mean(as_text(value), values)
            message = f"excludes nothing: '{as_text(value)}' is no value of '{axis}'{hint}"
            faults.append(Fault((*path, axis), message))
    missing = [axis for axis in known if axis not in entry] if complete else []
    if missing:
        faults.append(Fault(path, f"has no value for {', '.join(missing)}"))
    return faults
