# SPDX-License-Identifier: GPL-2.0-or-later
"""The registers of a vCPU that can be read and written one by one: each as bits of a field of its
state, by the name that the manuals give it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from hvlab.errors import MachineConfigError
from hvlab.scenario.nearest import did_you_mean

if TYPE_CHECKING:
    from hvlab._core import CpuState


@dataclass(frozen=True)
class Register:
    """Attributes:
    field: of CpuState, as `rax`, `cs.selector` or `dr.0`; low, bits: which of its bits;
    extends: a write clears the bits above, as a write of EAX does; writable: not so a selector,
    which alone says little: what it stands for is loaded with it.
    """

    field: str
    low: int = 0
    bits: int = 64
    extends: bool = False
    writable: bool = True

    def read(self, state: CpuState) -> int:
        """Its value in `state`."""
        return self._whole(state) >> self.low & self._mask

    def write(self, state: CpuState, value: int) -> None:
        """Puts `value` into `state`, which fits."""
        kept = 0 if self.extends else self._whole(state) & ~(self._mask << self.low)
        whole = kept | value << self.low
        owner, _, part = self.field.rpartition(".")
        if part.isdigit():
            items = list(getattr(state, owner))
            items[int(part)] = whole
            setattr(state, owner, items)
        else:
            setattr(attrgetter(owner)(state) if owner else state, part, whole)

    @property
    def _mask(self) -> int:
        return (1 << self.bits) - 1

    def _whole(self, state: CpuState) -> int:
        name, _, part = self.field.partition(".")
        value = getattr(state, name)
        if part:
            value = value[int(part)] if part.isdigit() else getattr(value, part)
        return int(value)


def _general() -> dict[str, Register]:
    found: dict[str, Register] = {}
    for letter in "abcd":
        full = f"r{letter}x"
        found[f"{letter}h"] = Register(full, 8, 8)
        for name, bits in ((full, 64), (f"e{letter}x", 32), (f"{letter}x", 16), (f"{letter}l", 8)):
            found[name] = Register(full, 0, bits, extends=bits == 32)
    for word in ("si", "di", "bp", "sp"):
        full = f"r{word}"
        for name, bits in ((full, 64), (f"e{word}", 32), (word, 16), (f"{word}l", 8)):
            found[name] = Register(full, 0, bits, extends=bits == 32)
    for number in range(8, 16):
        full = f"r{number}"
        for name, bits in ((full, 64), (f"{full}d", 32), (f"{full}w", 16), (f"{full}b", 8)):
            found[name] = Register(full, 0, bits, extends=bits == 32)
    for word, full in (("ip", "rip"), ("flags", "rflags")):
        for name, bits in ((full, 64), (f"e{word}", 32), (word, 16)):
            found[name] = Register(full, 0, bits, extends=bits == 32)
    return found


def _system() -> dict[str, Register]:
    found = {name: Register(name) for name in ("cr0", "cr2", "cr3", "cr4", "cr8", "dr6", "dr7")}
    found |= {f"dr{number}": Register(f"dr.{number}") for number in range(4)}
    for name in ("cs", "ss", "ds", "es", "fs", "gs"):
        found[name] = Register(f"{name}.selector", bits=16, writable=False)
    for name in ("cs", "ss", "ds", "es", "fs", "gs", "gdtr", "idtr"):
        found[f"{name}_base"] = Register(f"{name}.base")
    for name in ("efer", "star", "lstar", "cstar", "fmask", "kernel_gs_base", "tsc_aux"):
        found[name] = Register(f"msrs.{name}")
    return found


REGISTERS: Mapping[str, Register] = {**_general(), **_system()}
"""By name: the general ones with their parts, rip, rflags, control and debug registers, selectors,
bases, some MSRs."""


def read(state: CpuState, name: str) -> int:
    """Raises MachineConfigError for an unknown name."""
    return _named(name).read(state)


def write(state: CpuState, name: str, value: int) -> None:
    """Raises MachineConfigError for an unknown name or a selector, and for a value that does not fit."""
    register = _named(name)
    if not register.writable:
        message = f"register: {name} is only read: what a selector stands for is loaded with it"
        raise MachineConfigError(message, "register")
    if not isinstance(value, int) or not 0 <= value < 1 << register.bits:
        raise MachineConfigError(f"value: {value!r} does not fit into {name}", "value")
    register.write(state, value)


def _named(name: str) -> Register:
    register = REGISTERS.get(name)
    if register is None:
        message = f"register: unknown register {name!r}{did_you_mean(name, REGISTERS)}"
        raise MachineConfigError(message, "register")
    return register
