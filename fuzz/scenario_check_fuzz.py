#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Any text as a scenario: cases or a typed error, through the whole check.

A libFuzzer target by Atheris: `fuzz/scenario_check_fuzz.py [libFuzzer's options] [CORPUS...]`, run by
`make fuzz`. Beside libFuzzer's own mutations it changes lines and words, so that what it makes is
mostly YAML and gets far. `--seeds FOLDER` writes the seeds: the shipped scenarios, the mistakes and
the hostile documents of the tests, as far as they are short.
"""

from __future__ import annotations

import random
import re
import sys
import tempfile
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parent.parent
# From the source tree, by Python's own finder: Atheris cannot instrument what the finder of an editable
# install loads.
sys.meta_path[:] = [finder for finder in sys.meta_path if isinstance(finder, type)]
sys.path[:0] = [str(ROOT / "python"), str(ROOT), str(ROOT / "tests/python")]

with atheris.instrument_imports(include=["hvlab"]):
    from hvlab.errors import ScenarioError
    from hvlab.scenario.document import Document, parse
    from hvlab.scenario.explain import BOOT_KEYS
    from hvlab.scenario.model import Limits, MachineSpec, Scenario
    from hvlab.scenario.problems import ScenarioInvalid, printable
    from hvlab.scenario.source import Source
    from hvlab.scenario.steps import STEPS

LONGEST_SEED = 20_000
FOLDER = Path(tempfile.gettempdir())
TOKEN = re.compile(r"[\w.-]+|\s+|.", re.DOTALL)
VALUES = (
    "0", "1", "-1", "18446744073709551616", "1.5", ".nan", ".inf", "true", "null", "~", "''", '"x"',
    "[]", "{}", "[x]", "{x: 1}", "&a", "*a", "!x", "|", ">", "- ", ": ", "${a}", "${matrix.a}",
    "5s", "5", "64MiB", "1TiB", "(a)", "(?P<a>x)", "a.time", "a[1]", "machine.time", "5*second",
    "fixture:hello", "fixture:", "/dev/zero", "../x", "unicorn", "kvm", "debug-exit", "budget", "\t",
)  # fmt: skip
MODELS = (Scenario, MachineSpec, Limits, *STEPS.values())
WORDS = (
    *(field.alias or name for model in MODELS for name, field in model.model_fields.items()),
    *STEPS,
    *sorted(BOOT_KEYS),
    *VALUES,
)


def one_input(data: bytes) -> None:
    source = Source("fuzz.hvlab.yaml", data.decode("utf-8", "replace"), FOLDER)
    try:
        document = parse(source)
    except ScenarioError as error:
        refused(error)
    else:
        accepted(document)


def refused(error: ScenarioError) -> None:
    text = str(error)
    assert error.message
    assert error.line >= 1
    assert error.column >= 1
    assert printable(text) == text
    if isinstance(error, ScenarioInvalid):
        assert error.problems == tuple(sorted(set(error.problems)))
        for problem in error.problems:
            assert problem.message
            assert problem.width >= 1
            line = error.source.line(problem.line)
            assert 1 <= problem.column <= len(line) + 1, problem


def accepted(document: Document) -> None:
    assert document.cases
    ids = [case.id for case in document.cases]
    assert len(set(ids)) == len(ids)
    for case in document.cases[:20]:
        assert case.scenario.steps[0].body.title()
        assert 0 <= case.seed < 1 << 64


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Changes lines or words, or leaves it to libFuzzer."""
    draw = random.Random(seed)
    kind = draw.randrange(5)
    if kind == 0 or not data:
        return bytes(atheris.Mutate(data, max_size))
    text = data.decode("utf-8", "replace")
    changed = _lines(text, draw) if kind == 1 else _words(text, draw)
    return changed.encode()[:max_size]


def _lines(text: str, draw: random.Random) -> str:
    lines = text.split("\n")
    at, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    match draw.randrange(5):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[other])
        case 2:
            lines[at], lines[other] = lines[other], lines[at]
        case 3:
            lines[at] = " " * draw.randrange(1, 5) + lines[at]
        case _:
            lines[at] = lines[at][draw.randrange(1, 4) :]
    return "\n".join(lines)


def _words(text: str, draw: random.Random) -> str:
    tokens = TOKEN.findall(text) or [""]
    for _ in range(draw.randrange(1, 4)):
        at = draw.randrange(len(tokens))
        match draw.randrange(4):
            case 0:
                tokens[at] = draw.choice(WORDS)
            case 1:
                tokens[at] = tokens[draw.randrange(len(tokens))]
            case 2:
                tokens[at] += draw.choice(WORDS)
            case _:
                tokens[at] = tokens[at][: draw.randrange(len(tokens[at]) + 1)]
    return "".join(tokens)


def write_seeds(folder: Path) -> None:
    from conftest import BASE
    from hostile_documents import DOCUMENTS
    from test_mistakes import MISTAKES

    folder.mkdir(parents=True, exist_ok=True)
    texts = [path.read_bytes() for path in sorted((ROOT / "scenarios").glob("*.hvlab.yaml"))]
    texts += [mistake.document.replace("%base\n", BASE).encode() for mistake in MISTAKES]
    texts += [d if isinstance(d, bytes) else d.encode() for d in DOCUMENTS.values()]
    for index, text in enumerate(texts):
        if len(text) <= LONGEST_SEED:
            (folder / f"{index:04}").write_bytes(text)


def main() -> None:
    if sys.argv[1:2] == ["--seeds"]:
        write_seeds(Path(sys.argv[2]))
        return
    atheris.Setup(sys.argv, one_input, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
