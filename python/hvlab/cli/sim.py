# SPDX-License-Identifier: GPL-2.0-or-later
"""`hvlab sim`: its commands and options. What they do is imported when one is called."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from hvlab.cli import jobs as jobs_option

app = typer.Typer(
    help="Simulate how far vCPUs can be overcommitted: run experiments.", no_args_is_help=False
)

File = Annotated[
    Path, typer.Argument(metavar="FILE", help="An experiment, NAME.hvlab.yaml with 'experiment:'.")
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where", metavar="FACTOR=VALUE", help="Only cells with this value; can be given again."
    ),
]
Jobs = Annotated[
    str,
    typer.Option(
        "-j", "--jobs", metavar="N|auto", help="Runs at a time; auto: one for each processor."
    ),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on in the folder of an earlier run: do nothing twice.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Write into a folder that holds results already.")
]


class Format(enum.StrEnum):
    """What `hvlab sim plot --format` takes."""

    SVG = "svg"
    PDF = "pdf"


@app.callback(invoke_without_command=True)
def _top(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def run(
    file: File,
    where: Where = None,
    jobs: Jobs = "auto",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Write results here, as `sweep` does."),
    ] = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Run one cell of an experiment and show everything that was measured.

    Exit codes: 0 done, 1 an assert does not hold or the cell failed, 2 interrupted, 3 internal error,
    4 bad usage or a bad document, 5 nothing ran.
    """
    from hvlab.cli import simulating

    options = simulating.Options(
        file, tuple(where or ()), jobs_option.asked(jobs), output, resume, overwrite, one_cell=True
    )
    raise typer.Exit(simulating.run(options))


@app.command()
def sweep(
    file: File,
    where: Where = None,
    jobs: Jobs = "auto",
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="The folder of the results; NAME.results if not given.",
        ),
    ] = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Run all cells of an experiment, as often as it says, and write results and a report.

    Exit codes: 0 done, 1 an assert does not hold or a cell failed, 2 interrupted (what was done is kept,
    --resume goes on), 3 internal error, 4 bad usage or a bad document, 5 nothing ran.
    """
    from hvlab.cli import simulating

    options = simulating.Options(
        file, tuple(where or ()), jobs_option.asked(jobs), output, resume, overwrite, one_cell=False
    )
    raise typer.Exit(simulating.run(options))


@app.command()
def plot(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="The folder of a sweep, or its results.json.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Where to; the results' folder."),
    ] = None,
    format: Annotated[Format, typer.Option("--format", help="Of the figures.")] = Format.SVG,
) -> None:
    """Draw the figures of an experiment that is over, for a paper."""
    from hvlab.cli import simulating

    raise typer.Exit(simulating.plot(results, output, format.value))


@app.command()
def validate(
    quick: Annotated[bool, typer.Option("--quick", help="Fewer and shorter runs.")] = False,
    jobs: Jobs = "auto",
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write the table here too.")
    ] = None,
) -> None:
    """Check the simulator against queueing theory, against what its schedulers promise, and its two
    fidelities against each other.

    Exit codes: 0 all holds, 1 something does not, 2 interrupted (nothing is written then).
    """
    from hvlab.cli import validating

    raise typer.Exit(validating.run(quick, jobs_option.asked(jobs), csv))
