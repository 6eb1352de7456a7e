# SPDX-License-Identifier: GPL-2.0-or-later
"""The HTML report as a file: one page, nothing to load, nothing of a guest's that is not data."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib import resources
from typing import Any

import pytest

import report_samples as samples
from hvlab.report import html
from hvlab.scenario.results import Outcome, RunResult

HISTORY = 3


class Page(HTMLParser):
    """Its elements, and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.blocks: list[tuple[dict[str, str | None], str]] = []
        self._open: dict[str, str | None] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open = {"tag": tag, **dict(attrs)} if tag in ("script", "style") else None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self.blocks.append((self._open, data))
            self._open = None

    def block(self, name: str) -> str:
        (found,) = (text for block, text in self.blocks if block.get("id") == name)
        return found


@pytest.fixture(scope="module")
def run() -> RunResult:
    found = samples.run_of(40, lines=30)
    found.cases[3:3] = [samples.pair(400), samples.hostile(401)]
    return found


@pytest.fixture(scope="module")
def page(run: RunResult) -> Page:
    history = [samples.earlier(run, age) for age in range(HISTORY, 0, -1)]
    return Page(html.render(samples.saved(run), history))


def index(page: Page) -> Any:
    return json.loads(page.block("index"))


def test_nothing_is_loaded_from_anywhere(page: Page) -> None:
    for tag, attributes in page.elements:
        assert tag not in ("iframe", "object", "embed", "base", "form", "audio", "video"), tag
        for name in ("src", "href", "action", "data", "srcset", "poster"):
            target = attributes.get(name) or ""
            assert target.startswith(("#", "data:image/svg+xml,")) or not target, (tag, target)
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    style = next(text for block, text in page.blocks if block["tag"] == "style")
    assert "url(" not in style
    assert "@import" not in style


def test_the_policy_allows_our_script_and_style_and_nothing_else(page: Page) -> None:
    (policy,) = (attributes["content"] for tag, attributes in page.elements
                 if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy")  # fmt: skip
    rules = dict(rule.split(" ", 1) for rule in (policy or "").split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert "unsafe" not in (policy or "")
    for kind, tag in (("script-src", "script"), ("style-src", "style")):
        (text,) = (
            text for block, text in page.blocks if block["tag"] == tag and "type" not in block
        )
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[kind] == f"'sha256-{digest}'"


def test_hostile_text_stays_in_the_data(page: Page, run: RunResult) -> None:
    # As the parser of HTML sees it: no element is a guest's, no block ends early.
    scripts = [block for block, _ in page.blocks if block["tag"] == "script"]
    kinds = [block.get("type") for block in scripts]
    assert kinds == ["application/json", "text/plain", None]
    assert not [tag for tag, attributes in page.elements if tag == "svg" or "onerror" in attributes]
    evil = index(page)["cases"][4]
    assert evil["id"] == samples.HOSTILE[0]
    assert evil["parameters"]["__proto__"] == samples.HOSTILE[3]
    rows = [tag for tag, _ in page.elements if tag == "tr"]
    assert len(rows) == len(run.cases) + 1


def test_all_that_is_known_of_a_case_is_there(page: Page, run: RunResult) -> None:
    data = index(page)
    chunk = json.loads(gzip.decompress(base64.b64decode(page.block("chunk-0"))))
    for entry, case in zip(data["cases"], run.cases, strict=True):
        assert (entry["id"], entry["chunk"]) == (case.id, 0)
        details = chunk[entry["place"]]
        assert details["reproduce"] == case.reproduce
        assert len(details["steps"]) == len(case.steps)
        assert len(details["attempts"]) == len(case.attempts)
        for shown, machine in zip(details["machines"], case.machines, strict=True):
            time, log = 0, []
            for step, line in zip(shown["log"]["times"], shown["log"]["lines"], strict=True):
                time += step
                log.append((time, line))
            assert log == list(machine.log)
            assert shown["registers"] == machine.registers
            assert shown["picture"] == machine.picture
            assert len(shown["events"]) == len(machine.events)
    # No number of more digits than a browser keeps.
    assert chunk[3]["machines"][0]["stop"]["rip"] == "0xfffffffffffffff9"


def test_measures_stand_beside_those_of_earlier_runs(page: Page, run: RunResult) -> None:
    data = index(page)
    assert [old["name"] for old in data["history"]] == ["nightly-3", "nightly-2", "nightly-1"]
    series = data["series"][run.cases[0].id]["boot_time"]
    assert [number for number, _ in series] == [0, 1, 2]
    assert all(value > run.cases[0].measures[0].value for _, value in series)
    # Only of cases that passed: the others measured something else.
    failed = next(case for case in run.cases if case.outcome is Outcome.FAILED)
    assert failed.id not in data["series"]


def test_chunks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html.data, "CHUNK", 20_000)
    run = samples.run_of(30, lines=50)
    page = Page(html.render(samples.saved(run)))
    data = index(page)
    chunks = {entry["chunk"] for entry in data["cases"]}
    assert len(chunks) > 5
    for entry, case in zip(data["cases"], run.cases, strict=True):
        chunk = json.loads(gzip.decompress(base64.b64decode(page.block(f"chunk-{entry['chunk']}"))))
        assert chunk[entry["place"]]["reproduce"] == case.reproduce


def test_a_run_of_nothing_has_a_page() -> None:
    page = Page(html.render(samples.saved(RunResult())))
    assert index(page)["cases"] == []


def test_every_script_is_in_the_page() -> None:
    files = {entry.name for entry in resources.files("hvlab.report.html").iterdir()}
    assert {name for name in files if name.endswith(".js")} == set(html.SCRIPTS)


# Colours: text against what it stands on, as WCAG 2.2 has it (1.4.3: 4.5 for text).


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def themes() -> list[dict[str, str]]:
    style = resources.files("hvlab.report.html").joinpath("style.css").read_text("utf-8")
    blocks = re.findall(r"\{[^{}]*--page:[^{}]*\}", style)
    return [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block)) for block in blocks]


def test_dark_is_the_same_by_system_and_by_choice() -> None:
    light, chosen, system = themes()
    assert chosen == system
    assert light.keys() == chosen.keys()


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_can_be_read(theme: int) -> None:
    colours = themes()[theme]
    pairs = [(text, ground) for text in ("text", "dim") for ground in
             ("page", "side", "raised", "sunk", "soft")]  # fmt: skip
    pairs += [("link", ground) for ground in ("page", "side", "sunk")]
    for outcome in ("passed", "failed", "error", "flaky", "skipped"):
        pairs += [
            (outcome, f"{outcome}-soft"),
            (outcome, "page"),
            (outcome, "side"),
            (outcome, "sunk"),
        ]
    pairs += [("text", "failed-soft"), ("span-text", "span"), ("text", "hit"), ("text", "now"),
              ("page", "failed"), ("page", "error")]  # fmt: skip
    low = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in pairs
           if contrast(colours[pair[0]], colours[pair[1]]) < 4.5}  # fmt: skip
    assert not low
