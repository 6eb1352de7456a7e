# SPDX-License-Identifier: GPL-2.0-or-later
"""The step `write`."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import ConfigDict, Field, model_validator

from hvlab.registers import REGISTERS
from hvlab.scenario.context import CheckContext, RunContext
from hvlab.scenario.fields import HexBytes, Number, RegisterName, refuse
from hvlab.scenario.steps.base import MachineStep, quote
from hvlab.scenario.steps.read import shown

SIZES = (1, 2, 4, 8)
MAX_TEXT = 65536
_WHAT = ("value", "bytes", "text")


class Write(MachineStep):
    """Writes memory or a register of a machine: `{memory: 0x1000, value: 1, size: 4}`,
    `{memory: 0x1000, bytes: "de ad"}`, `{memory: 0x1000, text: "..."}`, or
    `{register: rip, value: 0x7c00}`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["memory", "value", "size"]},
                {"required": ["memory", "bytes"]},
                {"required": ["memory", "text"]},
                {"required": ["register", "value"]},
            ]
        }
    )
    keyword: ClassVar[str] = "write"
    example: ClassVar[str] = """\
- write: {memory: 0x500, bytes: "de ad"}
- write: {memory: 0x502, value: 0xBEEF, size: 2}
- write: {register: rax, value: 5}
- read: {memory: 0x500, size: 4, as: written}
- assert: written.hex == "de ad ef be"
"""

    memory: Number | None = Field(
        default=None,
        description="Where: a guest-physical address in RAM, or an expression.",
        examples=[0x7C00],
    )
    register_: RegisterName | None = Field(
        default=None,
        alias="register",
        description="Which register; selectors are only read.",
        examples=["rip"],
    )
    value: Number | None = Field(default=None, description="A number, or an expression.")
    size: int | None = Field(
        default=None,
        json_schema_extra={"enum": list(SIZES)},
        description="How many bytes of memory `value` takes, little-endian.",
    )
    bytes_: HexBytes | None = Field(
        default=None, alias="bytes", description="Bytes in hex.", examples=["de ad be ef"]
    )
    text: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_TEXT,
        description="A text, as UTF-8; no zero byte is added.",
    )

    @model_validator(mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise refuse("says what to write: {register: rip, value: 0x7c00}")
        if "memory" in value and "register" in value:
            raise refuse("writes one thing, not 'memory' and 'register'")
        if not set(value) <= {"memory", "register", "size", "machine", *_WHAT}:
            return value  # a misspelt key is nearer to the cause
        if not {"memory", "register"} & set(value):
            raise refuse("says nothing to write to: give 'memory' or 'register'")
        given = [name for name in _WHAT if name in value]
        if not given:
            what = "'value'" if "register" in value else "'value', 'bytes' or 'text'"
            raise refuse(f"says nothing to write: give {what}")
        if len(given) > 1:
            raise refuse(f"writes one thing, not '{given[0]}' and '{given[1]}'")
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.register_ is not None:
            if self.value is None:
                raise refuse("a register takes a 'value'")
            if not REGISTERS[self.register_].writable:
                raise refuse(f"'{self.register_}' is only read here")
        elif self.value is not None and self.size not in SIZES:
            raise refuse("a 'value' in memory has a 'size': 1, 2, 4 or 8 bytes")
        if self.size is not None and (self.value is None or self.register_ is not None):
            raise refuse("'size' goes with a 'value' in memory only")
        if isinstance(self.value, int) and not 0 <= self.value < 1 << self._bits:
            raise refuse(f"{shown(self.value)} does not fit into {self._bits} bits")
        return self

    @property
    def _bits(self) -> int:
        if self.register_ is not None:
            return REGISTERS[self.register_].bits
        return 8 * (self.size or 0)

    def title(self) -> str:
        if self.register_ is not None:
            return f"{self.of_machine()}write {self.register_} = {shown(self.value)}"
        where = f"at {shown(self.memory)}"
        if self.value is not None:
            return f"{self.of_machine()}write {shown(self.value)} {where}, {self.size} bytes"
        if self.bytes_ is not None:
            return f"{self.of_machine()}write {len(self.bytes_)} bytes {where}"
        return f"{self.of_machine()}write {quote(self.text or '')} {where}"

    def check(self, context: CheckContext) -> None:
        context.needs_machine(self.machine)
        for name, number in (("memory", self.memory), ("value", self.value)):
            if number is not None:
                context.number(number, name)

    def run(self, context: RunContext) -> None:
        machine = context.machine(self.machine)
        if self.register_ is not None:
            vcpu = machine.vcpus[0]
            state = vcpu.state
            REGISTERS[self.register_].write(state, self._number(context))
            vcpu.state = state
            return
        assert self.memory is not None  # validated
        if self.bytes_ is not None:
            data = self.bytes_
        elif self.text is not None:
            data = self.text.encode()
        else:
            data = self._number(context).to_bytes(self.size or 1, "little")
        machine.memory.write(context.number(self.memory), data)

    def _number(self, context: RunContext) -> int:
        assert self.value is not None  # validated
        number = context.number(self.value)
        if not 0 <= number < 1 << self._bits:
            context.fail(f"{shown(number)} does not fit into {self._bits} bits")
        return number
