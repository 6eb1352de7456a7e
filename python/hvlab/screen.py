# SPDX-License-Identifier: GPL-2.0-or-later
"""The text screen of a machine: what it shows, and what is waited for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hvlab import _core
from hvlab.errors import PatternError
from hvlab.event import DEFAULT_TIMEOUT, TextEvent

if TYPE_CHECKING:
    from hvlab.machine import Machine

_BLINK = 0x80


@dataclass(frozen=True)
class Cell:
    """One character of the screen.

    Attributes:
        character: as Unicode has it (code page 437; 0, 0x20 and 0xFF are spaces); code: its byte in
            text memory; attribute: the byte behind it; foreground, background: colours 0 to 15,
            indices of `Screen.palette`; blinking: it is drawn blinking.
    """

    character: str
    code: int
    attribute: int
    foreground: int
    background: int
    blinking: bool


@dataclass(frozen=True)
class Cursor:
    """The cursor. Rows and columns count from 0.

    Attributes:
        visible: switched on and inside the screen; first_line, last_line: the scan lines of its
            cell that it fills.
    """

    row: int
    column: int
    visible: bool
    first_line: int
    last_line: int


class Screen:
    """The text screen of one machine: a VGA in text mode, its memory at 0xB8000.

    Rows are as long as the guest has set them up (80 columns and 25 rows at power-on), without the
    spaces at their ends.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    @property
    def rows(self) -> int:
        """How many rows are shown."""
        return len(self._machine._core.screen_rows)

    @property
    def columns(self) -> int:
        """How many characters a row has."""
        return self._machine._core.screen_columns

    @property
    def lines(self) -> list[str]:
        """The text of every row, spaces at its end left out."""
        return self._machine._core.screen_rows

    def text(self) -> str:
        """All rows, separated by line feeds: 25 of them in the usual mode, empty ones included."""
        return "\n".join(self.lines)

    @property
    def empty(self) -> bool:
        """Nothing but spaces is shown."""
        return not any(self.lines)

    def cell(self, row: int, column: int) -> Cell:
        """The character at a place, with its colours. Raises IndexError outside of the screen."""
        if row < 0 or column < 0:
            raise IndexError(f"row {row}, column {column}: they count from 0")
        character, code, attribute = self._machine._core.screen_cell(row, column)
        background = attribute >> 4
        blinking = False
        if self._machine._core.screen_blinking:
            background &= 7
            blinking = bool(attribute & _BLINK)
        return Cell(character, code, attribute, attribute & 15, background, blinking)

    @property
    def cursor(self) -> Cursor:
        """Where the cursor is, and its shape."""
        return Cursor(*self._machine._core.screen_cursor)

    @property
    def palette(self) -> tuple[int, ...]:
        """The sixteen colours as the guest has set them, 0xRRGGBB."""
        return tuple(self._machine._core.screen_palette)

    def contains(self, text: str) -> TextEvent:
        """The event that a row contains this literal text. What is shown already counts."""
        if "\n" in text:
            raise PatternError("a text on the screen is looked for within a row: no line feed")
        return TextEvent(self._machine, _core.ConsolePattern.text(text), "screen")

    def regex(self, expression: str) -> TextEvent:
        """The event that a row matches this expression (RE2 syntax); `^` and `$` are its ends."""
        return TextEvent(self._machine, _core.ConsolePattern.regex(expression), "screen")

    def expect(
        self, pattern: str, timeout: str | int = DEFAULT_TIMEOUT, *, wall: str | int | None = None
    ) -> _core.Match:
        """Runs the guest until a row of the screen matches a regular expression.

        The machine stops right after the write that completed the match, at the first moment at
        which the row matches: `pass (\\d+)%` may see the 1 of `pass 100%`, so say what follows.
        What is shown already counts, and counts again: a screen is looked at, not read.

        Args:
            pattern: RE2 syntax, matched within a row.
            timeout: guest time from now: "10s", or nanoseconds.
            wall: a limit of host time as well.

        Raises:
            GuestTimeout: the deadline came first.
            GuestStopped: the guest stopped first.
            PatternError: the expression is none.
        """
        __tracebackhide__ = True
        return self.regex(pattern).expect(timeout, wall)

    def expect_text(
        self, text: str, timeout: str | int = DEFAULT_TIMEOUT, *, wall: str | int | None = None
    ) -> _core.Match:
        """Runs the guest until a row contains a literal text. As `expect` otherwise."""
        __tracebackhide__ = True
        return self.contains(text).expect(timeout, wall)

    def svg(self) -> str:
        """A picture of the screen as it is now: an SVG document, in the guest's colours."""
        from hvlab.report.picture import screen_svg

        return screen_svg(self)
