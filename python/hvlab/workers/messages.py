# SPDX-License-Identifier: GPL-2.0-or-later
"""What a worker tells the runner: JSON in frames, checked against the types of the results. A worker
whose guest broke out of its machine must not get further by what it says: never pickles.
"""

from __future__ import annotations

import dataclasses
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from hvlab.scenario.results import CaseResult, MachineResult

MAX_BYTES = 64 << 20  # of one message; a machine's console, log and screen are below 2 MiB
_HEADER = struct.Struct("!BI")  # kind, bytes that follow


@dataclass(frozen=True)
class StepStarted:
    """A step begins. guest_time: ns, None before there is a machine."""

    index: int
    guest_time: int | None


@dataclass(frozen=True)
class Progress:
    """The guest has run for a while. guest_time: ns."""

    guest_time: int
    instructions: int | None


@dataclass(frozen=True)
class SoFar:
    """The machines as they are now: what is left of a case whose process dies."""

    machines: tuple[MachineResult, ...]


Message = StepStarted | Progress | SoFar | CaseResult
_KINDS: tuple[type[Message], ...] = (StepStarted, Progress, SoFar, CaseResult)
# In a tuple: pydantic takes the settings for the outermost type, and of dataclasses takes none.
_ADAPTERS: tuple[TypeAdapter[tuple[Message]], ...] = tuple(
    TypeAdapter(tuple[kind], config=ConfigDict(ser_json_inf_nan="constants", strict=True))  # type: ignore[valid-type, arg-type]
    for kind in _KINDS
)


class Garbage(Exception):
    """What came is no message; the text says why."""


def send(fd: int, message: Message) -> None:
    """Writes a message. Raises OSError, and ValueError for one that is too large."""
    kind = _KINDS.index(type(message))
    data = _encode(_ADAPTERS[kind], message)
    if len(data) > MAX_BYTES:
        raise ValueError(f"a message of {len(data)} bytes is over the limit of {MAX_BYTES}")
    left = memoryview(_HEADER.pack(kind, len(data)) + data)
    while left:
        left = left[os.write(fd, left) :]


class Receiver:
    """Takes a stream to pieces; holds at most one message."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are complete with `data`. Raises Garbage."""
        self._data += data
        while len(self._data) >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._data)
            if kind >= len(_KINDS):
                raise Garbage(f"there is no kind of message {kind}")
            if length > MAX_BYTES:
                raise Garbage(f"a message of {length} bytes is over the limit of {MAX_BYTES}")
            end = _HEADER.size + length
            if len(self._data) < end:
                return
            body = bytes(memoryview(self._data)[_HEADER.size : end])
            del self._data[:end]
            yield _decode(kind, body)


def _decode(kind: int, body: bytes) -> Message:
    try:
        (message,) = _ADAPTERS[kind].validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join((_KINDS[kind].__name__, *(str(part) for part in first["loc"][1:])))
        raise Garbage(f"{place}: {first['msg']}") from None
    return message


def _encode(adapter: TypeAdapter[tuple[Message]], message: Message) -> bytes:
    try:
        return adapter.dump_json((message,))
    except PydanticSerializationError:  # lone surrogates in a text; all else in results has a form
        plain: Any = _without_surrogates(dataclasses.asdict(message))
        return TypeAdapter(Any).dump_json([plain])


def _without_surrogates(data: Any) -> Any:
    if isinstance(data, str):
        return data.encode("utf-8", "backslashreplace").decode()
    if isinstance(data, dict):
        return {_without_surrogates(k): _without_surrogates(v) for k, v in data.items()}
    if isinstance(data, list | tuple):
        return [_without_surrogates(item) for item in data]
    return data
