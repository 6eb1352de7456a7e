# SPDX-License-Identifier: GPL-2.0-or-later
"""Stack traces: a guest whose chain of calls is known, stacks made by hand, and stacks of nonsense."""

from __future__ import annotations

import random
import re

import pytest

import hvlab
from hvlab._core import CpuState
from hvlab.backends import NAMES, barrier
from hvlab.introspection import inspect
from hvlab.introspection.paging import AddressSpace
from hvlab.introspection.stack import MAX_FRAMES, trace, trace_text
from hvlab.introspection.symbols import Symbol, SymbolTable
from made_memory import MadeRam


@pytest.mark.parametrize("name", ["calls32", "calls64"])
def test_a_known_chain_of_calls(name: str) -> None:
    image = hvlab.fixture(name)
    with hvlab.Machine(memory="4MiB", boot=hvlab.ElfImage(image)) as machine:
        assert machine.run(timeout="1s").reason == "debug-exit"
        shown = inspect(machine, [image])
    frames = re.findall(
        r"^([ ?]) [0-9a-f]+  (\w+)\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?$", shown.stack, re.MULTILINE
    )
    assert frames == [
        (" ", "guest_exit_halt"),
        ("?", "leaf"),  # neither has a frame pointer
        ("?", "inner"),
        ("?", "before"),  # left over in inner's frame
        ("?", "inner"),
        (" ", "middle"),
        (" ", "outer"),
        (" ", "_start"),
    ]
    assert f"symbols: symbol table of {name}.elf" in shown.stack


def protected(bits: int) -> CpuState:
    """A flat state without paging, for code of that width."""
    state = CpuState(0)
    for name in ("cs", "ss"):
        segment = getattr(state, name)
        segment.base, segment.limit, segment.db = 0, 0xFFFF_FFFF, bits == 32
        setattr(state, name, segment)
    state.cr0 = 0x11 if bits == 32 else 0x10
    return state


def test_16_bit_code_by_hand() -> None:
    ram = MadeRam()
    ram.put(
        0x1000, bytes.fromhex("e8fd0f") + b"\x90" * 13
    )  # call 0x2000; what follows is at 0x1003
    ram.put(0x2000, bytes.fromhex("55 89e5 e8fa0f"))  # push bp; mov bp,sp; call 0x3000 -> 0x2006
    ram.put(0x7BF0, bytes.fromhex("0620 f87b 0000 0000 0000 0310 0000 0000".replace(" ", "")))
    state = protected(16)
    state.rip, state.rsp, state.rbp = 0x3000, 0x7BF0, 0x7BF8
    names = SymbolTable(
        [Symbol(0x1000, 0, "first", True), Symbol(0x2000, 0, "second", True)], "made"
    )
    frames = trace(AddressSpace(ram, state), state, names)
    assert [(frame.address, frame.sure) for frame in frames] == [
        (0x3000, True),
        (0x2006, False),
        (0x1003, True),
    ]


def test_an_interrupt_frame_leads_to_the_stack_that_was_interrupted() -> None:
    ram = MadeRam()
    state = ram.long_mode()
    code, stack, other = (
        ram.map_page(0xFFFF_FFFF_8100_0000),
        ram.map_page(0xFFFF_FFFF_8200_0000),
        ram.map_page(0xFFFF_FFFF_8300_0000),
    )
    ram.put(code + 0x100, bytes.fromhex("e8 00000000".replace(" ", "")))  # behind it: +0x105
    words = [0, 0xFFFF_FFFF_8100_0040, 0x10, 0x202, 0xFFFF_FFFF_8300_0800, 0x18]
    ram.put(stack + 0xF00, b"".join(word.to_bytes(8, "little") for word in words))
    ram.put(other + 0x810, (0xFFFF_FFFF_8100_0105).to_bytes(8, "little"))
    state.rip, state.rsp = 0xFFFF_FFFF_8100_0020, 0xFFFF_FFFF_8200_0F00
    text = trace_text(AddressSpace(ram, state), state, None)
    assert text.split("\n") == [
        "  ffffffff81000020",
        "  ffffffff81000040  (interrupted here)",
        "? ffffffff81000105",
    ]


@pytest.mark.parametrize("seed", range(20))
def test_stacks_of_nonsense_end(seed: int) -> None:
    """Whatever is on a stack, in the tables and in the registers, the trace is short and ends."""
    chance = random.Random(seed)
    ram = MadeRam()
    state = ram.long_mode()
    code, stack = ram.map_page(0xFFFF_FFFF_8100_0000), ram.map_page(0xFFFF_FFFF_8200_0000)
    ram.put(code, b"\xff\xd0" * 2048)  # wherever a return leads, a call is before it
    pool = [0xFFFF_FFFF_8100_0000 + 2 * n for n in range(2048)]
    pool += [0xFFFF_FFFF_8200_0000 + 8 * n for n in range(512)]
    pool += [0x10, 0x202, 0x18, 0x33, 0, (1 << 64) - 1]
    words = [chance.choice(pool) for _ in range(512)]
    ram.put(stack, b"".join(word.to_bytes(8, "little") for word in words))
    state.rip, state.rsp, state.rbp = pool[0], pool[2048 + seed], pool[2048 + 3 * seed]
    frames = trace(AddressSpace(ram, state), state, None)
    assert 1 <= len(frames) <= MAX_FRAMES
    state.rsp = chance.getrandbits(64)
    state.cr3 = chance.getrandbits(30)
    assert len(trace(AddressSpace(ram, state), state, None)) >= 1


@pytest.mark.parametrize("backend", NAMES)
def test_user_code_on_each_backend(backend: str) -> None:
    """A micro-guest in its loop, wherever it happens to be."""
    if (missing := barrier(backend)) is not None:
        pytest.skip(missing.reason)
    image = hvlab.fixture("micro-compute")
    boot = hvlab.MicroImage(image, cmdline="count=2000000000")
    with hvlab.Machine(memory="4MiB", backend=backend, boot=boot) as machine:
        machine.console.expect_text(" steps\n", timeout="10s")
        assert machine.run(timeout="20ms").reason == "deadline"
        seen = inspect(machine, [image])
    head = "64-bit mode, CPL 3\nsymbols: symbol table of micro-compute.elf\n"
    assert seen.disassembly.startswith(head)
    assert re.search(r"^=> [0-9a-f]{16}  <micro_main\+0x", seen.disassembly, re.MULTILINE)
    assert seen.stack.startswith(head)
    assert re.search(r"^  [0-9a-f]{16}  micro_main\+0x", seen.stack, re.MULTILINE)
    assert re.search(r"^\? [0-9a-f]{16}  _start\+0x", seen.stack, re.MULTILINE)
    assert re.search(r"efer=\w+  LME LMA", seen.registers)
