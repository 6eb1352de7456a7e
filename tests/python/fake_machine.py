# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine that plays a script, to test the runner's own decisions without a guest.

One instruction takes one nanosecond. Output appears at its time; then the guest stops, or spins.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from hvlab._core import CpuState

SPINS = 1 << 60
SLICE = 1_000_000


@dataclass
class FakeEvent:
    pattern: re.Pattern[str]
    place: str = "console"


@dataclass
class FakeMatch:
    groups: tuple[str | None, ...]
    time: int
    event: int

    @property
    def text(self) -> str | None:
        return self.groups[0]

    def __getitem__(self, index: int) -> str | None:
        return self.groups[index]


@dataclass
class FakeConsole:
    machine: FakeMachine
    sent: list[str] = field(default_factory=list)
    output: str = ""
    log: list[tuple[int, str]] = field(default_factory=list)

    def send(self, data: str) -> None:
        self.sent.append(data)

    def text(self, text: str) -> FakeEvent:
        return FakeEvent(re.compile(re.escape(text)))

    def regex(self, expression: str) -> FakeEvent:
        return FakeEvent(re.compile(expression, re.MULTILINE))


@dataclass
class FakeScreen:
    """Shows `rows`, all the time."""

    rows: tuple[str, ...] = ()

    def text(self) -> str:
        return "\n".join(self.rows)

    def svg(self) -> str:
        return f"<svg>{self.text()}</svg>"


class FakeMachine:
    """`script`: (guest time, output); `stop`: (guest time, reason, code).

    `slices`: so many runs come back by their wall deadline first, each after SLICE ns of guest
    time; `seconds_per_run`: every run does, after that real time at most.
    """

    def __init__(
        self,
        script: list[tuple[int, str]],
        stop: tuple[int, str, int | None] = (SPINS, "", None),
        seconds_per_run: float = 0.0,
        slices: int = 0,
    ) -> None:
        self.name = "machine"
        self.time = 0
        self.closed = False
        self.runs: list[dict[str, Any]] = []
        self.console = FakeConsole(self)
        self.screen = FakeScreen()
        self.vcpus: tuple[Any, ...] = (SimpleNamespace(state=CpuState(0)),)
        self.memory = SimpleNamespace(read=lambda _address, length: bytes(length))
        self._script = sorted(script)
        self._stop = stop
        self._seconds = seconds_per_run
        self._slices = slices
        self._searched = 0

    @property
    def instructions(self) -> int:
        return self.time

    def events(self) -> list[Any]:
        return []

    def run(
        self,
        *,
        until: FakeEvent | list[FakeEvent] | None,
        timeout: int,
        instructions: int | None,
        wall: int,
    ) -> Any:
        self.runs.append({"timeout": timeout, "instructions": instructions, "wall": wall})
        match = self._search(until)
        if match is not None:
            return self._stopped("match", match=match)
        if self._seconds:
            time.sleep(min(self._seconds, wall / 1e9))
            return self._stopped("wall-deadline")
        if self._slices:
            self._slices -= 1
            self.time += SLICE
            return self._stopped("wall-deadline")
        end = self.time + timeout
        budget = SPINS if instructions is None else self.time + instructions
        while True:
            nearest = min(end, budget, self._stop[0], self._script[0][0] if self._script else SPINS)
            self.time = nearest
            if self._script and self._script[0][0] == nearest:
                self._print(self._script.pop(0)[1])
                match = self._search(until)
                if match is not None:
                    return self._stopped("match", match=match)
            elif nearest == self._stop[0]:
                return self._stopped(self._stop[1], code=self._stop[2])
            elif nearest == budget:
                return self._stopped("budget")
            else:
                return self._stopped("deadline")

    def close(self) -> None:
        self.closed = True

    def _print(self, text: str) -> None:
        self.console.output += text
        self.console.log += [(self.time, line) for line in text.split("\n") if line]

    def _search(self, until: FakeEvent | list[FakeEvent] | None) -> FakeMatch | None:
        """Of the events, the one that was complete first."""
        first: FakeMatch | None = None
        end = len(self.console.output) + 1
        for index, event in enumerate(until if isinstance(until, list) else [until]):
            found = event and event.pattern.search(self.console.output, self._searched)
            if found and found.end() < end:
                end = found.end()
                first = FakeMatch((found[0], *found.groups()), self.time, index)
        self._searched = self._searched if first is None else end
        return first

    def _stopped(self, reason: str, code: int | None = None, match: Any = None) -> Any:
        return SimpleNamespace(
            reason=reason,
            machine=self.name,
            event=None if match is None else match.event,
            port_write=None,
            code=code,
            match=match,
            time=self.time,
            instructions=self.time,
            rip=0x7C00,
            message=f"the guest stopped: {reason}",
        )
