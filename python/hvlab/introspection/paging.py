# SPDX-License-Identifier: GPL-2.0-or-later
"""Guest-linear addresses: the walk through the guest's page tables that the processor would make, but
read-only (no accessed or dirty bits) and with every address checked: tables are the guest's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hvlab.errors import HvlabError

if TYPE_CHECKING:
    from hvlab._core import CpuState

CR0_PG = 1 << 31
CR4_PSE, CR4_PAE, CR4_LA57 = 1 << 4, 1 << 5, 1 << 12
EFER_LMA, EFER_NXE = 1 << 10, 1 << 11

_PRESENT, _LARGE, _NX = 1 << 0, 1 << 7, 1 << 63
_FRAME = 0x000F_FFFF_FFFF_F000  # of an 8-byte entry: bits 51:12
_PAGE = 4096


class Ram(Protocol):
    """What guest-physical memory is read from: `hvlab.Machine.memory`."""

    def read(self, address: int, length: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Page:
    """What a linear address is mapped to. size: of the page, which begins at `linear`."""

    linear: int
    physical: int
    size: int
    executable: bool


@dataclass(frozen=True, slots=True)
class _Level:
    """One level of tables: the lowest bit of its index, how many entries, whether one may be a page."""

    shift: int
    entries: int
    may_map: bool


_LONG: Sequence[_Level] = (
    _Level(48, 512, False),
    _Level(39, 512, False),
    _Level(30, 512, True),
    _Level(21, 512, True),
    _Level(12, 512, True),
)
_PAE: Sequence[_Level] = (_Level(30, 4, False), _Level(21, 512, True), _Level(12, 512, True))


class AddressSpace:
    """Linear memory as one state of a vCPU sees it (Intel SDM vol. 3 ch. 4).

    Args:
        ram: guest-physical memory. state: of the vCPU. cr3: other tables than the state's.
    """

    def __init__(self, ram: Ram, state: CpuState, cr3: int | None = None) -> None:
        self._ram = ram
        self._cr3 = state.cr3 if cr3 is None else cr3
        self._paging = bool(state.cr0 & CR0_PG)
        self._long = self._paging and bool(state.msrs.efer & EFER_LMA)
        self._pae = self._long or bool(state.cr4 & CR4_PAE)
        self._pse = bool(state.cr4 & CR4_PSE)
        self._nx = bool(state.msrs.efer & EFER_NXE)
        # How many bits of a linear address the tables resolve; above it is its sign.
        self._bits = (57 if state.cr4 & CR4_LA57 else 48) if self._long else 32

    @property
    def long(self) -> bool:
        """Is this IA-32e paging, with 64-bit linear addresses?"""
        return self._long

    def translate(self, linear: int) -> Page | None:
        """The page of a linear address; None if there is none, or no RAM behind its tables."""
        if not self._canonical(linear):
            return None
        if not self._paging:
            linear &= 0xFFFF_F000
            return Page(linear, linear, _PAGE, True)
        if not self._pae:
            return self._translate_32(linear & 0xFFFF_FFFF)
        return self._walk(linear)

    def read(self, linear: int, length: int) -> bytes:
        """Linear memory from an address on, up to where nothing is mapped or no RAM is."""
        parts: list[bytes] = []
        while length > 0:
            page = self.translate(linear)
            if page is None:
                break
            offset = linear - page.linear
            size = min(length, page.size - offset)
            data = _read(self._ram, page.physical + offset, size)
            if not data:  # a large page may end beyond RAM, a small one cannot
                size = min(size, _PAGE - linear % _PAGE)
                data = _read(self._ram, page.physical + offset, size)
            parts.append(data)
            if len(data) < size:
                break
            linear, length = linear + size, length - size
        return b"".join(parts)

    def read_words(self, linear: int, count: int, size: int = 8) -> tuple[int, ...]:
        """So many little-endian words at most; fewer where memory ends."""
        data = self.read(linear, count * size)
        whole = len(data) // size
        return struct.unpack(f"<{whole}{_CODES[size]}", data[: whole * size])

    def pages(self, first: int, end: int, most: int) -> Iterator[Page]:
        """The pages between two linear addresses, in order, `most` at most. For IA-32e paging."""
        linear = first
        while linear < end and most > 0:
            page, skip = self._step(linear)
            if page is not None:
                most -= 1
                yield page
            linear = (linear & -skip) + skip

    def executable(self, linear: int) -> bool:
        """Is code mapped there?"""
        page = self.translate(linear)
        return page is not None and page.executable

    def _canonical(self, linear: int) -> bool:
        if not self._long:
            return 0 <= linear < 1 << 32
        top = linear >> (self._bits - 1)
        return top in (0, (1 << (65 - self._bits)) - 1)

    def _walk(self, linear: int) -> Page | None:
        return self._step(linear)[0]

    def _step(self, linear: int) -> tuple[Page | None, int]:
        """The page, and its size; or None and the size of what is not mapped as one."""
        levels, table = _PAE, self._cr3 & 0xFFFF_FFE0
        if self._long:
            levels = _LONG if self._bits == 57 else _LONG[1:]
            table = self._cr3 & _FRAME
        executable = True
        for level in levels:
            size = 1 << level.shift
            index = (linear >> level.shift) % level.entries
            entry = self._entry(table + 8 * index, 8)
            if not entry & _PRESENT:
                return None, size
            executable = executable and not (self._nx and entry & _NX)
            if level.shift == 12 or entry & _LARGE:
                if not level.may_map:
                    return None, size  # a reserved bit is set: the access would fault
                frame = entry & _FRAME & -size
                return Page(linear & -size, frame, size, executable), size
            table = entry & _FRAME
        raise AssertionError("the last level is of pages")

    def _translate_32(self, linear: int) -> Page | None:
        directory = self._entry((self._cr3 & 0xFFFF_F000) + 4 * (linear >> 22), 4)
        if not directory & _PRESENT:
            return None
        if self._pse and directory & _LARGE:
            # Bits 20:13 are bits 39:32 of the address (PSE-36).
            frame = (directory & 0xFFC0_0000) | (directory >> 13 & 0xFF) << 32
            return Page(linear & ~0x3F_FFFF, frame, 4 << 20, True)
        entry = self._entry((directory & 0xFFFF_F000) + 4 * (linear >> 12 & 0x3FF), 4)
        if not entry & _PRESENT:
            return None
        return Page(linear & ~0xFFF, entry & 0xFFFF_F000, _PAGE, True)

    def _entry(self, address: int, size: int) -> int:
        """A table's entry; 0, which is not present, where no RAM is."""
        return int.from_bytes(_read(self._ram, address, size), "little")


_CODES = {2: "H", 4: "I", 8: "Q"}


def _read(ram: Ram, physical: int, length: int) -> bytes:
    """RAM, or nothing where there is none."""
    try:
        return ram.read(physical, length)
    except HvlabError:
        return b""
