# SPDX-License-Identifier: GPL-2.0-or-later
"""A vCPU's registers as text, with the names of the bits that are set (Intel SDM vol. 3 ch. 2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from hvlab.introspection.code import mode_name

if TYPE_CHECKING:
    from hvlab._core import CpuState, Segment

_GENERAL = (
    ("rax", "rbx", "rcx", "rdx"),
    ("rsi", "rdi", "rbp", "rsp"),
    ("r8", "r9", "r10", "r11"),
    ("r12", "r13", "r14", "r15"),
)
_CONTROL = (("cr2", "cr3", "cr8"),)
_MSRS = (
    ("star", "lstar", "cstar", "fmask"),
    ("kernel_gs_base", "sysenter_cs", "sysenter_esp", "sysenter_eip"),
    ("pat", "tsc_aux", "tsc_offset", "misc_enable"),
)
_SEGMENTS = ("cs", "ss", "ds", "es", "fs", "gs", "ldtr", "tr")

_RFLAGS = {
    0: "CF", 2: "PF", 4: "AF", 6: "ZF", 7: "SF", 8: "TF", 9: "IF", 10: "DF", 11: "OF",
    14: "NT", 16: "RF", 17: "VM", 18: "AC", 19: "VIF", 20: "VIP", 21: "ID",
}  # fmt: skip
_CR0 = {
    0: "PE", 1: "MP", 2: "EM", 3: "TS", 4: "ET", 5: "NE", 16: "WP", 18: "AM", 29: "NW", 30: "CD", 31: "PG",
}  # fmt: skip
_CR4 = {
    0: "VME", 1: "PVI", 2: "TSD", 3: "DE", 4: "PSE", 5: "PAE", 6: "MCE", 7: "PGE", 8: "PCE",
    9: "OSFXSR", 10: "OSXMMEXCPT", 11: "UMIP", 12: "LA57", 13: "VMXE", 14: "SMXE", 16: "FSGSBASE",
    17: "PCIDE", 18: "OSXSAVE", 20: "SMEP", 21: "SMAP", 22: "PKE", 23: "CET", 24: "PKS",
}  # fmt: skip
_FIRST = ("rip", "rflags", "cs", "ss", "cr2")  # the rows that begin so: cr3 is beside cr2

_EFER = {0: "SCE", 8: "LME", 10: "LMA", 11: "NXE", 12: "SVME", 14: "FFXSR"}


def registers(state: CpuState) -> str:
    """General, segment, control and debug registers, descriptor tables and MSRs."""
    lines = [mode_name(state)]
    lines += [_row(state, names) for names in _GENERAL]
    lines += [
        _flagged("rip", state.rip, ""),
        _flagged("rflags", state.rflags, f"{_bits(state.rflags, _RFLAGS)} IOPL={_iopl(state)}"),
    ]
    lines += [_segment(name, getattr(state, name)) for name in _SEGMENTS]
    lines += [
        f"{name:>6}={table.base:016x}  limit={table.limit:04x}"
        for name, table in (("gdtr", state.gdtr), ("idtr", state.idtr))
    ]
    lines += [
        _flagged("cr0", state.cr0, _bits(state.cr0, _CR0)),
        _flagged("cr4", state.cr4, _bits(state.cr4, _CR4)),
        _flagged("efer", state.msrs.efer, _bits(state.msrs.efer, _EFER)),
    ]
    lines += [_row(state, names) for names in _CONTROL]
    lines.append("  ".join(f"{f'dr{i}':>6}={value:016x}" for i, value in enumerate(state.dr)))
    lines.append(_row(state, ("dr6", "dr7")))
    for names in _MSRS:
        lines.append("  ".join(f"{name}={getattr(state.msrs, name):x}" for name in names))
    lines.append(_pending(state))
    return "\n".join(lines)


def first_registers(text: str) -> str:
    """Of what `registers` gave, what to look at first: RIP with RSP, RFLAGS, CS, SS, CR2 and CR3, and all
    that is no register: the mode, what it waits for, why there are none.
    """
    lines, stack = [], ""
    for line in text.splitlines():
        name, equals, _ = line.partition("=")
        found = re.search(r" +rsp=[0-9a-f]+", line)
        stack = found.group() if found else stack
        if not equals or "(" in name:
            lines.append(line)
        elif name.strip() in _FIRST:
            lines.append(line + stack if name.strip() == "rip" else line)
    return "\n".join(lines)


def _row(state: CpuState, names: tuple[str, ...]) -> str:
    return "  ".join(f"{name:>6}={getattr(state, name):016x}" for name in names)


def _flagged(name: str, value: int, flags: str) -> str:
    return f"{name:>6}={value:016x}  {flags}".rstrip()


def _bits(value: int, names: Mapping[int, str]) -> str:
    return " ".join(name for bit, name in names.items() if value >> bit & 1)


def _iopl(state: CpuState) -> int:
    return state.rflags >> 12 & 3


def _segment(name: str, segment: Segment) -> str:
    if not segment.present:
        return f"{name:>6}={segment.selector:04x}  not present"
    kind = f"type={segment.type:x}" + ("" if segment.s else " system")
    size = "64-bit" if segment.l else ("32-bit" if segment.db else "16-bit")
    width = f"  {size}" if segment.s else ""
    place = f"base={segment.base:016x}  limit={segment.limit:08x}"
    return f"{name:>6}={segment.selector:04x}  {place}  dpl={segment.dpl}  {kind}{width}"


def _pending(state: CpuState) -> str:
    """What is not in a register but decides what comes next."""
    notes = {
        "halted": state.halted,
        "NMI pending": state.nmi_pending,
        "NMIs blocked": state.nmi_blocked,
        "interrupts held off by STI": state.shadow_sti,
        "interrupts held off by MOV SS": state.shadow_mov_ss,
    }
    return "activity: " + (", ".join(name for name, on in notes.items() if on) or "running")
