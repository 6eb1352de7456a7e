# SPDX-License-Identifier: GPL-2.0-or-later
"""The step `read`."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import ConfigDict, Field, model_validator

from hvlab.registers import REGISTERS
from hvlab.scenario.context import CheckContext, RunContext
from hvlab.scenario.fields import Identifier, Number, RegisterName, refuse
from hvlab.scenario.shapes import Kind, Record, Shape
from hvlab.scenario.steps.base import MachineStep

MAX_SIZE = 4096


class Read(MachineStep):
    """Reads memory or a register of a machine, and gives it a name for expressions: NAME.value is a
    number (little-endian, of 8 bytes at most), NAME.hex the bytes, NAME.text what they are as UTF-8 up
    to a zero byte.
    """

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["memory", "size"]}, {"required": ["register"]}]}
    )
    keyword: ClassVar[str] = "read"
    example: ClassVar[str] = """\
- read: {memory: 0x7DFE, size: 2, as: signature}
- assert: signature.value == 0xAA55
- read: {register: rip, as: where}
- assert: where.value == 0x7C00
"""

    memory: Number | None = Field(
        default=None,
        description="From where: a guest-physical address in RAM, or an expression.",
        examples=[0x7C00],
    )
    size: int | None = Field(
        default=None, ge=1, le=MAX_SIZE, description="How many bytes of memory."
    )
    register_: RegisterName | None = Field(
        default=None, alias="register", description="Which register.", examples=["rip", "al"]
    )
    as_: Identifier = Field(
        alias="as",
        description="Its name, for expressions: NAME.value; of memory also NAME.hex and NAME.text.",
    )

    @model_validator(mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        if isinstance(value, dict):
            if "memory" in value and "register" in value:
                raise refuse("reads one thing, not 'memory' and 'register'")
            known = {"memory", "register", "size", "as", "machine"}
            if not {"memory", "register"} & set(value) and set(value) <= known:
                raise refuse("says nothing to read: give 'memory' or 'register'")
        elif isinstance(value, str):
            raise refuse("says what to read, and its name: {register: rip, as: NAME}")
        return value

    @model_validator(mode="after")
    def _size_fits(self) -> Self:
        if self.memory is not None and self.size is None:
            raise refuse("'size' is missing in read: how many bytes of memory")
        if self.register_ is not None and self.size is not None:
            raise refuse("'size' goes with 'memory' only: a register has its own")
        return self

    def title(self) -> str:
        if self.register_ is not None:
            return f"{self.of_machine()}read {self.register_} as {self.as_}"
        return f"{self.of_machine()}read {self.size} bytes at {shown(self.memory)} as {self.as_}"

    def check(self, context: CheckContext) -> None:
        context.needs_machine(self.machine)
        if self.memory is not None:
            context.number(self.memory, "memory")
        context.names(self.as_, self._shape())

    def _shape(self) -> Shape:
        if self.size is None:
            return Shape({"value": Kind.NUMBER})
        fields = {"hex": Kind.TEXT, "text": Kind.TEXT}
        if self.size > 8:
            return Shape(
                fields, absent={"value": f"{self.size} bytes are no number; 8 are at most"}
            )
        return Shape({"value": Kind.NUMBER, **fields})

    def run(self, context: RunContext) -> None:
        machine = context.machine(self.machine)
        if self.register_ is not None:
            state = machine.vcpus[0].state
            record = Record({"value": REGISTERS[self.register_].read(state)})
        else:
            assert self.memory is not None  # validated
            assert self.size is not None
            record = _of_memory(machine.memory.read(context.number(self.memory), self.size))
        context.name(self.as_, record, self._shape())


def _of_memory(data: bytes) -> Record:
    text = data.split(b"\0")[0].decode("utf-8", "replace")
    number = {"value": int.from_bytes(data, "little")} if len(data) <= 8 else {}
    return Record({**number, "hex": data.hex(" "), "text": text})


def shown(number: int | str | None) -> str:
    """An address or a value for a title."""
    return f"{number:#x}" if isinstance(number, int) else f"{number}"
