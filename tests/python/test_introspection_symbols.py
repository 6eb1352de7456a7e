# SPDX-License-Identifier: GPL-2.0-or-later
"""Symbols of images: against binutils' nm, and from files that are broken."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

import hvlab
from hvlab.errors import BootError, HostError
from hvlab.introspection import inspect
from hvlab.introspection.elf import companion, elf_symbols
from hvlab.introspection.symbols import Several, Symbol, SymbolTable, place

ELF_IMAGES = ("elf32", "elf64", "calls32", "calls64", "pvh", "micro-exceptions", "micro-calls")


def nm(path: Path) -> dict[int, set[str]]:
    """What binutils finds: the names at each address."""
    output = subprocess.run(
        ["nm", "--defined-only", path], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    found: dict[int, set[str]] = {}
    for line in output.splitlines():
        address, kind, name = line.split(None, 2)
        if kind not in "aA":
            found.setdefault(int(address, 16), set()).add(name)
    return found


@pytest.mark.parametrize("name", ELF_IMAGES)
def test_as_nm_finds_them(name: str) -> None:
    path = hvlab.fixture(name)
    table = elf_symbols(path)
    assert table is not None
    peers = nm(path)
    assert len(peers) > 10
    for address, names in peers.items():
        symbol = table.find(address)
        assert symbol is not None
        if symbol.size == 0 or address == symbol.address:  # else a label within a function
            assert (symbol.address, symbol.name in names) == (address, True)


def test_the_elf_file_of_a_flat_image(tmp_path: Path) -> None:
    flat = hvlab.fixture("runaway")
    assert companion(flat) == flat.with_suffix(".elf")
    image = tmp_path / "guest.bin"
    image.write_bytes(flat.read_bytes())
    assert companion(image) is None
    shutil.copy(flat.with_suffix(".elf"), tmp_path / "guest.elf")
    assert companion(image) == tmp_path / "guest.elf"
    with hvlab.Machine(image=image) as machine:
        machine.run(timeout="1ms")
        assert (
            "spin" in inspect(machine, [image]).disassembly
            or "print_done" in inspect(machine, [image]).disassembly
        )
    changed = bytearray(flat.read_bytes())
    changed[0x20] ^= 1
    image.write_bytes(changed)
    assert companion(image) is None  # of another build: its names would be wrong


def test_no_symbols_are_no_error(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"no ELF")
    assert elf_symbols(plain) is None
    stripped = tmp_path / "stripped"
    subprocess.run(["strip", "-o", stripped, hvlab.fixture("micro-calls")], check=True, timeout=60)
    assert elf_symbols(stripped) is None
    with pytest.raises(HostError, match="cannot read"):
        elf_symbols(tmp_path / "missing")
    with pytest.raises(BootError, match="no file to read symbols from"):
        elf_symbols(Path("/dev/zero"))


@pytest.mark.parametrize("seed", range(4))
def test_a_broken_image_is_one_error(tmp_path: Path, seed: int) -> None:
    """Cut off anywhere, or with bytes changed: symbols, none, or BootError, and nothing else."""
    whole = hvlab.fixture("calls64").read_bytes()
    chance = random.Random(seed)
    path = tmp_path / "broken.elf"
    (tmp_path / "broken.bin").write_bytes(whole[:64])
    refused = 0
    for _ in range(150):
        data = bytearray(whole)
        if chance.random() < 0.3:
            del data[chance.randrange(4, len(data)) :]
        for _ in range(chance.randrange(1, 6)):
            at = chance.choice((chance.randrange(64), chance.randrange(len(data))))
            if at < len(data):
                data[at] = chance.choice((0, 0xFF, chance.randrange(256)))
        # The section headers, where most lies that is followed.
        for _ in range(chance.randrange(6)):
            headers = int.from_bytes(whole[40:48], "little")
            if headers < len(data):
                data[chance.randrange(headers, len(data))] = chance.randrange(256)
        path.write_bytes(data)
        for read in (lambda: elf_symbols(path), lambda: companion(tmp_path / "broken.bin")):
            try:
                read()
            except BootError:
                refused += 1
    assert refused > 0


def test_which_symbol_an_address_has() -> None:
    table = SymbolTable(
        [
            Symbol(0x100, 0x40, "function", True),
            Symbol(0x110, 0, "label", True),
            Symbol(0x110, 0, "data", False),
            Symbol(0x150, 0, "end", True),
        ],
        "made",
    )
    assert [place(table, address) for address in (0xFF, 0x100, 0x113, 0x13F)] == [
        "",
        "function+0x0/0x40",
        "function+0x13/0x40",
        "function+0x3f/0x40",
    ]
    assert place(table, 0x140) == "label+0x30"
    assert place(table, 0x157) == "end+0x7"
    assert place(table, 0x150 + (16 << 20)) == ""
    other = SymbolTable([Symbol(0x100, 8, "first", True)], "other")
    both = Several([other, table])
    assert (place(both, 0x104), place(both, 0x108)) == ("first+0x4/0x8", "function+0x8/0x40")
    assert both.source == "other, made"
