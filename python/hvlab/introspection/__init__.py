# SPDX-License-Identifier: GPL-2.0-or-later
"""What a stopped guest was doing, seen from outside: registers, the code around RIP and the call stack,
with names where the image or the guest's own memory has them.

Everything is read-only, and nothing of the guest's is trusted: sizes are bounded, tables are checked,
and what does not fit is told as such.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hvlab.errors import HvlabError
from hvlab.introspection.code import code_of, mode_name
from hvlab.introspection.disassembly import disassembly
from hvlab.introspection.elf import companion, elf_symbols
from hvlab.introspection.kallsyms import Kallsyms, find_kallsyms
from hvlab.introspection.orc import Orc, find_orc
from hvlab.introspection.paging import AddressSpace, Ram
from hvlab.introspection.registers import registers
from hvlab.introspection.stack import trace_text
from hvlab.introspection.symbols import Several, Symbols

if TYPE_CHECKING:
    from hvlab._core import CpuState
    from hvlab.machine import Machine

__all__ = ["Inspection", "inspect"]

# Linux' PTI_USER_PGTABLE_BIT: the kernel's tables lie in the page below the user's.
_PTI = 1 << 12


@dataclass(frozen=True, slots=True)
class Inspection:
    """Texts for a person, a part for each vCPU. What could not be found out is said in its place."""

    registers: str
    disassembly: str
    stack: str


def inspect(machine: Machine, images: Sequence[Path] = ()) -> Inspection:
    """Looks at a machine that is not running.

    Args:
        images: the files with code that it booted from. Symbols are taken from those that are ELF; a
            flat image's from the ELF file of the same name beside it, if that holds the same code.

    What a part could not find out, for whatever reason, is one line in its place: never raises.
    """
    try:
        states = [vcpu.state for vcpu in machine.vcpus]
    except Exception as error:  # noqa: BLE001 - as in attempt()
        return Inspection(*[_missing("the state of its processors", error)] * 3)
    shared, notes = _image_symbols(images)
    parts = [_inspect(machine.memory, state, shared, notes) for state in states]
    heads = [f"vCPU {index}" for index in range(len(parts))] if len(parts) > 1 else [""]
    return Inspection(
        *(
            "\n".join(
                f"{head}\n{text}".lstrip("\n") for head, text in zip(heads, texts, strict=True)
            )
            for texts in zip(*((p.registers, p.disassembly, p.stack) for p in parts), strict=True)
        )
    )


def attempt(what: str, collect: Callable[[], str]) -> str:
    """What `collect` gives, or one line that says why it gives nothing."""
    try:
        return collect()
    except Exception as error:  # noqa: BLE001 - one part must not hide the others, nor why a case failed
        return _missing(what, error)


def _missing(what: str, error: Exception) -> str:
    reason = " ".join(str(error).split())[:200]
    return f"({what} could not be collected: {type(error).__name__}: {reason})"


def _inspect(
    ram: Ram, state: CpuState, shared: Sequence[Symbols], notes: Sequence[str]
) -> Inspection:
    space = AddressSpace(ram, state)
    sources, told = list(shared), list(notes)
    orc: Orc | None = None
    try:
        kernel = _kernel_symbols(ram, state)
        if kernel is not None:
            sources.insert(0, kernel)
            orc = find_orc(space, kernel)
    except Exception as error:  # noqa: BLE001 - as above
        told.append(_missing("kallsyms", error))
    symbols = Several(sources) if sources else None
    if symbols is not None:
        told.append(f"symbols: {symbols.source}")
    head = "\n".join([mode_name(state), *told])
    code = attempt("disassembly", lambda: disassembly(space, code_of(state), symbols))
    stack = attempt("stack", lambda: trace_text(space, state, symbols, orc))
    return Inspection(
        attempt("registers", lambda: registers(state)), f"{head}\n{code}", f"{head}\n{stack}"
    )


def _image_symbols(images: Sequence[Path]) -> tuple[list[Symbols], list[str]]:
    """The symbols of the images that have any, and what is wrong with others."""
    found: list[Symbols] = []
    notes = []
    for image in images:
        try:
            table = elf_symbols(image)
            if table is None and (beside := companion(image)) is not None:
                table = elf_symbols(beside)
            if table is not None:
                found.append(table)
        except HvlabError as error:
            notes.append(f"(no symbols: {error})")
    return found, notes


def _kernel_symbols(ram: Ram, state: CpuState) -> Kallsyms | None:
    """kallsyms by the tables in use, or by the kernel's own where user code runs on a reduced copy."""
    for cr3 in dict.fromkeys((state.cr3, state.cr3 & ~_PTI)):
        found = find_kallsyms(AddressSpace(ram, state, cr3))
        if found is not None:
            return found
    return None
