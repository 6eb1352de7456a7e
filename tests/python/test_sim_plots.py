# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of experiments: what they show, and that they are files for papers."""

from __future__ import annotations

import errno
import itertools
import math
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import sim_samples as samples
from hvlab.errors import HostError
from hvlab.sim import plots
from hvlab.sim.experiments.results import Plot
from hvlab.sim.frame import Frame, UnknownColumn
from hvlab.sim.latencies import histogram, quantile
from hvlab.sim.plots import Drawing, PlotError, style

RESULTS = samples.results()
SUMMARY, REPLICATIONS = RESULTS.summary, RESULTS.replications
LATENCY, SERIES = RESULTS.latency, RESULTS.series
assert LATENCY is not None
assert SERIES is not None

BY = "scheduler"
FIGURES: dict[str, Callable[[], Drawing]] = {
    "line": lambda: plots.line(SUMMARY, "ready", x="ratio", by="scheduler"),
    "categories": lambda: plots.line(SUMMARY, "response.p99", x="scheduler", by="ratio", log="y"),
    "latency": lambda: plots.latency(LATENCY, by="scheduler", where={"ratio": 2}),
    "percentiles": lambda: plots.latency(LATENCY, by="scheduler", percentiles=True),
    "shares": lambda: plots.shares(SUMMARY, x="ratio", by="scheduler"),
    "series": lambda: plots.series(SERIES, "ready", by="scheduler", where={"ratio": 2}),
}


def texts(drawing: Drawing) -> list[str]:
    """The texts in the SVG."""
    root = ElementTree.fromstring(drawing.svg())
    return [found.text or "" for found in root.iter("{http://www.w3.org/2000/svg}text")]


# --- Files


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_bytes_again(name: str) -> None:
    first, second = FIGURES[name](), FIGURES[name]()
    assert first.svg() == first.svg() == second.svg()
    assert first.pdf() == second.pdf()
    assert b"CreationDate" not in first.pdf()
    assert "date" not in first.svg()


