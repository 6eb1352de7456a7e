# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenario documents that are good YAML and made to hurt what comes after it, and with them the files
of `hostile_yaml.py`.

The tests refuse each; `bench/scenario_bench.py` measures what refusing it costs, and the fuzzer
(tools/fuzz_check.py) begins with them.
"""

from __future__ import annotations

from conftest import BASE
from hostile_yaml import YAML, numbered, repeat

MACHINE = 'machine: {boot: {flat: "fixture:hello"}}\n'


def _listed(*items: object) -> str:
    return ", ".join(map(str, items))


def _machine(text: str) -> str:
    return BASE.replace(MACHINE, f"machine: {text}\n")


_EXCLUDED = (f"{{a: {i}}}" for i in range(1900))
_VARIABLES = _listed(*(f"v{i}: ${{v{i - 1}}}" for i in range(1, 5000)))
_MANY_VARIABLES = _listed(*(f"v{i}: 1" for i in range(2_400)))
_AXES = _listed(*(f"a{i}: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]" for i in range(400)))

DOCUMENTS: dict[str, str | bytes] = {
    **YAML,
    # vars, matrix and references
    "variables_of_variables": BASE + f"vars: {{{_VARIABLES}}}\n",
    "variables_of_variables_inside": BASE + "- send: '${${${a}}}'\nvars: {a: '${a}'}\n",
    "variable_of_full_length": BASE + f"vars: {{a: {'x' * 780_000}}}\n",
    "references_that_do_not_end": BASE + f"- send: '{'${' * 200_000}'\n",
    "unknown_references_in_one_text": BASE + f"- send: '{'${a}' * 14_000}'\n",
    "unknown_references_among_many": BASE
    + "- send: ${w}\n" * 1_600
    + f"vars: {{{_MANY_VARIABLES}}}\n",
    "text_grown_by_references": BASE
    + f"- send: '{'${a}' * 13_000}'\nvars: {{a: {'x' * 9_999}}}\n- asert: 1\n",
    "cells_times_steps": BASE
    + "- send: x${matrix.a}\n" * 1_900
    + f"matrix: {{a: [{_listed(*range(4096))}]}}\n",
    "cells_of_many_axes": BASE + f"matrix: {{{_AXES}}}\n",
    "cells_of_one_axis": BASE + f"matrix: {{a: [{_listed(*range(9_000))}]}}\n",
    "cells_that_are_the_same": BASE + f"matrix: {{a: [{_listed(*[1] * 4_000)}]}}\n",
    "cells_included_twice": BASE + f"matrix: {{include: [{_listed(*['{a: 1}'] * 3_000)}]}}\n",
    "excluded_cells": BASE
    + f"matrix: {{a: [{_listed(*range(4000))}], exclude: [{_listed(*_EXCLUDED)}]}}\n",
    # keys and types
    "unknown_keys": BASE + numbered(4_900, lambda i: f"stps{i}: x\n"),
    "unknown_keys_of_a_step": BASE
    + f"- expect: {{{_listed(*(f'txt{i}: 1' for i in range(4_900)))}}}\n",
    "unknown_steps": BASE + "- asert: x\n" * 3_300,
    "steps_that_are_texts": BASE + "- x\n" * 9_900,
    "steps_that_are_nothing": BASE + "-\n" * 9_900,
    "steps_of_nothing": BASE + "- expect:\n" * 3_300,
    "steps_of_lists": BASE + "- [[[[]]]]\n" * 1_900,
    "steps_by_alias": BASE.replace("- boot", "- &a\n  boot") + "- *a\n" * 3_000,
    "tags_with_spaces": BASE + f"tags: [{_listed(*['x y'] * 9_900)}]\n",
    "tags_that_are_lists": BASE + f"tags: [{_listed(*['[a]'] * 4_900)}]\n",
    "values_that_are_nothing": BASE + "- expect: {text: x, as: }\n" * 1_900,
    "not_a_number": BASE + "limits: {wall: .nan, time: .inf, instructions: -.inf}\nseed: .nan\n",
    "long_key": BASE + f"{'x' * 500_000}: 1\n",
    "long_name": BASE.replace("name: t", f"name: {'x' * 780_000}"),
    "long_duration": BASE + f"- run_for: {'9' * 780_000}s\n",
    "long_unit": BASE + f"- run_for: 1{'s' * 780_000}\n",
    "long_size": _machine(f'{{memory: 0.{"0" * 780_000}1MiB, boot: {{flat: "fixture:hello"}}}}'),
    "long_word_of_a_choice": BASE + f"- expect: {{stop: {'x' * 780_000}}}\n",
    "key_that_steers_a_terminal": BASE + '"\\e]0;x\\a\\e[2J": 1\n',
    "alias_of_a_key": BASE + "&a x: *a\n",
    # files
    "image_of_full_length": _machine(f"{{boot: {{flat: {'x' * 780_000}}}}}"),
    "image_with_nul": _machine('{boot: {flat: "a\\0b"}}'),
    "image_that_does_not_end": _machine("{boot: {flat: /dev/zero}}"),
    "image_that_is_a_folder": _machine("{boot: {elf: /proc/self}}"),
    "image_far_outside": _machine(f"{{boot: {{flat: {'../' * 200_000}etc/passwd}}}}"),
    "images_that_are_not_there": _machine(
        f"{{boot: {{pvh: x, modules: [{_listed(*['{path: y}'] * 3_000)}]}}}}"
    ),
    "fixture_of_full_length": _machine(f'{{boot: {{flat: "fixture:{"x" * 780_000}"}}}}'),
    "ports": _machine(
        f'{{boot: {{micro: "fixture:micro-echo", ports: [{_listed(*["{first: 1}"] * 3_000)}]}}}}'
    ),
    "machines": BASE.replace("machine: ", "x: ")
    + f"machines: {{{_listed(*(f'm{i}: {{boot: {{flat: x}}}}' for i in range(2_400)))}}}\n",
    "includes_that_are_not_there": BASE
    + numbered(3_300, lambda i: f"- include: x{i}.steps.yaml\n"),
    "include_of_a_device": BASE + "- include: /dev/zero\n",
    "include_far_outside": BASE + f"- include: {'../' * 200_000}x.steps.yaml\n",
    "functions_that_are_not_there": BASE + "- python: {call: 'a.b:c'}\n" * 1_900,
    "alternatives": BASE + f"- expect: {{any_of: [{_listed(*['{text: x}'] * 3_000)}]}}\n",
    "conditions": BASE + "- run_until: {condition: 'x.y == 1', every: 1ns, within: 1h}\n" * 1_100,
    "bytes_in_hex": BASE + f"- write: {{memory: 0, bytes: '{'de ' * 250_000}d'}}\n",
    # patterns and expressions
    "brackets_in_a_pattern": BASE + f"- expect: {{regex: '{'(' * 2000 + ')' * 2000}'}}\n",
    "repetitions_in_a_pattern": BASE + f"- expect: {{regex: '{'(a{1000}){1000}' * 50}'}}\n",
    "alternatives_in_a_pattern": BASE + f"- expect: {{regex: '{'(a|b|)*' * 500}('}}\n",
    "classes_in_a_pattern": BASE + f"- expect: {{regex: '({repeat('[^a-z]', 4_000)}'}}\n",
    "patterns_that_are_large": BASE
    + numbered(1_900, lambda i: f"- expect: {{regex: '{i}(\\pL\\pN){{200}}'}}\n"),
    "asserts_of_unknown_names": BASE + "- assert: x.y == 1\n" * 3_300,
    "assert_of_brackets": BASE + f"- assert: {'(' * 490}1{')' * 490} == 1 2\n",
    "assert_of_minuses": BASE + f"- assert: {'-' * 990}1 == 1\n",
    "assert_of_full_length": BASE + f"- assert: {'1 +' * 250_000} 1 == 1\n",
    "assert_of_towers": BASE + "- assert: 9**9**9**9**9 == 1 +\n" * 1_900,
    "measures_of_one_name": BASE + "- measure: {name: a, value: 1}\n" * 1_600,
    "names_given_twice": BASE + "- expect: {text: x, as: a}\n" * 1_900,
}
