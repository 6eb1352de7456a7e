# SPDX-License-Identifier: GPL-2.0-or-later
"""From what the command line names to the cases of a run, in an order that is always the same."""

from __future__ import annotations

import gc
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from hvlab.backends import KvmMode, barrier
from hvlab.errors import HvlabError, ScenarioError
from hvlab.scenario.context import Places
from hvlab.scenario.document import Case, Document, load
from hvlab.scenario.nearest import did_you_mean
from hvlab.scenario.problems import ScenarioInvalid, printable
from hvlab.scenario.python_code import not_allowed
from hvlab.scenario.reading import no_garbage_collection
from hvlab.scenario.select import compile_selection
from hvlab.scenario.source import SUFFIX
from hvlab.scenario.steps.python import Python

if TYPE_CHECKING:
    from hvlab.sim.experiments.document import ExperimentDocument

_MAX_SHOWN = 200  # characters of a path


class TargetError(HvlabError):
    """A path or case id on the command line stands for nothing."""


@dataclass
class Plan:
    """What was found.

    Attributes:
        documents: how many were read; cases: of the good ones; errors: of the others;
        empty: the folders that hold no scenario; experiments: those found, which have no cases.
    """

    documents: int = 0
    cases: list[Case] = field(default_factory=list)
    errors: list[ScenarioError] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    experiments: list[ExperimentDocument] = field(default_factory=list)


def find(targets: Iterable[str]) -> Plan:
    """Reads and checks what `targets` name: files, folders, or case ids (`file::name[...]`).

    Raises:
        TargetError: no such file or folder, or no such case in the file.
    """
    with no_garbage_collection():
        plan = _find(targets)
        # It lives as long as the process: a collection need not look at it, nor a forked worker copy it.
        gc.freeze()
        return plan


def _find(targets: Iterable[str]) -> Plan:
    plan = Plan()
    seen: set[str] = set()
    documents: dict[str, Document | None] = {}
    for target in targets:
        path, separator, name = target.partition("::")
        if not path or (separator and not name):
            raise TargetError(f"'{printable(target)}' names no file, or no case of it")
        files = _files(Path(path))
        if not files:
            plan.empty.append(path)
        for file in files:
            key = os.path.realpath(file)
            if key not in documents:
                documents[key] = _load(file, plan)
            document = documents[key]
            if document is None:
                continue
            if document.experiment is not None and not name:
                if document.experiment not in plan.experiments:
                    plan.experiments.append(document.experiment)
                continue
            picked = [case for case in document.cases if not name or case.name == name]
            if not picked:
                if document.experiment is not None:
                    command = f"'{document.experiment.command} {path}'"
                    raise TargetError(
                        f"{path} is an experiment, and has no cases: {command} runs it"
                    )
                hint = did_you_mean(name, [case.name for case in document.cases])
                raise TargetError(f"{path}: no case '{printable(name)}'{hint}")
            plan.cases += [case for case in picked if case.id not in seen]
            seen.update(case.id for case in picked)
    return plan


def choose(
    cases: Sequence[Case], keyword: str = "", tags: str = "", backend: str = ""
) -> list[Case]:
    """The cases that -k, -m and --backend leave: words in the id, ignoring case; names of tags; the
    backend that a case is for. Raises SelectionError.
    """
    chosen = [c for c in cases if backend in ("", c.scenario.backend)]
    if keyword:
        by_id = compile_selection(keyword, "-k")
        chosen = [c for c in chosen if by_id(lambda word, c=c: word.lower() in c.id.lower())]  # type: ignore[misc]
    if tags:
        by_tag = compile_selection(tags, "-m")
        chosen = [c for c in chosen if by_tag(lambda word, c=c: word in c.scenario.tags)]  # type: ignore[misc]
    return chosen


def on_host(case: Case, mode: KvmMode = "auto", option: str = "--kvm") -> Case:
    """The case with what keeps it from running here, where something does."""
    scenario = case.scenario
    found = barrier(scenario.backend, scenario.requires.kvm, mode, option)
    return replace(case, barrier=found)


def allow_python(cases: Sequence[Case]) -> list[Case]:
    """The cases, with the Python of their folders allowed to run."""
    return [replace(case, allow_python=True) for case in cases]


def python_refused(cases: Sequence[Case], option: str = "--allow-python") -> list[ScenarioError]:
    """For each document of the cases that has `python` steps: why it is not run without leave, which
    `option` gives.
    """
    found: dict[str, ScenarioError] = {}
    for case in cases:
        places = Places(case.source, case.marks)
        problems = [
            places.at_key(("steps", index, step.keyword), not_allowed(option))
            for index, step in enumerate(case.scenario.steps)
            if step.keyword == Python.keyword
        ]
        if problems:
            found.setdefault(case.source.name, ScenarioInvalid(case.source, problems))
    return list(found.values())


def with_seed(cases: Sequence[Case], seed: int | None) -> list[Case]:
    """The cases with another seed, or as they are if it is None."""
    return list(cases) if seed is None else [replace(case, seed=seed) for case in cases]


def _load(file: Path, plan: Plan) -> Document | None:
    plan.documents += 1
    try:
        return load(file)
    except ScenarioError as error:
        plan.errors.append(error)
        return None


def _files(path: Path) -> list[Path]:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - Path's own questions hide why
    except FileNotFoundError:
        raise TargetError(_not_there(path)) from None
    except (OSError, ValueError) as error:
        raise TargetError(f"{_short(path)}: {_reason(error)}") from None
    if not stat.S_ISDIR(mode):
        return [path]
    found = []
    for folder, folders, names in os.walk(path, onerror=_unreadable):  # follows no links: it ends
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        found += [Path(folder, name) for name in sorted(names) if name.endswith(SUFFIX)]
    return found


def _unreadable(error: OSError) -> NoReturn:
    # Scenarios that nobody sees must not count as passed.
    raise TargetError(f"{_short(error.filename)}: cannot read the folder: {_reason(error)}")


def _not_there(path: Path) -> str:
    if path.is_symlink():
        return f"{_short(path)}: a link to a file that is not there"
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except FileNotFoundError:
        return _not_there(path.parent)  # the nearer cause: the folder is misspelt
    except OSError:
        names = []
    return f"{_short(path)}: no such file or folder{did_you_mean(path.name, names)}"


def _reason(error: OSError | ValueError) -> str:
    return str(error.strerror if isinstance(error, OSError) else error)


def _short(path: str | os.PathLike[str]) -> str:
    """A path for a message."""
    name = printable(os.fspath(path))
    return name if len(name) <= _MAX_SHOWN else f"{name[:_MAX_SHOWN]}..."
