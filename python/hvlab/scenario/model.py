# SPDX-License-Identifier: GPL-2.0-or-later
"""What a scenario may say: one pydantic model. It checks documents and yields the JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from hvlab import units
from hvlab.backends import NAMES, KvmNeed
from hvlab.scenario.boots import BootSource
from hvlab.scenario.fields import (
    TEMPLATE_PATTERN,
    Duration,
    Identifier,
    Meaning,
    Name,
    ScalarValue,
    Size,
    Strict,
    Tag,
    refuse,
)
from hvlab.scenario.matrix import Matrix
from hvlab.scenario.nearest import did_you_mean, one_of
from hvlab.scenario.steps import Step

# What a lone machine is called, in results and as `machine.time`.
LONE_NAME = "machine"
MAX_MACHINES = 64
MINUTE = units.DURATION_UNITS["min"]
MIN_MEMORY = 1 << 20  # bytes; the core's GuestMemory::kMinSize
PAGE = 4096


def _backend(value: Any) -> Any:
    if isinstance(value, str) and value not in NAMES:
        raise refuse(
            f"unknown backend '{value}'{did_you_mean(value, NAMES)}; known: {one_of(NAMES)}"
        )
    return value


Backend = Annotated[
    str,
    BeforeValidator(_backend),
    WithJsonSchema(
        {"type": "string", "anyOf": [{"enum": list(NAMES)}, {"pattern": TEMPLATE_PATTERN}]}
    ),
    Meaning(one_of(NAMES)),
]


def _memory(value: int) -> int:
    if value < MIN_MEMORY or value % PAGE:
        raise refuse(f"memory is a multiple of 4KiB, from 1MiB on, not {units.format_size(value)}")
    return value


class DeviceSpec(Strict):
    """A device of a plugin, and where the guest finds it."""

    model_config = ConfigDict(
        title="Device",
        json_schema_extra={"oneOf": [{"required": ["port"]}, {"required": ["memory"]}]},
    )

    type: str = Field(
        min_length=1, description="Its name as an entry point of the group hvlab.devices."
    )
    name: Name | None = Field(
        default=None, description="Its name in this machine; its type if not given."
    )
    port: int | None = Field(default=None, ge=0, le=0xFFFF, description="The first of its ports.")
    memory: int | None = Field(
        default=None,
        ge=0,
        le=(1 << 64) - 1,
        description="Its first guest-physical address, where no RAM is.",
    )
    size: int | None = Field(
        default=None, ge=1, description="How many bytes it takes there; what it says if not given."
    )
    irq: int | None = Field(default=None, ge=0, le=15, description="The interrupt line it drives.")

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if (self.port is None) == (self.memory is None):
            raise refuse("a device is at a 'port' or at an address of 'memory': give one of them")
        return self

    @property
    def called(self) -> str:
        return self.name or self.type


class MachineSpec(Strict):
    """The machine that a case runs on."""

    model_config = ConfigDict(title="Machine")

    backend: Backend = Field(
        default="unicorn",
        description="What executes the guest's instructions.",
    )
    memory: Annotated[Size, AfterValidator(_memory)] = Field(
        default=64 << 20, json_schema_extra={"default": "64MiB"}, description="The guest's memory."
    )
    cpu: Literal["x86-64-v2", "host"] = Field(
        default="x86-64-v2",
        description="The named CPU model; 'host', with the backend kvm, is the host's own.",
    )
    unhandled: Literal["ignore", "stop"] = Field(
        default="ignore",
        description="On access to an address where no device is: go on, or stop the guest.",
    )
    boot: BootSource = Field(description="What is booted.")
    devices: list[DeviceSpec] = Field(
        default_factory=list, max_length=64, description="Devices that plugins bring."
    )


class Requires(Strict):
    """What the host must have; cases that need what it has not are skipped, with the reason."""

    kvm: KvmNeed | None = Field(
        default=None,
        description="For the cases whose backend is kvm: which KVM will do. 'hardware' is VT-x or SVM.",
    )


class Limits(Strict):
    """What a case may take. Exceeded is failed."""

    wall: Duration = Field(
        default=5 * MINUTE, json_schema_extra={"default": "5min"}, description="Time on the wall."
    )
    time: Duration | None = Field(default=None, description="Guest time.")
    instructions: int | None = Field(
        default=None,
        ge=1,
        le=(1 << 63) - 1,
        description="Instructions that the guest retires. Not on kvm, which does not count them.",
    )


class StepsFrame(Strict):
    """What stands around the steps of an included file."""

    schema_: Literal[1] = Field(alias="schema", description="The version of this language.")
    vars: dict[Identifier, ScalarValue] = Field(
        default_factory=dict,
        description="What ${NAME} is in the steps, unless the `include` gives another value.",
    )
    steps: list[Any] = Field(min_length=1, description="What is done, in order.")


class StepsFile(StepsFrame):
    """A file that scenarios include: steps, and the variables that they take."""

    model_config = ConfigDict(title="hvlab steps")

    steps: list[Step] = Field(min_length=1, description="What is done, in order.")


class Scenario(Strict):
    """One scenario: a machine, and steps that boot it, talk to it and check what it does."""

    model_config = ConfigDict(
        title="hvlab scenario",
        json_schema_extra={"oneOf": [{"required": ["machine"]}, {"required": ["machines"]}]},
    )

    schema_: Literal[1] = Field(alias="schema", description="The version of this language.")
    name: Name = Field(description="The scenario's name in reports and case ids.")
    tags: list[Tag] = Field(default_factory=list, description="For selection with -m.")
    seed: int | None = Field(
        default=None,
        ge=0,
        le=(1 << 64) - 1,
        description="Of all randomness; by default a hash of the case id.",
    )
    matrix: Matrix | None = Field(
        default=None, description="Axes; one case is run for each combination."
    )
    requires: Requires = Field(default_factory=Requires)
    limits: Limits = Field(default_factory=Limits)
    retry: int = Field(
        default=0,
        ge=0,
        le=10,
        description="How often a case that did not pass is run again, with another seed. One that "
        "passes then is reported as flaky.",
    )
    vars: dict[Identifier, ScalarValue] = Field(
        default_factory=dict,
        description="Named values: ${NAME} in texts, vars.NAME in expressions.",
    )
    # None where there are `machines`; not Optional, so that a `machine:` without a value is refused.
    machine: MachineSpec = Field(  # type: ignore[assignment]
        default=None, description="The machine, if there is one."
    )
    machines: dict[Identifier, MachineSpec] | None = Field(
        default=None,
        validate_default=True,
        min_length=1,
        max_length=MAX_MACHINES,
        description="The machines by name, if there are several. They stand on one host, under one "
        "clock, and have one backend.",
    )
    steps: list[Step] = Field(min_length=1, description="What is done, in order.")
    oops: Literal["fail", "ignore"] = Field(
        default="fail",
        description="What a Linux panic or oops on a console is: the case's end, or nothing special.",
    )
    on_failure: list[Literal["console", "screen", "registers", "disassembly", "stack"]] = Field(
        default=["console", "screen", "registers", "stack"],
        description="What a failed case shows; its artifacts have everything.",
    )

    @field_validator("machines", mode="after")
    @classmethod
    def _either(
        cls, value: dict[str, MachineSpec] | None, info: ValidationInfo
    ) -> dict[str, MachineSpec] | None:
        lone = info.data.get("machine")
        if value is None and "machine" in info.data and lone is None:
            raise refuse("'machine' is missing (or 'machines', where there are several)")
        if value is not None and lone is not None:
            raise refuse("there are 'machine' and 'machines': give one of them")
        return value

    @property
    def specs(self) -> Mapping[str, MachineSpec]:
        """Its machines by name, in the document's order."""
        return self.machines or {LONE_NAME: self.machine}

    def described_at(self, name: str) -> tuple[str, ...]:
        """Where in the document a machine is described."""
        return ("machine",) if self.machines is None else ("machines", name)

    @property
    def backend(self) -> str:
        """What its machines run on."""
        return next(iter(self.specs.values())).backend
