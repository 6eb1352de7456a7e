# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong with a document, where, and how that is shown: the line and a caret under the
place.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hvlab.errors import ScenarioError
from hvlab.scenario.source import Source
from hvlab.scenario.tree import Included, Path

MAX_SHOWN = 50
MAX_PROBLEMS = 200  # of a document; no more are looked for
_MAX_LINE = 160
_MAX_MESSAGE = 1000


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        line, column: from 1, columns in characters; width: how many characters the caret
        underlines;
        path: the place in the document (`steps[2].expect.within`), and its parts in `place`;
        trail: the included files that it stands in, the innermost first; none for the document itself.
    """

    line: int
    column: int
    message: str
    path: str = ""
    width: int = 1
    place: Path = field(default=(), compare=False)
    trail: tuple[Included, ...] = field(default=(), compare=False)

    @property
    def order(self) -> tuple[tuple[int, int], ...]:
        """Where it stands in the document, with the included files in their places."""
        outer = [(included.at.line, included.at.column) for included in reversed(self.trail)]
        return (*outer, (self.line, self.column))

    def shown(self, document: Source) -> str:
        """The line with a caret, and how the file came into the document."""
        source = self.trail[0].source if self.trail else document
        text = excerpt(source, self.line, self.column, self.width, f"error: {self.message}")
        return "\n".join([text, *included_lines(self.trail, document)])


class ScenarioInvalid(ScenarioError):
    """A document has problems: all of them, in the order of their lines.

    Attributes:
        problems: at least one; source: the document; the fields of ScenarioError are the first
        problem's.
    """

    def __init__(self, source: Source, problems: Iterable[Problem]) -> None:
        self.source = source
        self.problems = tuple(sorted(set(problems), key=lambda problem: (problem.order, problem)))
        first = self.problems[0]
        file = first.trail[0].source.name if first.trail else source.name
        super().__init__(first.message, file, first.line, first.column, first.path)

    def __reduce__(self) -> tuple[type[ScenarioInvalid], tuple[Source, tuple[Problem, ...]]]:  # type: ignore[override]
        return type(self), (self.source, self.problems)

    def __str__(self) -> str:
        shown = [problem.shown(self.source) for problem in self.problems[:MAX_SHOWN]]
        if len(self.problems) > MAX_SHOWN:
            least = "at least " if len(self.problems) >= MAX_PROBLEMS else ""
            more = len(self.problems) - MAX_SHOWN
            shown.append(f"{printable(self.source.name)}: and {least}{more} more errors")
        return "\n".join(shown)


def excerpt(source: Source, line: int, column: int, width: int, headline: str) -> str:
    """`file:line:column: headline`, the line, and a caret under the place."""
    head = f"{printable(source.name)}:{line}:{column}: {printable(headline)}"
    text = source.line(line)
    if not text.strip():
        return head
    start = max(0, column - 1 - _MAX_LINE // 2) if len(text) > _MAX_LINE else 0
    shown = text[start : start + _MAX_LINE]
    at = min(max(column - 1 - start, 0), len(shown))
    pad = "".join(_blank(char) for char in shown[:at])
    under = sum(_width(char) for char in shown[at : at + max(width, 1)])
    number = f"{line:>5}"
    visible = "".join(char if char == "\t" or char.isprintable() else "?" for char in shown)
    return f"{head}\n{number} | {visible}\n{'':>5} | {pad}^{'~' * (under - 1)}"


def included_lines(trail: Sequence[Included], document: Source) -> list[str]:
    """`included in FILE:LINE` for each file of a trail."""
    around = [*(included.source for included in trail[1:]), document]
    return [
        f"      included in {printable(source.name)}:{included.at.line}"
        for included, source in zip(trail, around, strict=False)
    ]


def shortened(message: str) -> str:
    """`message` without most of a long text of the document that it holds; its end says what helps."""
    if len(message) <= _MAX_MESSAGE:
        return message
    half = _MAX_MESSAGE // 2
    return f"{message[:half]}...{message[-half:]}"


def printable(text: str) -> str:
    """`text` without what could steer a terminal: documents and guests may not do that."""
    if text.isprintable():
        return text
    return "".join(
        char if char in "\n\t" or char.isprintable() else f"\\x{ord(char):02x}" for char in text
    )


def _blank(char: str) -> str:
    return "\t" if char == "\t" else " " * _width(char)


def _width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
