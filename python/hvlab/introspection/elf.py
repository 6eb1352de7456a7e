# SPDX-License-Identifier: GPL-2.0-or-later
"""Symbols of an ELF image, from its symbol table. Images are untrusted: what is wrong with one is
one error, whatever it is.
"""

from __future__ import annotations

import io
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hvlab.errors import BootError, HostError
from hvlab.introspection.symbols import MAX_NAME, Symbol, SymbolTable

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

MAX_FILE = 1 << 30
MAX_TABLE = 64 << 20  # of symbols and of their names: a vmlinux with debug information has 8 MiB
MAX_SECTIONS = 65_536


def elf_symbols(path: Path) -> SymbolTable | None:
    """The symbols of an executable by their link-time addresses.

    None if the file is no ELF file or has no symbol table. Raises BootError for a broken one and
    HostError if it cannot be read.
    """
    from elftools.common.exceptions import ELFError

    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE:
                raise BootError(f"{path}: no file to read symbols from", str(path))
            if file.read(4) != b"\x7fELF":
                return None
            try:
                return _table(file, path)
            except (ELFError, ValueError, IndexError, KeyError, AttributeError, OverflowError) as e:
                # pyelftools raises what its parsers happen to meet in a broken file.
                message = f"{path}: broken symbol table: {type(e).__name__}: {e}"
                raise BootError(message, str(path), "symbols") from None
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise HostError(message, f"read {path}", error.errno or 0) from None


def _table(file: io.BufferedReader, path: Path) -> SymbolTable | None:
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    elf = ELFFile(file)
    section = elf.get_section_by_name(".symtab")
    if not isinstance(section, SymbolTableSection):
        return None
    names = section.stringtable
    if section.data_size > MAX_TABLE or names.data_size > MAX_TABLE:
        raise ValueError("it is too large")
    texts = names.data()
    code = _code_sections(elf)
    order = "<" if elf.little_endian else ">"
    found = []
    for name_at, info, where, value, size in _entries(section.data(), elf.elfclass, order):
        if info & 0xF not in _NAMED or where in (_UNDEFINED, _COMMON) or not name_at:
            continue
        end = texts.find(b"\0", name_at, name_at + MAX_NAME)
        if end <= name_at:
            continue
        name = texts[name_at:end].decode("ascii", "replace")
        if name.isprintable():
            found.append(Symbol(value, size, name, where in code))
    return SymbolTable(found, f"symbol table of {path.name}")


_NAMED = (0, 1, 2)  # STT_NOTYPE, STT_OBJECT, STT_FUNC
_UNDEFINED, _COMMON = 0, 0xFFF2  # SHN_UNDEF, SHN_COMMON: no address of their own
_EXECUTABLE = 1 << 2  # SHF_EXECINSTR


def _entries(data: bytes, bits: int, order: str) -> Iterator[tuple[int, int, int, int, int]]:
    """Name, info, section, value and size of each entry (ELF 1.2 fig. 1-15 and the 64-bit form)."""
    if bits == 64:
        layout = struct.Struct(f"{order}IBBHQQ")
        for name, info, _other, where, value, size in layout.iter_unpack(_whole(data, layout)):
            yield name, info, where, value, size
    else:
        layout = struct.Struct(f"{order}IIIBBH")
        for name, value, size, info, _other, where in layout.iter_unpack(_whole(data, layout)):
            yield name, info, where, value, size


def _whole(data: bytes, layout: struct.Struct) -> bytes:
    return data[: len(data) // layout.size * layout.size]


def _code_sections(elf: ELFFile) -> set[int]:
    if elf.num_sections() > MAX_SECTIONS:
        raise ValueError("it has too many sections")
    return {
        index
        for index, section in enumerate(elf.iter_sections())
        if section["sh_flags"] & _EXECUTABLE
    }
