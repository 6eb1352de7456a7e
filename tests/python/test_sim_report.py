# SPDX-License-Identifier: GPL-2.0-or-later
"""The HTML report of an experiment: what it says, that nothing runs in it, and that everybody can read it."""

from __future__ import annotations

import base64
import errno
import html
import math
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import sim_samples as samples
from hvlab.errors import HostError
from hvlab.sim import report
from hvlab.sim.experiments.results import ExperimentResults, Plot
from hvlab.sim.report.text import with_error

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FEW = (Plot("line", y="ready", x="ratio", by=("scheduler",)),)
RESULTS = samples.results(plots=FEW)
HOSTILE = (
    """"><script>document.title = 'owned'</script><img src=x onerror=alert(1)> ${style} \x1b[2J"""
)


class Page(HTMLParser):
    """The elements of a page, and its text by element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(report.render(RESULTS))


def test_it_says_what_there_is(page: Page) -> None:
    for said in (
        "12 cells, 60 replications",
        "Ready time against the ratio of vCPUs to pCPUs.",
        "factor scheduler credit2, eevdf, esx",
        "seed 7",
        "95 % for the mean",
        "hosts: 10 x node, 8 cores",
        "as many replications as were allowed",
        "the interval is narrow enough",
        "ready against ratio, by scheduler",
        "took 12.5 s",
    ):
        assert said in page.text, said
    assert "Partial" not in page.text
    headings = [name for name, _ in page.tags if name in ("h1", "h2")]
    assert headings == ["h1", *["h2"] * 7]


def test_a_cell_has_its_means_and_intervals(page: Page) -> None:
    row = RESULTS.summary.where(cell="ratio=4-scheduler=esx", measure="ready")
    mean, half = row["mean"][0], (row["high"][0] - row["low"][0]) / 2
    assert 0.1 < half < 1
    assert f"{mean:.2f} ± {half:.2f}" in page.text
    assert "800 ms ± 0 ns" in page.text
    assert "25/s ± 0/s" in page.text


@pytest.mark.parametrize(
    ("value", "half", "unit", "text"),
    [
        (0.0293312, 0.00621, "1", "0.0293 ± 0.0062"),
        (123456.0, 789.0, "1/s", "123456/s ± 789"),
        (2.5e6, 12345.0, "ns", "2.500 ms ± 0.012"),
        (0.0, 0.25, "1", "0.00 ± 0.25"),
        (-3.0, math.inf, "1", "-3 ± inf"),
        (5.0, 0.0, "pCPU", "5 pCPU ± 0 pCPU"),
    ],
)
def test_digits_are_those_that_the_interval_allows(
    value: float, half: float, unit: str, text: str
) -> None:
    assert " ± ".join(with_error(value, half, unit)) == text


def test_a_comparison_has_its_verdicts(page: Page) -> None:
    assert "ready credit2 esx 0.01 0.005 … 0.02 0.500 5 unclear" in page.text
    assert "ready credit2 esx 0.04 0.005 … 0.08 0.001 5 more" in page.text
    assert "Comparison" not in Page(report.render(replace(RESULTS, comparison=None))).text


def test_figures_are_vector_pictures_in_the_page(page: Page) -> None:
    (picture,) = page.all("img")
    source = picture["src"] or ""
    assert source.startswith("data:image/svg+xml;base64,")
    svg = base64.b64decode(source.partition(",")[2]).decode()
    assert "<svg" in svg
    assert "credit2" in svg
    assert (picture["alt"] or "").startswith(
        "ready against ratio, one line for each scheduler. credit2: "
    )


def test_what_cannot_be_drawn_is_said() -> None:
    wrong = replace(RESULTS, plots=(Plot("line", y="redy", x="ratio"), *FEW))
    page = Page(report.render(wrong))
    assert "the frame has no measure 'redy'" in page.text
    assert len(page.all("img")) == 1


def test_without_matplotlib_there_are_no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    page = Page(report.render(RESULTS))
    assert "figures need matplotlib: pip install 'hvlab[sim]'" in page.text
    assert not page.all("img")
    assert "ratio scheduler ready" in page.text


def test_measures_that_nobody_asked_for_are_folded() -> None:
    """Here it is asked for `ready` alone."""
    page = Page(report.render(RESULTS))
    assert "ratio scheduler ready 1 credit2" in page.text
    assert "6 more measures ratio scheduler run costop" in page.text
    page = Page(report.render(replace(RESULTS, asked=("throughput", "web.ready"))))
    assert "ratio scheduler ready throughput web.ready 1 credit2" in page.text
    unasked = replace(RESULTS, plots=(), comparison=None, stopping=RESULTS.stopping.take([]))
    assert "more measure" not in Page(report.render(unasked)).text


def test_partial_results_say_so() -> None:
    page = Page(
        report.render(replace(RESULTS, complete=False, warnings=("no steady state in 2 cells",)))
    )
    assert "partial: 12 cells" in page.text
    assert "Partial result. The experiment was interrupted" in page.text
    assert "no steady state in 2 cells" in page.text


def test_nothing_was_done() -> None:
    empty = {
        name: getattr(RESULTS, name).take([])
        for name in ("replications", "summary", "stopping", "latency")
    }
    page = Page(report.render(replace(RESULTS, complete=False, plots=(), **empty)))
    assert "No cell has a complete replication." in page.text
    assert "No cell was begun." in page.text


def test_the_same_page_again() -> None:
    assert report.render(RESULTS) == report.render(samples.results(plots=FEW))


def hostile() -> ExperimentResults:
    made = samples.results(schedulers=(HOSTILE, "eevdf"), plots=FEW)
    return replace(
        made, name=HOSTILE, description=HOSTILE, warnings=(HOSTILE,), clusters={HOSTILE: [HOSTILE]},
        facts={HOSTILE: HOSTILE}, plots=(*FEW, Plot("line", y=HOSTILE, x="ratio", title=HOSTILE)),
    )  # fmt: skip


def test_no_text_becomes_an_element() -> None:
    text = report.render(hostile())
    page = Page(text)
    assert {tag for tag, _ in page.tags} <= {
        "html", "head", "meta", "title", "link", "style", "body", "a", "header", "p", "strong", "span",
        "main", "div", "h1", "h2", "ul", "li", "section", "dl", "dt", "dd", "figure", "figcaption", "img",
        "table", "thead", "tbody", "tr", "th", "td", "small", "details", "summary", "pre",
    }  # fmt: skip
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert all((i["src"] or "").startswith("data:image/svg+xml;base64,") for i in page.all("img"))
    assert "\x1b" not in text
    assert html.escape(HOSTILE.replace("\x1b", r"\x1b")) in text
    assert text.count("${style}") > 5


def test_nothing_is_loaded_and_nothing_may_run(page: Page) -> None:
    policies = [
        m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"
    ]
    assert len(policies) == 1
    policy = policies[0] or ""
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src" not in policy
    addresses = [v for _, a in page.tags for n, v in a.items() if n in ("src", "href") and v]
    assert all(re.match(r"data:|#", address) for address in addresses)


def test_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.html"
    report.write(path, RESULTS)
    before = path.read_text()
    assert before == report.render(RESULTS)

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(HostError, match="No space left"):
        report.write(path, replace(RESULTS, name="another"))
    assert path.read_text() == before


# --- In a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium: apt-get install chromium")
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="no playwright: pip install playwright"
    )
    with sync_api.sync_playwright() as playwright:
        # Chromium's sandbox wants a user of its own; the page is ours.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield found
        found.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 360])
def test_it_is_accessible(browser: Any, tmp_path: Path, scheme: str, width: int) -> None:
    """By the rules of axe-core; without an error, a request, or a page that scrolls sideways."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    partial = replace(hostile(), complete=False, comparison=RESULTS.comparison)
    report.write(tmp_path / "report.html", partial)
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    page = context.new_page()
    noticed: list[str] = []
    page.on("console", lambda message: noticed.append(message.text))
    page.on("pageerror", lambda error: noticed.append(str(error)))
    page.on("request", lambda request: noticed.append(request.url))
    page.goto((tmp_path / "report.html").as_uri())
    results = axe.run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].every((image) => image.naturalWidth > 100)")
    asked = [text for text in noticed if not text.startswith("data:image/svg+xml")]
    assert asked == [(tmp_path / "report.html").as_uri()]
    context.close()
