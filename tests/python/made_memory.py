# SPDX-License-Identifier: GPL-2.0-or-later
"""Guest memory made by hand: RAM by pages, and page tables for 64-bit mode."""

from __future__ import annotations

from hvlab._core import CpuState
from hvlab.errors import HvlabError

PAGE = 4096
_TABLES, _PAGES = 0x10_0000, 0x20_0000


class MadeRam:
    """RAM that is there where something was put, and nowhere else."""

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}
        self._tables = _TABLES
        self._next = _PAGES
        self.reads = 0

    def read(self, address: int, length: int) -> bytes:
        self.reads += 1
        found = bytearray()
        while len(found) < length:
            page = self._pages.get(address // PAGE)
            if page is None:
                raise HvlabError(f"no RAM at {address:#x}")
            take = min(length - len(found), PAGE - address % PAGE)
            found += page[address % PAGE : address % PAGE + take]
            address += take
        return bytes(found)

    def put(self, address: int, data: bytes) -> None:
        for offset, byte in enumerate(data):
            page = self._pages.setdefault((address + offset) // PAGE, bytearray(PAGE))
            page[(address + offset) % PAGE] = byte

    def entry(self, address: int, value: int, size: int = 8) -> None:
        self.put(address, value.to_bytes(size, "little"))

    def long_mode(self) -> CpuState:
        """A state in 64-bit mode with tables that map nothing yet."""
        state = CpuState(0)
        state.cr0, state.cr4, state.cr3 = 0x8000_0011, 0x20, self._table()
        msrs = state.msrs
        msrs.efer = 0xD00
        state.msrs = msrs
        cs = state.cs
        cs.l, cs.selector = True, 0x10
        state.cs = cs
        self._root = state.cr3
        return state

    def map_page(self, linear: int, flags: int = 3) -> int:
        """Maps a page of 4 KiB, and says where it lies."""
        table = self._root
        for shift in (39, 30, 21):
            at = table + 8 * (linear >> shift & 511)
            found = int.from_bytes(self.read(at, 8), "little")
            if not found & 1:
                found = self._table() | 3
                self.entry(at, found)
            table = found & ~0xFFF
        physical = self._next
        self._next += PAGE
        self.put(physical, bytes(PAGE))
        self.entry(table + 8 * (linear >> 12 & 511), physical | flags)
        return physical

    def _table(self) -> int:
        address = self._tables
        self._tables += PAGE
        self.put(address, bytes(PAGE))
        return address
