# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenario files that are made to hurt whoever reads YAML: bombs, cycles, depth, and no text at all.

`hostile_documents.py` has those that are good YAML and hurt what comes after it.
"""

from __future__ import annotations

from collections.abc import Callable

FULL = 768 * 1024  # as large as a file may be


def repeat(unit: str, size: int = FULL) -> str:
    return unit * (size // len(unit.encode()))


def numbered(count: int, line: Callable[[int], str]) -> str:
    return "".join(map(line, range(count)))


def _alias_bomb() -> str:
    levels = (f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9))
    return "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(levels)


YAML: dict[str, str | bytes] = {
    # more than it seems
    "alias_bomb": _alias_bomb(),
    "alias_bomb_of_text": f"a: &a {'x' * 500_000}\nb: [{'*a,' * 20_000}]",
    "alias_bomb_of_mappings": "a: &a {x: 1, y: 2}\n"
    + numbered(40, lambda i: f"b{i}: &b{i} {{x: *{'a' if i == 0 else f'b{i - 1}'}, y: *a}}\n"),
    "alias_of_itself": "&x [*x]",
    "alias_of_itself_in_a_block": "&x\n- *x",
    "alias_of_what_is_around_it": "a: &x {b: [1, {c: *x}]}",
    "anchors": numbered(90_000, lambda i: f"- &a{i} x\n"),
    "merge_keys": "a: &a {x: 1}\nb: {<<: *a}\n",
    # many
    "items": f"[{repeat('1,', FULL - 2)}]",
    "items_in_a_block": repeat("- a\n"),
    "keys": numbered(100_000, lambda i: f"k{i}: v\n")[:FULL],
    "keys_in_brackets": "{" + numbered(100_000, lambda i: f"k{i},"),
    "keys_that_are_the_same": "a: 1\n" * 4_900,
    "empty_lists": f"[{repeat('[],', FULL - 3)}]",
    "empty_lines": "\n" * FULL,
    "carriage_returns": "\r" * FULL,
    "documents": "---\n" * 90_000,
    "directives": "%TAG !a! b\n" * 20_000,
    "tags": repeat("!a "),
    "tags_in_sequence": "!a " * 50_000,
    "comments": "#\n" * 90_000,
    # deep
    "lists_in_lists": "[" * 1000 + "]" * 1000,
    "lists_in_lists_that_do_not_end": "a: " + "[" * 50_000,
    "mappings_in_mappings": "x: " + "{a: " * 1000,
    "blocks_in_blocks": numbered(1400, lambda i: " " * i + "a:\n"),
    "dashes_in_dashes": repeat("- "),
    # long
    "one_word": "x" * FULL,
    "one_value": "a: " + "x" * (FULL - 3),
    "one_line_of_words": "a: " + repeat("x ", FULL - 4),
    "one_literal": "a: |\n" + "  xxxxxxxxxxx\n" * 50_000,
    "one_folded": "a: >\n" + "  xxxxx\n   yyyy\n" * 30_000,
    "one_text_of_escapes": 'a: "' + "\\n" * 390_000 + '"',
    "one_text_of_line_feeds": 'a: "' + "\n          " * 70_000 + '"',
    "one_text_of_accents": "a: " + repeat("\u00e9", FULL - 4),
    "one_comment": "#" + "c" * (FULL - 1),
    "one_key": "x" * 500_000 + ": 1\n",
    "spaces": " " * FULL,
    "minuses": "-" * FULL,
    # broken
    "bracket_that_does_not_end": "[" + "a b c " * 130_000,
    "quote_that_does_not_end": 'a: "' + "x" * (FULL - 10),
    "closing_brackets": "]" * FULL,
    "question_marks": repeat("? "),
    "colons": repeat(": "),
    "exclamation_marks": "!" * FULL,
    "quotes": '"' * FULL,
    "pairs_of_quotes": repeat('"" '),
    "aliases_of_nothing": "*a " * 50_000,
    # no text
    "nul": "a: b\0c",
    "nul_bytes": b"\0" * FULL,
    "escape_sequences": "a: \x1b[2J\x1b[31m\n" * 1000,
    "not_utf8": b"a: \xe9\n",
    "overlong_utf8": b"a: \xc0\xaf\n",
    "escape_of_a_long_character": 'a: "\\\u00e9"\n',
    "half_a_character": b"a: \xf0\x9f\x98",
    "utf16": "\ufeffschema: 1\nname: t\n".encode("utf-16-le"),
    "surrogate": b"a: \xed\xa0\x80\n",
    "two_byte_order_marks": "\ufeff\ufeffa: b\n",
    "too_large": " " * (FULL + 1),
    "far_too_large": "a" * (20 * FULL),
    # numbers
    "integer_of_full_length": "seed: " + "9" * 780_000,
    "exponent": "seed: 1e999999999\n",
    "hexadecimal_of_full_length": "seed: 0x" + "f" * 780_000,
}
