# SPDX-License-Identifier: GPL-2.0-or-later
"""The HTML report of 1,000 cases with logs: how long it takes to make, how large it is, how fast it
opens in Chromium; and what writing and reading its results takes.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from figures import Figure, median, options, publish, spread

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests/python")]

import report_samples as samples  # noqa: E402
from hvlab.report import html, json_report, load, trace  # noqa: E402

CASES = 1000
LINES = 200  # of console a case: about what a kernel prints until its init starts
HISTORY = 10


def timed(action: Callable[[], object], repetitions: int) -> list[float]:
    samples_taken = []
    for _ in range(repetitions):
        began = time.perf_counter()
        action()
        samples_taken.append(time.perf_counter() - began)
    return samples_taken


def made(folder: Path, repetitions: int) -> list[Figure]:
    """What making the files takes; leaves report.html in the folder."""
    run = samples.run_of(CASES, LINES)
    saved = samples.saved(run)
    history = [samples.earlier(run, age) for age in range(1, HISTORY + 1)]
    page, results = folder / "report.html", folder / "results.json"
    making = timed(lambda: html.write(page, saved, history), repetitions)
    writing = timed(lambda: json_report.write(results, run, saved.started), repetitions)
    reading = timed(lambda: load.read(results), repetitions)
    tracing = timed(lambda: trace.write(folder / "trace.json", run), repetitions)

    def size(name: str) -> float:
        return (folder / name).stat().st_size / 1e6

    what = f"{CASES} cases with {LINES} lines each"
    return [
        Figure(f"HTML report of {what}, made", median(making), "s", 5.0, spread(making)),
        Figure("its size", size("report.html"), "MB", 10.0),
        Figure("results file, written", median(writing), "s", None, spread(writing)),
        Figure("results file, read and checked", median(reading), "s", None, spread(reading)),
        Figure("its size", size("results.json"), "MB"),
        Figure("trace, written", median(tracing), "s", None, spread(tracing)),
        Figure("its size", size("trace.json"), "MB"),
    ]


def looked_at(folder: Path, repetitions: int) -> list[Figure]:
    """What a reader waits for, in headless Chromium: from asking for it until it is painted."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("not measured in a browser: no chromium here", file=sys.stderr)
        return []
    from playwright.sync_api import sync_playwright

    address = (folder / "report.html").as_uri()
    failed = quote(samples.run_of(12, 1).cases[11].id)
    opening, listing, filtering, showing = [], [], [], []
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        for _ in range(repetitions):
            page = browser.new_page()
            began = time.perf_counter()
            page.goto(address)
            page.wait_for_selector(".totals")
            opening.append(time.perf_counter() - began)
            listing.append(page.evaluate(_PAINTED, f"{address}#view=cases"))
            filtering.append(page.evaluate(_PAINTED, f"{address}#view=cases&q=boot-7"))
            began = time.perf_counter()
            page.goto(f"{address}#view=cases&case={failed}")
            page.wait_for_selector("#case .log")
            showing.append(time.perf_counter() - began)
            page.close()
        browser.close()
    return [
        Figure("opened in Chromium", median(opening), "s", None, spread(opening)),
        Figure("list of all cases", median(listing), "ms", None, spread(listing)),
        Figure("list filtered", median(filtering), "ms", None, spread(filtering)),
        Figure("case opened", median(showing), "s", None, spread(showing)),
    ]


# Milliseconds until the view of an address is laid out and painted.
_PAINTED = """(address) => new Promise((resolve) => {
  const began = performance.now();
  location.href = address;
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - began)));
})"""


def main() -> int:
    quick = options(__doc__).quick
    repetitions = 1 if quick else 5
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = made(folder, repetitions) + looked_at(folder, repetitions)
    return publish("html-report", figures, quick)


if __name__ == "__main__":
    sys.exit(main())
