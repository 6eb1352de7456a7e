# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of addresses. Where they come from is untrusted: an image, or the guest's memory."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

MAX_NAME = 512  # KSYM_NAME_LEN of Linux; a longer one is no symbol's
_MAX_LABELS = 64  # within one function
_MAX_OFFSET = 16 << 20  # from a symbol without a size: further away, the name would say nothing


@dataclass(frozen=True, slots=True)
class Symbol:
    """One symbol. size: in bytes, 0 if nobody knows; code: may be executed."""

    address: int
    size: int
    name: str
    code: bool

    def place(self, address: int) -> str:
        """`name+0x1a/0x40`, as Linux writes it."""
        size = f"/{self.size:#x}" if self.size else ""
        return f"{self.name}+{address - self.address:#x}{size}"


class Symbols(Protocol):
    """Something that knows names of addresses."""

    @property
    def source(self) -> str:
        """Where the names come from, for a person."""

    def find(self, address: int) -> Symbol | None:
        """The symbol that an address belongs to."""


class SymbolTable:
    """Symbols in order. Of several at one address, the first given that is code goes before others."""

    def __init__(self, symbols: Iterable[Symbol], source: str) -> None:
        self.source = source
        ordered = sorted(symbols, key=lambda symbol: (symbol.address, not symbol.code))
        self._symbols: list[Symbol] = []
        for symbol in ordered:
            if not self._symbols or self._symbols[-1].address != symbol.address:
                self._symbols.append(symbol)
        self._addresses = [symbol.address for symbol in self._symbols]

    def __len__(self) -> int:
        return len(self._symbols)

    def find(self, address: int) -> Symbol | None:
        """The symbol with a size that the address lies in, or else the label before it."""
        index = bisect.bisect_right(self._addresses, address) - 1
        label: Symbol | None = None
        for symbol in reversed(self._symbols[max(0, index - _MAX_LABELS) : index + 1]):
            distance = address - symbol.address
            if distance < symbol.size:
                return symbol
            if symbol.size == 0 and label is None and distance < _MAX_OFFSET:
                label = symbol
            elif symbol.size:
                break
        return label


class Several:
    """The names of several sources; the first that knows an address gives its name."""

    def __init__(self, sources: Sequence[Symbols]) -> None:
        self._sources = sources

    @property
    def source(self) -> str:
        return ", ".join(source.source for source in self._sources)

    def find(self, address: int) -> Symbol | None:
        for source in self._sources:
            symbol = source.find(address)
            if symbol is not None:
                return symbol
        return None


def place(symbols: Symbols | None, address: int) -> str:
    """`name+0x1a/0x40`; empty for an address without a name."""
    symbol = symbols.find(address) if symbols is not None else None
    return "" if symbol is None else symbol.place(address)
