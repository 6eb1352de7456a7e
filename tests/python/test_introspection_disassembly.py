# SPDX-License-Identifier: GPL-2.0-or-later
"""Code around RIP: against binutils' objdump, in every width, and where there is none."""

from __future__ import annotations

import random
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

import hvlab
from hvlab._core import CpuState
from hvlab.introspection.code import Code, code_of, mode_name
from hvlab.introspection.disassembly import around, disassembly, is_call_before
from hvlab.introspection.elf import elf_symbols
from hvlab.introspection.paging import AddressSpace
from made_memory import MadeRam

BEFORE = 10


@cache
def objdump(path: Path) -> list[tuple[int, str, str]]:
    """Address, mnemonic and function of each instruction of an executable."""
    output = subprocess.run(
        ["objdump", "-d", "-M", "intel", "--no-show-raw-insn", path],
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    found, function = [], ""
    for line in output.splitlines():
        if begin := re.match(r"[0-9a-f]+ <(.+)>:", line):
            function = begin[1]
        elif one := re.match(r" +([0-9a-f]+):\s+(?:(?:rep|repz|lock|cs|data16) )*(\S+)", line):
            found.append((int(one[1], 16), one[2], function))
    return found


def loaded(path: Path, base: int) -> MadeRam:
    """The text of an executable at its address."""
    image = path.with_suffix(".text")
    ram = MadeRam()
    subprocess.run(["objcopy", "-O", "binary", path, image], check=True, timeout=60)
    ram.put(base, image.read_bytes())
    return ram


@pytest.mark.parametrize(
    ("name", "bits"), [("micro-exceptions", 64), ("calls64", 64), ("calls32", 32)]
)
def test_as_objdump_sees_it(tmp_path: Path, name: str, bits: int) -> None:
    path = tmp_path / "image.elf"
    path.write_bytes(hvlab.fixture(name).read_bytes())
    peers = objdump(path)
    ram, table = loaded(path, 0x10_0000), elf_symbols(path)
    state = CpuState(0)
    state.cr0 = 0x11
    space = AddressSpace(ram, state)
    right = tried = 0
    for index in range(BEFORE, len(peers) - BEFORE, 1 + len(peers) // 300):
        address, function = peers[index][0], peers[index][2]
        expected = [at for at, _, name in peers[index - BEFORE : index] if name == function]
        code = Code(64 if bits == 64 else 32, 0, address)
        before, after = around(space, code, table)
        shown = [one.ip for one in before]
        assert not expected or shown[-len(expected) :] == expected
        assert after[0].ip == address
        # Without symbols, by falling in step: the nearest five.
        blind, _ = around(space, code, None)
        if len(expected) >= 5:
            tried += 1
            right += [one.ip for one in blind[-5:]] == expected[-5:]
    assert tried > 10
    assert right / tried > 0.9


def test_the_line_of_rip_is_marked_and_targets_have_names() -> None:
    path = hvlab.fixture("calls64")
    with hvlab.Machine(memory="4MiB", boot=hvlab.ElfImage(path)) as machine:
        middle = next(at for at, mnemonic, function in objdump(path)
                      if (mnemonic, function) == ("call", "middle"))  # fmt: skip
        while machine.vcpus[0].state.rip != middle:
            machine.run(instructions=1)
        state = machine.vcpus[0].state
        shown = disassembly(AddressSpace(machine.memory, state), code_of(state), elf_symbols(path))
    lines = shown.split("\n")
    marked = [line for line in lines if line.startswith("=>")]
    assert len(marked) == 1
    assert re.fullmatch(
        rf"=> {middle:016x}  <middle\+0x8/0xf> +e8( [0-9a-f]{{2}}){{4}} +call 0x[0-9a-f]+  <inner\+0x0/0x18>",
        marked[0],
    )
    assert [line[:2] for line in lines].index("=>") == 3  # of the function
    assert len({line.index("<") for line in lines}) == 1


@pytest.mark.parametrize(
    ("bits", "base", "text", "target"),
    [
        (16, 0x1000, "e8 fd ff", 0x1000 + 0xFFF0),  # call back to itself
        (16, 0xF_0000, "e9 00 80", 0xF_0000 + 0x7FF3),  # wraps within the segment
        (32, 0, "e8 fb ff ff ff", 0xFFF0),
        (32, 0x1_0000, "75 fe", 0x1_FFF0),
        (64, 0, "48 8b 05 10 00 00 00", 0xFFF0 + 7 + 16),
        (64, 0, "ff 15 f0 ff ff ff", 0xFFF0 + 6 - 16),
        (64, 0, "90", None),
    ],
)
def test_what_an_instruction_names(bits: int, base: int, text: str, target: int | None) -> None:
    ram = MadeRam()
    ram.put(base + 0xFFF0, bytes.fromhex(text) + b"\x90" * 8)
    space = AddressSpace(ram, CpuState(0))
    _, after = around(space, Code(bits, base, 0xFFF0), None)  # type: ignore[arg-type]
    assert after[0].target == target


def test_modes() -> None:
    state = CpuState(0)
    assert (mode_name(state), code_of(state)) == ("real mode", Code(16, 0xFFFF_0000, 0xFFF0))
    state.cr0 = 0x11
    assert mode_name(state) == "protected mode, 16-bit code, CPL 0"
    state.rflags |= 1 << 17
    assert mode_name(state) == "virtual-8086 mode, CPL 0"
    state.rflags = 2
    cs = state.cs
    cs.db, cs.base = True, 0
    state.cs = cs
    assert (mode_name(state), code_of(state).bits) == ("protected mode, 32-bit code, CPL 0", 32)
    msrs = state.msrs
    msrs.efer = 0x500
    state.msrs = msrs
    assert mode_name(state) == "compatibility mode, 32-bit code, CPL 0"
    cs.l, cs.db = True, False
    state.cs = cs
    assert (mode_name(state), code_of(state)) == ("64-bit mode, CPL 0", Code(64, 0, 0xFFF0))


def test_where_no_code_is() -> None:
    state = CpuState(0)
    state.cr0 = 0x11
    ram = MadeRam()
    ram.put(0x1FFE, b"\x06\x0f")  # no instruction of 64-bit mode; then no RAM
    space = AddressSpace(ram, state)
    assert (
        disassembly(space, Code(64, 0, 0x5000), None)
        == "=> 0000000000005000  (nothing is mapped here)"
    )
    assert disassembly(space, Code(64, 0, 0x1FFE), None).endswith("1ffe  06 0f  (no instruction)")
    assert "(nothing is mapped here)" in disassembly(space, Code(64, 0, (1 << 64) - 1), None)
    assert is_call_before(space, Code(64, 0, 0), 0) is False


def test_bytes_of_nonsense() -> None:
    """Any bytes, any place: a text of bounded size, and RIP in it once."""
    chance = random.Random(1)
    for bits in (16, 32, 64):
        ram = MadeRam()
        ram.put(0x3000, chance.randbytes(0x1000))
        state = CpuState(0)
        state.cr0 = 0x11
        space = AddressSpace(ram, state)
        for _ in range(60):
            text = disassembly(space, Code(bits, 0, chance.randrange(0x2FF0, 0x4010)), None)  # type: ignore[arg-type]
            assert text.count("=>") == 1
            assert len(text.split("\n")) <= 20
            assert text.isascii()


def test_at_the_begin_of_a_function_the_one_before_it_is_shown() -> None:
    path = hvlab.fixture("calls64")
    peers = objdump(path)
    begin = next(index for index, one in enumerate(peers) if one[2] == "middle")
    with hvlab.Machine(memory="4MiB", boot=hvlab.ElfImage(path)) as machine:
        space = AddressSpace(machine.memory, machine.vcpus[0].state)
        before, after = around(space, Code(64, 0, peers[begin][0]), elf_symbols(path))
    assert [one.ip for one in before] == [one[0] for one in peers[begin - len(before) : begin]]
    assert [peers[begin - n][2] for n in range(len(before), 0, -1)] == ["outer"] * len(before)
    assert len(before) == 5
    assert after[0].ip == peers[begin][0]
