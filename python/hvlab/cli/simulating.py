# SPDX-License-Identifier: GPL-2.0-or-later
"""`hvlab sim run`, `sweep` and `plot`."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from hvlab.cli import FAILED, INTERRUPTED, NOTHING_RAN, OK
from hvlab.cli.signals import terminated_is_interrupted
from hvlab.closing import Closing
from hvlab.errors import SimulationError
from hvlab.report import files
from hvlab.scenario.problems import printable
from hvlab.scenario.template import as_text
from hvlab.sim.experiments import folder, outcome, running, summary, sweep
from hvlab.sim.experiments.document import ExperimentCell, ExperimentDocument, load_experiment
from hvlab.sim.experiments.executor import ProcessExecutor
from hvlab.sim.experiments.jobs import JobResult
from hvlab.sim.experiments.simulate import simulate
from hvlab.sim.experiments.store import Store
from hvlab.sim.experiments.study import CellResult, Study

if TYPE_CHECKING:
    from rich.progress import Progress


@dataclass(frozen=True)
class Options:
    """What was asked for. `one_cell`: `run`, not `sweep`; output None: NAME.results for a sweep, no files
    for a run.
    """

    file: Path
    where: tuple[str, ...]
    jobs: int
    output: Path | None
    resume: bool
    overwrite: bool
    one_cell: bool


def run(options: Options) -> int:
    """Runs the cells, writes and shows what came of them; returns the exit code. Raises HvlabError."""
    document = load_experiment(options.file)
    cells = running.selected(document, _where(options.where), "--where")
    if not cells:
        print("nothing ran: no cell has these values", file=sys.stderr)
        return NOTHING_RAN
    if options.one_cell and len(cells) > 1:
        raise SimulationError(_too_many(document, cells, options.file))
    output = options.output
    if output is None and not options.one_cell:
        output = Path(f"{document.name}.results")
    if output is not None:
        folder.prepare(output, document, resume=options.resume, overwrite=options.overwrite)
    elif options.resume:
        raise SimulationError("--resume goes on in a folder: give it with --output")
    started = datetime.datetime.now().astimezone()
    study = _run(document, cells, options, output)
    _show(study, options)
    if output is not None:
        written = folder.write(output, outcome.results(study, running.facts(study, started)))
        print(f"\n{printable(str(output))}: {', '.join(written)}")
    if not study.complete:
        said = "" if output is None else "; what was done is kept, and --resume goes on"
        print(f"interrupted: these results are partial{said}", file=sys.stderr)
        return INTERRUPTED
    failed = study.failed_checks or any(cell.error for cell in study.cells)
    return FAILED if failed else OK


def _where(texts: Sequence[str]) -> dict[str, list[str]]:
    """FACTOR=VALUE of --where. Raises SimulationError."""
    wanted: dict[str, list[str]] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise SimulationError(f"--where '{printable(text)}': it is FACTOR=VALUE")
        wanted.setdefault(name, []).append(value)
    return wanted


def _too_many(document: ExperimentDocument, cells: Sequence[ExperimentCell], file: Path) -> str:
    differing = [
        name
        for name in document.factors
        if len({as_text(cell.factors[name]) for cell in cells}) > 1
    ]
    example = " ".join(f"--where {name}={as_text(cells[0].factors[name])}" for name in differing)
    path = printable(str(file))
    return (
        f"{len(cells)} cells: choose one, as with {example}; 'hvlab sim sweep {path}' runs them all"
    )


def _run(
    document: ExperimentDocument,
    cells: Sequence[ExperimentCell],
    options: Options,
    output: Path | None,
) -> Study:
    with ExitStack() as stack:
        stack.enter_context(terminated_is_interrupted())
        executor = stack.enter_context(ProcessExecutor(options.jobs, simulate))
        store = Store(output) if output is not None else None
        display = _LiveDisplay if sys.stdout.isatty() else _Display
        shown = stack.enter_context(display(document, len(cells), quiet=options.one_cell))
        return sweep.run(document, cells, executor, store, shown, resume=options.resume)


def _show(study: Study, options: Options) -> None:
    print()
    lines: list[str] = []
    if options.one_cell:
        for cell in study.cells:
            lines += summary.one_cell(study, cell)
            lines += [f"FAILED  {cell.error}"] if cell.error else []
    else:
        lines += summary.table(study)
        compared = list(summary.comparisons(study))
        lines += ["", *compared] if compared else []
    lines += summary.warnings(study)
    lines += summary.checks(study)
    print(printable("\n".join(lines)))


def plot(results: Path, output: Path | None, format: str) -> int:
    """Draws figures; returns the exit code. Raises HvlabError."""
    from hvlab.sim.experiments import saved

    loaded = saved.load(results)
    from hvlab.sim import plots

    target = output or (results if results.is_dir() else results.parent)
    files.make_folder(target)
    for number, asked in enumerate(loaded.plots or plots.usual(loaded), 1):
        path = target / f"plot-{number}-{asked.kind}.{format}"
        plots.draw(loaded, asked).save(path)
        print(printable(str(path)))
    return OK


class _Display(sweep.Watcher, Closing):
    """A line for each cell that is done."""

    def __init__(self, document: ExperimentDocument, total: int, quiet: bool) -> None:
        self._study = Study(document)
        self._total = total
        self._quiet = quiet

    def close(self) -> None:
        """Nothing is open."""

    def cell_done(self, result: CellResult) -> None:
        if not self._quiet:
            print(printable(summary.cell_line(self._study, result)), flush=True)


class _LiveDisplay(_Display):
    """The same, and a bar below."""

    def __init__(self, document: ExperimentDocument, total: int, quiet: bool) -> None:
        super().__init__(document, total, quiet)
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        self._bar: Progress = Progress(
            TextColumn("cells"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[runs]} runs"),
            TimeElapsedColumn(),
            transient=True,
        )
        self._task = self._bar.add_task("cells", total=total, runs=0)
        self._runs = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def close(self) -> None:
        self._bar.stop()

    def job_done(self, cell: ExperimentCell, replication: int | str, result: JobResult) -> None:
        self._runs += 1
        self._bar.update(self._task, runs=self._runs)

    def cell_done(self, result: CellResult) -> None:
        if not self._quiet:
            self._bar.console.print(
                printable(summary.cell_line(self._study, result)), markup=False, highlight=False
            )
        self._bar.advance(self._task)
