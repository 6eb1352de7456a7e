# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux' own unwind tables (ORC), out of the guest's memory: for each place in the kernel's code where its
caller's stack pointer is. A kernel without frame pointers is built with them.

As arch/x86/kernel/unwind_orc.c reads them; formats of arch/x86/include/asm/orc_types.h up to 6.3 and since.
What they say is the guest's word: whoever follows it checks that what it finds is a return address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hvlab._core import CpuState
    from hvlab.introspection.kallsyms import Kallsyms
    from hvlab.introspection.paging import AddressSpace

_MAX_ENTRIES = 4_000_000
_ENTRY = 6  # bytes: two offsets, then registers and type in 16 bits
_FIRST, _IPS_END, _ENTRIES, _BANNER = (
    "__start_orc_unwind_ip", "__stop_orc_unwind_ip", "__start_orc_unwind", "linux_banner",
)  # fmt: skip
_VERSION = re.compile(rb"Linux version (\d{1,3})\.(\d{1,4})")

# Registers that an offset is from, by their numbers in an entry.
_UNDEFINED, _PREV_SP, _DX, _DI, _BP, _SP, _R10, _R13, _BP_INDIRECT, _SP_INDIRECT = range(10)

# struct pt_regs: where the registers of interest lie.
_REGS_BP, _REGS_IP = 32, 128


@dataclass(frozen=True, slots=True)
class _Entry:
    """sp, bp: (register, offset); kind: of _CALL, _REGS, _PARTIAL, or None where the stack ends."""

    sp: tuple[int, int]
    bp: tuple[int, int]
    kind: str | None


_CALL, _REGS, _PARTIAL = "call", "regs", "partial"
_KINDS_UP_TO_6_3 = (_CALL, _REGS, _PARTIAL, None)
_KINDS = (None, None, _CALL, _REGS, _PARTIAL, None, None, None)


class Orc:
    """The tables of the running kernel."""

    def __init__(
        self, space: AddressSpace, ips: int, entries: int, count: int, since_6_4: bool
    ) -> None:
        self._space = space
        self._ips = ips
        self._entries = entries
        self._count = count
        self._since_6_4 = since_6_4

    def return_places(self, state: CpuState, most: int) -> Iterator[int]:
        """Where on the stack the return addresses are, from the innermost frame on."""
        ip, sp, bp = state.rip, state.rsp, state.rbp
        full: CpuState | None = (
            state  # other registers than these three are known of the first frame only
        )
        exact = True  # of a caller, the instruction that counts is the call before the address
        for _ in range(most):
            entry = self._find(ip if exact else ip - 1)
            before = None if entry is None else self._base(entry, sp, bp, full)
            if entry is None or before is None:
                return
            full = None
            if entry.kind == _CALL:
                words = self._space.read_words(before - 8, 1)
                if not words:
                    return
                yield before - 8
                ip, exact = words[0], False
                bp = self._frame_pointer(entry, before, bp)
                sp = before
            else:
                at = before + (_REGS_IP if entry.kind == _REGS else 0)
                words = self._space.read_words(at, 4)  # RIP, CS, RFLAGS, RSP
                if len(words) < 4 or words[1] & 3:
                    return
                if entry.kind == _REGS:
                    bp = next(iter(self._space.read_words(before + _REGS_BP, 1)), 0)
                ip, sp, exact = words[0], words[3], True

    def _find(self, ip: int) -> _Entry | None:
        """The entry of the last place at or below an address."""
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            place = self._place(middle)
            if place is None:
                return None
            if place <= ip:
                low = middle + 1
            else:
                high = middle
        if low == 0:
            return None
        data = self._space.read(self._entries + _ENTRY * (low - 1), _ENTRY)
        return self._decoded(data) if len(data) == _ENTRY else None

    def _place(self, index: int) -> int | None:
        """The address that an index stands for; each is told relative to its own place."""
        at = self._ips + 4 * index
        data = self._space.read(at, 4)
        if len(data) < 4:
            return None
        return (at + int.from_bytes(data, "little", signed=True)) % (1 << 64)

    def _decoded(self, data: bytes) -> _Entry | None:
        sp, bp = (int.from_bytes(data[i : i + 2], "little", signed=True) for i in (0, 2))
        bits = int.from_bytes(data[4:6], "little")
        if self._since_6_4:
            kind, end = _KINDS[bits >> 8 & 7], False
        else:
            kind, end = _KINDS_UP_TO_6_3[bits >> 8 & 3], bool(bits >> 10 & 1)
        if end or kind is None:
            return None
        return _Entry((bits & 15, sp), (bits >> 4 & 15, bp), kind)

    def _base(self, entry: _Entry, sp: int, bp: int, full: CpuState | None) -> int | None:
        """The caller's stack pointer, or where registers were saved."""
        register, offset = entry.sp
        if register in (_SP, _BP):
            return (sp if register == _SP else bp) + offset
        if register in (_SP_INDIRECT, _BP_INDIRECT):
            at, then = (sp, offset) if register == _SP_INDIRECT else (bp + offset, 0)
            words = self._space.read_words(at, 1)
            return words[0] + then if words else None
        if full is None:
            return None
        known = {_R10: full.r10, _R13: full.r13, _DI: full.rdi, _DX: full.rdx}
        return known[register] + offset if register in known else None

    def _frame_pointer(self, entry: _Entry, before: int, bp: int) -> int:
        register, offset = entry.bp
        if register not in (_PREV_SP, _BP):
            return bp
        words = self._space.read_words((before if register == _PREV_SP else bp) + offset, 1)
        return words[0] if words else 0


def find_orc(space: AddressSpace, kallsyms: Kallsyms) -> Orc | None:
    """The tables, if the kernel has them."""
    found = kallsyms.addresses((_FIRST, _IPS_END, _ENTRIES, _BANNER), "RD")
    if len(found) < 4:
        return None
    count = (found[_IPS_END] - found[_FIRST]) // 4
    version = _VERSION.match(space.read(found[_BANNER], 64))
    if not 0 < count <= _MAX_ENTRIES or version is None:
        return None
    since_6_4 = (int(version[1]), int(version[2])) >= (6, 4)
    return Orc(space, found[_FIRST], found[_ENTRIES], count, since_6_4)
