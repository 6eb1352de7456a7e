# SPDX-License-Identifier: GPL-2.0-or-later
"""Results as one HTML file that needs nothing else: no network, no folder beside it.

The page is made of the files in this folder as they stand. It runs one script and has one style
sheet, each allowed by its hash; all that a guest or a document has chosen is data, in JSON, and
becomes text nodes.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from string import Template

import hvlab
from hvlab.report.files import write_whole
from hvlab.report.history import Earlier
from hvlab.report.html import data
from hvlab.report.html.parts import icon, policy, source
from hvlab.report.load import SavedRun
from hvlab.scenario.problems import printable
from hvlab.scenario.results import CaseResult, Outcome, RunResult

# In this order: a file uses what stands before it at load, anything when called.
SCRIPTS = (
    "dom.js",
    "format.js",
    "data.js",
    "state.js",
    "lanes.js",
    "timeline.js",
    "console.js",
    "plot.js",
    "measures.js",
    "case.js",
    "list.js",
    "matrix.js",
    "overview.js",
    "main.js",
)


def write(path: Path, saved: SavedRun, history: Sequence[Earlier] = ()) -> None:
    """Writes the report whole or not at all. Raises HostError."""
    write_whole(path, render(saved, history))


def render(saved: SavedRun, history: Sequence[Earlier] = ()) -> str:
    """The page. `history`: earlier runs, whose measures are shown beside this one's."""
    style = source(__name__, "style.css")
    script = (
        '"use strict";\n(() => {\n'
        + "".join(source(__name__, name) for name in SCRIPTS)
        + "})();\n"
    )
    index, chunks = data.pack(saved, history)
    run, verdict = saved.run, _verdict(saved.run)
    headline = html.escape(_headline(run))
    return Template(source(__name__, "page.html")).substitute(
        policy=policy(style, script),
        version=hvlab.__version__,
        title=f"{headline} - hvlab",
        icon=icon(verdict),
        style=style,
        verdict=verdict,
        headline=headline,
        facts=html.escape(
            f"Started {data.moment(saved.started)}, took {run.wall:.1f} s, hvlab {saved.hvlab}."
        ),
        rows="\n".join(map(_row, sorted(run.cases, key=_rank))),
        index=index,
        chunks="\n".join(
            f'<script type="text/plain" id="chunk-{number}">{chunk}</script>'
            for number, chunk in enumerate(chunks)
        ),
        script=script,
    )


def _verdict(run: RunResult) -> str:
    if run.exit_code in (0, 5):
        return "good" if run.exit_code == 0 else "none"
    return "bad"


def _headline(run: RunResult) -> str:
    """`2 failed, 1 flaky, 14 passed`."""
    found = [
        (run.count(Outcome.FAILED), "failed"),
        (run.count(Outcome.ERROR), "error" if run.count(Outcome.ERROR) == 1 else "errors"),
        (run.flaky, "flaky"),
        (run.count(Outcome.PASSED) - run.flaky, "passed"),
    ]
    said = ", ".join(f"{count:,} {what}" for count, what in found if count) or "nothing ran"
    return f"interrupted: {said}" if run.interrupted else said


_RANKS = (Outcome.FAILED, Outcome.ERROR, Outcome.PASSED, Outcome.SKIPPED)


def _rank(case: CaseResult) -> tuple[int, bool]:
    """What did not pass stands first."""
    return _RANKS.index(case.outcome), not case.flaky


def _row(case: CaseResult) -> str:
    outcome = "flaky" if case.flaky else str(case.outcome)
    cells = (outcome, case.label, f"{case.wall:.2f}", printable(case.reason))
    return "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
