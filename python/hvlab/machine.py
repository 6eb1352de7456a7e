# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine: memory, a vCPU, the PC platform and a console."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Literal

from hvlab import _core, registers
from hvlab.closing import Closing
from hvlab.console import Console
from hvlab.device import Placement, core_placements
from hvlab.errors import MachineConfigError
from hvlab.event import Event, PortEvent, Until, core_events
from hvlab.keyboard import Keyboard
from hvlab.screen import Screen
from hvlab.units import UnitError, to_bytes, to_ns

Boot = (
    _core.FlatImage
    | _core.ElfImage
    | _core.LinuxBoot
    | _core.MultibootKernel
    | _core.PvhKernel
    | _core.DiskBoot
    | _core.MicroImage
)
Unhandled = Literal["ignore", "stop"]

DEFAULT_BACKEND = "unicorn"
DEFAULT_CPU = "x86-64-v2"
DEFAULT_MEMORY = "64MiB"


class Vcpu:
    """One virtual CPU of a machine."""

    def __init__(self, core: _core.Machine) -> None:
        self._core = core

    @property
    def state(self) -> _core.CpuState:
        """The architectural state, as a copy; assign a changed one to change the vCPU."""
        return self._core.cpu_state

    @state.setter
    def state(self, state: _core.CpuState) -> None:
        self._core.cpu_state = state

    @property
    def instructions(self) -> int | None:
        """Retired instructions since power-on: one instruction or one REP iteration each.

        One that faults does not count. None where the backend cannot count.
        """
        return self._core.instructions

    def read_register(self, name: str) -> int:
        """One register, by its name in lower case. Raises MachineConfigError for an unknown one.

        `hvlab.registers.REGISTERS` are their names; what is not among them is in `state`.
        """
        return registers.read(self._core.cpu_state, name)

    def write_register(self, name: str, value: int) -> None:
        """Changes one register, between two instructions.

        Raises:
            MachineConfigError: no such register, or the value does not fit into it.
            BackendError: no processor can be in that state.
            MachineBusy: the machine runs.
        """
        state = self._core.cpu_state
        registers.write(state, name, value)
        self._core.cpu_state = state

    def raise_nmi(self) -> None:
        """A pulse on the NMI pin, between the last instruction and the next; the record has it.

        Taken as soon as the vCPU lets it through: not while an NMI is being handled (until IRET), and not
        behind a load of SS. One that waits is one, however often it was raised. It wakes a halted vCPU. The
        pin is the processor's own: the chipset's mask in port 0x70 is not between.
        """
        self._core.raise_nmi()


class Memory:
    """The RAM of a machine, by guest-physical address. Only copies and read-only views leave it."""

    def __init__(self, core: _core.Machine) -> None:
        self._core = core

    @property
    def size(self) -> int:
        """In bytes. What does not fit below 3 GiB continues at 4 GiB."""
        return self._core.memory_size

    def read(self, address: int, length: int) -> bytes:
        """Copies RAM. Raises HvlabError where a byte of the range is not RAM."""
        return self._core.read_memory(address, length)

    def write(self, address: int, data: bytes) -> None:
        """Copies into RAM, or raises HvlabError and changes nothing."""
        self._core.write_memory(address, bytes(data))

    def view(self, address: int, length: int) -> memoryview:
        """A read-only view of RAM that lasts even when the machine is closed."""
        return self._core.view_memory(address, length)

    def stick_bit(self, address: int, bit: int, value: bool) -> None:
        """Makes a bit of RAM faulty: it reads `value` whatever is written, by the guest or from here.

        Part of the machine's state. Pages with stuck bits are slow to write, as fast to read; the
        processor does not set accessed and dirty bits in page tables that lie in one
        (docs/design/stuck-bits.md).

        Args:
            address: guest-physical, of the byte.
            bit: 0 to 7, from the least significant one.
            value: what it reads from now on.

        Raises:
            MachineConfigError: not RAM, under a ROM, no such bit, or 4096 bits are stuck already.
        """
        if not 0 <= bit <= 7:
            raise MachineConfigError(f"bit: {bit} is not 0 to 7, of the byte", "bit")
        self._core.stick_bit(address, bit, bool(value))

    def unstick_bit(self, address: int, bit: int) -> None:
        """Heals a bit; it holds its value until something else is written.

        Raises MachineConfigError for one that is not stuck.
        """
        if not 0 <= bit <= 7 or not self._core.unstick_bit(address, bit):
            raise MachineConfigError(f"bit {bit} at {address:#x} is not stuck", "bit")

    @property
    def stuck_bits(self) -> list[tuple[int, int, bool]]:
        """(address, bit, value) of every stuck bit, by address."""
        return self._core.stuck_bits


