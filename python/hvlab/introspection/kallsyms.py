# SPDX-License-Identifier: GPL-2.0-or-later
"""The symbols of a running Linux, out of its memory: what /proc/kallsyms shows, without asking the guest.

The kernel holds a compressed table in its read-only data (scripts/kallsyms.c writes it, kernel/kallsyms.c
reads it). Nothing points to it, so it is found by its shape: the token table has all digits in a row, and
the token index behind it must say where each token begins. Every length and place is checked before it is
used, since it all is guest memory; what does not fit exactly is no table.

Where the parts lie, from low to high; each begins at a multiple of eight:

    up to 6.3: offsets, relative base, number, names, markers, token table, token index
    from 6.4:  number, names, markers, token table, token index, offsets, relative base

6.2 and 6.3, and what took it over from them, have three bytes for each symbol before the token table.
"""

from __future__ import annotations

import bisect
import itertools
import re
from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from hvlab.introspection.paging import AddressSpace, Page
from hvlab.introspection.symbols import MAX_NAME, Symbol

# The kernel's own mapping on x86-64 (Documentation/arch/x86/x86_64/mm.rst), wherever KASLR put it.
KERNEL_FIRST, KERNEL_END = 0xFFFF_FFFF_8000_0000, 0xFFFF_FFFF_C000_0000

MAX_SYMBOLS = 2_000_000
_MAX_PAGES = 65_536
_MAX_SCAN = 256 << 20
_DIGITS = re.compile(rb"0\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00")
_TOKENS = 256
_MAX_TOKEN = 64
_STRIDE = 256  # names between two markers
_MAX_CODED = MAX_NAME + 2  # bytes of a name: every token is one character at least
_MIN_MARKERS = 16  # a kernel has thousands of symbols
_CODE_TYPES = frozenset("tTwWiu")


class Kallsyms:
    """The decoded tables: names by address. A name is decoded when it is asked for."""

    def __init__(
        self, addresses: array[int], names: bytes, starts: array[int], tokens: list[bytes]
    ) -> None:
        self._addresses = addresses
        self._names = names
        self._starts = starts
        self._tokens = tokens

    @property
    def source(self) -> str:
        return f"kallsyms in the guest's memory, {len(self)} symbols"

    def __len__(self) -> int:
        return len(self._addresses)

    def __iter__(self) -> Iterator[tuple[int, str, str]]:
        """Address, type and name of each, in the table's order, as in /proc/kallsyms."""
        for index, address in enumerate(self._addresses):
            yield address, *self._name(index)

    def find(self, address: int) -> Symbol | None:
        """As the kernel's own look-up: of several at one address, the first in the table; a symbol
        reaches to the next address that has one.
        """
        after = bisect.bisect_right(self._addresses, address)
        if after == 0 or address < KERNEL_FIRST:
            return None
        begin = self._addresses[after - 1]
        index = bisect.bisect_left(self._addresses, begin)
        kind, name = self._name(index)
        if begin < KERNEL_FIRST or after == len(self) or not name:
            return None  # behind the last symbol, modules begin: nobody says how far it reaches
        return Symbol(begin, self._addresses[after] - begin, name, kind in _CODE_TYPES)

    def addresses(self, names: Collection[str], types: str) -> dict[str, int]:
        """Where symbols of these names and one of these types are: those that there are."""
        wanted = [f"{kind}{name}".encode() for kind in types for name in names]
        # Most names are none of them by their first token already. (One with two bytes of length is too
        # long to be looked for; taken for a short one, it has another name.)
        first = [
            code
            for code, token in enumerate(self._tokens)
            if token and any(name.startswith(token) for name in wanted)
        ]
        begins = bytes(map(self._names.__getitem__, map((1).__add__, self._starts)))
        found = {}
        for match in re.finditer(b"[" + re.escape(bytes(first)) + b"]", begins) if first else ():
            kind, name = self._name(match.start())
            if name in names and kind in types:
                found[name] = self._addresses[match.start()]
        return found

    def _name(self, index: int) -> tuple[str, str]:
        """Type and name; a name that no symbol can have is empty."""
        length, start = _length(self._names, self._starts[index])
        coded = self._names[start : start + length]
        text = b"".join(self._tokens[code] for code in coded)[: MAX_NAME + 1].decode("latin-1")
        name = text[1:]
        return text[:1], name if name.isascii() and name.isprintable() else ""


def find_kallsyms(space: AddressSpace) -> Kallsyms | None:
    """Looks for the tables in the kernel's mapping. None if there are none, or nothing is mapped."""
    if not space.long:
        return None
    scanned = 0
    for first, size in _areas(space.pages(KERNEL_FIRST, KERNEL_END, _MAX_PAGES)):
        scanned += size
        if scanned > _MAX_SCAN:
            return None
        found = decode(space.read(first, size))
        if found is not None:
            return found
    return None


def decode(data: bytes) -> Kallsyms | None:
    """The tables within a piece of the kernel's memory that has all of them."""
    for match in _DIGITS.finditer(data):
        found = _decode_at(data, match.start())
        if found is not None:
            return found
    return None


def _areas(pages: Iterator[Page]) -> Iterator[tuple[int, int]]:
    """Address and size of what is mapped without a gap."""
    first = end = 0
    for page in pages:
        if page.linear != end:
            if end > first:
                yield first, end - first
            first = page.linear
        end = page.linear + page.size
    if end > first:
        yield first, end - first


def _decode_at(data: bytes, digits: int) -> Kallsyms | None:
    table = _token_table(data, digits)
    if table is None:
        return None
    names = _names(data, table.first)
    if names is None:
        return None
    count = len(names.starts)
    for offsets, base in (
        (names.number - 8 - _aligned(4 * count), names.number - 8),
        (table.end, table.end + _aligned(4 * count)),
    ):
        addresses = _addresses(data, offsets, base, count)
        if addresses is not None:
            return Kallsyms(addresses, names.data, names.starts, table.tokens)
    return None


