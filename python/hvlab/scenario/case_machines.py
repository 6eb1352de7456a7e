# SPDX-License-Identifier: GPL-2.0-or-later
"""The machines of a case while it runs: on one host, each from its `boot` to its `close`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hvlab.scenario import machines
from hvlab.scenario.case_result import stop_result
from hvlab.scenario.results import ImageResult, MachineResult, StopResult

if TYPE_CHECKING:
    from hvlab._core import Stop
    from hvlab.event import Event
    from hvlab.host import Host
    from hvlab.machine import Machine
    from hvlab.scenario.document import Case

# A guest that stops so has not ended by itself.
CRASHES = frozenset({"triple-fault", "unhandled-access", "guest-fault"})

Make = Callable[["Host", "Case", str], "Machine"]


class CaseMachines:
    """By their names in the document.

    Attributes:
        booting: the one that is being made, or could not be.
    """

    def __init__(self, case: Case, make: Make) -> None:
        self._case = case
        self._make = make
        self.booting: str | None = None
        self._host: Host | None = None
        self._up: dict[str, Machine] = {}
        self._images: dict[str, tuple[ImageResult, ...]] = {}
        self._last: dict[str, StopResult] = {}
        self._kept: dict[str, deque[Stop]] = {}
        # Of those that were closed, as they were then.
        self._closed: dict[str, list[MachineResult]] = {}

    @property
    def up(self) -> Mapping[str, Machine]:
        """Those that are booted and not closed."""
        return self._up

    @property
    def several(self) -> bool:
        """Whether the document has more than one."""
        return len(self._case.scenario.specs) > 1

    def get(self, name: str | None) -> Machine:
        """The machine of that name, or the only one there is."""
        return self._up[name or next(iter(self._case.scenario.specs))]

    @property
    def time(self) -> int | None:
        """Guest time in ns of the foremost; None before the first is there."""
        if self._host is None:
            return None
        # The host's clock goes on when a machine is closed.
        return max((self._host.time, *(machine.time for machine in self._up.values())))

    @property
    def instructions(self) -> int | None:
        """Retired by all that are up; None where nobody counts them."""
        counts = [machine.instructions for machine in self._up.values()]
        return sum(c for c in counts if c is not None) if None not in counts else None

    def boot(self, name: str | None) -> None:
        """Makes a machine, or all that are not up. Raises HvlabError."""
        for each in self._case.scenario.specs if name is None else (name,):
            if each not in self._up:
                self._boot(each)

    def _boot(self, name: str) -> None:
        import hvlab

        if self._host is None:
            self._host = hvlab.Host(self._case.seed)
            self._host.halts_end_runs = True  # a stop like others: somebody may wait for it
        self.booting = name
        self._images[name] = machines.image_results(self._case, name)
        self._up[name] = self._make(self._host, self._case, name)
        self.booting = None

    def reset(self, name: str | None) -> None:
        """A hardware reset of a machine, after which what it stopped for before is past."""
        machine = self.get(name)
        machine.reset()
        self._kept.pop(machine.name, None)

    def close(self, name: str | None) -> None:
        """Ends a machine. The reports have its console and screen as they are now, and no more: it did
        what it should until here.
        """
        machine = self.get(name)
        of = machine.name
        self._closed.setdefault(of, []).append(self._result(of, machine, failed=False))
        del self._up[of]
        self._kept.pop(of, None)
        self._last.pop(of, None)
        machine.close()

    def end(self) -> None:
        """Ends all of them."""
        for machine in self._up.values():
            machine.close()
        if self._host is not None:
            self._host.close()

    # Running.

    def run(
        self,
        name: str | None,
        until: Sequence[Event],
        timeout: int,
        instructions: int | None,
        wall: int,
    ) -> Stop:
        """Runs all of them, for a machine (the only one, without `name`) or for none of several.

        `timeout` is guest time, `wall` real time in ns, both from now.
        """
        events = None if not until else until[0] if len(until) == 1 else until
        if name is None and self.several:
            assert self._host is not None  # checked: one is up
            assert instructions is None  # such a step names its machine
            stop = self._host.run(until=events, timeout=timeout, wall=wall)
        else:
            machine = self.get(name)
            stop = machine.run(until=events, timeout=timeout, instructions=instructions, wall=wall)
        self._last[stop.machine] = stop_result(stop)
        return stop

    def ended(self, name: str) -> Stop | None:
        """The stop after which one of several runs no more; None while it can go on."""
        return self._up[name].ended if self.several else None

    def ends_all(self, stop: Stop) -> bool:
        """Whether a stop ends a run that is about no machine in particular: one that halts for ever
        does not, while others run.
        """
        if str(stop.reason) != "halted" or not self.several:
            return True
        return all(machine.ended is not None for machine in self._up.values())

    def keep(self, stop: Stop) -> None:
        """Puts a stop aside until a step asks for it."""
        self._kept.setdefault(stop.machine, deque()).append(stop)

    def kept(self, name: str) -> Stop | None:
        """The first one that was put aside, once."""
        stops = self._kept.get(name)
        return stops.popleft() if stops else None

    # The reports.

    def results(self, failed: bool) -> tuple[MachineResult, ...]:
        """Of all that were made, in the document's order, and in that of their boots.

        One that was booted again after its `close` is called NAME-2 there, and so on.
        """
        found: list[MachineResult] = []
        for name in self._case.scenario.specs:
            made = [*self._closed.get(name, ()), *self._now(name, failed)]
            for number, result in enumerate(made, 1):
                called = name if number == 1 else f"{name}-{number}"
                found.append(replace(result, name=called))
        return tuple(found)

    def _now(self, name: str, failed: bool) -> Iterator[MachineResult]:
        if name in self._up:
            yield self._result(name, self._up[name], failed)

    def _result(self, name: str, machine: Machine, failed: bool) -> MachineResult:
        images, stop = self._images[name], self._last.get(name)
        folder = self._case.source.folder
        return machines.result(name, machine, images, stop, failed, folder)
