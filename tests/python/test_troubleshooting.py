# SPDX-License-Identifier: GPL-2.0-or-later
"""Every message in docs/troubleshooting.md is one that hvlab says: in the corpus of mistakes, whose
messages are tested, or in what the runs here print.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hvlab.cli import main
from test_mistakes import MISTAKES

PAGE = Path(__file__).resolve().parents[2] / "docs/troubleshooting.md"
HEADINGS = re.findall(r"^### `(.*)`$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
DOCUMENT = """\
schema: 1
name: {name}
{keys}machine: {{memory: 1MiB, {machine}}}
steps:
- boot: {{}}
{step}
"""


def flat(image: str) -> str:
    return f'boot: {{flat: "fixture:{image}"}}'


# name: machine, step, other keys
FAILING = {
    "late": (flat("hello"), "- expect: {text: never, within: 10ns}", ""),
    "off-screen": (flat("hello"), "- expect: {screen: x, within: 10ns}", ""),
    "ended": (flat("hello"), "- expect: {text: never}", ""),
    "other-stop": (flat("halt"), "- expect: {stop: debug-exit}", ""),
    "no-stop": (flat("runaway"), "- expect: {stop: halted, within: 1ms}", ""),
    "code": (flat("hello"), "- expect: {stop: debug-exit, code: 3}", ""),
    "limit-time": (flat("runaway"), "- run_for: 10s", "limits: {time: 1ms}\n"),
    "limit-wall": (flat("runaway"), "- run_for: 10h", "limits: {wall: 100ms}\n"),
    "measure": (
        flat("hello"),
        '- expect: {text: Hello, as: up}\n- measure: {name: n, value: up.time, limit: "< 1*ns"}',
        "",
    ),
    "assert": (flat("hello"), "- expect: {text: Hello, as: up}\n- assert: up.time < 1*ns", ""),
    "triple": (flat("triplefault"), "- expect: {text: x}", ""),
    "short": (flat("hello"), "- run_for: 1s", ""),
    "not-elf": ('boot: {elf: "fixture:hello"}', "- run_for: 1us", ""),
    "not-linux": ('boot: {linux: "fixture:hello"}', "- run_for: 1us", ""),
    "small": ('boot: {linux: "fixture:linux"}', "- run_for: 1us", ""),
    "kvm": (f"backend: kvm, {flat('hello')}", "- run_for: 1us", ""),
}


def messages(text: str) -> list[str]:
    """What stands behind `error: ` or `failed: ` in a line, or is the whole line."""
    return [re.sub(r"^.*?\b(?:error|failed): ", "", line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    found = [line for mistake in MISTAKES for line in messages(mistake.expected)]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("failing"))
        found += _runs(patch)
    return found


def _runs(patch: pytest.MonkeyPatch) -> list[str]:
    for name, (machine, step, keys) in FAILING.items():
        text = DOCUMENT.format(name=name, machine=machine, step=step, keys=keys)
        Path(f"{name}.hvlab.yaml").write_text(text)
    Path("empty").mkdir()
    printed = _print(1, "run", ".", "--kvm=off")
    printed += _print(5, "run", ".", "-m", "neither")
    printed += _print(5, "check", "empty")
    printed += _print(4, "run", "late.hvlab.yaml::zzz")
    printed += _print(4, "run", "lat.hvlab.yaml")
    patch.setenv("XDG_CACHE_HOME", str(Path("no-cache").absolute()))
    printed += _print(1, "run", "small.hvlab.yaml")
    # The reason of a skipped case stands in brackets at the end of its line.
    return [*messages(printed), *re.findall(r"\(kvm, (.*)\)$", printed, re.MULTILINE)]


def _print(code: int, *arguments: str) -> str:
    from contextlib import redirect_stderr, redirect_stdout
    from io import StringIO

    with StringIO() as text:
        with redirect_stdout(text), redirect_stderr(text):
            assert main(arguments) == code
        return text.getvalue()


@pytest.mark.parametrize("heading", HEADINGS)
def test_hvlab_says_so(heading: str, said: list[str]) -> None:
    pieces = heading.replace("\\`", "`").split("...")
    pattern = re.compile(".*".join(map(re.escape, pieces)))
    assert any(pattern.fullmatch(message) for message in said)


def test_there_are_headings() -> None:
    assert len(HEADINGS) > 35
    assert len(set(HEADINGS)) == len(HEADINGS)