@dataclass(frozen=True)
class _TokenTable:
    """first: where it begins; end: behind its index."""

    tokens: list[bytes]
    first: int
    end: int


def _token_table(data: bytes, digits: int) -> _TokenTable | None:
    """The table around a row of digits, if the index behind it agrees.

    Where the first token begins is the index's to say: what lies before it need not end in a 0.
    """
    second = digits
    for _ in range(ord("0") - 1):
        second = data.rfind(b"\0", max(0, second - 1 - _MAX_TOKEN), second - 1) + 1
        if second <= 0:
            return None
    tokens, at = [b""], second
    for _ in range(_TOKENS - 1):
        end = data.find(b"\0", at, at + _MAX_TOKEN)
        if end < 0:
            return None
        tokens.append(data[at:end])
        at = end + 1
    index = _array("H", data, _aligned(at), _TOKENS)
    if index is None or not 0 < index[1] <= _MAX_TOKEN or second < index[1]:
        return None
    first = second - index[1]
    tokens[0] = data[first : second - 1]
    places = itertools.accumulate((len(token) + 1 for token in tokens[:-1]), initial=0)
    if first % 8 or index != array("H", places):
        return None
    return _TokenTable(tokens, first, _aligned(at) + 2 * _TOKENS)


@dataclass(frozen=True)
class _Names:
    """data: the coded names; starts: where in it each begins; number: where their number stands."""

    data: bytes
    starts: array[int]
    number: int


def _names(data: bytes, end: int) -> _Names | None:
    """The names whose markers lie before the token table, which begins at `end`."""
    for first, markers in _markers(data, end):
        # The last one may be chance already: what lies behind the markers looked like one more.
        for count in (len(markers), len(markers) - 1):
            found = _before_markers(data, first, markers[:count], end)
            if found is not None:
                return found
    return None


def _before_markers(data: bytes, first: int, markers: array[int], end: int) -> _Names | None:
    """The names that end where the markers begin, if all lengths agree."""
    # The last marker says where the last 256 names at most begin.
    highest = (first - markers[-1]) & -8
    lowest = max(8, highest - _STRIDE * _MAX_CODED)
    for start in range(highest, lowest - 1, -8):
        count = int.from_bytes(data[start - 8 : start], "little")
        if not _STRIDE * (len(markers) - 1) < count <= _STRIDE * len(markers):
            continue
        behind = first + _aligned(4 * len(markers))
        if end not in (behind, behind + _aligned(3 * count)):
            continue
        names = data[start:first]
        starts = _starts(names, count)
        if starts is not None and starts[::_STRIDE] == markers:
            return _Names(names, starts, start - 8)
    return None


def _markers(data: bytes, end: int) -> Iterator[tuple[int, array[int]]]:
    """Where markers may begin, nearest first: a 0, and then numbers that grow as 256 names do."""
    lowest = max(0, end - 4 * (MAX_SYMBOLS // _STRIDE) - 3 * MAX_SYMBOLS) & -8
    numbers = array("I", data[lowest:end])
    for at in range(len(numbers) - 2, -1, -2):
        if numbers[at] != 0:
            continue
        last = at
        while last + 1 < len(numbers) and (
            2 * _STRIDE <= numbers[last + 1] - numbers[last] <= _STRIDE * _MAX_CODED
        ):
            last += 1
        if last - at >= _MIN_MARKERS:
            yield lowest + 4 * at, array("Q", numbers[at : last + 1])


def _starts(names: bytes, count: int) -> array[int] | None:
    """Where each name begins, if there are `count` of them and then nothing but padding."""
    starts = array("Q")
    at, size = 0, len(names)
    for _ in range(count):
        if at >= size - 1:
            return None
        starts.append(at)
        length, text = _length(names, at)
        if length == 0:
            return None
        at = text + length
    return starts if at <= size and _aligned(at) == size else None


def _length(names: bytes, at: int) -> tuple[int, int]:
    """How long a coded name is and where it begins: one byte, or two (since 6.1) of seven bits each."""
    first = names[at]
    if first < 0x80:
        return first, at + 1
    return (first & 0x7F) | names[at + 1] << 7, at + 2


def _addresses(data: bytes, offsets: int, base: int, count: int) -> array[int] | None:
    """The addresses, if they are in order and begin in the kernel's mapping.

    With CONFIG_KALLSYMS_ABSOLUTE_PERCPU an offset that is not negative is an absolute value (of a per-CPU
    variable), and others count down from the base; without, all count up from it.
    """
    if offsets < 0 or base + 8 > len(data):
        return None
    relative = int.from_bytes(data[base : base + 8], "little")
    signed = _array("i", data, offsets, count)
    if signed is None or not KERNEL_FIRST <= relative < KERNEL_END:
        return None
    if 2 * sum(offset < 0 for offset in signed) > count:
        found = [o if o >= 0 else relative - 1 - o for o in signed]
    else:
        found = [relative + (o & 0xFFFF_FFFF) for o in signed]
    if found[-1] >= 1 << 64 or any(a > b for a, b in itertools.pairwise(found)):
        return None
    return array("Q", found)


def _array(code: str, data: bytes, at: int, count: int) -> array[int] | None:
    """Little-endian numbers; None where the data ends before them."""
    result = array(code)
    size = count * result.itemsize
    if at < 0 or at + size > len(data):
        return None
    result.frombytes(data[at : at + size])
    return result


def _aligned(size: int) -> int:
    return (size + 7) & -8
