# SPDX-License-Identifier: GPL-2.0-or-later
"""Which cases did not pass when they were last run: `.hvlab/last-run.json`, for --last-failed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from hvlab import state
from hvlab.errors import HostError
from hvlab.report.files import write_whole
from hvlab.scenario.document import Case
from hvlab.scenario.problems import printable
from hvlab.scenario.results import CaseResult, Outcome

_PATH = state.FOLDER / "last-run.json"
_VERSION = 1
_SHOWN = 3
_MAX_BYTES = 64 << 20


class NotOurs(HostError):
    """The file is not what hvlab wrote."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    version: int = _VERSION
    failed: list[str]


@dataclass(frozen=True)
class Choice:
    """The cases to run, and a line that says why these."""

    cases: list[Case]
    note: str


def failed() -> list[str]:
    """Ids of the cases that did not pass when they were last run. Raises HostError."""
    try:
        with _PATH.open("rb") as file:
            return _File.model_validate_json(file.read(_MAX_BYTES)).failed
    except FileNotFoundError:
        return []
    except OSError as error:
        message = f"cannot read {_PATH}: {error.strerror}"
        raise HostError(message, f"read {_PATH}", error.errno or 0) from None
    except ValidationError as error:
        what = error.errors(include_url=False)[0]["msg"]
        message = f"{_PATH} is not what hvlab wrote ({what}); a run without --last-failed mends it"
        raise NotOurs(message, f"read {_PATH}") from None


def choose(cases: Sequence[Case]) -> Choice:
    """Those of the cases that failed last; all of them if none did. Raises HostError."""
    ids = failed()
    chosen = [case for case in cases if case.id in set(ids)]
    if chosen:
        return Choice(chosen, f"last failed: {_count(len(chosen))} of {len(cases)}")
    if not ids:
        return Choice(list(cases), "last failed: none is known, so all are run")
    note = f"last failed: {_count(len(ids))} known, none of them selected here, so all are run"
    return Choice(list(cases), note)


def stale(known: Iterable[Case]) -> list[str]:
    """Of the ids that failed last those of cases that are no more, in the files that `known` came from.

    Raises HostError.
    """
    ids = {case.id for case in known}
    files = {case.source.name for case in known}
    return [id_ for id_ in failed() if id_.partition("::")[0] in files and id_ not in ids]


def stale_note(ids: Sequence[str]) -> str:
    """The line about them."""
    shown = ", ".join(printable(id_) for id_ in ids[:_SHOWN])
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    return f"last failed: no longer there, and forgotten: {shown}{more}"


def remember(results: Iterable[CaseResult], gone: Sequence[str] = ()) -> None:
    """What failed is known from now on, what passed is forgotten; what was not run stays as it was.

    A run that cannot be remembered is told on stderr: its outcome stands all the same.
    """
    try:
        known = dict.fromkeys(_failed_before())
        for id_ in gone:
            known.pop(id_, None)
        ran = [r for r in results if r.outcome is not Outcome.SKIPPED and not r.interrupted]
        for result in ran:
            known.pop(result.id, None)
        for result in ran:  # with repetitions one failure is enough
            if result.outcome is not Outcome.PASSED:
                known[result.id] = None
        state.folder()
        write_whole(_PATH, json.dumps(_File(failed=list(known)).model_dump(), indent=1) + "\n")
    except HostError as error:
        print(f"hvlab: warning: {error}; --last-failed will not know this run", file=sys.stderr)


def _failed_before() -> list[str]:
    try:
        return failed()
    except NotOurs:
        return []


def _count(number: int) -> str:
    return f"{number} case" if number == 1 else f"{number} cases"
