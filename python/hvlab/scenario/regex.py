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
        if piece["name"]:
            names[piece["name"]] = count
    return Regex(count, names)
