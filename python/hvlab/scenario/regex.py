# SPDX-License-Identifier: GPL-2.0-or-later
"""Regular expressions before they run: are they RE2's, and which groups do they have?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

MAX_PATTERN = 10_000


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


# What Python knows and linear-time matching cannot do.
_BEYOND = re.compile(r"\\.|(\(\?(?:<?[=!]|P=|\(|>))|(\[)")


@lru_cache(maxsize=1024)
def inspect(pattern: str) -> Regex:
    """Checks a pattern before anything runs; the core's RE2 has the last word when it compiles it.

    Raises RegexError for what is no pattern, for what RE2 has not, and for a pattern that the empty
    text
    matches: it would pass whatever the guest does.
    """
    if len(pattern) > MAX_PATTERN:
        raise RegexError(
            f"the pattern is too long: {len(pattern)} characters, at most {MAX_PATTERN}"
        )
    _only_linear(pattern)
    try:
        compiled = re.compile(pattern.replace(r"\z", r"\Z"), re.MULTILINE)
    except re.error as error:
        raise RegexError(f"not a regular expression: {error.msg}", error.pos) from None
    except (RecursionError, OverflowError):
        raise RegexError("the pattern is nested too deeply or repeats too much") from None
    if compiled.search("") is not None:
        raise RegexError(
            "the pattern matches the empty text: it would pass whatever the guest does"
        )
    return Regex(compiled.groups, dict(compiled.groupindex))


def _only_linear(pattern: str) -> None:
    at = 0
    while match := _BEYOND.search(pattern, at):
        if match[1]:
            what = (
                "lookahead and lookbehind are"
                if "=" in match[1] or "!" in match[1]
                else "this group is"
            )
            if match[1] == "(?P=":
                what = "a reference back to a group is"
            raise RegexError(
                f"{what} not possible here: matching takes linear time (RE2)", match.start()
            )
        if match[2]:  # inside a character class nothing of this has a meaning
            end = re.compile(r"\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]").match(pattern, match.start())
            at = end.end() if end else len(pattern)
            continue
        if match[0][1].isdigit() and match[0] != r"\0":
            message = (
                "a reference back to a group is not possible here: matching takes linear time (RE2)"
            )
            raise RegexError(message, match.start())
        at = match.end()
