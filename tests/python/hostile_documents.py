# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenario documents that the YAML parser takes and that are made to hurt what comes after it.

The tests refuse each; `bench/scenario_bench.py` measures what refusing it costs.
"""

from __future__ import annotations

from conftest import BASE


def _listed(*items: object) -> str:
    return ", ".join(map(str, items))


_EXCLUDED = (f"{{a: {i}}}" for i in range(1900))

DOCUMENTS = {
    "variables_of_variables": BASE
    + f"vars: {{{_listed(*(f'v{i}: ${{v{i - 1}}}' for i in range(1, 5000)))}}}\n",
    "tags_with_spaces": BASE + f"tags: [{_listed(*['x y'] * 9_900)}]\n",
    "asserts_of_unknown_names": BASE + "- assert: x.y == 1\n" * 3_300,
    "references_that_do_not_end": BASE + f"- send: '{'${' * 200_000}'\n",
    "unknown_references_in_one_text": BASE + f"- send: '{'${a}' * 14_000}'\n",
    "unknown_references_among_many": BASE
    + "- send: ${w}\n" * 1_600
    + f"vars: {{{_listed(*(f'v{i}: 1' for i in range(2_400)))}}}\n",
    "cells_times_steps": BASE
    + "- send: x${matrix.a}\n" * 1_900
    + f"matrix: {{a: [{_listed(*range(4096))}]}}\n",
    "excluded_cells": BASE
    + f"matrix: {{a: [{_listed(*range(4000))}], exclude: [{_listed(*_EXCLUDED)}]}}\n",
    "unknown_keys": BASE + "".join(f"stps{i}: x\n" for i in range(4_900)),
    "unknown_keys_of_a_step": BASE
    + f"- expect: {{{_listed(*(f'txt{i}: 1' for i in range(4_900)))}}}\n",
    "unknown_steps": BASE + "- asert: x\n" * 3_300,
    "steps_that_are_texts": BASE + "- x\n" * 9_900,
    "brackets_in_a_pattern": BASE + f"- expect: {{regex: '{'(' * 2000 + ')' * 2000}'}}\n",
    "repetitions_in_a_pattern": BASE + f"- expect: {{regex: '{'(a{1000}){1000}' * 50}'}}\n",
    "patterns_that_are_large": BASE
    + "".join(f"- expect: {{regex: '{i}(\\pL\\pN){{200}}'}}\n" for i in range(1_900)),
    "long_key": BASE + f"{'x' * 500_000}: 1\n",
    "alias_of_a_key": BASE + "&a x: *a\n",
}
