# SPDX-License-Identifier: GPL-2.0-or-later
"""Who called whom, off the guest's stack.

Frame pointers are followed where they hold, in a Linux kernel with unwind tables those (orc.py). Everything
else on the stack that looks like a return address is listed too, marked `?` as in Linux' own traces: it may
be left over from an earlier call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hvlab.introspection.code import code_of, stack_of
from hvlab.introspection.disassembly import is_call_before
from hvlab.introspection.symbols import Symbols, place

if TYPE_CHECKING:
    from hvlab._core import CpuState
    from hvlab.introspection.code import Code, Stack
    from hvlab.introspection.orc import Orc
    from hvlab.introspection.paging import AddressSpace

MAX_FRAMES = 100
_STACK = 16 << 10  # bytes that are looked at; the size of a stack of Linux on x86-64 (THREAD_SIZE)
_MAX_STACKS = 4  # that are followed: an exception's, an interrupt's, a task's
_PAGE = 4096


@dataclass(frozen=True, slots=True)
class Frame:
    """One entry of a trace. address: linear, of code; sure: known to be a caller's; interrupted: not a
    call but an exception or interrupt has left it.
    """

    address: int
    sure: bool
    interrupted: bool = False


def trace(
    space: AddressSpace, state: CpuState, symbols: Symbols | None, orc: Orc | None = None
) -> list[Frame]:
    """The frames from the innermost on, RIP first. `orc`: the unwind tables of the kernel that runs."""
    code, stack = code_of(state), stack_of(state)
    if orc is not None and code.bits == 64 and state.ss.dpl == 0:
        linked = _unwound(space, code, orc, state)
    else:
        linked = _linked(space, code, stack)
    frames = [Frame(code.linear(code.ip), True)]
    pointer: int | None = stack.pointer
    seen: set[int] = set()
    for _ in range(_MAX_STACKS):
        if pointer is None or pointer in seen:
            break
        seen.add(pointer)
        found = _scan(space, code, stack.word, pointer, linked, symbols)
        frames += found.frames[: MAX_FRAMES - len(frames)]
        pointer = found.next
    return frames


def trace_text(
    space: AddressSpace, state: CpuState, symbols: Symbols | None, orc: Orc | None = None
) -> str:
    """The trace as text: a line for each frame."""
    lines = []
    width = code_of(state).bits // 4 if code_of(state).bits != 16 else 8
    for frame in trace(space, state, symbols, orc):
        mark = " " if frame.sure else "?"
        name = place(symbols, frame.address)
        note = "  (interrupted here)" if frame.interrupted else ""
        lines.append(f"{mark} {frame.address:0{width}x}  {name}".rstrip() + note)
    return "\n".join(lines)


def _unwound(space: AddressSpace, code: Code, orc: Orc, state: CpuState) -> set[int]:
    """Where on the stack the return addresses are that the kernel's own tables lead to."""
    places: set[int] = set()
    for at in orc.return_places(state, MAX_FRAMES):
        words = space.read_words(at, 1)
        if not words or not _returns(space, code, words[0]):
            break
        places.add(at)
    return places


def _linked(space: AddressSpace, code: Code, stack: Stack) -> set[int]:
    """Where on the stack the return addresses are that frame pointers lead to.

    A frame pointer holds if it points up the stack at the caller's, next to an address behind a call.
    """
    places: set[int] = set()
    frame, lowest = stack.frame, stack.pointer
    while len(places) < MAX_FRAMES:
        if frame % stack.word or not lowest <= frame < stack.pointer + _STACK:
            break
        words = space.read_words(frame, 2, stack.word)
        if len(words) < 2 or not _returns(space, code, words[1]):
            break
        places.add(frame + stack.word)
        lowest, frame = frame + 2 * stack.word, stack.base + words[0]
    return places


@dataclass(frozen=True, slots=True)
class _Scan:
    """What one stack has, and where the one begins that was in use before."""

    frames: list[Frame]
    next: int | None


def _scan(
    space: AddressSpace,
    code: Code,
    size: int,
    pointer: int,
    linked: set[int],
    symbols: Symbols | None,
) -> _Scan:
    end = pointer + _STACK
    if space.long and pointer >> 63:
        end = (pointer & -_STACK) + _STACK  # Linux aligns a stack to its size
    words = space.read_words(pointer, (end - pointer) // size, size)
    frames: list[Frame] = []
    before: int | None = None
    at = 0
    while at < len(words):
        address = pointer + at * size
        if size == 8 and (saved := _interrupt_frame(space, words[at : at + 5])):
            frames.append(Frame(words[at], True, True))
            if not saved.kernel:
                return _Scan(frames, None)
            if not pointer <= saved.pointer < end:
                before = saved.pointer
            at += 5
            continue
        if address in linked or _looks_like_return(space, code, words[at], symbols):
            frames.append(Frame(code.linear(words[at]), address in linked))
        at += 1
    if before is None and len(words) == (end - pointer) // size and size == 8 and words:
        before = _other_stack(space, words[-1], pointer)
    return _Scan(frames, before)


@dataclass(frozen=True, slots=True)
class _Saved:
    """What an interrupt frame says of the interrupted stack."""

    pointer: int
    kernel: bool


def _interrupt_frame(space: AddressSpace, words: tuple[int, ...]) -> _Saved | None:
    """Are these RIP, CS, RFLAGS, RSP and SS, as the processor pushes them (Intel SDM vol. 3 s. 6.14.2)?"""
    if len(words) < 5:
        return None
    rip, cs, rflags, rsp, ss = words
    if not (0 < cs < 1 << 16 and ss < 1 << 16 and cs & 3 in (0, 3)):
        return None
    if rflags & _RFLAGS_FIXED != 2 or (ss & 3 != cs & 3 and ss):
        return None
    kernel = cs & 3 == 0
    if not space.executable(rip) and kernel:
        return None
    if space.translate(rsp) is None and kernel:
        return None
    return _Saved(rsp, kernel)


_RFLAGS_FIXED = ~0x3F_7FD5  # bits that are always 0, but bit 1, which is always 1


def _other_stack(space: AddressSpace, top: int, pointer: int) -> int | None:
    """Linux leaves the task's RSP in the topmost word of an interrupt stack
    (arch/x86/include/asm/irq_stack.h)."""
    if not top >> 63 or top % 8 or top // _STACK == pointer // _STACK:
        return None
    page = space.translate(top)
    return top if page is not None and not page.executable else None


def _looks_like_return(
    space: AddressSpace, code: Code, value: int, symbols: Symbols | None
) -> bool:
    linear = code.linear(value)
    if value == 0 or linear >> 63 != code.linear(code.ip) >> 63:
        return False  # a kernel does not return into user code, nor the other way, by RET
    symbol = symbols.find(linear) if symbols is not None else None
    if symbol is not None and not symbol.code:
        return False
    return _returns(space, code, value)


def _returns(space: AddressSpace, code: Code, value: int) -> bool:
    """Can a call have pushed this?"""
    linear = code.linear(value)
    return space.executable(linear) and is_call_before(space, code, linear)
