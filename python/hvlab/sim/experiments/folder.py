# SPDX-License-Identifier: GPL-2.0-or-later
"""The folder of an experiment's results: a copy of the document, frames as CSV and Parquet, one JSON
with everything, the report, and the jobs that were done.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from hvlab.errors import SimulationError
from hvlab.report import files
from hvlab.sim.experiments import saved
from hvlab.sim.experiments.document import ExperimentDocument
from hvlab.sim.experiments.results import ExperimentResults

DOCUMENT = "experiment.hvlab.yaml"
PARTIAL = "PARTIAL"  # a file that is there while the results are not complete
REPORT = "report.html"
_OURS = (DOCUMENT, saved.NAME, PARTIAL, "jobs")


def prepare(folder: Path, document: ExperimentDocument, *, resume: bool, overwrite: bool) -> None:
    """Makes the folder, and puts the document into it.

    Raises:
        SimulationError: it has results that would be lost, or other things than results; HostError.
    """
    if folder.exists() and not folder.is_dir():
        raise SimulationError(f"{folder} is no folder")
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if there and not there & set(_OURS):
        raise SimulationError(f"{folder} holds other things than results; give another --output")
    if there and not (resume or overwrite):
        raise SimulationError(
            f"{folder} holds results already: --resume goes on with them, --overwrite does all again"
        )
    files.make_folder(folder)
    files.write_whole(
        folder / PARTIAL, "The results here are of a run that has not come to its end.\n"
    )
    files.write_whole(folder / DOCUMENT, document.source.text)


def write(folder: Path, results: ExperimentResults) -> list[str]:
    """Writes all there is, and gives the names. Raises HostError."""
    written = [saved.NAME]
    files.write_whole(folder / saved.NAME, saved.text(results))
    parquet = _has_pyarrow()
    for name in ("summary", "replications", "stopping", "comparison", "latency", "series"):
        frame = getattr(results, name)
        if frame is None:
            continue
        frame.write_csv(folder / f"{name}.csv")
        written.append(f"{name}.csv")
        if parquet:
            frame.write_parquet(folder / f"{name}.parquet")
            written.append(f"{name}.parquet")
    written += _report(folder, results)
    if results.complete:
        (folder / PARTIAL).unlink(missing_ok=True)
    else:
        written.append(PARTIAL)
    return written


def _report(folder: Path, results: ExperimentResults) -> list[str]:
    from hvlab.sim import report

    files.write_whole(folder / REPORT, report.render(results))
    return [REPORT]


def _has_pyarrow() -> bool:
    return find_spec("pyarrow") is not None
