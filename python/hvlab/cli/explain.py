# SPDX-License-Identifier: GPL-2.0-or-later
"""`hvlab explain`."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator

from hvlab.cli import OK, USAGE
from hvlab.scenario.nearest import did_you_mean
from hvlab.scenario.problems import printable
from hvlab.scenario.reference import (
    DOCUMENT,
    Key,
    Topic,
    everything,
    find,
    names,
    related,
    topics,
)

_WIDTH = 100
_AT_ONCE = 150


def explain(name: str) -> int:
    """Prints what there is to say about a step or a section, or what there is."""
    if not name:
        print("\n".join(_listing()))
        return OK
    found, below = find(name), related(name)
    keys = (
        [] if found or below else [t for t in everything() if any(k.name == name for k in t.keys)]
    )
    if keys:
        print("\n\n".join("\n".join(_key_text(topic, name)) for topic in keys))
        return OK
    if not found and not below:
        hint = _nearest(name) or "; 'hvlab explain' lists what there is"
        print(f"hvlab: error: no step or section '{printable(name)}'{hint}", file=sys.stderr)
        return USAGE
    print("\n\n".join("\n".join(_text(topic)) for topic in found))
    if below:
        print(f"{chr(10) * bool(found)}Below {name}")
        print("\n".join(_lines_of(below)))
    return OK


def _nearest(name: str) -> str:
    """Which known name was meant. They are more than are searched at once: those of scenarios come first."""
    known = names()
    parts = (known[start : start + _AT_ONCE] for start in range(0, len(known), _AT_ONCE))
    return next(filter(None, (did_you_mean(name, part) for part in parts)), "")


def _listing() -> Iterator[str]:
    steps = [topic for topic in topics() if topic.is_step]
    yield "Steps"
    yield from _lines_of(steps)
    yield ""
    yield "Sections"
    yield from _lines_of([topic for topic in topics() if not topic.is_step])
    yield ""
    yield "Experiments"
    yield from _lines_of([topic for topic in everything() if topic not in topics()])
    yield ""
    yield "hvlab explain NAME says more; the last part of a name will do."


def _lines_of(listed: list[Topic]) -> Iterator[str]:
    width = max(len(topic.name) for topic in listed) + 2
    for topic in listed:
        yield from _hanging(f"  {topic.name:<{width}}", topic.summary)


def _text(topic: Topic) -> Iterator[str]:
    yield f"{topic.name}: a {topic.kind}"
    yield from _hanging("  ", " ".join(topic.text.split()))
    if topic.keys:
        yield ""
        yield "Keys"
    for key in topic.keys:
        yield from _lines_of_key(key)
    if topic.short:
        yield ""
        yield f"Short form: a value alone is its '{topic.short}'."
    if topic.example:
        yield ""
        yield "Example"
        yield textwrap.indent(topic.example.rstrip(), "  ")
    for name, text in topic.files.items():
        yield ""
        yield f"with {name}"
        yield textwrap.indent(text.rstrip(), "  ")


def _key_text(topic: Topic, name: str) -> Iterator[str]:
    where = "of a scenario" if topic.name == DOCUMENT else f"of {topic.name}"
    yield f"{name}: a key {where}"
    for key in topic.keys:
        if key.name == name:
            yield from _lines_of_key(key)


def _lines_of_key(key: Key) -> Iterator[str]:
    facts = [key.type, "required" if key.required else ""]
    facts += [f"default {key.default}"] if key.default else []
    yield f"  {key.name}: {'; '.join(filter(None, facts))}"
    if key.purpose:
        yield from _hanging("      ", key.purpose)


def _hanging(head: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_on_hyphens=False,
        break_long_words=False,
    )
