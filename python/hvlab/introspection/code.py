# SPDX-License-Identifier: GPL-2.0-or-later
"""What a vCPU's state says about code and stack: their width, and where they lie in linear memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hvlab.introspection.paging import EFER_LMA

if TYPE_CHECKING:
    from hvlab._core import CpuState

Width = Literal[16, 32, 64]

CR0_PE = 1 << 0
RFLAGS_VM = 1 << 17


@dataclass(frozen=True, slots=True)
class Code:
    """How code is executed and addressed. base: of CS, as it counts; ip: the offset in it."""

    bits: Width
    base: int
    ip: int

    def linear(self, ip: int) -> int:
        """The linear address of an offset in the code segment."""
        if self.bits == 64:
            return ip % (1 << 64)
        return (self.base + ip % (1 << self.bits)) % (1 << 32)


@dataclass(frozen=True, slots=True)
class Stack:
    """Where the stack is. pointer, frame: linear, of SP and BP; base: of SS; word: bytes that a call
    pushes.
    """

    word: int
    base: int
    pointer: int
    frame: int


def code_of(state: CpuState) -> Code:
    """What is executed next. The hidden part of CS decides in every mode: what is cached there is
    what the processor goes by (Intel SDM vol. 3 s. 3.4.5).
    """
    if state.msrs.efer & EFER_LMA and state.cs.l:
        return Code(64, 0, state.rip)
    bits: Width = 32 if state.cs.db else 16
    return Code(bits, state.cs.base, state.rip % (1 << bits))


def stack_of(state: CpuState) -> Stack:
    """Its stack. In 16-bit and 32-bit code a near call pushes as many bits as the code has."""
    code = code_of(state)
    if code.bits == 64:
        return Stack(8, 0, state.rsp, state.rbp)
    mask = 0xFFFF_FFFF if state.ss.db else 0xFFFF
    base = state.ss.base
    pointer, frame = ((base + (value & mask)) % (1 << 32) for value in (state.rsp, state.rbp))
    return Stack(code.bits // 8, base, pointer, frame)


def mode_name(state: CpuState) -> str:
    """`64-bit mode`, `compatibility mode, 32-bit code`, `real mode`, ..., with the CPL."""
    code = code_of(state)
    if code.bits == 64:
        name = "64-bit mode"
    elif state.msrs.efer & EFER_LMA:
        name = f"compatibility mode, {code.bits}-bit code"
    elif not state.cr0 & CR0_PE:
        return "real mode" if code.bits == 16 else "real mode, 32-bit code"
    elif state.rflags & RFLAGS_VM:
        name = "virtual-8086 mode"
    else:
        name = f"protected mode, {code.bits}-bit code"
    return f"{name}, CPL {state.ss.dpl}"
