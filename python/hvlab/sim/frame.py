# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables of results: columns with units, for numpy, Arrow, pandas, polars, DuckDB, CSV and Parquet."""

from __future__ import annotations

import csv
import html
import io
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hvlab import _core
from hvlab.errors import HvlabError
from hvlab.report.files import replace_file
from hvlab.scenario.nearest import did_you_mean
from hvlab.scenario.problems import printable

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

Value: TypeAlias = int | float | str
Row: TypeAlias = dict[str, Value]
_ENDS = 8  # rows shown of a longer frame, at either end
_CHUNK = 50_000  # rows that are turned into text at once


class UnknownColumn(HvlabError, KeyError):
    """A frame has no column of that name; the text says which are like it."""

    __str__ = Exception.__str__  # KeyError's would quote it


class FrameError(HvlabError, ValueError):
    """Columns that make no frame, or conditions that are none."""


class Frame:
    """Columns of one length, each with its name, unit and meaning. It never changes.

    Columns are int64, float64 or strings. Times are nanoseconds (unit `ns`); a float that does not exist,
    such as the mean latency without a response, is NaN. pyarrow, polars and DuckDB take a frame as it is,
    without a copy, by Arrow's PyCapsule interface: `pyarrow.table(frame)`, `polars.DataFrame(frame)`,
    `duckdb.sql("select * from frame")`.

        frame["ready"]                          # numpy, a view that only reads
        frame.where(scheduler="credit2")        # rows
        for row in frame: row["ready"]          # rows as dicts
    """

    __hash__ = None  # type: ignore[assignment]  # equal by content

    def __init__(self, table: _core.SimTable) -> None:
        self._table = table

    @classmethod
    def from_columns(
        cls,
        columns: Mapping[str, Sequence[Value] | NDArray[Any]],
        *,
        name: str = "",
        units: Mapping[str, str] | None = None,
        meanings: Mapping[str, str] | None = None,
    ) -> Frame:
        """A frame of columns made in Python: all int, all int or float, or all str; bool counts as int.

        units, meanings: by column; units are `1` where nothing is said, and empty for strings.
        Raises FrameError.
        """
        units, meanings = units or {}, meanings or {}
        for key in itertools.chain(units, meanings):
            if key not in columns:
                raise FrameError(f"there is no column '{key}'{did_you_mean(key, list(columns))}")
        made = []
        for key, given in columns.items():
            values = _values(key, given)
            unit = units.get(key, "" if isinstance(values, list) else "1")
            made.append((key, unit, meanings.get(key, ""), values))
        try:
            for text in itertools.chain([name], *(column[:3] for column in made)):
                text.encode()
            return cls(_core.SimTable(name, made))
        except ValueError as error:  # a surrogate, too
            raise FrameError(str(error)) from None

    @property
    def name(self) -> str:
        return self._table.name

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(name for name, _, _ in self._table.columns)

    @cached_property
    def units(self) -> Mapping[str, str]:
        """By column: `ns`, `pCPU`, `1` (counts and shares), `1/s`; empty for strings."""
        return MappingProxyType({name: unit for name, unit, _ in self._table.columns})

    @cached_property
    def meanings(self) -> Mapping[str, str]:
        """By column: what it is, in a line."""
        return MappingProxyType({name: meaning for name, _, meaning in self._table.columns})

    def __len__(self) -> int:
        return len(self._table)

    def __contains__(self, column: object) -> bool:
        return column in self.columns

    def __getitem__(self, column: str) -> NDArray[Any]:
        """The values of a column: int64 or float64 where the table has them, or strings (dtype object).

        The array only reads. Raises UnknownColumn.
        """
        index = self._index(column)
        words = self._table.words(index)
        values = np.asarray(self._table.values(index))
        if words is None:
            return values
        strings: NDArray[Any] = np.array(words, dtype=object)[values]
        strings.flags.writeable = False
        return strings

    def __iter__(self) -> Iterator[Row]:
        """Rows, as dicts by column."""
        for chunk in self._chunks():
            for values in zip(*(part.tolist() for part in chunk), strict=True):
                yield dict(zip(self.columns, values, strict=True))

    def take(self, rows: NDArray[Any] | Sequence[int] | slice) -> Frame:
        """The rows with these numbers, or where a mask is True, in a frame of their own."""
        picked: Any = rows if isinstance(rows, slice) else np.asarray(rows)
        if not isinstance(picked, slice) and picked.size == 0:
            picked = np.zeros(0, dtype=np.int64)
        return self._with({column: self[column][picked] for column in self.columns})

    def where(self, **equal: Value) -> Frame:
        """The rows in which these columns have these values: `where(scheduler="credit2", ratio=2)`.

        Raises UnknownColumn.
        """
        mask = np.ones(len(self), dtype=bool)
        for column, value in equal.items():
            values = self[column]
            if isinstance(value, str) != (values.dtype == object):
                kind = "strings" if values.dtype == object else "numbers"
                raise FrameError(f"column '{column}' has {kind}; {value!r} is none")
            mask &= values == value
        return self.take(mask)

    def levels(self, column: str) -> tuple[Value, ...]:
        """The different values of a column: numbers in order, strings as they first come."""
        values = self[column]
        if values.dtype == object:
            return tuple(dict.fromkeys(values.tolist()))
        return tuple(np.unique(values).tolist())

    def __eq__(self, other: object) -> bool:
        """The same columns with the same units and values (a NaN is like any other NaN)."""
        if not isinstance(other, Frame):
            return NotImplemented
        if self.columns != other.columns or self.units != other.units or len(self) != len(other):
            return False
        return all(_same(self[column], other[column]) for column in self.columns)

    def __reduce__(self) -> tuple[Any, ...]:
        columns = {column: self[column] for column in self.columns}
        return _rebuilt, (columns, self.name, dict(self.units), dict(self.meanings))

    # --- Others

    def __arrow_c_schema__(self) -> Any:
        return self._table.__arrow_c_schema__()

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        return self._table.__arrow_c_array__(requested_schema)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._table.__arrow_c_stream__(requested_schema)

    def to_arrow(self) -> pyarrow.Table:
        """A pyarrow table on the same memory; strings are dictionaries, the metadata of fields are unit and
        meaning.

        Needs pyarrow, of the extra `hvlab[sim]`. Raises ImportError.
        """
        return _imported("pyarrow", "a pyarrow table").table(self)

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas frame, with the units in `.attrs["units"]`; strings are categories.

        Needs pandas, and pyarrow of the extra `hvlab[sim]`. Raises ImportError.
        """
        _imported("pandas", "a pandas frame", "pandas 'hvlab[sim]'")
        frame: pandas.DataFrame = self.to_arrow().to_pandas()
        frame.attrs["units"] = dict(self.units)
        return frame

    def to_polars(self) -> polars.DataFrame:
        """A polars frame on the same memory; strings are categories. Needs polars. Raises ImportError."""
        frame: polars.DataFrame = _imported("polars", "a polars frame", "polars").DataFrame(self)
        return frame

    def write_csv(self, path: str | Path) -> None:
        """Comma-separated values (RFC 4180) with a line of names; a float is the shortest text that gives it
        back, NaN an empty field.

        The file is there whole or not at all, whatever was there before stays until then. Raises HostError.
        """
        replace_file(Path(path), self._csv)

    def write_parquet(self, path: str | Path) -> None:
        """Parquet, zstd-compressed, with unit and meaning as metadata of fields. Whole or not at all, as
        `write_csv`.

        Needs pyarrow, of the extra `hvlab[sim]`. Raises ImportError, HostError.
        """
        write = _imported("pyarrow.parquet", "a Parquet file").write_table
        table = self.to_arrow()
        replace_file(Path(path), lambda file: write(table, file, compression="zstd"))

    def __repr__(self) -> str:
        name = f" '{_line(self.name)}'" if self.name else ""
        shape = f"{len(self):,} rows, {len(self.columns)} columns"
        lines = [f"<Frame{name}: {shape}>"]
        if self.columns and len(self):
            lines += _aligned([self._titles(), *self._shown()])
        elif self.columns:
            lines.append("  ".join(self._titles()))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """For notebooks: the first and the last rows."""
        head = "".join(
            f'<th scope="col" title="{html.escape(self.meanings[column])}">{html.escape(title)}</th>'
            for column, title in zip(self.columns, self._titles(), strict=True)
        )
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self._shown()
        )
        name = f"{html.escape(_line(self.name))}: " if self.name else ""
        return (
            f"<table><caption>{name}{len(self):,} rows, {len(self.columns)} columns</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def _titles(self) -> list[str]:
        titles = []
        for column in self.columns:
            unit = self.units[column]
            titles.append(_line(f"{column} [{unit}]" if unit not in ("", "1") else column))
        return titles

    def _shown(self) -> Iterator[list[str]]:
        def text(rows: Iterable[Row]) -> Iterator[list[str]]:
            return ([_cell(value) for value in row.values()] for row in rows)

        if len(self) <= 2 * _ENDS + 1:
            yield from text(self)
            return
        yield from text(self.take(slice(0, _ENDS)))
        yield ["…"] * len(self.columns)
        yield from text(self.take(slice(len(self) - _ENDS, None)))

    def _csv(self, file: IO[bytes]) -> None:
        file.write(_csv_lines([self.columns]))
        for chunk in self._chunks():
            file.write(_csv_lines(zip(*map(_fields, chunk), strict=True)))

    def _chunks(self) -> Iterator[list[NDArray[Any]]]:
        """Rows after rows of all columns: what is made of them at once stays small."""
        columns = [self[column] for column in self.columns]
        for start in range(0, len(self), _CHUNK):
            yield [column[start : start + _CHUNK] for column in columns]

    def _index(self, column: str) -> int:
        try:
            return self.columns.index(column)
        except ValueError:
            known = f"; there are: {', '.join(self.columns)}" if self.columns else ""
            hint = did_you_mean(column, self.columns) or known
            raise UnknownColumn(f"there is no column '{printable(str(column))}'{hint}") from None

    def _with(self, columns: Mapping[str, NDArray[Any]]) -> Frame:
        return _rebuilt(columns, self.name, self.units, self.meanings)


def _rebuilt(
    columns: Mapping[str, NDArray[Any]],
    name: str,
    units: Mapping[str, str],
    meanings: Mapping[str, str],
) -> Frame:
    return Frame.from_columns(columns, name=name, units=units, meanings=meanings)


def _values(name: str, given: Sequence[Value] | NDArray[Any]) -> list[str] | NDArray[Any]:
    """As the core takes them. An empty column is one of floats, unless its array says otherwise."""
    is_array = isinstance(given, np.ndarray)
    if not is_array:
        given = list(given)
        if given and all(isinstance(value, str) for value in given):
            return given  # type: ignore[return-value]
        if any(isinstance(value, str) or not _is_number(value) for value in given):
            raise FrameError(
                f"column '{name}' has other things than numbers, or than strings, only"
            )
    try:
        array = np.asarray(given)
        if array.ndim != 1:
            raise FrameError(f"column '{name}' has {array.ndim} dimensions, not one")
        if array.dtype.kind == "U" or (is_array and array.dtype.kind == "O"):
            return [str(value) for value in _all_strings(name, array)]
        if array.dtype.kind in "bi" or (array.dtype.kind == "u" and array.dtype.itemsize < 8):
            return array.astype(np.int64)
        if array.dtype.kind == "u" and (not array.size or array.max() <= np.iinfo(np.int64).max):
            return array.astype(np.int64)
        if array.dtype.kind == "f":
            return array.astype(np.float64)
    except OverflowError:
        pass
    raise FrameError(f"column '{name}' has numbers that neither int64 nor float64 has")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating | np.bool_)


def _all_strings(name: str, array: NDArray[Any]) -> list[Any]:
    values: list[Any] = array.tolist()
    if not all(isinstance(value, str) for value in values):
        raise FrameError(f"column '{name}' has other things than numbers, or than strings, only")
    return values


def _same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def _csv_lines(rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _fields(values: NDArray[Any]) -> list[Any]:
    fields: list[Any] = values.tolist()
    if values.dtype.kind != "f":
        return fields
    return ["" if math.isnan(value) else repr(value) for value in fields]


def _cell(value: Value) -> str:
    if isinstance(value, str):
        return _line(value if len(value) <= 40 else value[:39] + "…")
    if isinstance(value, int):
        return str(value)
    return "" if math.isnan(value) else f"{value:.6g}"


def _line(text: str) -> str:
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]


def _imported(module: str, what: str, packages: str = "'hvlab[sim]'") -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        message = f"{what} needs {name}: pip install {packages}"
        raise ImportError(message, name=error.name) from error
