# SPDX-License-Identifier: GPL-2.0-or-later
"""pydantic's errors -> problems a person understands, at the place they are about."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hvlab.scenario.boots import BOOT_TAG, BOOTS
from hvlab.scenario.context import Places
from hvlab.scenario.fields import describe
from hvlab.scenario.model import Scenario
from hvlab.scenario.nearest import did_you_mean, meant, nearest, one_of, which_key
from hvlab.scenario.problems import MAX_PROBLEMS, Problem
from hvlab.scenario.steps import STEPS, TAG, Step
from hvlab.scenario.tree import Data, Path, format_path

_TYPES: Mapping[str, str] = {
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "dataclass_type": "must be a mapping",
}


_NUMBER = re.compile(r"[+-]?(0x[0-9A-Fa-f]+|0o[0-7]+|[0-9]+)")
_TRUTHS = {"yes": "true", "on": "true", "no": "false", "off": "false"}


@dataclass(frozen=True)
class Language:
    """A kind of document: the model of it, and what marks alternatives in pydantic's locations.

    Models may hold types with a method `bodies`: those of the mappings with one key that it takes.
    """

    root: type[BaseModel]
    marks: frozenset[str]


@lru_cache(maxsize=1)
def scenarios() -> Language:
    """The language of scenarios."""
    steps, boots = (TAG + keyword for keyword in STEPS), (BOOT_TAG + kind for kind in BOOTS)
    return Language(Scenario, frozenset({*steps, *boots, "[key]"}))


def problems(
    error: ValidationError, data: Data, places: Places, language: Language | None = None
) -> Iterator[Problem]:
    """One problem for each error of pydantic's, MAX_PROBLEMS at most. `language`: scenarios' if not
    given.
    """
    language = language or scenarios()
    found = error.errors(include_url=False)[:MAX_PROBLEMS]
    misspelt = set(_misspelt(found, language))
    unindented = set(_unindented(found, language))
    for details in found:
        path = _plain(details["loc"], language)
        # A misspelt key is one mistake: not an unknown key and a missing one. And so is a step whose
        # fields stand beside it.
        if (details["type"] == "missing" and path in misspelt) or (
            details["type"] != "extra_forbidden"
            and details["input"] is None
            and path[:2] in unindented
        ):
            continue
        if path == ("machines",) and misspelt & {("machine",), ("machines",)}:
            continue
        yield _problem(details, data, places, language)


def _unindented(found: list[ErrorDetails], language: Language) -> Iterator[Path]:
    """The places of the steps that have another key beside their own."""
    for details in found:
        path = _plain(details["loc"], language)
        if details["type"] == "extra_forbidden" and path[0] == "steps" and len(path) == 3:
            yield path[:2]


def _misspelt(found: list[ErrorDetails], language: Language) -> Iterator[Path]:
    """The places of the keys that unknown ones beside them were meant to be."""
    for details in found:
        if details["type"] == "extra_forbidden":
            path = _plain(details["loc"], language)
            known = _keys(_annotation(path[:-1], language))
            yield from ((*path[:-1], name) for name in meant(str(path[-1]), known))


def _problem(details: ErrorDetails, data: Data, places: Places, language: Language) -> Problem:
    path = _plain(details["loc"], language)
    kind = details["type"]
    if kind == "extra_forbidden":
        return places.at_key(path, _unknown_key(path, data, language))
    if kind == "missing":
        parent = path[:-1]
        where = f" in {format_path(parent[-1:])}" if parent and isinstance(parent[-1], str) else ""
        return places.at_key(parent, f"'{path[-1]}' is missing{where}{_purpose(path, language)}")
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        return _no_alternative(path, details["input"], places)
    if "[key]" in details["loc"]:
        return places.at_key(path, _message(path, details, language))
    # A step's short form has no key for its only field: then the message is about the step.
    return places.at_value(path, _message(places.marks.nearest(path), details, language))


def _plain(loc: tuple[int | str, ...], language: Language) -> Path:
    """Without the marks of union alternatives, which are no part of the document."""
    return tuple(part for part in loc if part not in language.marks)


def _message(path: Path, details: ErrorDetails, language: Language) -> str:
    kind, context, value = details["type"], details.get("ctx", {}), details["input"]
    what = format_path(path[-1:]) if path and isinstance(path[-1], str) else format_path(path[-2:])
    if kind == "hvlab":
        axis = str(path[1]) if path[:1] == ("matrix",) and len(path) == 3 else ""
        hint = did_you_mean(axis, ("include", "exclude")) if isinstance(value, dict) else ""
        if hint:
            return f"a value of the axis '{axis}' is a mapping{hint}"
        nameless = language.root is not Scenario and details["msg"].startswith("must ")
        return f"{what} {details['msg']}" if nameless else details["msg"]
    if kind in _TYPES:
        return (
            f"{what} {_TYPES[kind]}, not {describe(value)}{_type_hint(kind, path, value, language)}"
        )
    if kind == "literal_error":
        return _not_one_of(what, path, value, language)
    if kind in ("greater_than_equal", "greater_than"):
        return f"{what} must be at least {context.get('ge', context.get('gt'))}, not {value}"
    if kind in ("less_than_equal", "less_than"):
        return f"{what} must be at most {context.get('le', context.get('lt'))}, not {value}"
    if kind in ("too_short", "string_too_short"):
        return f"{what} is empty"
    if kind in ("too_long", "string_too_long"):
        most = context.get("max_length")
        return f"{what} is too long; at most {most}"
    message = details["msg"]
    return f"{what}: {message[:1].lower()}{message[1:]}"


def _type_hint(kind: str, path: Path, value: object, language: Language) -> str:
    if kind == "list_type" and isinstance(value, str):
        return f" (did you mean [{value}]?)"
    if kind == "list_type" and isinstance(value, dict):
        return "; each item begins with '- '"
    if kind == "string_type" and isinstance(value, bool | int | float):
        return "; put it in quotes"
    if kind == "int_type" and isinstance(value, str) and _NUMBER.fullmatch(value):
        return "; take the quotes away"
    if kind == "bool_type" and isinstance(value, str) and value.casefold() in _TRUTHS:
        return f" (did you mean {_TRUTHS[value.casefold()]}?)"
    if path == ("matrix",):
        return ", as {memory: [64MiB, 1GiB]}"
    keys = _keys(_annotation(path, language)) if "mapping" in _TYPES[kind] else []
    return f"; its keys: {', '.join(keys)}" if keys else ""


def _purpose(path: Path, language: Language) -> str:
    """What a missing key is for, as its model says."""
    for candidate in _alternatives(_annotation(path[:-1], language)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            for name, field in candidate.model_fields.items():
                if path[-1] in (name, field.alias) and field.description:
                    text = field.description.rstrip(".")
                    return f": {text[:1].lower()}{text[1:]}"
    return ""


def _not_one_of(what: str, path: Path, value: object, language: Language) -> str:
    known = [str(choice) for choice in _choices(_annotation(path, language))]
    if path == ("schema",):
        return f"schema must be 1, the only version there is, not {describe(value)}"
    if isinstance(value, str):
        hint = did_you_mean(value, known) or f"; known: {one_of(known)}"
        return f"unknown value '{value}' of {what}{hint}"
    return f"{what} must be {one_of(known)}, not {describe(value)}"


def _unknown_key(path: Path, data: Data, language: Language) -> str:
    key, parent = str(path[-1]), path[:-1]
    if len(parent) == 2 and parent[0] == "steps":
        return _beside_step(key, _at(data, parent))
    known = _keys(_annotation(parent, language))
    if len(parent) == 3 and parent[2] == "boot" and key in BOOT_KEYS:
        return f"unknown key '{key}' in boot; what is booted stands under 'machine'"
    if parent[-1:] == ("boot",) and parent[:1] in (("machine",), ("machines",)):
        return _unknown_boot_key(key, _at(data, parent))
    where = f" in {format_path(parent[-1:])}" if parent and isinstance(parent[-1], str) else ""
    hint = which_key(key, known)
    if not hint and language.root is Scenario:
        hint = _elsewhere(key, parent)
    elif not hint and not parent and key in _keys(Scenario):
        hint = "; it belongs to scenarios, and this is an experiment"
    if not hint:
        hint = f"; known: {', '.join(known)}" if known else "; it takes none"
    return f"unknown key '{key}'{where}{hint}"


def _elsewhere(key: str, parent: Path) -> str:
    """Where a key is known that is not known where it stands: in a section, or as a step."""
    for section in (("machine", "boot"), ("machine",), ("limits",), ("requires",)):
        keys = (
            BOOT_KEYS
            if section == ("machine", "boot")
            else _keys(_annotation(section, scenarios()))
        )
        if key in keys and section != parent and (parent or section != ("machine", "boot")):
            return f"; '{key}' belongs inside '{section[-1]}'; is the indentation right?"
    if parent:
        return ""
    if key in STEPS:
        return f"; '{key}' is a step: put '- {key}: ...' under steps"
    return which_key(key, STEPS) if key[:1] in ("-", "–", "—") else ""


def _unknown_boot_key(key: str, boot: Data) -> str:
    kind = next((k for k in BOOTS if isinstance(boot, dict) and k in boot), "")
    if key in BOOTS:
        return f"boot says one thing to boot, and this has '{kind}' already"
    others = [k for k, model in BOOTS.items() if k != kind and key in _keys(model)]
    if others:
        return f"unknown key '{key}' in boot: it goes with {one_of(others)}, not with '{kind}'"
    known = _keys(BOOTS[kind])
    hint = which_key(key, known) or f"; known: {', '.join(known)}"
    return f"unknown key '{key}' in boot{hint}"


def _beside_step(key: str, entry: Data) -> str:
    """A second key in an entry of `steps`: mostly one that was meant to be inside the first."""
    keyword = next((k for k in entry if k in STEPS), "") if isinstance(entry, dict) else ""
    if key in STEPS:
        hint = f"begin a new one with '- {key}: ...'"
        return f"a step has one key, and this has '{keyword}' already: {hint}"
    inside = nearest(key, _keys(STEPS[keyword])) if keyword else None
    if inside:
        return f"'{key}' belongs inside '{keyword}': {keyword}: {{..., {inside}: ...}}"
    return f"unknown key '{key}' beside '{keyword}': a step has one key"


def _no_alternative(path: Path, value: object, places: Places) -> Problem:
    if path and path[0] == "steps":
        return _not_a_step(path, value, places)
    if isinstance(value, dict):
        wrong = next((key for key in value if which_key(key, BOOTS)), None)
        if wrong is not None:
            hint = which_key(wrong, BOOTS)
            return places.at_key((*path, wrong), f"unknown key '{wrong}' in boot{hint}")
        beside = next((key for key in value if key in BOOT_KEYS), None)
        if beside is not None:
            kinds = one_of(k for k, model in BOOTS.items() if beside in _keys(model))
            message = f"'{beside}' boots nothing by itself: it goes with {kinds}"
            return places.at_key((*path, beside), message)
    message = f"boot says what to boot, as in {{flat: IMAGE}}; known: {one_of(BOOTS)}"
    return places.at_value(path, message)


def _not_a_step(path: Path, value: object, places: Places) -> Problem:
    if isinstance(value, dict) and value:
        key = next((k for k in value if nearest(k, STEPS)), next(iter(value)))
        hint = which_key(key, STEPS)
        if not hint:
            owner = next((name for name, body in STEPS.items() if key in _keys(body)), None)
            hint = (
                f"; '{key}' belongs inside '{owner}'" if owner else f"; known: {', '.join(STEPS)}"
            )
        return places.at_key((*path, key), f"unknown step '{key}'{hint}")
    if isinstance(value, str):
        if value in STEPS:
            body = "{}" if value == "boot" else "..."
            hint = f" (did you mean '{value}: {body}'?)"
        else:
            hint = which_key(value, STEPS) or f", as '- boot: {{}}', not {describe(value)}"
        return places.at_value(path, f"a step is a mapping with one key{hint}")
    return places.at_value(
        path, f"a step is a mapping with one key, as '- boot: {{}}', not {describe(value)}"
    )


def _at(data: Data, path: Path) -> Data:
    for part in path:
        if isinstance(data, dict) and isinstance(part, str):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data


# What the model says stands at a path: for the names that are known there.


def _annotation(path: Path, language: Language) -> Any:
    current: Any = language.root
    for part in path:
        current = _below(current, part)
    return current


def _below(annotation: Any, part: str | int) -> Any:
    for candidate in _alternatives(annotation):
        if candidate is Step:
            return STEPS.get(str(part))
        if hasattr(candidate, "bodies"):
            return candidate.bodies().get(part)
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            for name, field in candidate.model_fields.items():
                if part in (name, field.alias):
                    return field.annotation
        origin = typing.get_origin(candidate)
        if origin in (list, dict) and isinstance(part, int) == (origin is list):
            return typing.get_args(candidate)[-1]
    return None


def is_optional(path: Path, language: Language | None = None) -> bool:
    """Whether the model takes nothing for the value at `path`."""
    return type(None) in _alternatives(_annotation(path, language or scenarios()))


def _alternatives(annotation: Any) -> Iterator[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from _alternatives(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for argument in typing.get_args(annotation):
            yield from _alternatives(argument)
    else:
        yield annotation


def _keys(annotation: Any) -> list[str]:
    keys: list[str] = []
    for candidate in _alternatives(annotation):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            keys += [field.alias or name for name, field in candidate.model_fields.items()]
        elif hasattr(candidate, "bodies"):
            keys += candidate.bodies()
    return list(dict.fromkeys(keys))


def _choices(annotation: Any) -> list[Any]:
    found: list[Any] = []
    for candidate in _alternatives(annotation):
        if typing.get_origin(candidate) is typing.Literal:
            found += typing.get_args(candidate)
    return found


BOOT_KEYS = frozenset(key for model in BOOTS.values() for key in _keys(model))
