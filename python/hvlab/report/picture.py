# SPDX-License-Identifier: GPL-2.0-or-later
"""A picture of a text screen: SVG, so that text stays text and the file small."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from hvlab.screen import Cell, Screen

# Of a character, in pixels: VGA's 8 x 16, and how far below its top letters stand.
WIDTH, HEIGHT, BASELINE = 8, 16, 12


def screen_svg(screen: Screen) -> str:
    """The screen as an SVG document, in the guest's colours, with its cursor."""
    rows, columns = screen.rows, screen.columns
    palette = [f"#{colour:06x}" for colour in screen.palette]
    width, height = columns * WIDTH, rows * HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="monospace" font-size="13.3">',
        f"<title>Text screen, {columns} x {rows}</title>",
        f'<rect width="{width}" height="{height}" fill="{palette[0]}"/>',
    ]
    for row in range(rows):
        cells = [screen.cell(row, column) for column in range(columns)]
        parts += _backgrounds(row, cells, palette)
        parts += _texts(row, cells, palette)
    parts += _cursor(screen, palette)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _backgrounds(row: int, cells: list[Cell], palette: list[str]) -> Iterator[str]:
    column = 0
    for colour, run in groupby(cells, key=lambda cell: cell.background):
        length = len(list(run))
        if colour != 0:
            yield (
                f'<rect x="{column * WIDTH}" y="{row * HEIGHT}" width="{length * WIDTH}" '
                f'height="{HEIGHT}" fill="{palette[colour]}"/>'
            )
        column += length


def _texts(row: int, cells: list[Cell], palette: list[str]) -> Iterator[str]:
    """One element for each run of one colour, as wide as its cells whatever font draws it."""
    column = 0
    for colour, run in groupby(cells, key=lambda cell: cell.foreground):
        text = "".join(cell.character for cell in run)
        shown = text.strip(" ")
        if shown:
            x = (column + len(text) - len(text.lstrip(" "))) * WIDTH
            yield (
                f'<text x="{x}" y="{row * HEIGHT + BASELINE}" textLength="{len(shown) * WIDTH}" '
                f'lengthAdjust="spacingAndGlyphs" fill="{palette[colour]}" '
                f'xml:space="preserve">{escape(shown)}</text>'
            )
        column += len(text)


def _cursor(screen: Screen, palette: list[str]) -> Iterator[str]:
    cursor = screen.cursor
    if cursor.visible:
        colour = palette[screen.cell(cursor.row, cursor.column).foreground]
        lines = cursor.last_line - cursor.first_line + 1
        y = cursor.row * HEIGHT + cursor.first_line
        x = cursor.column * WIDTH
        yield f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{lines}" fill="{colour}"/>'
