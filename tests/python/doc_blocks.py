# SPDX-License-Identifier: GPL-2.0-or-later
"""The fenced blocks of a page of documentation, and what becomes of each when it is tried.

A page is one session in one folder, from top to bottom:

    ```yaml title="x.hvlab.yaml"   a block with a title is a file, and is written
    ```console                     lines that begin with `$ ` are commands, with what they print
    ```yaml                        without a title: a whole scenario or experiment, or keys or steps of a
                                   scenario; checked
    ```python                      without a title: run

Blocks of other languages are files if they have a title, and nothing otherwise.

In what a command prints, `...` stands for anything: alone in its line, for lines. Numbers are compared
by their shape, for times are those of the computer. A block that is not to be tried says why, in the
line before it: `<!-- not run: REASON -->`.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hvlab._core import parse_scenario
from hvlab.scenario.document import load
from hvlab.scenario.tree import flatten

TRIED = ("yaml", "console", "python", "sh")
_FENCE = re.compile(r'^```(\w*)(?: title="([^"]+)")?\s*$')
_NOT_RUN = re.compile(r"^<!-- not run: (\S.*) -->$")
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]\d+)?")
_UNIT = re.compile(r"0 (?:ns|us|ms|s|min|h|k|M|G)\b")


@dataclass(frozen=True)
class Block:
    """A fenced block. `line` is that of its fence; `reason`: why it is not tried, "" if it is."""

    language: str
    title: str
    text: str
    line: int
    reason: str


def blocks(markdown: str) -> Iterator[Block]:
    lines = markdown.split("\n")
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence is None:
            at += 1
            continue
        end = next(i for i in range(at + 1, len(lines)) if lines[i].startswith("```"))
        before = next((line for line in reversed(lines[:at]) if line.strip()), "")
        marked = _NOT_RUN.match(before)
        text = "\n".join(lines[at + 1 : end]) + "\n"
        yield Block(fence[1], fence[2] or "", text, at + 1, marked[1] if marked else "")
        at = end + 1


class Session:
    """A page's folder, and the namespace of its Python."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[str, object] = {}
        self._status = 0

    def attempt(self, block: Block) -> None:
        """Tries a block. Raises AssertionError, or what it raises."""
        if block.title:
            path = self._folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.language == "yaml":
            self._check(block.text)
        elif block.language == "python":
            with contextlib.chdir(self._folder):
                exec(compile(block.text, f"<line {block.line}>", "exec"), self._names)
        elif block.language == "console":
            for command, printed in _commands(block.text):
                self._run(command, printed)
        else:
            raise AssertionError(
                f"a block of {block.language} has a title, or says why it is not run"
            )

    def _check(self, text: str) -> None:
        path = self._folder / "block-of-the-page.hvlab.yaml"
        path.write_text(whole(text), encoding="utf-8")
        try:
            found = load(path)
            assert found.cases or found.experiment
        finally:
            path.unlink()

    def _run(self, command: str, expected: str) -> None:
        command = command.replace(".venv/bin/", "")  # of the environment that runs this
        environment = {**os.environ, "COLUMNS": "120", "TERM": "dumb", "NO_COLOR": "1"}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        # A test of a test: the options of the one around it are not its own.
        environment.pop("PYTEST_ADDOPTS", None)
        done = subprocess.run(
            ["bash", "-c", f"(exit {self._status}); {command}"],
            cwd=self._folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        self._status = done.returncode
        assert matches(expected, done.stdout), (
            f"$ {command}\n--- the page says\n{expected}--- it prints\n{done.stdout}"
        )


def whole(text: str) -> str:
    """A scenario made of a part of one: its keys, or steps."""
    if text.startswith("- "):
        boot = "" if text.startswith("- boot") else "- boot: {}\n"
        text = f"steps:\n{boot}{text}"
    given = flatten(parse_scenario(text, "block"))[0]
    assert isinstance(given, dict)
    around = {
        "schema": "schema: 1\n",
        "name": "name: part\n",
        "machine": 'machine: {boot: {flat: "fixture:echo"}}\n',
        "steps": "steps:\n- boot: {}\n",
    }
    if "experiment" in given:
        return text
    if "machines" in given:
        del around["machine"]
    return "".join(part for key, part in around.items() if key not in given) + text


def matches(expected: str, printed: str) -> bool:
    """Whether a command printed what a page says, in shape."""
    pattern = ""
    for line in expected.rstrip("\n").split("\n"):
        if line.strip() == "...":
            pattern += r"(?:[^\n]*\n)*?"
            continue
        pieces = (re.escape(shape(piece)) for piece in line.rstrip().split("..."))
        pattern += r"[^\n]*".join(pieces) + r"\n"
    text = "\n".join(shape(line.rstrip()) for line in printed.rstrip("\n").split("\n")) + "\n"
    return re.fullmatch(pattern, text) is not None


def shape(line: str) -> str:
    """A line with its numbers and their units made alike, and its spaces."""
    line = _NUMBER.sub("0", line)
    line = _UNIT.sub("0", line)
    return re.sub(r"[ ]+", " ", line)


def _commands(text: str) -> Iterator[tuple[str, str]]:
    command, printed = "", ""
    for line in text.splitlines(keepends=True):
        if line.startswith("$ "):
            if command:
                yield command, printed
            command, printed = line[2:].rstrip("\n"), ""
        else:
            printed += line
    assert command, "a console block begins with a command"
    yield command, printed
