# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables through Arrow's PyCapsule interface: what takers of them get, and who frees it."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas
import polars
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from hvlab import _core
from hvlab.sim.frame import Frame

NAN = float("nan")


def sample(rows: int = 5) -> Frame:
    words = ["credit2", "round-robin", "größer €", "", "credit2"]
    return Frame.from_columns(
        {
            "scheduler": [words[i % 5] for i in range(rows)],
            "responses": [(i - 2) * 2**40 for i in range(rows)],
            "latency": [NAN if i % 3 == 1 else i / 7 for i in range(rows)],
        },
        name="vms",
        units={"latency": "ns"},
        meanings={"latency": "of all responses, <mean>"},
    )


def address(array: Any) -> int:
    return array.chunk(0).buffers()[1].address


def test_pyarrow_has_it_on_the_same_memory() -> None:
    frame = sample()
    table = pa.table(frame)
    table.validate(full=True)
    assert table.column("scheduler").to_pylist() == frame["scheduler"].tolist()
    assert table.column("responses").to_pylist() == frame["responses"].tolist()
    assert pa.types.is_dictionary(table.schema.field("scheduler").type)
    for column in ("responses", "latency"):
        assert address(table[column]) == frame[column].ctypes.data
    batch = pa.record_batch(frame)
    assert address(table["latency"]) == batch["latency"].buffers()[1].address
    numbers = frame.take([0, 2])
    assert pa.array(numbers).to_pylist() == pa.table(numbers).to_pylist() == list(numbers)


def test_units_and_meanings_are_metadata() -> None:
    schema = pa.schema(sample())
    assert schema.metadata == {b"name": b"vms"}
    assert schema.field("latency").metadata == {
        b"unit": b"ns",
        b"meaning": b"of all responses, <mean>",
    }
    assert not schema.field("latency").nullable
    assert schema.equals(pa.table(sample()).schema, check_metadata=True)


def test_polars() -> None:
    frame = sample(1000)
    for taken in (polars.DataFrame(frame), frame.to_polars()):
        assert taken["scheduler"].cast(polars.String).to_list() == frame["scheduler"].tolist()
        assert taken["responses"].to_list() == frame["responses"].tolist()
        np.testing.assert_array_equal(taken["latency"].to_numpy(), frame["latency"])


def test_duckdb_twice() -> None:
    frame = sample(1000)
    query = "select scheduler, sum(responses)::bigint from frame group by all order by 1"
    first = duckdb.sql(query).fetchall()
    assert first == duckdb.sql(query).fetchall()
    assert dict(first)["größer €"] == sum(frame.where(scheduler="größer €")["responses"].tolist())


def test_pandas() -> None:
    frame = sample()
    taken = frame.to_pandas()
    assert isinstance(taken, pandas.DataFrame)
    assert list(taken.columns) == list(frame.columns)
    assert taken["scheduler"].tolist() == frame["scheduler"].tolist()
    assert taken["responses"].dtype == np.int64
    assert np.isnan(taken["latency"][1])
    assert taken.attrs["units"]["latency"] == "ns"


def test_no_rows_and_no_columns() -> None:
    empty = sample().take([])
    table = pa.table(empty)
    table.validate(full=True)
    assert table.num_rows == 0
    assert table.column_names == ["scheduler", "responses", "latency"]
    assert polars.DataFrame(empty).shape == (0, 3)
    assert duckdb.sql("select count(*) from empty").fetchall() == [(0,)]
    assert pa.table(Frame.from_columns({})).shape == (0, 0)


# --- A schema that is asked for


def asked(scheduler: pa.DataType, latency: pa.DataType | None = None) -> pa.Schema:
    return pa.schema(
        [
            ("scheduler", scheduler),
            ("responses", pa.int64()),
            ("latency", latency or pa.float64()),
        ]
    )


