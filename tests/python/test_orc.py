# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux' unwind tables: both formats by hand, and tables of nonsense. A real kernel's are compared with
its own traces in test_introspection_linux.py.
"""

from __future__ import annotations

import random

import pytest

from hvlab._core import CpuState
from hvlab.introspection.orc import Orc
from hvlab.introspection.paging import AddressSpace
from made_memory import MadeRam

TEXT, TABLES, STACK = 0xFFFF_FFFF_8100_0000, 0xFFFF_FFFF_8200_0000, 0xFFFF_FFFF_8300_0000
UNDEFINED, PREV_SP, _DX, _DI, BP, SP, R10, _R13, BP_INDIRECT, SP_INDIRECT = range(10)
# Kinds by their numbers in the two formats; the stack ends with a bit in the old one.
CALL, REGS, PARTIAL, END = "call", "regs", "partial", "end"
NUMBERS = {
    False: {CALL: 0, REGS: 1, PARTIAL: 2, END: 4},
    True: {CALL: 2, REGS: 3, PARTIAL: 4, END: 1},
}

Row = tuple[int, str, tuple[int, int], tuple[int, int]]  # offset in the text, kind, sp, bp


class Made:
    """A kernel's memory with rows as its tables, and a stack."""

    def __init__(self, rows: list[Row], since_6_4: bool) -> None:
        self.ram = MadeRam()
        self.state: CpuState = self.ram.long_mode()
        tables, self._stack = self.ram.map_page(TABLES), self.ram.map_page(STACK)
        for index, (offset, kind, sp, bp) in enumerate(rows):
            at = TABLES + 4 * index
            self.ram.put(
                tables + 4 * index, (TEXT + offset - at).to_bytes(4, "little", signed=True)
            )
            bits = sp[0] | bp[0] << 4 | NUMBERS[since_6_4][kind] << 8
            data = sp[1].to_bytes(2, "little", signed=True) + bp[1].to_bytes(
                2, "little", signed=True
            )
            self.ram.put(tables + 0x800 + 6 * index, data + bits.to_bytes(2, "little"))
        self.space = AddressSpace(self.ram, self.state)
        self.orc = Orc(self.space, TABLES, TABLES + 0x800, len(rows), since_6_4)

    def word(self, offset: int, value: int) -> None:
        self.ram.put(self._stack + offset, value.to_bytes(8, "little"))

    def places(self) -> list[int]:
        return [place - STACK for place in self.orc.return_places(self.state, 50)]


@pytest.mark.parametrize("since_6_4", [False, True])
def test_every_kind_of_frame(since_6_4: bool) -> None:
    made = Made(
        [
            (0x000, END, (UNDEFINED, 0), (UNDEFINED, 0)),
            (0x100, CALL, (SP, 8), (UNDEFINED, 0)),  # without a frame pointer
            (
                0x200,
                CALL,
                (SP, 0x40),
                (PREV_SP, -16),
            ),  # saved RBP, which is not its own frame pointer
            (0x300, CALL, (BP, 16), (PREV_SP, -16)),  # with a frame pointer
            (0x400, REGS, (SP, 8), (UNDEFINED, 0)),  # an exception's entry
            (0x500, CALL, (SP_INDIRECT, 8), (UNDEFINED, 0)),
            (0x600, PARTIAL, (SP, 0), (UNDEFINED, 0)),  # an interrupt frame alone
            (0x700, CALL, (SP, 16), (UNDEFINED, 0)),
        ],
        since_6_4,
    )
    made.state.rip, made.state.rsp, made.state.rbp = TEXT + 0x100, STACK + 0x100, 0
    made.word(0x100, TEXT + 0x210)  # into the second function
    made.word(
        0x108 + 0x40 - 8, TEXT + 0x400
    )  # ends the second; the call is the third's last instruction
    made.word(0x148 - 16, STACK + 0x180)  # the third's frame
    made.word(0x188, TEXT + 0x410)
    made.word(0x180, 0)
    regs = 0x190 + 8
    made.word(regs + 128, TEXT + 0x500)  # where the exception was
    made.word(regs + 136, 0x10)
    made.word(regs + 152, STACK + 0x400)
    made.word(0x400, STACK + 0x420)
    made.word(0x420, TEXT + 0x650)
    made.word(0x428, TEXT + 0x700)
    made.word(0x430, 0x10)
    made.word(0x440, STACK + 0x500)
    made.word(0x508, TEXT + 0x010)  # where the stack ends
    assert made.places() == [0x100, 0x140, 0x188, 0x420, 0x508]


def test_a_stack_that_ends_in_user_mode() -> None:
    made = Made([(0x000, REGS, (SP, 0), (UNDEFINED, 0))], True)
    made.state.rip, made.state.rsp = TEXT + 0x10, STACK + 0x100
    made.word(0x180, 0x1234)
    made.word(0x188, 0x33)
    assert made.places() == []


@pytest.mark.parametrize("seed", range(20))
def test_tables_and_stacks_of_nonsense_end(seed: int) -> None:
    chance = random.Random(seed)
    kinds = (CALL, CALL, REGS, PARTIAL)
    rows: list[Row] = [
        (
            chance.randrange(0x1000),
            chance.choice(kinds),
            (chance.randrange(16), chance.randrange(-300, 300)),
            (chance.randrange(16), chance.randrange(-300, 300)),
        )
        for _ in range(300)
    ]
    made = Made(rows, bool(seed % 2))
    for offset in range(0, 4096, 8):
        made.word(offset, chance.choice((TEXT, STACK)) + chance.randrange(0x1100))
    made.state.rip, made.state.rsp, made.state.rbp = TEXT + 0x800, STACK + 0x800, STACK + 0x900
    assert len(made.places()) <= 50
    made.state.rsp = chance.getrandbits(64)
    assert len(made.places()) <= 50
    lost = Orc(made.space, TABLES, chance.getrandbits(64), 1 << 20, True)
    assert list(lost.return_places(made.state, 50)) == []
