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
    symbol = symbols.find(linear) if symbols is not None else None
    return _before(space, code, linear, symbol)[-BEFORE:], after


def disassembly(space: AddressSpace, code: Code, symbols: Symbols | None) -> str:
    """The code around RIP as text, RIP marked with `=>`."""
    before, after = around(space, code, symbols)
    lines = [_line("  ", code, one, symbols) for one in before]
    if after:
        lines += [_line("=>", code, after[0], symbols)]
        lines += [_line("  ", code, one, symbols) for one in after[1:]]
    else:
        lines.append(f"=> {_address(code, code.ip)}  {_no_code(space, code)}")
    return "\n".join(lines)


def is_call_before(space: AddressSpace, code: Code, linear: int) -> bool:
    """Does a call instruction end at this address, as before every return address?"""
    data = space.read(linear - _LONGEST // 2, _LONGEST // 2)
    if len(data) < _LONGEST // 2:
        return False
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
    size = min(_WINDOW, code.ip)
    data = space.read(linear - size, size)
    while size and len(data) < size:  # what lies just before is on another page, or there is nothing
        size = linear % 4096 if size > linear % 4096 else 0
        data = space.read(linear - size, size)
    return _resynchronised(code, code.ip - size, data)


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


def _line(mark: str, code: Code, one: Instruction, symbols: Symbols | None) -> str:
    where = place(symbols, code.linear(one.ip))
    target = place(symbols, one.target) if one.target is not None else ""
    parts = [
        f"{mark} {_address(code, one.ip)}",
        f"<{where}>" if where else "",
        f"{one.data.hex(' '):<{3 * 8 - 1}}",
        f"{one.text}  <{target}>" if target else one.text,
    ]
    return "  ".join(part for part in parts if part).rstrip()


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