def test_the_same_bytes_whatever_the_user_has_set(tmp_path: Path) -> None:
    """In another process, with other settings of matplotlib and another hash seed."""
    (tmp_path / "matplotlibrc").write_text("font.size: 30\nsvg.fonttype: path\naxes.grid: False\n")
    program = """
        import sys
        import sim_samples
        from hvlab.sim import plots
        summary = sim_samples.results().summary
        sys.stdout.write(plots.line(summary, "ready", x="ratio", by="scheduler").svg())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=True,
        env={
            "PYTHONPATH": str(Path(__file__).parent),
            "MATPLOTLIBRC": str(tmp_path),
            "PYTHONHASHSEED": "5",
            "MPLCONFIGDIR": str(tmp_path),
        },
    )
    assert done.stdout == FIGURES["line"]().svg()


@pytest.mark.parametrize("name", FIGURES)
def test_text_is_text_and_fonts_are_embedded(name: str) -> None:
    drawing = FIGURES[name]()
    assert "credit2" in texts(drawing)
    assert b"/FontFile2" in drawing.pdf()
    assert b"/Type3" not in drawing.pdf()


@pytest.mark.parametrize("width", [plots.COLUMN, plots.PAGE])
def test_widths_are_those_of_papers(width: float) -> None:
    drawing = plots.line(SUMMARY, "ready", x="ratio", by="scheduler", width=width)
    found = re.search(r'<svg [^>]*width="([0-9.]+)pt"', drawing.svg())
    assert found is not None
    assert float(found[1]) == pytest.approx(width * 72)


def test_saving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = FIGURES["line"]()
    drawing.save(tmp_path / "x.svg")
    drawing.save(str(tmp_path / "x.PDF"))
    assert (tmp_path / "x.svg").read_text() == drawing.svg()
    assert (tmp_path / "x.PDF").read_bytes() == drawing.pdf()
    with pytest.raises(PlotError, match=r"\.svg or \.pdf, not 'x\.png'"):
        drawing.save(tmp_path / "x.png")

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(HostError, match="No space left") as caught:
        plots.line(SUMMARY, "run", x="ratio", by="scheduler").save(tmp_path / "x.svg")
    assert caught.value.errno == errno.ENOSPC
    assert (tmp_path / "x.svg").read_text() == drawing.svg()
    assert len(list(tmp_path.iterdir())) == 2


def test_names_are_not_formulas_nor_markup() -> None:
    hostile = r"$\frac{1}$ </text><script>alert(1)</script>"
    frame = samples.results(schedulers=(hostile, "eevdf")).summary
    drawing = plots.line(frame, "ready", x="ratio", by="scheduler", title=hostile)
    assert texts(drawing).count(hostile) == 2
    assert "<script" not in drawing.svg()
    assert b"%PDF" in drawing.pdf()


def test_every_name_can_be_shown() -> None:
    """XML has no control characters, and matplotlib has labels that mean something to it."""
    frame = samples.results(schedulers=("_hidden", "a\x1b\x00\n<&", "夜")).summary
    drawing = plots.line(frame, "ready", x="ratio", by="scheduler", title="\x1b")
    found = texts(drawing)
    assert {" _hidden", r"a\x1b\x00\n<&", "夜", r"\x1b"} <= set(found)
    assert r"a\x1b\x00\n<&" in texts(plots.line(frame, "ready", x="scheduler", by="ratio"))


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"need matplotlib: pip install 'hvlab\[sim\]'"):
        FIGURES["line"]()


# --- What can be told apart


def luminance(colour: str) -> float:
    """Relative luminance of sRGB (WCAG 2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_lines_differ_without_colour() -> None:
    looks = [style.line_style(index) for index in range(20)]
    in_grey = [(look["marker"], str(look["linestyle"])) for look in looks]
    assert len(set(in_grey)) == len(in_grey)
    assert all((1 + 0.05) / (luminance(c) + 0.05) > 2.2 for c in style.COLOURS)


def test_neighbours_of_a_stack_differ_in_hatch_or_in_grey() -> None:
    for (a, hatch_a), (b, hatch_b) in itertools.combinations(plots.STATES.values(), 2):
        assert hatch_a != hatch_b or abs(luminance(a) - luminance(b)) > 0.3


# --- What is shown


def test_means_and_intervals() -> None:
    axis = plots.line(SUMMARY, "ready", x="ratio", by="scheduler").figure.axes[0]
    again = plots.line(REPLICATIONS, "ready", x="ratio", by="scheduler").figure.axes[0]
    assert len(axis.containers) == 3
    for bars, other, scheduler in zip(
        axis.containers, again.containers, samples.SCHEDULERS, strict=True
    ):
        rows = SUMMARY.where(scheduler=scheduler, measure="ready")
        for drawn in (bars, other):
            assert drawn.get_label() == scheduler
            line, _, (lines,) = drawn.lines  # type: ignore[attr-defined]
            np.testing.assert_allclose(line.get_xdata(), rows["ratio"])
            np.testing.assert_allclose(line.get_ydata(), rows["mean"])
            ends = np.array(lines.get_segments())[:, :, 1]
            np.testing.assert_allclose(ends, np.column_stack([rows["low"], rows["high"]]))


def test_interrupted_replications_do_not_count() -> None:
    rows = REPLICATIONS.where(scheduler="esx", ratio=1)
    columns = {name: rows[name] for name in rows.columns}
    columns |= {"complete": [1, 1, 1, 1, 0], "ready": [1.0, 1.0, 1.0, 1.0, 99.0]}
    drawing = plots.line(Frame.from_columns(columns), "ready", x="ratio")
    assert "1 at 1" in drawing.alt


def test_times_are_in_units_for_people() -> None:
    assert "response p99 (ms)" in texts(FIGURES["categories"]())
    assert "simulated time (s)" in texts(FIGURES["series"]())
    assert "Unit: ms" in FIGURES["categories"]().alt


def test_one_replication_has_no_interval() -> None:
    axis = plots.line(
        samples.results(count=1).summary, "ready", x="ratio", by="scheduler"
    ).figure.axes[0]
    _, _, (lines,) = axis.containers[0].lines  # type: ignore[attr-defined]
    ends = np.array(lines.get_segments())[:, :, 1]
    assert np.array_equal(ends[:, 0], ends[:, 1])


def test_many_points_have_a_band() -> None:
    results = samples.results(ratios=range(1, 20), schedulers=("esx",))
    axis = plots.line(results.summary, "ready", x="ratio").figure.axes[0]
    assert not axis.containers
    assert len(axis.collections) == 1


def test_shares_add_up() -> None:
    axes = FIGURES["shares"]().figure.axes
    assert [axis.get_title() for axis in axes] == list(samples.SCHEDULERS)
    for axis in axes:
        heights = [[bar.get_height() for bar in bars] for bars in axis.containers]  # type: ignore[union-attr]
        np.testing.assert_allclose(np.sum(heights, axis=0), 1)
        assert [bars.get_label() for bars in axis.containers] == ["run", "ready", "costop", "idle"]


def test_states_that_never_were_are_left_out() -> None:
    columns = {name: REPLICATIONS[name] for name in REPLICATIONS.columns}
    columns |= {"costop": np.zeros(len(REPLICATIONS)), "throttled": np.full(len(REPLICATIONS), 0.1)}
    frame = Frame.from_columns(columns)
    axis = plots.shares(frame, x="ratio", where={"scheduler": "esx"}).figure.axes[0]
    assert [bars.get_label() for bars in axis.containers] == ["run", "ready", "throttled", "idle"]


def test_a_series_is_made_of_sums() -> None:
    axis = plots.series(SERIES, "ready", where={"ratio": 1, "scheduler": "esx"}).figure.axes[0]
    rows = SERIES.where(ratio=1, scheduler="esx")
    np.testing.assert_allclose(axis.lines[0].get_ydata(), rows["ready"] / 8e9)
    # Of two cells together: shares of the time of both.
    axis = plots.series(SERIES, "web.ready", where={"ratio": 1}, by="group").figure.axes[0]
    total = sum(SERIES.where(ratio=1, scheduler=s)["ready"] for s in samples.SCHEDULERS)
    np.testing.assert_allclose(axis.lines[0].get_ydata(), total / 24e9)
    axis = plots.series(SERIES, "throughput", where={"ratio": 1, "scheduler": "esx"}).figure.axes[0]
    np.testing.assert_allclose(axis.lines[0].get_ydata(), [0.0] + [90.0] * 59)
    axis = plots.series(
        SERIES, "response.mean", where={"ratio": 1, "scheduler": "esx"}
    ).figure.axes[0]
    values = axis.lines[0].get_ydata()
    assert math.isnan(values[0])
    np.testing.assert_allclose(values[1:], 500)


def test_a_distribution_ends_at_one() -> None:
    axis = FIGURES["latency"]().figure.axes[0]
    rows = LATENCY.where(ratio=2, scheduler="credit2")
    line = axis.lines[0]
    assert line.get_ydata()[0] == 0
    assert line.get_ydata()[-1] == 1
    middle = quantile(rows, 0.5) / 1e6
    reached = line.get_xdata()[np.argmax(np.asarray(line.get_ydata()) >= 0.5)]
    assert reached == pytest.approx(middle, rel=0.01)


# --- What can't be


def test_cells_that_fall_together_are_named() -> None:
    for frame in (SUMMARY, REPLICATIONS):
        with pytest.raises(PlotError, match=r"ratio = 1 \(ratio=1-scheduler=credit2, .*in `by`"):
            plots.line(frame, "ready", x="ratio")


@pytest.mark.parametrize(
    ("draw", "error", "said"),
    [
        (
            lambda: plots.line(SUMMARY, "redy", x="ratio"),
            PlotError,
            "no measure 'redy'; there are: ready,",
        ),
        (lambda: plots.line(SUMMARY, "ready", x="rato"), UnknownColumn, "did you mean 'ratio'"),
        (lambda: plots.line(REPLICATIONS, "redy", x="ratio", by=BY), UnknownColumn, "mean 'ready'"),
        (
            lambda: plots.line(SUMMARY, "ready", x="ratio", by=BY, log="z"),
            PlotError,
            "x and y, not 'z'",
        ),
        (
            lambda: plots.line(SUMMARY, "ready", x="ratio", where={"ratio": 9}),
            PlotError,
            "no measure 'ready'",
        ),
        (
            lambda: plots.line(REPLICATIONS, "ready", x="scheduler", by=("cell", "seed")),
            PlotError,
            "over 20 lines",
        ),
        (lambda: plots.series(SERIES, "redy"), PlotError, "no 'redy' .did you mean 'ready'"),
        (lambda: plots.series(SERIES, "ready", where={"ratio": 9}), PlotError, "no intervals"),
        (lambda: plots.latency(LATENCY, where={"ratio": 9}), PlotError, "no responses"),
        (
            lambda: plots.shares(SUMMARY, x="ratio", scope="db"),
            PlotError,
            "two of the measures db.run, db.ready",
        ),
        (
            lambda: plots.draw(RESULTS, Plot("pie")),
            PlotError,
            "'latency', 'shares' or 'series', not 'pie'",
        ),
        (
            lambda: plots.draw(samples.results(series=None), Plot("series", y="ready")),
            PlotError,
            "kept no series",
        ),
    ],
)
def test_what_cannot_be_drawn(
    draw: Callable[[], Drawing], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        draw()


def test_a_measure_without_values() -> None:
    rows = REPLICATIONS.take(slice(0, 2))
    columns = {name: rows[name] for name in rows.columns} | {"ready": [math.nan, math.nan]}
    with pytest.raises(PlotError, match="'ready' has no value in any of these 2 rows"):
        plots.line(Frame.from_columns(columns), "ready", x="ratio")


# --- What is usual


def test_usual_figures_can_all_be_drawn() -> None:
    found = plots.usual(RESULTS)
    assert [plot.kind for plot in found] == ["shares", *["line"] * 5, "latency"]
    assert all(plot.by == ("scheduler",) for plot in found)
    for plot in found:
        assert plots.draw(RESULTS, plot).alt


def test_what_is_compared_is_drawn_first() -> None:
    comparison = RESULTS.comparison
    assert comparison is not None
    columns = {name: comparison[name] for name in comparison.columns}
    columns |= {"measure": ["web.ready"] * len(comparison)}
    found = plots.usual(samples.results(comparison=Frame.from_columns(columns)))
    assert [plot.y for plot in found if plot.kind == "line"][:2] == ["web.ready", "ready"]


@pytest.mark.parametrize(
    "results",
    [
        samples.results(ratios=(2,)),
        samples.results(schedulers=("esx",)),
        samples.results(schedulers=("esx",), ratios=(1,)),
        samples.results(count=1, latency=None, series=None, comparison=None),
    ],
)
def test_usual_figures_of_few_cells(results: samples.ExperimentResults) -> None:
    for plot in plots.usual(results):
        assert plots.draw(results, plot).svg()


# --- Latencies


@pytest.mark.parametrize("spread", [0.2, 1.0, 3.0])
def test_quantiles_are_numpys(spread: float) -> None:
    values = np.random.default_rng(5).lognormal(np.log(3e6), spread, 20_001).astype(np.int64)
    frame = histogram(values)
    assert frame["count"].sum() == len(values)
    for p in (0.001, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999):
        exact = float(np.quantile(values, p, method="inverted_cdf"))
        assert quantile(frame, p) == pytest.approx(exact, rel=1 / 256)


def test_small_latencies_are_exact() -> None:
    values = np.arange(200)
    frame = histogram(values)
    assert frame["low"].tolist() == frame["high"].tolist() == values.tolist()
    for p in (0, 0.25, 0.5, 1):
        assert quantile(frame, p) == np.quantile(values, p, method="inverted_cdf")
    assert quantile(frame, 0.07) == 13  # 0.07 * 200 is a little over 14, as computers count


def test_histograms_add_up() -> None:
    values = np.random.default_rng(5).integers(0, 10**9, 1000)
    halves = [histogram(part) for part in (values[:300], values[300:])]
    both = Frame.from_columns(
        {c: np.concatenate([half[c] for half in halves]) for c in ("low", "high", "count")}
    )
    for p in (0.1, 0.5, 0.99):
        assert quantile(both, p) == quantile(histogram(values), p)


def test_no_latencies() -> None:
    assert math.isnan(quantile(histogram(np.zeros(0, dtype=np.int64)), 0.5))
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile(histogram([1, 2]), 50)
    for wrong, said in (([-1], "can't be -1 ns"), ([math.inf], "finite"), ([[1]], "one dimension")):
        with pytest.raises(ValueError, match=said):
            histogram(np.array(wrong))