class Record:
    """The record of a machine: what went into it and what came out of it, with guest times."""

    def __init__(self, core: _core.Machine) -> None:
        self._core = core

    @property
    def hash(self) -> str:
        """Digest of the record (XXH3, 128 bits, hex): equal for two runs that did the same."""
        return self._core.record_hash

    @property
    def entries(self) -> int:
        """How many entries the record has."""
        return self._core.record_entries

    def state_hash(self) -> str:
        """Digest of RAM, CPU, devices and guest time as they are now."""
        return self._core.state_hash()


class Machine(Closing):
    """One virtual computer. A context manager; `close` ends it.

    Used by one thread at a time (MachineBusy otherwise); `interrupt` is for any thread.

    Args:
        memory: RAM, as "128MiB" or in bytes; a multiple of 4 KiB from 1 MiB on.
        backend: what executes the guest: "unicorn" or "kvm".
        image: a flat image to boot at 0x7C00 in real mode: short for `boot=FlatImage(image)`.
        boot: what to boot; without it, memory is empty and the CPU in its reset state.
        seed: of everything random inside the machine. The same seed gives the same run, bit for bit.
        cpu: the CPU model: "x86-64-v2", or "host" on kvm: the host's own, as far as a state carries it.
        name: in messages and reports.
        unhandled: what to do when the guest accesses a port or an address where nothing is: go on as a
            PC would, reading ones ("ignore"), or stop the run ("stop").
        devices: devices written in Python, each with its place: `[MyDevice("name").at(port=0x300)]`.

    Raises:
        MachineConfigError: an argument is wrong, by name.
        BootError: the image cannot be booted.
        BackendUnavailable: no such backend here.
    """

    def __init__(
        self,
        *,
        memory: str | int = DEFAULT_MEMORY,
        backend: str = DEFAULT_BACKEND,
        image: str | os.PathLike[str] | None = None,
        boot: Boot | None = None,
        seed: int = 0,
        cpu: str = DEFAULT_CPU,
        name: str = "machine",
        unhandled: Unhandled = "ignore",
        devices: Iterable[Placement] = (),
    ) -> None:
        host = _core.Host(seed)
        self._attach(
            host,
            _create(host, memory, backend, image, boot, seed, cpu, name, unhandled, devices),
        )

    @classmethod
    def _of_host(cls, host: _core.Host, core: _core.Machine) -> Machine:
        machine = cls.__new__(cls)
        machine._attach(host, core)
        return machine

    def _attach(self, host: _core.Host, core: _core.Machine) -> None:
        # Why the last run came back that this machine ended; None before.
        self.last_stop: _core.Stop | None = None
        self._host = host
        self._core = core
        self._name = core.name
        self.console = Console(self)
        self.keyboard = Keyboard(core)
        self.screen = Screen(self)
        self.memory = Memory(core)
        self.record = Record(core)
        self.vcpus = (Vcpu(core),)

    @property
    def name(self) -> str:
        return self._name

    @property
    def backend(self) -> str:
        """What executes the guest."""
        return self._core.backend

    @property
    def seed(self) -> int:
        return self._core.seed

    @property
    def time(self) -> int:
        """Guest time in nanoseconds."""
        return self._core.time

    @property
    def instructions(self) -> int | None:
        """Retired instructions of all vCPUs; None where the backend cannot count."""
        return self._core.instructions

    @property
    def unhandled_accesses(self) -> int:
        """Accesses so far to ports and addresses where nothing is."""
        return self._core.unhandled_accesses

    @property
    def closed(self) -> bool:
        return self._core.closed

    def run(
        self,
        *,
        until: Until | None = None,
        timeout: str | int | None = None,
        instructions: int | None = None,
        wall: str | int | None = None,
    ) -> _core.Stop:
        """Runs the guest, and the other machines of its host with it, and says why it came back.

        Args:
            until: an event to wait for, or several, of any machines of its host. The run ends right
                after the instruction that completes the first of them; the stop's `event` says which
                one of the sequence that is, and its `match` or `port_write` what came. Of those that one
                instruction completes, the first of the sequence. Of those of several machines in one
                window (1 us of guest time, 1 ms on kvm), that of the machine that was made first.
            timeout: guest time from now, as "2s" or in nanoseconds.
            instructions: how many to retire at most.
            wall: host time, as "1min" or in nanoseconds.

        Raises:
            MachineClosed: it was closed.
            MachineBusy: another thread runs it.
            KeyboardInterrupt: within 50 ms of a Ctrl-C; the machine can go on after it.
        """
        # By position, and without a call for what was not given: that is half of what a short run
        # from here costs more than one from C++ (bench/kvm_bench.py).
        self.last_stop = self._core.run(
            None
            if until is None
            else until.core
            if isinstance(until, Event)
            else core_events(until),
            None if timeout is None else _span("timeout", timeout),
            None if instructions is None else _count("instructions", instructions),
            None if wall is None else _seconds(wall),
        )
        return self.last_stop

    def port_write(
        self, port: int, value: int | None = None, width: int | None = None
    ) -> PortEvent:
        """The event that the guest writes to a port: that value, with that many bytes, or any.

        An instruction that addresses the port itself; a wide one to a lower port is another. The run
        ends right behind it, when the device has been written.

        Raises MachineConfigError for what no guest can write.
        """
        for field, number in (("port", port), ("value", value), ("width", width)):
            if number is not None and not 0 <= number < 1 << 32:
                raise MachineConfigError(f"{field}: {number} is not 0 to 0xffffffff", field)
        return PortEvent(self, _core.PortPattern(port, value, width))

    @property
    def ended(self) -> _core.Stop | None:
        """The stop after which the machine runs no more; None while it can go on.

        That is a reset, a triple fault, an error of the backend; and, until an NMI or a new state of
        the CPU takes it away from there, HLT with interrupts off and a fetch from where no memory is.
        """
        return self._core.ended

    def events(self) -> list[_core.RecentEvent]:
        """The last 256 things that happened to the machine, oldest first.

        Each has `time` (guest time in ns), `kind` and `text`; the kinds are in docs/devices.md. On a
        backend that does not count, the time is that of the exit.
        """
        return self._core.recent_events()

    def reset(self) -> None:
        """A hardware reset, now: the CPU and all devices as at power-on; a machine that has ended goes on.

        RAM, stuck bits, guest time and the instruction count stay, and so does what was printed. What
        is booted directly is put into memory anew, read again from its files. Input that the guest has
        not read is gone. The record has the reset.

        Raises:
            BootError: the image cannot be read any more; CPU and devices are as they were.
            MachineBusy: the machine runs.
        """
        self._core.reset()

    def interrupt(self) -> None:
        """Ends the run in progress, or else the next one, with "interrupted". For any thread."""
        self._core.interrupt()

    def flush_translations(self) -> None:
        """Throws away translated code, where the backend has any. Changes no result."""
        self._core.flush_translations()

    def close(self) -> None:
        """Ends the machine. Every later call raises MachineClosed; views of memory stay readable."""
        self._core.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{self._core.time} ns"
        return f"<Machine {self._name!r} {state}>"