@pytest.mark.parametrize("text", [pa.string(), pa.large_string()])
def test_plain_strings_where_they_are_asked_for(text: pa.DataType) -> None:
    frame = sample()
    capsule = asked(text).__arrow_c_schema__()
    stream = Capsules(stream=frame.__arrow_c_stream__(capsule))
    batch = Capsules(array=frame.__arrow_c_array__(capsule))
    for taken in (pa.table(stream), pa.record_batch(batch)):
        taken.validate(full=True)
        assert taken.schema.field("scheduler").type == text
        assert taken.column("scheduler").to_pylist() == frame["scheduler"].tolist()
    assert pa.table(frame, schema=asked(text)).schema.field("scheduler").type == text


def test_what_cannot_be_given_comes_as_usual() -> None:
    capsule = asked(pa.binary(), pa.float32()).__arrow_c_schema__()
    taken = pa.table(Capsules(stream=sample().__arrow_c_stream__(capsule)))
    assert taken.schema.equals(pa.schema(sample()))


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (pa.schema([("scheduler", pa.string())]), "1 columns, the table has 3"),
        (
            pa.schema([(n, pa.string()) for n in ("scheduler", "b", "c")]),
            "column 1 of requested_schema is 'b', of the table 'responses'",
        ),
    ],
)
def test_a_schema_of_another_table_is_refused(schema: pa.Schema, said: str) -> None:
    for take in (sample().__arrow_c_stream__, sample().__arrow_c_array__):
        with pytest.raises(ValueError, match=said):
            take(schema.__arrow_c_schema__())


def test_what_is_no_schema_is_refused() -> None:
    frame = sample()
    with pytest.raises(TypeError, match="'arrow_schema' or None, not int"):
        frame.__arrow_c_stream__(3)
    with pytest.raises(TypeError, match="not PyCapsule"):
        frame.__arrow_c_array__(frame.__arrow_c_stream__())
    with pytest.raises(ValueError, match="not that of a table"):
        frame.__arrow_c_array__(pa.int64().__arrow_c_schema__())
    capsule = frame.__arrow_c_schema__()
    pa.schema(Capsules(schema=capsule))
    with pytest.raises(ValueError, match="requested_schema was released"):
        frame.__arrow_c_stream__(capsule)


# --- Who frees what


class Capsules:
    """Hands out capsules that were made before."""

    def __init__(self, *, stream: Any = None, array: Any = None, schema: Any = None) -> None:
        if stream is not None:
            self.__arrow_c_stream__ = lambda requested_schema=None: stream
        if array is not None:
            self.__arrow_c_array__ = lambda requested_schema=None: array
        if schema is not None:
            self.__arrow_c_schema__ = lambda: schema


def test_a_capsule_is_consumed_once() -> None:
    once = Capsules(stream=sample().__arrow_c_stream__())
    assert pa.table(once).num_rows == 5
    with pytest.raises(pa.ArrowInvalid, match="released"):
        pa.table(once)
    once = Capsules(array=sample().__arrow_c_array__())
    assert pa.record_batch(once).num_rows == 5
    with pytest.raises(pa.ArrowInvalid, match="released"):
        pa.record_batch(once)


def test_a_stream_ends() -> None:
    reader = pa.RecordBatchReader.from_stream(sample())
    assert reader.read_next_batch().num_rows == 5
    for _ in range(2):
        with pytest.raises(StopIteration):
            reader.read_next_batch()


def test_takers_outlive_the_table() -> None:
    frame = sample(1000)
    expected = frame["responses"].tolist(), frame["scheduler"].tolist()
    table, array, view = pa.table(frame), frame["responses"], memoryview(frame._table.values(1))
    reader = pa.RecordBatchReader.from_stream(frame)
    del frame
    gc.collect()
    clutter = [np.full(1000, i) for i in range(100)]
    assert table["responses"].to_pylist() == expected[0]
    assert table["scheduler"].to_pylist() == expected[1]
    assert array.tolist() == view.tolist() == expected[0]
    assert pc.sum(reader.read_all()["responses"]).as_py() == sum(expected[0])
    assert len(clutter) == 100


class ArrowArray(ctypes.Structure):
    pass


ArrowArray._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(ArrowArray))),
    ("dictionary", ctypes.POINTER(ArrowArray)),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]


def struct_in(capsule: Any) -> ArrowArray:
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ArrowArray.from_address(get(capsule, b"arrow_array"))


