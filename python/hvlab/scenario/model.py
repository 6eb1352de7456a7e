# SPDX-License-Identifier: GPL-2.0-or-later
"""What a scenario may say: one pydantic model. It checks documents and yields the JSON Schema."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema

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


class Scenario(Strict):
    """One scenario: a machine, and steps that boot it, talk to it and check what it does."""

    model_config = ConfigDict(title="hvlab scenario")

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
        description="How often a case that did not pass is run again, with another seed.",
    )
    vars: dict[Identifier, ScalarValue] = Field(
        default_factory=dict,
        description="Named values: ${NAME} in texts, vars.NAME in expressions.",
    )
    machine: MachineSpec
    steps: list[Step] = Field(min_length=1, description="What is done, in order.")
    on_failure: list[Literal["console", "screen", "registers"]] = Field(
        default=["console", "screen", "registers"], description="What a failed case shows."
    )
