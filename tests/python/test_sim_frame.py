# SPDX-License-Identifier: GPL-2.0-or-later
"""hvlab.sim.Frame: columns, rows, equality, text, files."""

from __future__ import annotations

import csv
import errno
import pickle
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from hvlab.errors import HostError
from hvlab.sim.frame import Frame, FrameError, UnknownColumn

NAN = float("nan")


@pytest.fixture
def frame() -> Frame:
    return Frame.from_columns(
        {
            "scheduler": ["eevdf", "credit2", "eevdf", "credit2"],
            "ratio": [1, 1, 2, 2],
            "ready": [0.5, 0.25, NAN, 1e300],
        },
        name="summary",
        units={"ready": "ns"},
        meanings={"ready": "wanted a pCPU and had none"},
    )


def test_columns_have_types_units_and_meanings(frame: Frame) -> None:
    assert frame.name == "summary"
    assert frame.columns == ("scheduler", "ratio", "ready")
    assert frame.units == {"scheduler": "", "ratio": "1", "ready": "ns"}
    assert frame.meanings["ready"] == "wanted a pCPU and had none"
    assert [frame[column].dtype.kind for column in frame.columns] == ["O", "i", "f"]
    assert frame["scheduler"].tolist() == ["eevdf", "credit2", "eevdf", "credit2"]
    assert len(frame) == 4
    assert "ratio" in frame
    assert "nothing" not in frame


def test_it_never_changes(frame: Frame) -> None:
    for column in frame.columns:
        with pytest.raises(ValueError, match="read-only"):
            frame[column][0] = frame[column][1]
    with pytest.raises(TypeError):
        frame.units["ready"] = "s"  # type: ignore[index]


def test_numbers_are_where_the_table_has_them(frame: Frame) -> None:
    assert frame["ready"].ctypes.data == frame["ready"].ctypes.data
    taken = frame["ready"]
    del frame
    assert taken.tolist()[:2] == [0.5, 0.25]


def test_rows_are_dicts_of_plain_values(frame: Frame) -> None:
    rows = list(frame)
    assert rows[1] == {"scheduler": "credit2", "ratio": 1, "ready": 0.25}
    assert [type(value) for value in rows[0].values()] == [str, int, float]


def test_an_unknown_column_names_the_nearest(frame: Frame) -> None:
    with pytest.raises(UnknownColumn) as caught:
        frame["redy"]
    assert str(caught.value) == "there is no column 'redy' (did you mean 'ready'?)"
    with pytest.raises(KeyError, match="there are: scheduler, ratio, ready"):
        frame["latency"]


def test_rows_by_value(frame: Frame) -> None:
    assert frame.where(scheduler="credit2", ratio=2)["ready"].tolist() == [1e300]
    assert len(frame.where(ratio=3)) == 0
    assert frame.where(ratio=3).columns == frame.columns
    assert frame.where(ratio=1).units == frame.units
    assert frame.where(ratio=3)["scheduler"].dtype == object
    with pytest.raises(UnknownColumn, match="did you mean 'ratio'"):
        frame.where(ratios=1)
    with pytest.raises(FrameError, match="'ratio' has numbers; 'two' is none"):
        frame.where(ratio="two")


def test_rows_by_number_and_mask(frame: Frame) -> None:
    assert frame.take([3, 0])["ratio"].tolist() == [2, 1]
    assert frame.take(slice(1, 3))["ratio"].tolist() == [1, 2]
    assert frame.take(frame["ready"] < 1)["scheduler"].tolist() == ["eevdf", "credit2"]
    assert len(frame.take([])) == 0


def test_levels(frame: Frame) -> None:
    assert frame.levels("scheduler") == ("eevdf", "credit2")
    assert frame.take([3, 2, 1])["ratio"].tolist() == [2, 2, 1]
    assert frame.take([3, 2, 1]).levels("ratio") == (1, 2)


def test_equality(frame: Frame) -> None:
    columns = {name: frame[name] for name in frame.columns}
    again = Frame.from_columns(columns, units={"ready": "ns"})
    assert again == frame  # the NaN, too
    assert frame != Frame.from_columns(columns)  # another unit
    assert frame != Frame.from_columns(columns | {"ratio": [1, 1, 2, 3]}, units={"ready": "ns"})
    assert frame != Frame.from_columns(columns | {"ratio": [1.0, 1, 2, 2]}, units={"ready": "ns"})
    assert frame != frame.take([0, 1, 2])
    assert frame != 3
    with pytest.raises(TypeError, match="unhashable"):
        hash(frame)


def test_pickling(frame: Frame) -> None:
    for given in (frame, frame.take([]), Frame.from_columns({})):
        again = pickle.loads(pickle.dumps(given))
        assert again == given
        assert (again.name, again.meanings) == (given.name, given.meanings)


