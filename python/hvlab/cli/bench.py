# SPDX-License-Identifier: GPL-2.0-or-later
"""`hvlab bench`: its commands and options. What they do is imported when one is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hvlab.performance.compare import Options
    from hvlab.performance.interleave import Side
    from hvlab.performance.runs import Run

app = typer.Typer(help="Compare the performance of runs.", no_args_is_help=False)

Floor = Annotated[
    float,
    typer.Option(
        "--floor",
        metavar="PERCENT",
        min=0.1,
        max=100,
        help="The noise floor: a change below it is never called one.",
    ),
]
Alpha = Annotated[
    float,
    typer.Option(
        "--alpha",
        min=1e-6,
        max=0.5,
        help="The chance that a comparison of equals calls anything a change.",
    ),
]
Measures = Annotated[
    list[str] | None,
    typer.Option("--measure", metavar="NAME", help="Only this measure; can be given again."),
]
AnyHost = Annotated[
    bool, typer.Option("--any-host", help="Compare times although the hosts are not the same.")
]
AcrossBackends = Annotated[
    bool,
    typer.Option("--across-backends", help="Match cases that differ in their backend alone."),
]
Json = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write the comparison as JSON.")
]


@app.callback(invoke_without_command=True)
def _top(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="Name of a saved run, or a file.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The run that is compared with A.")],
    floor: Floor = 5.0,
    alpha: Alpha = 0.01,
    measure: Measures = None,
    any_host: AnyHost = False,
    across_backends: AcrossBackends = False,
    json: Json = None,
) -> None:
    """Compare two runs: of `hvlab run --save`, or results of `hvlab run --json`.

    Exit codes: 0 no regression, 1 a regression, 4 bad usage.
    """
    from hvlab.performance import files

    files.check_report(json)
    options = _options(floor, alpha, measure, any_host, across_backends)
    raise typer.Exit(_compare(files.load(a), files.load(b), (a, b), options, json))


@app.command("run")
def run_in_turns(
    targets: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Scenario files, folders, or case ids.")
    ],
    a: Annotated[
        str, typer.Option("--a", metavar="COMMAND", help="An hvlab; this one by default.")
    ] = "",
    b: Annotated[
        str, typer.Option("--b", metavar="COMMAND", help="The one to compare with it.")
    ] = "",
    a_options: Annotated[
        str,
        typer.Option("--a-options", metavar="TEXT", help="For A's `hvlab run`: --backend unicorn"),
    ] = "",
    b_options: Annotated[
        str, typer.Option("--b-options", metavar="TEXT", help="For B's: --backend kvm")
    ] = "",
    repeat: Annotated[
        int, typer.Option("--repeat", min=1, max=10_000, help="Rounds; each runs A and B once.")
    ] = 20,
    warm_up: Annotated[
        int, typer.Option("--warm-up", min=0, max=100, help="Rounds before that are not kept.")
    ] = 1,
    save_a: Annotated[
        str, typer.Option("--save-a", metavar="NAME", help="Keep A's samples as this run.")
    ] = "a",
    save_b: Annotated[
        str, typer.Option("--save-b", metavar="NAME", help="Keep B's samples as this run.")
    ] = "b",
    floor: Floor = 5.0,
    alpha: Alpha = 0.01,
    measure: Measures = None,
    across_backends: AcrossBackends = False,
    json: Json = None,
) -> None:
    """Run two hvlabs, or one with two sets of options, in turns; keep both runs and compare them.

    Exit codes: 0 no regression, 1 a regression, 2 interrupted, 4 bad usage.
    """
    from hvlab.cli.signals import terminated_is_interrupted
    from hvlab.errors import ReportError
    from hvlab.performance import files
    from hvlab.performance.interleave import in_turns

    files.check_report(json)
    sides = _side("A", a, a_options), _side("B", b, b_options)
    places = files.prepare(save_a), files.prepare(save_b)
    if places[0].absolute() == places[1].absolute():
        raise ReportError("--save-a and --save-b are the same run", save_a)
    options = _options(floor, alpha, measure, False, across_backends)
    with terminated_is_interrupted():
        runs = in_turns(*sides, targets, repeat, warm_up, _progress(repeat))
    for place, run in zip(places, runs, strict=True):
        files.save(place, run)
    raise typer.Exit(_compare(*runs, (save_a, save_b), options, json))


def _side(name: str, command: str, options: str) -> Side:
    import shlex
    import sys

    from hvlab.performance.interleave import Side, SideFailed

    try:
        words = shlex.split(command) if command else [sys.executable, "-m", "hvlab"]
        return Side(name, tuple(words), tuple(shlex.split(options)))
    except ValueError as error:
        raise SideFailed(f"--{name.lower()}: {str(error).lower()}") from None


def _progress(rounds: int) -> Callable[[int, Side], None]:
    """A line on a terminal; nothing elsewhere."""
    import sys

    def show(number: int, side: Side) -> None:
        if sys.stderr.isatty():
            what = "warm-up" if number < 0 else f"round {number + 1}/{rounds}"
            print(f"\r\x1b[K{what} {side.name}", end="", file=sys.stderr, flush=True)

    return show


def _options(
    floor: float,
    alpha: float,
    measures: Sequence[str] | None,
    any_host: bool,
    across_backends: bool,
) -> Options:
    from hvlab.performance.compare import Options

    return Options(floor / 100, alpha, tuple(measures or ()), any_host, across_backends)


def _compare(a: Run, b: Run, names: tuple[str, str], options: Options, json: Path | None) -> int:
    import json as encoder
    import sys

    from hvlab.cli import FAILED, OK
    from hvlab.performance import table
    from hvlab.performance.compare import compare
    from hvlab.report.files import write_whole

    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    comparison = compare(a, b, options)
    print("\n".join(table.lines(comparison, a, b, names)))
    if json is not None:
        data = table.data(comparison, a, b, names)
        write_whole(json, encoder.dumps(data, indent=2, ensure_ascii=False) + "\n")
    return FAILED if comparison.regressed else OK
