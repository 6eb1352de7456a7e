# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands and their options. What they do is in the modules beside this one, imported
when called.
"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from hvlab.cli import USAGE, bench, sim
from hvlab.cli import jobs as jobs_option

app = typer.Typer(
    name="hvlab",
    help="Test harness for hypervisors: boots guests from YAML scenarios and checks what they do.",
    add_completion=False,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
fixtures_app = typer.Typer(
    help="The guests that hvlab brings along or fetches.", no_args_is_help=False
)
app.add_typer(fixtures_app, name="fixtures")
app.add_typer(bench.app, name="bench")
app.add_typer(sim.app, name="sim")

Targets = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH...", help="Scenario files, folders of them, or case ids (file::name[...])."
    ),
]
Keyword = Annotated[
    str,
    typer.Option("-k", metavar="EXPR", help="Only cases whose id has these words (and, or, not)."),
]
Tags = Annotated[
    str, typer.Option("-m", metavar="EXPR", help="Only cases with these tags (and, or, not).")
]


Junit = Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML.")]
Html = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write a page to look at.")
]
Trace = Annotated[
    Path | None,
    typer.Option("--trace", metavar="FILE", help="Write a trace for Perfetto or chrome://tracing."),
]
History = Annotated[
    list[str] | None,
    typer.Option(
        "--history",
        metavar="RUN",
        help="An earlier run that --html compares the measures with: the name that it was saved "
        "as, its results (JSON), or a folder of such files. May be given several times.",
    ),
]


class BackendName(enum.StrEnum):
    """What --backend takes."""

    UNICORN = "unicorn"
    KVM = "kvm"