def test_what_columns_are_made_of() -> None:
    frame = Frame.from_columns(
        {
            "mixed": [1, 2.5],
            "flags": [True, False],
            "small": np.array([1, 2], dtype=np.uint8),
            "text": np.array(["a", "b"]),
            "half": np.array([0.5, 1], dtype=np.float32),
        }
    )
    assert [frame[column].dtype.kind for column in frame.columns] == ["f", "i", "i", "O", "f"]
    assert frame["flags"].tolist() == [1, 0]
    assert Frame.from_columns({"none": []})["none"].dtype == np.float64


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"a": [1], "b": []}, "column 'b' has 0 rows, column 'a' has 1"),
        ({"a": [1, "x"]}, "other things than numbers, or than strings, only"),
        ({"a": [None]}, "other things"),
        ({"a": np.array([1, None])}, "other things"),
        ({"a": [2**63]}, "neither int64 nor float64"),
        ({"a": [2**70]}, "neither int64 nor float64"),
        ({"a": np.array([1j])}, "neither int64 nor float64"),
        ({"a": np.zeros((2, 2))}, "2 dimensions"),
        ({"a\0": [1]}, "NUL"),
        ({"a": ["\udc80"]}, "surrogate"),
        ({"\udc80": [1]}, "surrogate"),
    ],
)
def test_what_makes_no_frame(columns: dict[str, object], said: str) -> None:
    with pytest.raises(FrameError, match=said):
        Frame.from_columns(columns)  # type: ignore[arg-type]


def test_a_unit_of_no_column() -> None:
    with pytest.raises(FrameError, match=r"no column 'redy' .did you mean 'ready'"):
        Frame.from_columns({"ready": [1]}, units={"redy": "ns"})


# --- Text


def test_repr(frame: Frame) -> None:
    assert repr(frame).splitlines() == [
        "<Frame 'summary': 4 rows, 3 columns>",
        "scheduler  ratio  ready [ns]",
        "    eevdf      1         0.5",
        "  credit2      1        0.25",
        "    eevdf      2            ",
        "  credit2      2      1e+300",
    ]
    assert repr(frame.take([])).splitlines()[1] == "scheduler  ratio  ready [ns]"
    assert repr(Frame.from_columns({})) == "<Frame: 0 rows, 0 columns>"


def test_long_frames_are_cut() -> None:
    text = repr(Frame.from_columns({"n": range(100_000)}))
    assert len(text.splitlines()) == 2 + 8 + 1 + 8
    assert "99999" in text


def test_text_cannot_steer_a_terminal_or_a_page() -> None:
    hostile = Frame.from_columns(
        {"<b>\x1b[2J": ["<script>alert(1)</script>\n\x1b[31m"]},
        name='"><img src=x>',
        meanings={"<b>\x1b[2J": '"><img src=x>'},
    )
    assert "\x1b" not in repr(hostile)
    assert len(repr(hostile).splitlines()) == 3
    page = hostile._repr_html_()
    assert "\x1b" not in page
    assert "<script" not in page
    assert "<img" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;" in page


# --- Files


def test_csv(frame: Frame, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    strange = Frame.from_columns({"a,b": ['say "x"', "two\nlines"], "y": [0.1, NAN]})
    strange.write_csv(path)
    assert path.read_bytes() == b'"a,b",y\r\n"say ""x""",0.1\r\n"two\nlines",\r\n'
    frame.write_csv(str(path))
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["ready"] or NAN) for row in rows][3] == 1e300
    assert [row["scheduler"] for row in rows] == frame["scheduler"].tolist()


def test_floats_come_back_from_csv(tmp_path: Path) -> None:
    values = np.random.default_rng(1).random(120_000) ** 40
    Frame.from_columns({"x": values}).write_csv(tmp_path / "x.csv")
    read = np.genfromtxt(tmp_path / "x.csv", skip_header=1)
    assert np.array_equal(read, values)


def test_parquet(frame: Frame, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    frame.write_parquet(path)
    table = pyarrow.parquet.read_table(path)
    assert table["scheduler"].to_pylist() == frame["scheduler"].tolist()
    np.testing.assert_array_equal(table["ready"].to_numpy(), frame["ready"])
    assert table.schema.field("ready").metadata[b"unit"] == b"ns"


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file can grow over 64 KiB: what a full disk does, with another errno."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


Writer = Callable[[Frame, Path], None]
WRITERS = [Frame.write_csv, Frame.write_parquet]


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize("write", WRITERS)
def test_what_does_not_fit_leaves_the_old_file(write: Writer, tmp_path: Path) -> None:
    path = tmp_path / "results"
    path.write_text("old")
    big = Frame.from_columns({"x": np.random.default_rng(1).random(200_000)})
    with pytest.raises(HostError, match=f"cannot write {path}: File too large") as caught:
        write(big, path)
    assert caught.value.errno == errno.EFBIG
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("write", WRITERS)
def test_a_folder_that_is_not_there(write: Writer, frame: Frame, tmp_path: Path) -> None:
    with pytest.raises(HostError, match="No such file") as caught:
        write(frame, tmp_path / "none" / "x")
    assert caught.value.errno == errno.ENOENT
    with pytest.raises(HostError, match="/dev/full: No space left") as caught:
        write(frame, Path("/dev/full"))
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.parametrize(
    ("module", "use", "said"),
    [
        ("pyarrow", Frame.to_arrow, r"pip install 'hvlab\[sim\]'"),
        ("pyarrow", Frame.to_pandas, r"pip install 'hvlab\[sim\]'"),
        (
            "pyarrow.parquet",
            lambda frame: frame.write_parquet("x"),
            r"a Parquet file needs pyarrow",
        ),
        ("pandas", Frame.to_pandas, r"needs pandas: pip install pandas 'hvlab\[sim\]'"),
        ("polars", Frame.to_polars, "pip install polars"),
    ],
)
def test_a_missing_package_is_named(
    module: str,
    use: Callable[[Frame], object],
    said: str,
    frame: Frame,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=said):
        use(frame)
    assert list(tmp_path.iterdir()) == []
