# SPDX-License-Identifier: GPL-2.0-or-later
"""What is written as `NAME` or `{NAME: {parameters}}`: schedulers, workloads and distributions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    TypeAdapter,
    create_model,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from hvlab.scenario.fields import TEMPLATE_PATTERN, Shortened, Strict, describe, refuse
from hvlab.scenario.nearest import did_you_mean, one_of
from hvlab.sim.model import kinds
from hvlab.sim.model.kinds import OPTIONAL, Kind, Parameter
from hvlab.sim.model.quantities import LONGEST, duration, number
from hvlab.sim.policies import OWN

# Marks the alternatives in pydantic's error locations, so that no key is taken for one.
TAG = "choice:"
_UNKNOWN, _MADE, _WRITTEN = f"{TAG}?", f"{TAG}made", f"{TAG}written"


class OneOf(ABC):
    """Base: a mapping with one key, which says what it is, and a body under that; or shorter.

    Attributes:
        what: what it is, for messages; words: for the reference; short_for: the key that a value stands
        for which is no mapping.
    """

    what: ClassVar[str]
    words: ClassVar[str]
    short_for: ClassVar[str] = ""

    @classmethod
    @abstractmethod
    def bodies(cls) -> Mapping[str, type[BaseModel]]:
        """The model of the body of each."""

    @classmethod
    @abstractmethod
    def made(cls, name: str, body: Any) -> Any:
        """From what the document says."""

    @classmethod
    def longer(cls, value: Any) -> Any:
        """The mapping that a short form stands for."""
        if isinstance(value, str) and not cls.short_for:
            if value not in cls.bodies():
                known = list(cls.bodies())
                hint = did_you_mean(value, known) or f"; known: {one_of(known)}"
                raise refuse(f"unknown {cls.what} '{value}'{hint}")
            return {value: {}}
        if isinstance(value, cls):
            return value
        if not isinstance(value, dict):
            if isinstance(value, str) and value in cls.bodies():
                raise refuse(f"'{value}' needs its parameters, as {{{value}: ...}}")
            if cls.short_for:
                return {cls.short_for: value}
            raise refuse(f"must be the name of a {cls.what}, not {describe(value)}")
        if len(value) != 1:
            many = f"these {len(value)}: {', '.join(value)}" if value else "none"
            raise refuse(f"a {cls.what} has one name, and this has {many}")
        return value

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices: dict[Any, CoreSchema] = {
            _UNKNOWN: core_schema.typed_dict_schema({}, extra_behavior="forbid", strict=True)
        }
        for name, body in cls.bodies().items():
            fields = {name: core_schema.typed_dict_field(handler.generate_schema(body))}
            choices[TAG + name] = core_schema.no_info_after_validator_function(
                lambda value: cls.made(*next(iter(value.items()))),
                core_schema.typed_dict_schema(fields, extra_behavior="forbid", strict=True),
            )
        tagged = core_schema.tagged_union_schema(choices, discriminator=cls._tag)
        made = core_schema.is_instance_schema(cls)
        return core_schema.no_info_before_validator_function(
            cls.longer,
            core_schema.tagged_union_schema(
                {_MADE: made, _WRITTEN: tagged},
                discriminator=lambda value: _MADE if isinstance(value, cls) else _WRITTEN,
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        inner: Any = schema
        written = inner["schema"]["choices"][_WRITTEN]["choices"]
        alternatives = [handler(written[TAG + name]) for name in cls.bodies()]
        template = {"type": "string", "pattern": TEMPLATE_PATTERN}
        short = cls._short_schema()
        return {"anyOf": [short, *alternatives, template]}

    @classmethod
    def _short_schema(cls) -> JsonSchemaValue:
        named = [
            name
            for name, body in cls.bodies().items()
            if not any(f.is_required() for f in body.model_fields.values())
        ]
        return {"enum": named}

    @classmethod
    def _tag(cls, value: Any) -> str:
        name = next(iter(value))
        return TAG + name if name in cls.bodies() else _UNKNOWN


# Distributions


@dataclass(frozen=True)
class Distribution(OneOf):
    """Of durations in ns. `a`, `b`: as the core's Distribution has them."""

    shape: str
    a: float
    b: float = 0.0

    what = "distribution"
    words = "a duration, or a distribution, as {exponential: 1s}"
    short_for = "constant"

    @classmethod
    def bodies(cls) -> Mapping[str, type[BaseModel]]:
        return _SHAPES

    @classmethod
    def made(cls, name: str, body: Any) -> Self:
        return cls(name, *map(float, body.parameters()))

    @classmethod
    def _short_schema(cls) -> JsonSchemaValue:
        adapter: TypeAdapter[Any] = TypeAdapter(_Time)
        return adapter.json_schema()

    def plain(self) -> dict[str, Any]:
        """For JSON and for the core."""
        return {"shape": self.shape, "a": self.a, "b": self.b}


