# SPDX-License-Identifier: GPL-2.0-or-later
"""The code around the instruction that comes next. The bytes are the guest's, whatever they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from hvlab.introspection.code import Code, Width
from hvlab.introspection.symbols import Symbol, Symbols, place

if TYPE_CHECKING:
    from hvlab.introspection.paging import AddressSpace

BEFORE, AFTER = 10, 10  # instructions
_WINDOW = 128  # bytes before RIP in which instructions are looked for
_LONGEST = 15  # bytes of an instruction
_LONGEST_CALL = 8  # with REX, ModRM, SIB and a displacement
_PAGE = 4096
_FUNCTION = 16 << 10  # bytes from a function's begin that are decoded to reach RIP


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction. ip: its offset in the code segment; text: in Intel's syntax; target: the linear
    address that it names, by itself or relative to RIP; data: its bytes.
    """

    ip: int
    data: bytes
    text: str
    target: int | None = None
    call: bool = False


def decode(code: Code, ip: int, data: bytes, most: int) -> list[Instruction]:
    """Instructions from an address on, up to what is none."""
    found = []
    for raw in _decoder(code.bits).disasm(data, ip, most):
        text = f"{raw.mnemonic} {raw.op_str}".rstrip()
        found.append(
            Instruction(ip, bytes(raw.bytes), text, _target(code, raw), _is_call(raw.mnemonic))
        )
        ip += raw.size
    return found


def around(
    space: AddressSpace, code: Code, symbols: Symbols | None
) -> tuple[list[Instruction], list[Instruction]]:
    """Instructions before RIP, and those from RIP on."""
    linear = code.linear(code.ip)
    after = decode(code, code.ip, space.read(linear, AFTER * _LONGEST), AFTER)
    # Of the byte before: at the begin of a function, that is the one which falls through to it.
    symbol = symbols.find(linear - 1) if symbols is not None else None
    return _before(space, code, linear, symbol)[-BEFORE:], after


def disassembly(space: AddressSpace, code: Code, symbols: Symbols | None) -> str:
    """The code around RIP as text, RIP marked with `=>`."""
    before, after = around(space, code, symbols)
    lines = [_columns("  ", code, one, symbols) for one in before]
    lines += [_columns("=>", code, one, symbols) for one in after[:1]]
    if not after:
        lines.append(("=>", _address(code, code.ip), "", _no_code(space, code), ""))
    lines += [_columns("  ", code, one, symbols) for one in after[1:]]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    return "\n".join(_row(line, widths) for line in lines)


def _row(cells: tuple[str, ...], widths: list[int]) -> str:
    filled = [f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=False) if width]
    return "  ".join([" ".join(filled[:2]), *filled[2:], cells[-1]]).rstrip()


def is_call_before(space: AddressSpace, code: Code, linear: int) -> bool:
    """Does a call instruction end at this address, as before every return address?"""
    data = _up_to(space, linear, _LONGEST_CALL)
    flat = Code(code.bits, 0, 0)
    for size in range(2, len(data) + 1):
        found = decode(flat, linear - size, data[-size:], 1)
        if found and found[0].call and len(found[0].data) == size:
            return True
    return False


def _before(
    space: AddressSpace, code: Code, linear: int, symbol: Symbol | None
) -> list[Instruction]:
    """What leads to RIP: decoded from the begin of its function, or where that is not known (or does
    not lead there) from wherever most ways of decoding agree.
    """
    if symbol is not None and symbol.code and linear - symbol.address <= _FUNCTION:
        size = linear - symbol.address
        data = space.read(symbol.address, size)
        found = decode(code, code.ip - size, data, size)
        if len(data) == size == sum(len(one.data) for one in found):
            return found
    data = _up_to(space, linear, min(_WINDOW, code.ip))
    return _resynchronised(code, code.ip - len(data), data)


def _up_to(space: AddressSpace, linear: int, size: int) -> bytes:
    """What lies before an address, as far back as `size`, or as its page does where no other is."""
    for length in (size, min(size, linear % _PAGE)):
        data = space.read(linear - length, length)
        if len(data) == length:
            return data
    return b""


def _resynchronised(code: Code, first: int, data: bytes) -> list[Instruction]:
    """The instructions that end where the data ends, from the far end on.

    Decoding is begun at every byte. Wrong beginnings soon fall in step with the right one, so that each
    boundary is reached the more often, the likelier it is one.
    """
    size = len(data)
    ones: list[Instruction | None] = []
    for at in range(size):
        found = decode(code, first + at, data[at : at + _LONGEST], 1)
        ones.append(found[0] if found else None)
    votes = [1] * (size + 1)
    for at, one in enumerate(ones):
        if one is not None and at + len(one.data) <= size:
            votes[at + len(one.data)] += votes[at]
    found, end = [], size
    while len(found) < BEFORE:
        ways = [
            at
            for at in range(max(0, end - _LONGEST), end)
            if (one := ones[at]) is not None and at + len(one.data) == end
        ]
        if not ways:
            break
        end = max(ways, key=lambda at: votes[at])
        one = ones[end]
        assert one is not None
        found.append(one)
    return found[::-1]


def _columns(
    mark: str, code: Code, one: Instruction, symbols: Symbols | None
) -> tuple[str, str, str, str, str]:
    """Mark, address, its name, bytes, and the instruction with the name of what it goes to."""
    where = place(symbols, code.linear(one.ip))
    target = place(symbols, one.target) if one.target is not None else ""
    text = f"{one.text}  <{target}>" if target else one.text
    return mark, _address(code, one.ip), f"<{where}>" if where else "", one.data.hex(" "), text


def _address(code: Code, ip: int) -> str:
    return f"{ip % (1 << code.bits):0{code.bits // 4}x}"


def _no_code(space: AddressSpace, code: Code) -> str:
    data = space.read(code.linear(code.ip), 8)
    return f"{data.hex(' ')}  (no instruction)" if data else "(nothing is mapped here)"


@cache
def _decoder(bits: Width) -> Any:
    import capstone

    modes = {16: capstone.CS_MODE_16, 32: capstone.CS_MODE_32, 64: capstone.CS_MODE_64}
    decoder = capstone.Cs(capstone.CS_ARCH_X86, modes[bits])
    decoder.detail = True
    return decoder


def _is_call(mnemonic: str) -> bool:
    return mnemonic in ("call", "lcall")


def _target(code: Code, raw: Any) -> int | None:
    """The linear address of a jump, a call or an operand relative to RIP."""
    import capstone
    from capstone import x86

    branches = (capstone.CS_GRP_JUMP, capstone.CS_GRP_CALL)
    for operand in raw.operands:
        if operand.type == x86.X86_OP_IMM and any(raw.group(group) for group in branches):
            if raw.mnemonic in ("ljmp", "lcall"):
                return None  # of another code segment
            return code.linear(operand.imm)
        if operand.type == x86.X86_OP_MEM and operand.mem.base == x86.X86_REG_RIP:
            return code.linear(raw.address + raw.size + operand.mem.disp)
    return None