def _create(
    host: _core.Host,
    memory: str | int,
    backend: str,
    image: str | os.PathLike[str] | None,
    boot: Boot | None,
    seed: int | None,
    cpu: str,
    name: str,
    unhandled: str,
    devices: Iterable[Placement],
) -> _core.Machine:
    if image is not None:
        if boot is not None:
            raise MachineConfigError("boot: give either image or boot, not both", "boot")
        boot = _core.FlatImage(Path(image))
    try:
        size = to_bytes(memory)
    except UnitError as error:
        raise MachineConfigError(f"memory: {error}", "memory") from None
    return host.machine(
        name=name,
        backend=backend,
        memory=size,
        cpu=cpu,
        seed=seed,
        unhandled=unhandled,
        boot=boot,
        devices=core_placements(devices),
    )


# A loop of runs asks for the same one, and this is a sixth of what run() adds to a short run.
@lru_cache(typed=True)
def _span(field: str, value: str | int | None) -> int | None:
    if value is None:
        return None
    try:
        span = to_ns(value)
    except UnitError as error:
        raise MachineConfigError(f"{field}: {error}", field) from None
    return _count(field, span)


def _count(field: str, value: int | None) -> int | None:
    limit = 1 << 62  # 146 years of guest time
    if value is not None and not 0 <= value < limit:
        raise MachineConfigError(f"{field}: {value} is not between 0 and 2**62", field)
    return value


def _seconds(value: str | int | None) -> float | None:
    span = _span("wall", value)
    return None if span is None else span / 1e9