class KvmChoice(enum.StrEnum):
    """What --kvm takes."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class NewKind(enum.StrEnum):
    """What `hvlab new --kind` takes: a template each."""

    FLAT = "flat"
    ELF = "elf"
    LINUX = "linux"
    MICRO = "micro"
    DISK = "disk"


Backend = Annotated[
    BackendName | None,
    typer.Option("--backend", metavar="NAME", help="Only the cases of this backend."),
]
Kvm = Annotated[
    KvmChoice,
    typer.Option(
        "--kvm",
        help="Cases on kvm, where it is not there: skipped with the reason (auto), failed (on); "
        "or all of them skipped (off).",
    ),
]


def invoke(arguments: list[str]) -> int:
    """Parses and runs; returns the exit code. Raises what commands raise."""
    command = typer.main.get_command(app)
    # All usage errors derive from one class, which typer does not export by itself.
    usage_error = cast("type[Exception]", typer.BadParameter.__mro__[1])
    # Not command.main(): it has answers of its own to Ctrl-C and to a reader that goes away.
    try:
        with command.make_context("hvlab", list(arguments)) as context:
            command.invoke(context)
    except usage_error as error:
        shown: Any = error
        shown.show()
        return USAGE
    except typer.Exit as done:
        return done.exit_code
    except SystemExit:  # rich's answer to a reader of the output that has gone away
        raise BrokenPipeError from None
    return 0


def _version(wanted: bool) -> None:
    if wanted:
        import hvlab

        typer.echo(f"hvlab {hvlab.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _top(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show Python tracebacks of errors.")
    ] = False,
) -> None:
    del version, debug  # the first has been acted upon, the second is main's
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def run(
    targets: Targets,
    keyword: Keyword = "",
    tags: Tags = "",
    backend: Backend = None,
    kvm: Kvm = KvmChoice.AUTO,
    junit: Junit = None,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write results as JSON.")
    ] = None,
    html: Html = None,
    trace: Trace = None,
    history: History = None,
    artifacts: Annotated[
        Path | None,
        typer.Option("--artifacts", metavar="DIR", help="Keep a folder for each case that fails."),
    ] = None,
    save: Annotated[
        str,
        typer.Option(
            "--save", metavar="NAME", help="Keep the measures, for `hvlab bench compare`."
        ),
    ] = "",
    update_baseline: Annotated[
        bool,
        typer.Option(
            "--update-baseline", help="Make the measures that have a baseline the new baselines."
        ),
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, max=2**64 - 1, help="Of all randomness, for every case."),
    ] = None,
    allow_python: Annotated[
        bool,
        typer.Option(
            "--allow-python", help="Let 'python' steps run the Python of the scenarios' folders."
        ),
    ] = False,
    jobs: Annotated[
        str,
        typer.Option(
            "-j", "--jobs", metavar="N|auto", help="Cases at a time; auto: one for each processor."
        ),
    ] = "1",
    repeat: Annotated[
        int,
        typer.Option(
            "--repeat",
            metavar="N",
            min=1,
            max=1_000_000,
            help="Run all cases N times: all of them once, then again.",
        ),
    ] = 1,
    last_failed: Annotated[
        bool,
        typer.Option(
            "--last-failed", "--lf", help="Only the cases that failed last; all if none did."
        ),
    ] = False,
    fail_fast: Annotated[
        bool, typer.Option("-x", "--fail-fast", help="Stop after the first failure.")
    ] = False,
    in_process: Annotated[
        bool,
        typer.Option(
            "--in-process",
            help="Run cases in hvlab's own process, for a debugger: a crash ends all.",
        ),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Show every step and measure.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", hidden=True)] = False,
) -> None:
    """Run scenarios.

    Exit codes: 0 passed, 1 failed, 2 interrupted, 3 internal error, 4 bad usage or bad scenario, 5
    nothing ran.
    """
    from hvlab.cli import running
    from hvlab.report.writing import Wanted

    del debug
    options = running.Options(
        targets=tuple(targets),
        keyword=keyword,
        tags=tags,
        backend=backend.value if backend else "",
        kvm=kvm.value,
        reports=Wanted(junit, json, html, trace, tuple(history or ())),
        artifacts=artifacts,
        seed=seed,
        allow_python=allow_python,
        verbose=verbose,
        save=save,
        update_baseline=update_baseline,
        jobs=_jobs(jobs, in_process),
        repeat=repeat,
        last_failed=last_failed,
        fail_fast=fail_fast,
        in_process=in_process,
    )
    raise typer.Exit(running.run(options))


def _jobs(text: str, in_process: bool) -> int:
    """What -j says. Raises BadParameter."""
    number = jobs_option.asked(text)
    if in_process and number > 1:
        raise typer.BadParameter("-j needs processes, and --in-process has none", param_hint="-j")
    return number


@app.command()
def report(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS.json", help="What `hvlab run --json` wrote.")
    ],
    html: Html = None,
    trace: Trace = None,
    junit: Junit = None,
    history: History = None,
) -> None:
    """Make reports of a run that is over, from its results."""
    from hvlab.cli import report as command
    from hvlab.report.writing import Wanted

    wanted = Wanted(junit, None, html, trace, tuple(history or ()))
    raise typer.Exit(command.report(results, wanted))


@app.command()
def check(targets: Targets) -> None:
    """Check scenarios without running anything; shows every error with its line."""
    from hvlab.cli import listing

    raise typer.Exit(listing.check(targets))


@app.command("list")
def list_cases(
    targets: Targets,
    keyword: Keyword = "",
    tags: Tags = "",
    backend: Backend = None,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="With backend, seed and tags.")
    ] = False,
) -> None:
    """List the ids of the cases that would run."""
    from hvlab.cli import listing

    raise typer.Exit(
        listing.list_cases(targets, keyword, tags, backend.value if backend else "", verbose)
    )


@app.command()
def schema(
    steps: Annotated[
        bool, typer.Option("--steps", help="That of files of steps, which scenarios include.")
    ] = False,
    experiment: Annotated[
        bool, typer.Option("--experiment", help="That of experiments, which `hvlab sim` runs.")
    ] = False,
) -> None:
    """Print the JSON Schema of scenario files (draft 2020-12)."""
    from hvlab.cli import listing

    raise typer.Exit(listing.print_schema(steps, experiment))


@app.command()
def explain(
    topic: Annotated[
        str, typer.Argument(metavar="[STEP|SECTION]", help="Of what; without it, what there is.")
    ] = "",
) -> None:
    """Document a step or a section of scenarios and experiments, with an example."""
    from hvlab.cli import explain as command

    raise typer.Exit(command.explain(topic))


@app.command()
def new(
    name: Annotated[
        str,
        typer.Argument(metavar="[NAME]", help="The scenario's name; it may begin with a folder."),
    ] = "first",
    kind: Annotated[NewKind, typer.Option("--kind", help="What it boots.")] = NewKind.FLAT,
) -> None:
    """Write a first scenario, which passes as it stands, and its JSON Schema for the editor.

    Nothing that is there is ever overwritten.
    """
    from hvlab.cli import new as command

    raise typer.Exit(command.new(name, kind.value))


@app.command()
def doctor(
    json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Say what this host has for guests: which KVM, and how fast each backend is here.

    Measures for a few seconds. Exit code 0 whatever it finds; what is missing is said.
    """
    from hvlab.cli import doctor as command

    raise typer.Exit(command.doctor(json))


@fixtures_app.callback(invoke_without_command=True)
def _fixtures(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@fixtures_app.command("list")
def fixtures_list() -> None:
    """List the fixtures and which of them are here."""
    from hvlab.cli import fixtures

    raise typer.Exit(fixtures.show())


@fixtures_app.command("fetch")
def fixtures_fetch(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Which; all by default.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Fetch again what is here.")] = False,
) -> None:
    """Fetch guests from the distribution's packages, without installing them."""
    from hvlab.cli import fixtures

    raise typer.Exit(fixtures.fetch(names or [], force))
