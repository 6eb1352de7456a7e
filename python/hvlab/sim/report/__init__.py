# SPDX-License-Identifier: GPL-2.0-or-later
"""An experiment as one HTML file that needs nothing else: figures, tables, what was simulated, and how far.

Nothing in it runs: it has no script, its one style sheet is allowed by its hash, figures are pictures, and
all text is escaped.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template

import hvlab
from hvlab.errors import HvlabError
from hvlab.report.files import write_whole
from hvlab.report.html.parts import icon, policy, source
from hvlab.scenario.problems import printable
from hvlab.sim import plots
from hvlab.sim.experiments.results import ExperimentResults, Plot
from hvlab.sim.report import tables
from hvlab.sim.report.text import count, escaped, names

_SHARED_STYLE = "hvlab.report.html"
_AT_ONCE = 10  # measures


def write(path: str | Path, results: ExperimentResults) -> None:
    """Writes the report whole or not at all. Raises HostError."""
    write_whole(Path(path), render(results))


def render(results: ExperimentResults) -> str:
    """The page. The same text for the same results. Without matplotlib (`hvlab[sim]`) it has no figures, and
    says so.
    """
    style = source(_SHARED_STYLE, "style.css") + source(__name__, "style.css")
    verdict = "good" if results.complete else "bad"
    return Template(source(__name__, "page.html")).substitute(
        policy=policy(style),
        version=hvlab.__version__,
        icon=icon(verdict),
        style=style,
        verdict=verdict,
        name=escaped(results.name),
        headline=_headline(results),
        body="\n".join(_sections(results)),
    )


def _headline(results: ExperimentResults) -> str:
    done = len(results.replications.where(complete=1))
    said = f"{count(len(results.stopping), 'cell')}, {count(done, 'replication')}"
    return said if results.complete else f"partial: {said}"


def _sections(results: ExperimentResults) -> Iterator[str]:
    if results.description:
        yield f"<p>{escaped(results.description)}</p>"
    yield from _notes(results)
    yield _section("Summary", tables.properties(_summary(results)))
    yield _section("Figures", _figures(results))
    first, more = _by_interest(results)
    content = [_lead(results), tables.cells(results, first, "Results")]
    if more:
        rest = tables.cells(results, more, "More measures")
        content.append(
            f"<details><summary>{count(len(more), 'more measure')}</summary>{rest}</details>"
        )
    yield _section("Results", *content)
    if results.comparison is not None and len(results.comparison):
        yield _section("Comparison", _PAIRS, tables.comparison(results.comparison))
    yield _section("How it stopped", tables.stopping(results.stopping, results.factors))
    if results.clusters:
        yield _section("What was simulated", *map(_cluster, results.clusters.items()))
    yield _section("Where it ran", tables.properties({"hvlab": hvlab.__version__, **results.facts}))


_PAIRS = (
    "<p>Differences of means, candidate minus baseline, of replications with the same random numbers "
    "(common random numbers); p after Holm's correction over this table.</p>"
)


def _section(title: str, *content: str) -> str:
    place = title.lower().replace(" ", "-")
    body = "\n".join(content)
    return f'<section aria-labelledby="{place}">\n<h2 id="{place}">{title}</h2>\n{body}\n</section>'


def _notes(results: ExperimentResults) -> Iterator[str]:
    notes = [f"<li>{escaped(warning)}</li>" for warning in results.warnings]
    if not results.complete:
        text = (
            "<strong>Partial result.</strong> The experiment was interrupted, or a part of it failed: "
            "figures and tables show what was done until then."
        )
        notes.insert(0, f'<li class="partial">{text}</li>')
    if notes:
        yield f'<ul class="notes" aria-label="Notes">{"".join(notes)}</ul>'


def _summary(results: ExperimentResults) -> dict[str, str]:
    found = {
        f"factor {name}": ", ".join(map(str, levels)) for name, levels in results.factors.items()
    }
    found["cells"] = f"{len(results.stopping):,}"
    found["replications"] = f"{len(results.replications):,}"
    found["seed"] = str(results.seed)
    found["intervals"] = f"{results.confidence * 100:g} % for the mean (Student's t)"
    return found


def _by_interest(results: ExperimentResults) -> tuple[list[str], list[str]]:
    """The measures to show at once: what the document draws, compares and stops by, or else the first that
    are ever other than 0; and all the others.
    """
    asked = {*results.asked, *(plot.y for plot in results.plots)}
    for frame in (results.comparison, results.stopping):
        asked |= set() if frame is None else set(map(str, frame.levels("measure")))
    first = [measure for measure in results.measures if measure in asked]
    if not first:
        first = plots.telling(results)[:_AT_ONCE]
    return first, [measure for measure in results.measures if measure not in first]


def _lead(results: ExperimentResults) -> str:
    return (
        "<p>Means over replications, and half the width of the "
        f"{results.confidence * 100:g} % interval; a dash where there is no value.</p>"
    )


def _figures(results: ExperimentResults) -> str:
    try:
        drawn = [_figure(results, plot) for plot in results.plots or plots.usual(results)]
    except ImportError as error:
        return f'<p class="empty">{escaped(str(error))}</p>'
    if not drawn:
        return '<p class="empty">There is nothing to draw.</p>'
    return f'<div class="figures">{"".join(drawn)}</div>'


def _figure(results: ExperimentResults, plot: Plot) -> str:
    caption = f"<figcaption>{escaped(_caption(plot))}</figcaption>"
    try:
        drawing = plots.draw(results, plot)
    except HvlabError as error:
        return f'<figure><p class="empty">{escaped(str(error))}</p>{caption}</figure>'
    picture = base64.b64encode(drawing.svg().encode()).decode()
    width, height = (round(inches * 96) for inches in drawing.figure.get_size_inches())
    wide = ' class="wide"' if width > plots.COLUMN * 96 * 1.5 else ""
    return (
        f'<figure{wide}><img src="data:image/svg+xml;base64,{picture}" width="{width}" height="{height}" '
        f'alt="{escaped(drawing.alt)}">{caption}</figure>'
    )


def _caption(plot: Plot) -> str:
    what = {
        "latency": "Distribution of response times",
        "shares": "Where the vCPUs' time went",
        "series": f"{plot.y} over simulated time",
    }.get(plot.kind, plot.y)
    against = f" against {plot.x}" if plot.x and plot.kind in ("line", "shares") else ""
    by = f", by {names(plot.by)}" if plot.by else ""
    where = f", where {names(f'{k} = {v}' for k, v in plot.where.items())}" if plot.where else ""
    lead = f"{plot.title}: " if plot.title else ""
    return f"{lead}{what}{against}{by}{where}"


def _cluster(entry: tuple[str, Sequence[str]]) -> str:
    title, lines = entry
    text = html.escape("\n".join(printable(line) for line in lines))
    return f"<details open><summary>{escaped(title)}</summary><pre>{text}</pre></details>"