def test_a_child_that_was_moved_out_lives_on() -> None:
    frame = sample(1000)
    expected = frame["responses"].tolist()
    capsules = list(frame.__arrow_c_array__())
    parent = struct_in(capsules[1])
    child = ArrowArray()
    ctypes.memmove(ctypes.byref(child), parent.children[1], ctypes.sizeof(child))
    parent.children[1].contents.release = None
    del frame, parent, capsules[:]
    gc.collect()
    values = (ctypes.c_int64 * 1000).from_address(child.buffers[1])
    assert list(values) == expected
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(child.release)(ctypes.addressof(child))
    assert child.release is None


def resident() -> int:
    """Bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize(
    "take",
    [
        pa.table,
        pa.record_batch,
        pa.RecordBatchReader.from_stream,
        lambda frame: frame.__arrow_c_stream__(),
        lambda frame: frame.__arrow_c_array__(),
        lambda frame: frame["n"],
        lambda frame: memoryview(frame._table.values(0)),
    ],
)
def test_the_memory_is_there_as_long_as_somebody_has_it(take: Callable[[Frame], object]) -> None:
    """48 MiB: what malloc gives back to the system as soon as it is freed."""
    frame = Frame.from_columns({"n": np.arange(6 << 20)})
    taken = take(frame)
    gc.collect()
    before = resident()
    del frame
    gc.collect()
    assert before - resident() < 24 << 20
    del taken
    gc.collect()
    assert before - resident() > 40 << 20


def test_nothing_leaks() -> None:
    values = np.arange(1 << 17)  # 1 MiB

    def use() -> None:
        frame = Frame.from_columns({"n": values, "text": ["x", "y"] * (1 << 16)})
        frame.__arrow_c_stream__(), frame.__arrow_c_array__(), frame.__arrow_c_schema__()
        strings = pa.schema([("n", pa.int64()), ("text", pa.string())]).__arrow_c_schema__()
        assert pa.table(Capsules(stream=frame.__arrow_c_stream__(strings))).num_rows == len(values)
        assert pa.record_batch(frame).num_rows == np.asarray(frame["n"]).size
        frame.__arrow_c_stream__(strings)

    for _ in range(5):
        use()
    before = resident()
    for _ in range(60):
        use()
    assert resident() - before < 40 << 20


# --- The core's own table


def test_numbers_are_read_only_views() -> None:
    table = _core.SimTable("t", [("n", "1", "", np.arange(3)), ("s", "", "", ["b", "a", "b"])])
    array = np.asarray(table.values(0))
    assert array.dtype == np.int64
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1
    assert np.asarray(table.values(1)).tolist() == [0, 1, 0]
    assert table.words(1) == ["b", "a"]
    assert table.words(0) is None
    assert len(table) == len(table.values(0)) == 3
    assert table.columns == (("n", "1", ""), ("s", "", ""))
    for read in (table.values, table.words):
        with pytest.raises(IndexError, match="column 2 of 2"):
            read(2)


def test_strided_values_are_copied() -> None:
    values = np.arange(10, dtype=np.float64)
    table = _core.SimTable("t", [("x", "1", "", values[::-3])])
    values[:] = 0
    assert np.asarray(table.values(0)).tolist() == [9, 6, 3, 0]


@pytest.mark.parametrize(
    ("columns", "error", "said"),
    [
        ([("a", "", "", ["x"]), ("b", "", "", [])], ValueError, "column 'b' has 0 rows"),
        ([("a", "", "", []), ("a", "", "", [])], ValueError, "two columns are named 'a'"),
        ([("a\0b", "", "", [])], ValueError, "NUL"),
        ([("a", "", "", ["x", 1])], TypeError, "strings only"),
        ([("a", "", "", np.zeros(2, dtype=np.float32))], TypeError, "int64 or float64"),
        ([("a", "", "", np.zeros((2, 2)))], TypeError, "one dimension"),
        ([("a", "", "", ["\udc80"])], UnicodeEncodeError, "surrogate"),
    ],
)
def test_what_makes_no_table(columns: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        _core.SimTable("t", columns)
