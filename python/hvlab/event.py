# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run can wait for, and what is said when it does not come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from hvlab import _core
from hvlab.errors import GuestStopped, GuestTimeout, MachineConfigError, TripleFault
from hvlab.units import format_duration, to_ns

if TYPE_CHECKING:
    from hvlab.machine import Machine

DEFAULT_TIMEOUT = "10s"


@dataclass(frozen=True)
class Event:
    """Something that a run can wait for, on one machine; used as `run(until=...)`.

    Text on the console or the screen (TextEvent), or a write of the guest's to a port (PortEvent).
    """

    machine: Machine
    core: _core.Event = field(init=False, repr=False, compare=False)

    def _set_core(self, what: _core.ConsolePattern | _core.PortPattern, on_screen: bool) -> None:
        core = _core.Event(self.machine._core, what, on_screen)
        object.__setattr__(self, "core", core)

    def _await(self, what: str, timeout: str | int, wall: str | int | None) -> _core.Stop:
        """Runs the guest until it happens, or raises GuestTimeout or GuestStopped."""
        __tracebackhide__ = True
        stop = self.machine.run(until=self, timeout=timeout, wall=wall)
        if stop.event is not None:
            return stop
        waited = f"{what} for {format_duration(to_ns(timeout))} of guest time"
        raise _failure(self.machine, stop, f"waited for {waited}")


@dataclass(frozen=True)
class TextEvent(Event):
    """Text on a console or a screen.

    Made by `console.text()`, `console.regex()`, `screen.contains()` and `screen.regex()`.
    """

    pattern: _core.ConsolePattern
    place: Literal["console", "screen"] = "console"

    def __post_init__(self) -> None:
        self._set_core(self.pattern, self.place == "screen")

    def __str__(self) -> str:
        return f"{self.pattern} on the {self.place} of {self.machine.name}"

    def expect(self, timeout: str | int, wall: str | int | None = None) -> _core.Match:
        """Runs the guest until it happens, or raises GuestTimeout or GuestStopped."""
        __tracebackhide__ = True
        where = "" if self.place == "console" else f" on the {self.place}"
        stop = self._await(f"{self.pattern}{where}", timeout, wall)
        assert stop.match is not None
        return stop.match


@dataclass(frozen=True)
class PortEvent(Event):
    """A write of the guest's to a port. Made by `machine.port_write()`."""

    pattern: _core.PortPattern

    def __post_init__(self) -> None:
        self._set_core(self.pattern, False)

    def __str__(self) -> str:
        return f"{self.pattern} by {self.machine.name}"

    def expect(
        self, timeout: str | int = DEFAULT_TIMEOUT, wall: str | int | None = None
    ) -> _core.PortWrite:
        """Runs the guest until it happens, or raises GuestTimeout or GuestStopped."""
        __tracebackhide__ = True
        stop = self._await(f"a {self.pattern}", timeout, wall)
        assert stop.port_write is not None
        return stop.port_write


Until = Event | Sequence[Event]


def core_events(until: Until) -> _core.Event | list[_core.Event]:
    """As the core takes what a run is to wait for. Raises MachineConfigError for no event."""
    if isinstance(until, Event):
        return until.core
    try:
        return [event.core for event in until]
    except (AttributeError, TypeError):
        message = f"until: an event or a sequence of events, not {until!r}"
        raise MachineConfigError(message, "until") from None


def _failure(machine: Machine, stop: _core.Stop, message: str) -> GuestTimeout | GuestStopped:
    tail = machine.console.tail()
    shown = f"\nlast output:\n{_indented(tail)}" if tail else "\nthe guest printed nothing"
    if not machine.screen.empty:
        shown += f"\nscreen:\n{_indented(machine.screen.text().rstrip())}"
    who = "" if stop.machine == machine.name else f"{stop.machine} stopped: "
    text = f"{message}, but {who}{stop.message} (at {format_duration(stop.time)}){shown}"
    kinds: dict[str, type[GuestTimeout | GuestStopped]] = {
        "deadline": GuestTimeout,
        "wall-deadline": GuestTimeout,
        "triple-fault": TripleFault,
    }
    kind = kinds.get(stop.reason, GuestStopped)
    return kind(text, stop=stop, rip=stop.rip, exit=stop.reason)


def _indented(text: str) -> str:
    return "\n".join(f"  | {line}" for line in text.splitlines())