_Time: Any = duration(0)
_Mean: Any = duration(1)
_Cv: Any = number(1e-6, 1e3)


class Constant(Shortened):
    """Always the same."""

    shorthand = "value"
    value: _Time = Field(description="The duration.")

    def parameters(self) -> tuple[float, ...]:
        return (self.value,)


class Exponential(Shortened):
    """Exponential."""

    shorthand = "mean"
    mean: _Mean = Field(description="Its mean.")

    def parameters(self) -> tuple[float, ...]:
        return (self.mean,)


class Uniform(Strict):
    """Uniform between two durations: [FROM, TO]."""

    model_config = ConfigDict(title="Uniform")

    least: _Time = Field(description="From.")
    most: _Time = Field(description="To.")

    @model_validator(mode="before")
    @classmethod
    def _pair(cls, value: Any) -> Any:
        if isinstance(value, list):
            if len(value) != 2:
                raise refuse(
                    f"uniform is between two durations, [FROM, TO], and these are {len(value)}"
                )
            return {"least": value[0], "most": value[1]}
        if isinstance(value, dict):
            return value
        raise refuse(f"uniform is between two durations, [FROM, TO], not {describe(value)}")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.least > self.most:
            raise refuse("uniform: [FROM, TO] has its larger duration first")
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        adapter: TypeAdapter[Any] = TypeAdapter(_Time)
        item = adapter.json_schema()
        return {"type": "array", "items": item, "minItems": 2, "maxItems": 2}

    def parameters(self) -> tuple[float, ...]:
        return (self.least, self.most)


class LogNormal(Strict):
    """Lognormal."""

    mean: _Mean = Field(description="Its mean.")
    cv: _Cv = Field(description="Its coefficient of variation: standard deviation / mean.")

    def parameters(self) -> tuple[float, ...]:
        return (self.mean, self.cv)


class Pareto(Strict):
    """Pareto (type I): a heavy tail."""

    mean: _Mean = Field(description="Its mean.")
    tail: number(1.001, 1e6) = Field(  # type: ignore[valid-type]
        description="The tail index: more than 1, where the mean would be infinite; up to 2 the variance is."
    )

    def parameters(self) -> tuple[float, ...]:
        return (self.mean, self.tail)


class Erlang(Strict):
    """Erlang: a sum of equal exponentials, less variable than one."""

    mean: _Mean = Field(description="Its mean.")
    phases: number(1, 1000, whole=True) = Field(description="How many.")  # type: ignore[valid-type]

    def parameters(self) -> tuple[float, ...]:
        return (self.mean, self.phases)


class Hyperexponential(Strict):
    """One of two exponentials, with balanced means: more variable than one."""

    mean: _Mean = Field(description="Its mean.")
    cv: number(1, 1e3) = Field(  # type: ignore[valid-type]
        description="Its coefficient of variation, at least 1."
    )

    def parameters(self) -> tuple[float, ...]:
        return (self.mean, self.cv)


_SHAPES: Mapping[str, type[BaseModel]] = {
    "constant": Constant,
    "exponential": Exponential,
    "uniform": Uniform,
    "lognormal": LogNormal,
    "pareto": Pareto,
    "erlang": Erlang,
    "hyperexponential": Hyperexponential,
}


# Schedulers and workloads


