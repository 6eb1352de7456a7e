# SPDX-License-Identifier: GPL-2.0-or-later
"""kallsyms tables as kernels of several versions lay them out, made here as scripts/kallsyms.c makes them;
the running kernel's own are in test_introspection_linux.py.
"""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Sequence

import pytest

from hvlab.introspection.kallsyms import KERNEL_FIRST, Kallsyms, decode

Entry = tuple[int, str, str]  # address, type, name

TEXT = KERNEL_FIRST + 0x12A0_0000  # as KASLR may put it
PAIRS = ("__", "re", "st", "_i", "x86_", "sys", "er", "t_")
LAYOUTS = ("4.20", "6.2", "6.4", "6.15")


def tokens() -> list[bytes]:
    """Each character for itself, and the rest of the codes for what is frequent."""
    used = [chr(code) for code in range(256)]
    table = [c.encode() if c.isascii() and (c.isalnum() or c in "_.$") else b"" for c in used]
    free = [code for code, token in enumerate(table) if not token]
    for index, code in enumerate(free):
        table[code] = PAIRS[index].encode() if index < len(PAIRS) else f"_{index}".encode()
    return table


def encode(text: str, table: Sequence[bytes]) -> bytes:
    pairs = "|".join(sorted(map(re.escape, PAIRS), key=len, reverse=True))
    codes = {token: code for code, token in enumerate(table)}
    coded = bytes(codes[piece.encode()] for piece in re.findall(f"{pairs}|.", text))
    size = len(coded)
    length = bytes([size]) if size < 0x80 else bytes([size & 0x7F | 0x80, size >> 7])
    return length + coded


def aligned(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)


def image(entries: Sequence[Entry], layout: str) -> bytes:
    """A piece of read-only data with the tables in it, among other things."""
    table = tokens()
    names, markers = bytearray(), []
    for index, (_, kind, name) in enumerate(entries):
        if index % 256 == 0:
            markers.append(len(names))
        names += encode(kind + name, table)
    places, at = [], 0
    for token in table:
        places.append(at)
        at += len(token) + 1
    base = next(address for address, _, _ in entries if address >= KERNEL_FIRST)
    if layout == "6.15":
        offsets = [address - base for address, _, _ in entries]
    else:
        offsets = [a if a < KERNEL_FIRST else base - 1 - a for a, _, _ in entries]
    addresses = aligned(b"".join(struct.pack("<I", o & 0xFFFF_FFFF) for o in offsets))
    addresses += struct.pack("<Q", base)
    head = aligned(struct.pack("<I", len(entries))) + aligned(bytes(names))
    head += aligned(b"".join(struct.pack("<I", marker) for marker in markers))
    sequence = aligned(b"".join(i.to_bytes(3, "big") for i in range(len(entries))))
    tail = aligned(b"".join(token + b"\0" for token in table)) + struct.pack("<256H", *places)
    chance = random.Random(5)
    before, after = chance.randbytes(4096), aligned(chance.randbytes(4096))
    if layout == "4.20":
        tables = addresses + head + tail
    elif layout == "6.2":
        tables = addresses + head + sequence + tail
    else:
        tables = head + tail + addresses + sequence
    return before + tables + after


def symbols(count: int, per_cpu: bool) -> list[Entry]:
    chance = random.Random(count)
    alphabet = "abcdefghijklmnopqrstuvwxyz_0123456789."
    entries: list[Entry] = (
        [(0, "A", "fixed_percpu_data"), (0x1000, "A", "x86_cpu")] if per_cpu else []
    )
    address = TEXT
    for index in range(count - len(entries)):
        length = 300 if index == 77 else chance.randrange(3, 40)
        name = "".join(chance.choice(alphabet) for _ in range(length))
        entries.append((address, chance.choice("tTdDrRW"), f"s{name}"))
        address += chance.choice((0, 16, 48, 4096))
    return entries


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("count", [5000, 4864, 4865, 5119])  # of names: 256 * 19 = 4864
def test_every_layout(layout: str, count: int) -> None:
    entries = symbols(count, per_cpu=layout != "6.15")
    found = decode(image(entries, layout))
    assert found is not None
    assert list(found) == entries
    lookups(found, entries)
    once = [entry for entry in entries[100::700] if [e[2] for e in entries].count(entry[2]) == 1]
    for types in ("RD", "tTdrW"):
        wanted = {name: address for address, kind, name in once if kind in types}
        assert found.addresses([*(entry[2] for entry in once), "no_such_symbol"], types) == wanted


def lookups(found: Kallsyms, entries: Sequence[Entry]) -> None:
    """As kallsyms_lookup() has it: the first of several at one address; up to the next address."""
    kernel = [entry for entry in entries if entry[0] >= KERNEL_FIRST]
    for index in range(0, len(kernel) - 60, 61):
        address = kernel[index][0]
        first = next(entry for entry in kernel if entry[0] == address)
        end = next(entry[0] for entry in kernel if entry[0] > address)
        symbol = found.find(end - 1)
        assert symbol is not None
        assert (symbol.address, symbol.size, symbol.name) == (address, end - address, first[2])
        assert symbol.code is (first[1] in "tTW")
    assert found.find(kernel[0][0] - 1) is None
    assert found.find(0x1000) is None  # of a per-CPU variable, no address
    assert found.find(kernel[-1][0] + 5) is None  # there the modules begin


@pytest.mark.parametrize("layout", LAYOUTS)
def test_addresses_that_are_none(layout: str) -> None:
    """In disorder, or not the kernel's: then it is no table."""
    entries = symbols(5000, per_cpu=layout != "6.15")
    swapped = [*entries[:3000], entries[4000], *entries[3001:]]
    assert decode(image(swapped, layout)) is None
    low = [(address % 0x1000_0000, kind, name) for address, kind, name in entries]
    low = [(KERNEL_FIRST + (1 << 30) + address, kind, name) for address, kind, name in low]
    assert decode(image(low, layout)) is None


def test_few_names_are_no_kernel() -> None:
    assert decode(image(symbols(1000, per_cpu=True), "6.4")) is None
    assert decode(b"") is None
    assert decode(b"0\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00" * 1000) is None
    assert decode(b"\0" * 100_000 + b"0\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00") is None
