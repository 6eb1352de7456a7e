# SPDX-License-Identifier: GPL-2.0-or-later
"""A host: several machines under one clock."""

from __future__ import annotations

import os
from collections.abc import Iterable

from hvlab import _core
from hvlab.closing import Closing
from hvlab.device import Placement
from hvlab.event import Until, core_events
from hvlab.machine import (
    DEFAULT_BACKEND,
    DEFAULT_CPU,
    DEFAULT_MEMORY,
    Boot,
    Machine,
    Unhandled,
    _create,
    _seconds,
    _span,
)


class Host(Closing):
    """Owns machines and takes them through guest time together. A context manager.

    Args:
        seed: of everything random in all machines that have no seed of their own.
    """

    def __init__(self, seed: int = 0) -> None:
        self._core = _core.Host(seed)
        self.machines: dict[str, Machine] = {}

    @property
    def time(self) -> int:
        """Guest time in nanoseconds of the foremost machine."""
        return self._core.time

    @property
    def halts_end_runs(self) -> bool:
        """Whether a machine that halts for ever ends a run also while others run on; not at first."""
        return self._core.halts_end_runs

    @halts_end_runs.setter
    def halts_end_runs(self, on: bool) -> None:
        self._core.halts_end_runs = on

    @property
    def closed(self) -> bool:
        return self._core.closed

    def machine(
        self,
        name: str,
        *,
        memory: str | int = DEFAULT_MEMORY,
        backend: str = DEFAULT_BACKEND,
        image: str | os.PathLike[str] | None = None,
        boot: Boot | None = None,
        seed: int | None = None,
        cpu: str = DEFAULT_CPU,
        unhandled: Unhandled = "ignore",
        devices: Iterable[Placement] = (),
    ) -> Machine:
        """Adds a machine, powered on now. Arguments as `Machine` has them.

        `seed` None derives one from the host's seed and the machine's name.
        """
        core = _create(
            self._core, memory, backend, image, boot, seed, cpu, name, unhandled, devices
        )
        machine = self._wrapped(core)
        self.machines[name] = machine
        return machine

    def _wrapped(self, core: _core.Machine) -> Machine:
        """The machine as Python has it; the pytest plugin has its own."""
        return Machine._of_host(self._core, core)

    def run(
        self,
        *,
        until: Until | None = None,
        timeout: str | int | None = None,
        wall: str | int | None = None,
    ) -> _core.Stop:
        """Runs all machines until an event, a limit, or a stop of one of them: `stop.machine`.

        Arguments as `Machine.run` has them. A machine that has ended (`Machine.ended`) is left out
        of further runs, so running again goes on with the others; when none is left that an event
        is awaited of, its stop is told again. That a machine halted for ever ends no run of others,
        unless `halts_end_runs`.
        """
        stop = self._core.run(
            None if until is None else core_events(until),
            _span("timeout", timeout),
            _seconds(wall),
        )
        if stop.machine in self.machines:
            self.machines[stop.machine].last_stop = stop
        return stop

    def interrupt(self) -> None:
        """Ends the run in progress, or else the next one. For any thread."""
        self._core.interrupt()

    def close(self) -> None:
        """Ends all machines. Every later call raises MachineClosed."""
        self._core.close()
