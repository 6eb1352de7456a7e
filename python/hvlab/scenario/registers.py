# SPDX-License-Identifier: GPL-2.0-or-later
"""The registers that `read` and `write` know: each as bits of a field of the vCPU's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hvlab._core import CpuState


@dataclass(frozen=True)
class Register:
    """Attributes:
    field: of CpuState, as `rax`, `cs.selector` or `dr.0`; low, bits: which of its bits;
    extends: a write clears the bits above, as a write of EAX does; writable: see `Write`.
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
        name, _, index = self.field.partition(".")
        if index:
            items = list(getattr(state, name))
            items[int(index)] = whole
            setattr(state, name, items)
        else:
            setattr(state, name, whole)

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
        # A selector alone says little: what it stands for is loaded with it.
        found[name] = Register(f"{name}.selector", bits=16, writable=False)
        found[f"{name}_base"] = Register(f"{name}.base", writable=False)
    found["efer"] = Register("msrs.efer", writable=False)
    return found


REGISTERS: Mapping[str, Register] = {**_general(), **_system()}
