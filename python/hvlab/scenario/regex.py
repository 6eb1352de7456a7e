# SPDX-License-Identifier: GPL-2.0-or-later
"""Regular expressions before they run: are they RE2's, and which groups do they have?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from hvlab.errors import PatternError


class RegexError(Exception):
    """A pattern is wrong. Attributes: message; offset in the pattern, None if unknown."""

    def __init__(self, message: str, offset: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


@dataclass(frozen=True)
class Regex:
    """A pattern's groups: how many, and the index of each named one."""

    groups: int
    names: Mapping[str, int]


_PIECE = re.compile(
    r"""\\Q.*?(?:\\E|\Z)                        # quoted, as it is
      | \\(?P<back>[1-9])                       # a reference back to a group
      | \\.                                     # an escaped character
      | \[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\] # a character class
      | \(\?P?<(?P<name>\w+)>                   # a named group
      | \((?P<beyond>\?(?:<?[=!]|P=|\(|>))      # what needs more than linear time
      | (?P<group>\((?!\?))                     # a group
      | .                                       # anything else
    """,
    re.VERBOSE | re.DOTALL,
)
_REPETITION = re.compile(r"\{(\d{1,4})(?:,(\d{0,4}))?\}")
_UNICODE = re.compile(r"\\[pP](?:\{\^?\w+\}|\w)")  # classes of hundreds of ranges
_LINEAR = "is not possible here: matching takes linear time (RE2)"


@lru_cache(maxsize=1024)
def inspect(pattern: str) -> Regex:
    """Checks a pattern before anything runs. Raises RegexError for what the core would refuse."""
    from hvlab._core import ConsolePattern

    found = _groups(pattern)
    try:
        ConsolePattern.regex(pattern)
    except PatternError as error:
        raise RegexError(str(error)) from None
    return found


class Patterns:
    """The patterns of one document, checked within a bound on the work that this takes."""

    # About 1 us for each unit. Patterns that people write have tens to hundreds of them.
    MAX_WEIGHT = 90_000

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._weight = 0

    def inspect(self, pattern: str) -> Regex:
        """As the function does. Raises RegexError, also for one too many."""
        if pattern not in self._known:
            self._weight += weight(pattern)
            if self._weight > self.MAX_WEIGHT:
                raise RegexError("the regular expressions of this document are too large, together")
            self._known.add(pattern)
        return inspect(pattern)


@lru_cache(maxsize=1024)
def weight(pattern: str) -> int:
    """About how large the program is that RE2 makes of it: repetitions are written out there."""
    sums = [0]  # of the groups that are open
    last = 0
    pattern = _UNICODE.sub("\0", pattern)
    for piece in _PIECE.finditer(pattern):
        text = piece[0]
        repetition = _REPETITION.match(pattern, piece.start()) if text == "{" else None
        if repetition:
            times = max(int(repetition[1]), int(repetition[2] or 0), 1)
            sums[-1] += last * (times - 1)
            last *= times
        elif text[0] == "(":
            sums.append(0)
        elif text == ")" and len(sums) > 1:
            last = sums.pop()
            sums[-1] += last
        else:
            last = len(text) + 300 * text.count("\0") + (10 if text == "." else 0)
            sums[-1] += last
    return sum(sums)


def _groups(pattern: str) -> Regex:
    count = 0
    names: dict[str, int] = {}
    for piece in _PIECE.finditer(pattern):
        if piece["back"]:
            raise RegexError(f"a reference back to a group {_LINEAR}", piece.start())
        if piece["beyond"]:
            what = (
                "looking ahead or behind" if piece["beyond"][-1] in "=!" else "this kind of group"
            )
            what = "a reference back to a group" if piece["beyond"] == "?P=" else what
            raise RegexError(f"{what} {_LINEAR}", piece.start())
        if piece["group"] or piece["name"]:
            count += 1
        if piece["name"] in names:
            raise RegexError(f"the group '{piece['name']}' is there twice", piece.start())
        if piece["name"]:
            names[piece["name"]] = count
    return Regex(count, names)
