# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run can wait for, and what is said when it does not come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hvlab import _core
from hvlab.errors import GuestStopped, GuestTimeout, TripleFault
from hvlab.units import format_duration, to_ns

if TYPE_CHECKING:
    from hvlab.machine import Machine

DEFAULT_TIMEOUT = "10s"


@dataclass(frozen=True)
class Event:
    """Something that a run can wait for: text on one machine's console or screen.

    Made by `console.text()`, `console.regex()`, `screen.contains()` and `screen.regex()`, used as
    `run(until=...)`.
    """

    machine: Machine
    pattern: _core.ConsolePattern
    place: Literal["console", "screen"] = "console"

    def __str__(self) -> str:
        return f"{self.pattern} on the {self.place} of {self.machine.name}"

    def expect(self, timeout: str | int, wall: str | int | None) -> _core.Match:
        """Runs the guest until it happens, or raises GuestTimeout or GuestStopped."""
        __tracebackhide__ = True
        stop = self.machine.run(until=self, timeout=timeout, wall=wall)
        if stop.match is not None:
            return stop.match
        where = "" if self.place == "console" else f" on the {self.place}"
        waited = f"{self.pattern}{where} for {format_duration(to_ns(timeout))} of guest time"
        raise _failure(self.machine, stop, f"waited for {waited}")


def _failure(machine: Machine, stop: _core.Stop, message: str) -> GuestTimeout | GuestStopped:
    tail = machine.console.tail()
    shown = f"\nlast output:\n{_indented(tail)}" if tail else "\nthe guest printed nothing"
    if not machine.screen.empty:
        shown += f"\nscreen:\n{_indented(machine.screen.text().rstrip())}"
    text = f"{message}, but {stop.message} (at {format_duration(stop.time)}){shown}"
    kinds: dict[str, type[GuestTimeout | GuestStopped]] = {
        "deadline": GuestTimeout,
        "wall-deadline": GuestTimeout,
        "triple-fault": TripleFault,
    }
    kind = kinds.get(stop.reason, GuestStopped)
    return kind(text, stop=stop, rip=stop.rip, exit=stop.reason)


def _indented(text: str) -> str:
    return "\n".join(f"  | {line}" for line in text.splitlines())
