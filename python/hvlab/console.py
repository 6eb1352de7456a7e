# SPDX-License-Identifier: GPL-2.0-or-later
"""The serial console of a machine: what it printed, what it is sent, what is waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hvlab import _core
from hvlab.event import DEFAULT_TIMEOUT, TextEvent

if TYPE_CHECKING:
    from hvlab.machine import Machine

_TAIL_LINES = 5


class Console:
    """The console of one machine (its 16550 UART at port 0x3F8).

    Output is searched in the order in which it was printed: every match is looked for behind the one
    before. A carriage return before a line feed is left out.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    @property
    def output(self) -> str:
        """Everything printed so far that is still held (the last 4 MiB at least).

        What is not UTF-8 is replaced by U+FFFD.
        """
        return self._machine._core.console_text

    @property
    def data(self) -> bytes:
        """The same as bytes."""
        return self._machine._core.console_data

    @property
    def log(self) -> list[tuple[int, str]]:
        """The output by lines, each with the guest time in ns of its first byte."""
        return self._machine._core.console_log

    def tail(self, lines: int = _TAIL_LINES) -> str:
        """The last lines of the output."""
        return self._machine._core.console_tail(lines)

    def send(self, data: str | bytes) -> None:
        """Queues input for the guest, at the present guest time.

        Text is sent as UTF-8. Raises DeviceError when over 1 MiB waits to be read by the guest.
        """
        self._machine._core.send(data.encode() if isinstance(data, str) else bytes(data))

    def text(self, text: str) -> TextEvent:
        """The event that this literal text is printed; it may span lines."""
        return TextEvent(self._machine, _core.ConsolePattern.text(text))

    def regex(self, expression: str) -> TextEvent:
        """The event that a line matches this expression (RE2 syntax); `^` and `$` are a line's ends."""
        return TextEvent(self._machine, _core.ConsolePattern.regex(expression))

    def expect(
        self, pattern: str, timeout: str | int = DEFAULT_TIMEOUT, *, wall: str | int | None = None
    ) -> _core.Match:
        """Runs the guest until a regular expression matches, and returns the match.

        The machine stops right after the output whose byte completed the match. A match that further
        output could make longer (`\\w+`) is complete when something else follows, or when the guest stops
        or the deadline comes.

        Args:
            pattern: RE2 syntax, matched within a line.
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
        """Runs the guest until it prints a literal text. As `expect` otherwise."""
        __tracebackhide__ = True
        return self.text(text).expect(timeout, wall)
