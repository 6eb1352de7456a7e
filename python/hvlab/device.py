# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices of a machine that are written in Python.

class Dice(hvlab.Device):
    size = 2

    def read(self, offset: int, size: int) -> int:
        return self.random() % 6 + 1

machine = hvlab.Machine(image="guest.bin", devices=[Dice("dice").at(port=0x300)])
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hvlab import _core
from hvlab.errors import MachineConfigError


@dataclass(frozen=True)
class Placement:
    """Where the guest finds a device. Made by `Device.at`."""

    device: Device
    memory: bool
    start: int
    size: int
    offset: int
    irq: int | None


class Device(_core.Device):
    """A device as the guest sees it: registers at offsets into the range that `at` gives it.

    Called in the thread that runs the machine, while guest time stands at the instruction that makes the
    access. `name`, `time` (guest time in ns), `random()` (64 bits, of the machine's seed) and
    `set_irq(level)` are given; all but the name only while it is part of a machine. What a method raises
    ends the run, after the instruction, and comes out of it as a DeviceError with the exception as its
    cause; KeyboardInterrupt as it is. The machine itself is busy meanwhile (MachineBusy).

    A device that is to be part of a machine's saved state and digest has two methods more:
    `save() -> bytes`, its whole state, and `load(state: bytes)`. Without them both are refused, by name.

    Attributes:
        size: how many bytes of registers it has, where `at` is not told.
    """

    size: int = 1

    def __init__(self, name: str) -> None:
        """`name` is unique within a machine: it is in messages, and its random numbers are by it."""
        super().__init__(name)

    def read(self, offset: int, size: int) -> int:
        """The value of the `size` bytes (1, 2, 4 or 8) at `offset`, both chosen by the guest.

        All ones where a subclass has no registers to read, as on a bus where nobody answers.
        """
        return (1 << 8 * size) - 1

    def write(self, offset: int, size: int, value: int) -> None:
        """The guest writes `size` bytes (1, 2, 4 or 8) at `offset`. Without effect if not defined."""

    def reset(self) -> None:
        """To its power-on state. Called when the machine is made, and at each reset of it."""

    def at(
        self,
        *,
        port: int | None = None,
        memory: int | None = None,
        size: int | None = None,
        offset: int = 0,
        irq: int | None = None,
    ) -> Placement:
        """A place for it in a machine: give the results to `devices=`, several for one device too.

        Args:
            port: the first of its ports, or
            memory: the first guest-physical address, where no RAM is.
            size: of the range in bytes; `size` of the device if not given.
            offset: what the device sees for the first.
            irq: the input of the interrupt controllers (0 to 15) that `set_irq` drives.

        Raises MachineConfigError for a place that cannot be.
        """
        if (port is None) == (memory is None):
            raise MachineConfigError(f"{self.name}: give either 'port' or 'memory'", "devices")
        start = port if port is not None else memory
        length = self.size if size is None else size
        assert start is not None
        numbers = {"start": start, "size": length, "offset": offset, "irq": irq or 0}
        for field, number in numbers.items():
            if not 0 <= number < 1 << 64:
                raise MachineConfigError(f"{self.name}: {field}: {number} cannot be", "devices")
        return Placement(self, memory is not None, start, length, offset, irq)


CorePlacement = tuple[Device, bool, int, int, int, int | None]


def core_placements(devices: Iterable[Placement]) -> list[CorePlacement]:
    """As the core takes them. Raises MachineConfigError for what is no Placement."""
    placements = list(devices)
    for placed in placements:
        if not isinstance(placed, Placement):
            hint = "; say where it is: device.at(port=...)" * isinstance(placed, Device)
            raise MachineConfigError(f"devices: {placed!r} is no placement{hint}", "devices")
    return [(p.device, p.memory, p.start, p.size, p.offset, p.irq) for p in placements]
