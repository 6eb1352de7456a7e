# SPDX-License-Identifier: GPL-2.0-or-later
"""How figures look, and how they become files: the same bytes for the same data."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hvlab.errors import HostError, HvlabError
from hvlab.report.files import replace_file
from hvlab.scenario.problems import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN = 3.5  # inches: a column of a paper with two (IEEE; ACM has 3.33)
PAGE = 7.16  # inches: across both
_SHAPE = 0.68  # height to width of an axes

# Told apart by people with any colour vision (Okabe, Ito: Color Universal Design, 2008), without
# their yellow, which is faint on paper. In grey they are told apart by marker, dash and hatch.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (1, 1)),
    (0, (5, 1.5, 1, 1.5)),
    (0, (3, 1, 1, 1, 1, 1)),
)
HATCHES = ("", "////", "\\\\\\\\", "....", "xxxx", "----")

_RC: Mapping[str, Any] = {
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 9,
    "legend.fontsize": 7.5,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "errorbar.capsize": 2,
    "hatch.linewidth": 0.5,
    "legend.frameon": False,
    "text.parse_math": False,  # names are names, whatever characters they have
    "text.usetex": False,
    "svg.fonttype": "none",  # text stays text
    "pdf.fonttype": 42,
    "svg.hashsalt": "hvlab",
}


class PlotError(HvlabError, ValueError):
    """A figure that cannot be drawn from this frame; the text says what would help."""


class Drawing:
    """A figure. `figure` is matplotlib's, for changes that nobody thought of here.

    Attributes:
        alt: what it shows, in words.
    """

    def __init__(self, figure: Figure, alt: str) -> None:
        self.figure = figure
        self.alt = alt

    def svg(self) -> str:
        """As SVG, with its text as text. The same bytes for the same data and version of matplotlib."""
        file = io.BytesIO()
        with style():
            self.figure.savefig(file, format="svg", metadata={"Date": None, "Creator": "hvlab"})
        return file.getvalue().decode()

    def pdf(self) -> bytes:
        """As PDF, with its fonts. The same bytes for the same data and version of matplotlib."""
        file = io.BytesIO()
        metadata = {"CreationDate": None, "Creator": "hvlab"}
        with style():
            self.figure.savefig(file, format="pdf", metadata=metadata)
        return file.getvalue()

    def save(self, path: str | Path) -> None:
        """Writes SVG or PDF, by the name's end; whole or not at all. Raises PlotError, HostError."""
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in (".svg", ".pdf"):
            raise PlotError(f"figures are .svg or .pdf, not '{path.name}'")
        data = self.svg().encode() if suffix == ".svg" else self.pdf()
        replace_file(path, lambda file: file.write(data))

    def _repr_svg_(self) -> str:
        return self.svg()


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Our settings, and matplotlib's own for the rest: none of the user's."""
    _check()
    import matplotlib.style

    with matplotlib.style.context(["default", dict(_RC)]), warnings.catch_warnings():
        # Text that stays text is shown in the reader's fonts.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def axes(width: float, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """Axes side by side, in a new figure of that width (inches), within `style`."""
    from matplotlib.figure import Figure

    shape = _SHAPE if width <= COLUMN * 1.2 else _SHAPE * 0.65
    figure = Figure(figsize=(width, width * shape), layout="constrained")
    made = figure.subplots(1, columns, sharey=True, squeeze=False)
    return figure, list(made[0])


def finish(figure: Figure, axis: Axes, title: str, width: float) -> None:
    """Title above the axes, legend below them, where they hide nothing; and the place of all of it, once for
    all: another pass with each file would move things by fractions of a point.
    """
    handles, labels = axis.get_legend_handles_labels()
    if len(labels) > 1:
        longest = max(map(len, labels))
        fitting = max(1, int(width / (0.5 + 0.055 * longest)))
        figure.legend(handles, labels, loc="outside lower center", ncols=min(fitting, len(labels)))
    if title:
        figure.suptitle(printable(title), fontsize=9)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    figure.set_layout_engine("none")


def line_style(index: int) -> dict[str, Any]:
    """Colour, marker and dash of line `index`, from 0: different for 315 lines."""
    return {
        "color": COLOURS[index % len(COLOURS)],
        "marker": MARKERS[index % len(MARKERS)],
        "linestyle": DASHES[index % len(DASHES)],
    }


def _check() -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        message = "figures need matplotlib: pip install 'hvlab[sim]'"
        raise ImportError(message, name=error.name) from error


__all__ = ["COLUMN", "PAGE", "Drawing", "HostError", "PlotError"]
