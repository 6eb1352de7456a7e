# SPDX-License-Identifier: GPL-2.0-or-later
"""The reference of the scenario language, made of its models: what `hvlab explain` prints and the
documentation's pages hold.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from hvlab.scenario.boots import BOOTS
from hvlab.scenario.examples import EXAMPLES
from hvlab.scenario.fields import Meaning, Shortened
from hvlab.scenario.model import Scenario
from hvlab.scenario.nearest import one_of
from hvlab.scenario.steps import STEPS, Step
from hvlab.scenario.steps.base import StepBody

DOCUMENT = "document"
_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


@dataclass(frozen=True)
class Key:
    """A key of a mapping: its name, what its value is, its default ("" if there is none), what it is
    for.
    """

    name: str
    type: str
    required: bool
    default: str
    purpose: str


@dataclass(frozen=True)
class Topic:
    """What there is to say about a step or a section.

    Attributes:
        name: `expect`, or `machine.boot.linux`; is_step: which of the two; text: what it is;
        short: the key that its short form stands for, "" without one; example: YAML; files: what it
        needs beside it, by name.
    """

    name: str
    is_step: bool
    text: str
    keys: tuple[Key, ...]
    short: str
    example: str
    files: Mapping[str, str]

    @property
    def kind(self) -> str:
        return "step" if self.is_step else "section"

    @property
    def summary(self) -> str:
        """The first sentence of the text."""
        return _summary(self.text)


def _summary(text: str) -> str:
    return " ".join(text.split()).partition(". ")[0].rstrip(".") + "."


@cache
def topics() -> tuple[Topic, ...]:
    """Every topic: the document and its sections in their order, then the steps."""
    found: dict[type[BaseModel], Topic] = {}
    collect(Scenario, (), found)
    sections = tuple(found.values())
    steps: list[Topic] = []
    for keyword, body in STEPS.items():
        inside: dict[type[BaseModel], Topic] = {}
        collect(body, (keyword,), inside)
        below = [topic for model, topic in inside.items() if model not in found]
        steps += below
    return (*sections, *steps)


@cache
def everything() -> tuple[Topic, ...]:
    """The topics of scenarios, then those of experiments."""
    from hvlab.sim.experiments import reference

    return (*topics(), *reference.topics())


def find(name: str) -> list[Topic]:
    """The topics of that name, or whose names end in it (`linux` is `machine.boot.linux`)."""
    exact = [topic for topic in everything() if topic.name == name]
    ending = [topic for topic in everything() if topic.name.endswith(f".{name}")]
    return [*exact, *ending]


def related(name: str) -> list[Topic]:
    """The topics below that name: of `boot`, what can be booted."""
    last = name.rpartition(".")[2]
    return [topic for topic in everything() if last in topic.name.split(".")[:-1]]


def names() -> list[str]:
    """What `find` and `related` know, in full and by the last part; and all keys."""
    parts = [topic.name.split(".") for topic in everything()]
    begun = (".".join(part[:length]) for part in parts for length in range(1, len(part) + 1))
    keys = (key.name for topic in everything() for key in topic.keys)
    return list(dict.fromkeys([*begun, *(piece for part in parts for piece in part), *keys]))


def collect(
    model: type[BaseModel],
    path: tuple[str, ...],
    found: dict[type[BaseModel], Topic],
    examples: Mapping[str, str] = EXAMPLES,
) -> None:
    """Puts the topic of a model at a path into `found`, and those of the models in it."""
    if model in found:
        return
    found[model] = topic_of(model, path, examples)
    for name, field in model.model_fields.items():
        if field.annotation is Step:
            continue
        for below in _models(field.annotation):
            if below in found:
                continue
            kinds = [kind for kind, other in BOOTS.items() if other is below]
            last = (field.alias or name, *kinds[:1])
            collect(below, (*path, *last), found, examples)


def topic_of(
    model: type[BaseModel], path: tuple[str, ...], examples: Mapping[str, str] = EXAMPLES
) -> Topic:
    """Of one model alone."""
    is_step = issubclass(model, StepBody)
    name = ".".join(path) or DOCUMENT
    example = model.example if issubclass(model, StepBody) else examples.get(name, "")
    files = model.example_files if issubclass(model, StepBody) else {}
    short = (model.shorthand or "") if issubclass(model, Shortened) else ""
    keys = tuple(_key(key, field) for key, field in model.model_fields.items())
    return Topic(name, is_step, inspect.cleandoc(model.__doc__ or ""), keys, short, example, files)


def _key(name: str, field: FieldInfo) -> Key:
    annotation = typing.Annotated[field.annotation, *field.metadata] if field.metadata else None
    shown = _type(annotation or field.annotation)
    required = field.is_required()
    default = "" if required else _default(field)
    below = next(_models(field.annotation), None)
    purpose = field.description or (_summary(below.__doc__ or "") if below else "")
    return Key(field.alias or name, shown, required, default, purpose)


def _default(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "default" in extra:
        return str(extra["default"])
    value = field.default
    if value is PydanticUndefined or value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    if isinstance(value, int) and value >= 4096:
        return f"{value:#x}"  # an address
    return str(value) if value != "" else '""'


def _type(annotation: Any) -> str:
    """What a value is, in words."""
    metadata: tuple[Any, ...] = ()
    while typing.get_origin(annotation) is typing.Annotated:
        metadata = (*annotation.__metadata__, *metadata)
        annotation = annotation.__origin__
    meaning = next((each.text for each in metadata if isinstance(each, Meaning)), None)
    if meaning is not None:
        return meaning
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        kept = [argument for argument in arguments if argument is not type(None)]
        with_bounds = [typing.Annotated[each, *metadata] if metadata else each for each in kept]
        return " or ".join(dict.fromkeys(_type(each) for each in with_bounds))
    if origin is typing.Literal:
        texts = [str(choice) for choice in arguments]
        return one_of(texts) if all(isinstance(c, str) for c in arguments) else " or ".join(texts)
    if origin is list:
        return f"a list{_many(metadata)}; each item is {_type(arguments[0])}"
    if origin is dict:
        return f"a mapping; each value is {_type(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "a mapping"
    if annotation is Step:
        return "a step"
    if hasattr(annotation, "bodies"):
        return str(annotation.words)
    return f"{_WORDS.get(annotation, 'a value')}{_bounds(annotation, metadata)}"


def _bounds(annotation: Any, metadata: tuple[Any, ...]) -> str:
    if annotation is not int:
        longest = next((each.max_length for each in metadata if isinstance(each, MaxLen)), None)
        return f" of at most {longest} characters" if longest is not None else ""
    least = next((each.ge for each in metadata if isinstance(each, Ge)), None)
    most = next((each.le for each in metadata if isinstance(each, Le)), None)
    if least is None or most is None:
        return "" if least is None else f", at least {least}"
    return f", {least} to {_number(most)}"


def _number(value: Any) -> str:
    for power in (63, 64):
        if value == (1 << power) - 1:
            return f"2^{power} - 1"
    return str(value)


def _many(metadata: tuple[Any, ...]) -> str:
    least = next((each.min_length for each in metadata if isinstance(each, MinLen)), 0)
    most = next((each.max_length for each in metadata if isinstance(each, MaxLen)), None)
    if most is not None:
        return f" of at most {most}"
    return " that is not empty" if least else ""


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a type holds, in order."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for argument in typing.get_args(annotation):
        yield from _models(argument)
