# SPDX-License-Identifier: GPL-2.0-or-later
"""The machines of one test: they are looked at before they close, and all closed in the end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from hvlab import _core
from hvlab.errors import MachineBusy
from hvlab.host import Host
from hvlab.machine import Boot, Machine
from hvlab.scenario import images, machines
from hvlab.scenario.case_result import stop_result
from hvlab.scenario.results import ImageResult, MachineResult

# What reports call the file that each kind of boot is about: the key in a scenario's `boot`.
_MAIN: dict[type, tuple[str, str]] = {
    _core.FlatImage: ("flat", "path"),
    _core.ElfImage: ("elf", "path"),
    _core.MicroImage: ("micro", "path"),
    _core.LinuxBoot: ("linux", "kernel"),
    _core.MultibootKernel: ("multiboot", "path"),
    _core.PvhKernel: ("pvh", "path"),
}
PATIENCE = 5.0  # seconds, for a thread whose run is interrupted to come back
_OTHERS = ("initrd", "disk", "floppy", "firmware", "video")


class WatchedMachine(Machine):
    """A machine of a test. What it showed is kept when it closes."""

    images: tuple[ImageResult, ...] = ()
    _last: MachineResult | None = None

    def close(self) -> None:
        self._close(failed=False)

    def __exit__(self, *raised: object) -> None:
        self._close(failed=raised[0] is not None)

    def _close(self, failed: bool) -> None:
        self._look(failed)
        super().close()

    def result(self, failed: bool) -> MachineResult:
        """What reports say of it. `failed`: with registers and the like, if it is not closed."""
        try:
            self._look(failed)
        except MachineBusy:
            return MachineResult(
                self.name, self.images, registers="not read: another thread is running the machine"
            )
        assert self._last is not None, "looked at whenever it is closed"
        return self._last

    def _look(self, failed: bool) -> None:
        if not self.closed:
            stop = None if self.last_stop is None else stop_result(self.last_stop)
            self._last = machines.result(self.name, self, self.images, stop, failed, Path.cwd())


class WatchedHost(Host):
    """A host of a test, whose machines are on the test's backend."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch.seed)
        self._watch = watch

    def machine(self, name: str, **arguments: Any) -> Machine:
        arguments = self._watch.completed(arguments)
        machine = super().machine(name, **arguments)
        self._watch.made(machine, arguments)
        return machine

    def _wrapped(self, core: _core.Machine) -> Machine:
        return WatchedMachine._of_host(self._core, core)

    def close(self) -> None:
        with ExitStack() as stack:
            stack.callback(super().close)
            for machine in self.machines.values():
                stack.callback(machine.close)


class LoneMachines:
    """What the fixture `hvlab_machine` is."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def __call__(self, **arguments: Any) -> Machine:
        return self._watch.machine(**arguments)

    def __repr__(self) -> str:
        return f"<hvlab_machine on {self._watch.backend}>"


class Watch:
    """The machines of one test.

    Args:
        backend, seed: of machines that name none; pass_barrier: called with the name of another
        backend that a machine is asked for on.
    """

    def __init__(self, backend: str, seed: int, pass_barrier: Callable[[str], None]) -> None:
        self.backend = backend
        self.seed = seed
        self._pass_barrier = pass_barrier
        self._machines: list[WatchedMachine] = []
        self._hosts: list[WatchedHost] = []

    def machine(self, **arguments: Any) -> Machine:
        """A lone machine."""
        number = len(self._machines) + 1
        arguments = self.completed(arguments)
        arguments.setdefault("seed", self.seed)
        arguments.setdefault("name", "machine" if number == 1 else f"machine-{number}")
        machine = WatchedMachine(**arguments)
        self.made(machine, arguments)
        return machine

    def host(self) -> WatchedHost:
        host = WatchedHost(self)
        self._hosts.append(host)
        return host

    def completed(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments with the test's backend, if they name none."""
        backend = arguments.setdefault("backend", self.backend)
        if backend != self.backend:
            self._pass_barrier(backend)
        return arguments

    def made(self, machine: Machine, arguments: dict[str, Any]) -> None:
        assert isinstance(machine, WatchedMachine)
        self._machines.append(machine)
        machine.images = tuple(_images(arguments.get("image"), arguments.get("boot")))

    def results(self, failed: bool) -> tuple[MachineResult, ...]:
        """What reports say of each machine, each by a name of its own."""
        found: dict[str, MachineResult] = {}
        for number, machine in enumerate(self._machines, 1):
            result = machine.result(failed)
            name = result.name if result.name not in found else f"{result.name}-{number}"
            found[name] = replace(result, name=name)
        return tuple(found.values())

    def close(self) -> None:
        """Closes every machine, also when one of them cannot be."""
        with ExitStack() as stack:
            for machine in self._machines:
                stack.callback(_close, machine)
            for host in self._hosts:  # before the machines: what is called back last comes first
                stack.callback(_close, host)


def _close(one: WatchedHost | WatchedMachine) -> None:
    """Closes it, also if the test left a thread behind that runs it. Raises MachineBusy if that
    does not come back.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return one.close()
        except MachineBusy:
            if time.monotonic() > deadline:
                raise
            one.interrupt()
            time.sleep(0.001)


def _images(image: str | os.PathLike[str] | None, boot: Boot | None) -> Iterator[ImageResult]:
    """The files that a machine was just booted from."""
    for field, path in _files(image, boot):
        # Absolute: the test may be elsewhere when it fails.
        yield ImageResult(field, os.fspath(path.absolute()), images.sha256(path))


def _files(image: str | os.PathLike[str] | None, boot: Boot | None) -> Iterator[tuple[str, Path]]:
    if image is not None:
        yield "flat", Path(image)
    if type(boot) in _MAIN:
        field, attribute = _MAIN[type(boot)]
        yield field, getattr(boot, attribute)
    for field in _OTHERS:
        if (path := getattr(boot, field, None)) is not None:
            yield field, path
    for index, module in enumerate(getattr(boot, "modules", ())):
        yield f"modules[{index}].path", module.path
