# SPDX-License-Identifier: GPL-2.0-or-later
"""Symbols of an ELF image, from its symbol table. Images are untrusted: what is wrong with one is
one error, whatever it is.
"""

from __future__ import annotations

import contextlib
import errno
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
MAX_SEGMENTS = 1_000
MAX_FLAT = 64 << 20
# Beside its own errors, pyelftools raises what its parsers happen to meet in a broken file.
_BROKEN = (ValueError, LookupError, AttributeError, OverflowError, TypeError, MemoryError)


def elf_symbols(path: Path) -> SymbolTable | None:
    """The symbols of an executable by their link-time addresses.

    None if the file is no ELF file or has no symbol table. Raises BootError for a broken one and
    HostError if it cannot be read.
    """
    with _opened(path) as file:
        return _table(file, path) if file.read(4) == b"\x7fELF" else None


def companion(flat: Path) -> Path | None:
    """The ELF file that a flat image was made of: NAME.elf beside NAME.bin, if it loads what the
    image begins with. Raises as `elf_symbols`.
    """
    path = flat.with_suffix(".elf")
    if path == flat or not path.is_file():
        return None
    with _opened(flat) as file:
        image = file.read(MAX_FLAT)
    with _opened(path) as file:
        return path if _loads(file, image) else None


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader]:
    """The file, with what goes wrong in it as one error."""
    from elftools.common.exceptions import ELFError

    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE:
                raise BootError(f"{path}: no file to read symbols from", str(path))
            yield file
    except (ELFError, *_BROKEN) as error:
        message = f"{path}: broken ELF file: {type(error).__name__}: {error}"
        raise BootError(message, str(path), "symbols") from None
    except OSError as error:
        if error.errno == errno.EINVAL:  # an offset in it is none that a file can have
            raise BootError(f"{path}: broken ELF file: an offset", str(path), "symbols") from None
        message = f"cannot read {path}: {error.strerror}"
        raise HostError(message, f"read {path}", error.errno or 0) from None


def _loads(file: io.BufferedReader, image: bytes) -> bool:
    """Does the executable load what the image begins with?"""
    from elftools.elf.elffile import ELFFile

    elf = ELFFile(file)
    if elf.num_segments() > MAX_SEGMENTS:
        return False
    segments = [s for s in elf.iter_segments("PT_LOAD") if s["p_filesz"]]
    base = min((s["p_paddr"] for s in segments), default=0)
    return bool(segments) and all(
        s["p_paddr"] - base + s["p_filesz"] <= len(image)
        and image[s["p_paddr"] - base :][: s["p_filesz"]] == s.data()
        for s in segments
    )


def _table(file: io.BufferedReader, path: Path) -> SymbolTable | None:
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    elf = ELFFile(file)
    if elf.num_sections() > MAX_SECTIONS:
        raise ValueError("it has too many sections")
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
    return {
        index
        for index, section in enumerate(elf.iter_sections())
        if section["sh_flags"] & _EXECUTABLE
    }
