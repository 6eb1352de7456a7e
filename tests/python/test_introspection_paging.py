# SPDX-License-Identifier: GPL-2.0-or-later
"""Page tables walked from outside: every kind, by hand; and a guest's own."""

from __future__ import annotations

import random

import pytest

import hvlab
from hvlab._core import CpuState
from hvlab.introspection.paging import AddressSpace, Page
from made_memory import MadeRam

NX = 1 << 63


def state_with(cr0: int = 0x8000_0011, cr3: int = 0x1000, cr4: int = 0, efer: int = 0) -> CpuState:
    state = CpuState(0)
    state.cr0, state.cr3, state.cr4 = cr0, cr3, cr4
    msrs = state.msrs
    msrs.efer = efer
    state.msrs = msrs
    return state


def ram_with(entries: dict[int, int], size: int = 8) -> MadeRam:
    ram = MadeRam()
    for address, value in entries.items():
        ram.entry(address, value, size)
    return ram


def test_without_paging_linear_is_physical() -> None:
    ram = ram_with({0x5000: 0x1122334455667788})
    space = AddressSpace(ram, state_with(cr0=0x11))
    assert space.translate(0x5008) == Page(0x5000, 0x5000, 4096, True)
    assert space.read(0x5000, 8) == bytes.fromhex("8877665544332211")
    assert space.translate(1 << 32) is None
    assert space.read(0x5FFC, 16) == bytes(4)  # up to where no RAM is


def test_32_bit_paging() -> None:
    entries = {
        0x1000 + 4 * 1: 0x2001,  # 4 MiB at 4 MiB: by a table
        0x2000 + 4 * 3: 0x7_5001,
        0x1000 + 4 * 2: 0x0080_0081 | 1 << 13,  # 8 MiB: a large page at 4 GiB + 8 MiB (PSE-36)
        0x1000 + 4 * 3: 0x9999_9001,  # a table where no RAM is
    }
    space = AddressSpace(ram_with(entries, 4), state_with(cr4=0x10))
    assert space.translate(0x40_3123) == Page(0x40_3000, 0x7_5000, 4096, True)
    assert space.translate(0x40_4000) is None
    assert space.translate(0x80_1234) == Page(0x80_0000, (1 << 32) + 0x80_0000, 4 << 20, True)
    assert space.translate(0xC0_0000) is None
    assert space.translate(0) is None
    without_pse = AddressSpace(ram_with(entries, 4), state_with())
    assert without_pse.translate(0x80_1234) is None  # then it is a table, at 0x800000


def test_pae_paging() -> None:
    entries = {
        0x1020: 0x2001,  # the directory pointers: 32 bytes anywhere
        0x1038: 0x3001,
        0x2000: 0xA0_0083,  # 2 MiB
        0x2008: 0x4001,
        0x4000 + 8 * 5: 0x77_7001 | NX,
    }
    space = AddressSpace(ram_with(entries), state_with(cr3=0x1020, cr4=0x20, efer=0x800))
    assert space.translate(0x12_3456) == Page(0, 0xA0_0000, 2 << 20, True)
    assert space.translate(0x20_5678) == Page(0x20_5000, 0x77_7000, 4096, False)
    assert space.translate(0x4000_0000) is None
    assert space.translate(0xC000_0000) is None


@pytest.mark.parametrize("levels", [4, 5])
def test_64_bit_paging(levels: int) -> None:
    top = 0x1000 if levels == 4 else 0x9000
    entries = {
        0x9000 + 8 * 511: 0x1003,
        0x1000 + 8 * 511: 0x2003,
        0x2000 + 8 * 510: 0x3003,  # 0xffffffff80000000
        0x2000 + 8 * 511: 0x1_4000_0083,  # a page of 1 GiB, at 5 GiB
        0x3000 + 8 * 8: 0x60_0083 | NX,  # 2 MiB
        0x3000 + 8 * 9: 0x4003,
        0x4000 + 8 * 2: 0x55_5003,
        0x1000 + 8 * 510: 0x83,  # a large page where none can be: reserved
    }
    cr4 = 0x20 if levels == 4 else 0x1020
    space = AddressSpace(ram_with(entries), state_with(cr3=top, cr4=cr4, efer=0xD00))
    base = 0xFFFF_FFFF_8000_0000
    assert space.translate(base + 0x120_2345) == Page(base + 0x120_2000, 0x55_5000, 4096, True)
    assert space.translate(base + 0x100_0010) == Page(base + 0x100_0000, 0x60_0000, 2 << 20, False)
    assert space.translate(0xFFFF_FFFF_FFFF_FFFF) == Page(
        0xFFFF_FFFF_C000_0000, 0x1_4000_0000, 1 << 30, True
    )
    assert space.translate(0xFFFF_FF00_0000_0000) is None  # reserved bit
    assert space.translate(0x0000_8000_0000_0000) is None  # 4 levels: not canonical
    assert space.translate(0x0001_0000_0000_0000) is None
    assert space.translate(1 << 64) is None
    assert space.translate(-1) is None
    found = list(space.pages(base, base + (1 << 30), 100))
    assert [page.linear - base for page in found] == [0x100_0000, 0x120_2000]
    assert list(space.pages(base, base + (1 << 30), 1)) == found[:1]


@pytest.mark.parametrize("seed", range(10))
def test_tables_of_nonsense_end(seed: int) -> None:
    """Entries that point at each other, at themselves, and anywhere."""
    chance = random.Random(seed)
    ram = MadeRam()
    for table in range(1, 9):
        for index in range(512):
            target = chance.choice((chance.randrange(1, 9) << 12, chance.getrandbits(52)))
            ram.entry(table << 12 | index * 8, target & ~0xFFF | chance.getrandbits(12))
    for cr4, efer in ((0, 0), (0x20, 0x800), (0x20, 0xD00), (0x1020, 0xD00)):
        space = AddressSpace(ram, state_with(cr3=0x1000, cr4=cr4, efer=efer))
        for _ in range(200):
            linear = chance.choice((chance.getrandbits(64), chance.getrandbits(32)))
            page = space.translate(linear)
            assert page is None or page.linear <= linear < page.linear + page.size
            assert len(space.read(linear, 100)) <= 100
        assert len(list(space.pages(0, 1 << 30, 1000))) <= 1000


def test_a_guests_own_tables() -> None:
    """`longmode` runs its tasks at 2 MiB, in copies of a page of its kernel."""
    with hvlab.Machine(memory="4MiB", image=hvlab.fixture("longmode")) as machine:
        machine.run(instructions=100_000)
        state = machine.vcpus[0].state
        assert state.cs.dpl == 3
        space = AddressSpace(machine.memory, state)
        page = space.translate(state.rip)
        assert page is not None
        assert page.executable
        assert page.linear != page.physical
        code = space.read(state.rip, 16)
        assert code == machine.memory.read(page.physical + state.rip - page.linear, 16)
        stack = space.translate(state.rsp)
        assert stack is not None
        assert not stack.executable
        mask = space.translate(0x7C00)
        assert mask is None or mask.physical == mask.linear
