# SPDX-License-Identifier: GPL-2.0-or-later
"""The expressions of -k and -m: words with `and`, `or`, `not` and brackets, as pytest has them."""

from __future__ import annotations

import re
from collections.abc import Callable

from hvlab.errors import HvlabError

_TOKEN = re.compile(r"\s*(?:([()])|([^\s()]+))")
_MAX_WORDS = 200


class SelectionError(HvlabError):
    """An expression of -k or -m is wrong."""


Matcher = Callable[[Callable[[str], bool]], bool]


def compile_selection(text: str, option: str) -> Matcher:
    """A function that says, given which words hold, whether the expression does. Raises
    SelectionError.
    """
    return _Parser(text, option).parse()


class _Parser:
    def __init__(self, text: str, option: str) -> None:
        self._text = text
        self._option = option
        self._tokens = [match[1] or match[2] for match in _TOKEN.finditer(text)]
        self._at = 0
        if len(self._tokens) > _MAX_WORDS:
            raise SelectionError(f"{option}: more than {_MAX_WORDS} words")

    def parse(self) -> Matcher:
        if not self._tokens:
            raise self._error("it is empty")
        matcher = self._either()
        if self._at < len(self._tokens):
            raise self._error(f"'and' or 'or' is missing before '{self._tokens[self._at]}'")
        return matcher

    def _either(self) -> Matcher:
        parts = [self._both()]
        while self._take("or"):
            parts.append(self._both())
        return lambda holds: any(part(holds) for part in parts)

    def _both(self) -> Matcher:
        parts = [self._single()]
        while self._take("and"):
            parts.append(self._single())
        return lambda holds: all(part(holds) for part in parts)

    def _single(self) -> Matcher:
        if self._take("not"):
            inner = self._single()
            return lambda holds: not inner(holds)
        if self._take("("):
            inner = self._either()
            if not self._take(")"):
                raise self._error("a ')' is missing")
            return inner
        if self._at >= len(self._tokens):
            raise self._error("it ends too early")
        word = self._tokens[self._at]
        if word in ("and", "or", ")"):
            raise self._error(f"a word is missing before '{word}'")
        self._at += 1
        return lambda holds: holds(word)

    def _take(self, token: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at] == token
        self._at += found
        return found

    def _error(self, what: str) -> SelectionError:
        return SelectionError(f"{self._option} '{self._text}': {what}")