@dataclass(frozen=True)
class Choice(OneOf):
    """A scheduler or a workload, with its parameters: durations in ns."""

    name: str
    values: Mapping[str, Any] = field(hash=False)

    @classmethod
    def made(cls, name: str, body: Any) -> Self:
        values = ((key, getattr(body, key)) for key in type(body).model_fields)
        return cls(name, {key: value for key, value in values if value is not None})

    def plain(self) -> dict[str, Any]:
        """For JSON and for the core."""
        values = {
            key: value.plain() if isinstance(value, Distribution) else value
            for key, value in self.values.items()
        }
        return {"name": self.name, "values": values}


class Scheduler(Choice):
    """The scheduler of a group of hosts."""

    what = "scheduler"
    words = "a scheduler: NAME, or {NAME: {parameters}}"

    @classmethod
    def bodies(cls) -> Mapping[str, type[BaseModel]]:
        return _scheduler_bodies()

    @property
    def promises(self) -> frozenset[str]:
        if self.name == OWN:  # which is told of reservations, and does about them what it likes
            return frozenset({"reservations"})
        return kinds.schedulers()[self.name].promises


class Workload(Choice):
    """What the guests of a group of VMs do."""

    what = "workload"
    words = "a workload: NAME, or {NAME: {parameters}}"

    @classmethod
    def bodies(cls) -> Mapping[str, type[BaseModel]]:
        return _workload_bodies()


@cache
def _scheduler_bodies() -> Mapping[str, type[BaseModel]]:
    return {name: _body(kind) for name, kind in kinds.schedulers().items()}


@cache
def _workload_bodies() -> Mapping[str, type[BaseModel]]:
    return {name: _body(kind) for name, kind in kinds.workloads().items()}


class _Parameters(Strict):
    """Nothing for its parameters is: all as they are."""

    @model_validator(mode="before")
    @classmethod
    def _nothing(cls, value: Any) -> Any:
        return {} if value is None else value


def _body(kind: Kind) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for parameter in kind.parameters:
        fields[parameter.name] = (_type(parameter), _field(parameter))
    title = "".join(part.capitalize() for part in kind.name.replace("_", "-").split("-"))
    source = f" Source: {kind.source.rstrip('.')}." if kind.source else ""
    text = f"{kind.meaning.rstrip('.')}.{source}"
    return create_model(title, __base__=_Parameters, __doc__=text, **fields)


def _field(parameter: Parameter) -> Any:
    meaning = f"{parameter.meaning[:1].upper()}{parameter.meaning[1:].rstrip('.')}."
    if not parameter.preset:
        return Field(description=meaning)
    if parameter.preset == OPTIONAL:
        return Field(default=None, description=meaning)
    return Field(
        default=_preset(parameter),
        description=meaning,
        json_schema_extra={"default": _as_written(parameter)},
    )


def _preset(parameter: Parameter) -> Any:
    adapter: TypeAdapter[Any] = TypeAdapter(_plain_type(parameter))
    return adapter.validate_python(_as_written(parameter))


def _as_written(parameter: Parameter) -> Any:
    """The preset as YAML would give it."""
    text = parameter.preset
    match parameter.type:
        case "integer":
            return int(text)
        case "number":
            return float(text)
        case "flag":
            return text == "true"
        case "numbers":
            return [float(part) for part in text.strip("[]").split(",")]
    return text


def _type(parameter: Parameter) -> Any:
    plain = _plain_type(parameter)
    return plain | None if parameter.preset == OPTIONAL else plain


def _plain_type(parameter: Parameter) -> Any:
    match parameter.type:
        case "duration":
            return duration(parameter.least, min(parameter.most, LONGEST))
        case "distribution":
            return Distribution
        case "integer":
            return number(parameter.least, parameter.most, whole=True)
        case "number":
            return number(parameter.least, parameter.most)
        case "flag":
            return bool
        case "choice":
            return Literal[parameter.choices]
        case "numbers":
            each = number(parameter.least, parameter.most)
            return Annotated[
                list[each],  # type: ignore[valid-type]
                Field(min_length=1, max_length=100_000),
            ]
    raise AssertionError(f"no parameter is a {parameter.type}")


def marks() -> frozenset[str]:
    """What stands in pydantic's locations and is no part of a document."""
    known = (name for one in (Distribution, Scheduler, Workload) for name in one.bodies())
    return frozenset({_MADE, _WRITTEN, _UNKNOWN, "[key]", *(TAG + name for name in known)})
