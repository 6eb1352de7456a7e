# SPDX-License-Identifier: GPL-2.0-or-later
"""`NAME.baseline.json` beside `NAME.hvlab.yaml`: the values that measures with a `baseline` are held against,
by case and measure.
"""

from __future__ import annotations

import json
import shlex
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hvlab.errors import HostError, HvlabError, ScenarioError
from hvlab.report.files import read_regular, write_whole
from hvlab.scenario.results import CaseResult, MeasureResult, Outcome
from hvlab.scenario.source import SUFFIX, Source

FORMAT = "hvlab-baseline"
VERSION = 1
BASELINE_SUFFIX = ".baseline.json"
MAX_BYTES = 16 << 20


class BaselineError(HvlabError):
    """Measures cannot become a baseline.

    Attributes:
        case: the id of the case.
    """

    def __init__(self, message: str, case: str = "") -> None:
        self.case = case
        super().__init__(message)


class _Plain(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Known(_Plain):
    """What a measure was when it became the baseline."""

    value: int | Annotated[float, Field(allow_inf_nan=False)]
    unit: Literal["ns", "B", ""]


class _File(_Plain):
    format: Literal["hvlab-baseline"]
    version: Literal[1]
    cases: dict[str, dict[str, Known]]


@dataclass(frozen=True)
class CaseBaselines:
    """Those of one case. file: as messages call it; case: its id; values: by measure."""

    file: str
    case: str
    values: Mapping[str, Known]

    @property
    def how_to_update(self) -> str:
        return f"hvlab run {shlex.quote(self.case)} --update-baseline"


@dataclass(frozen=True)
class Baselines:
    """A file's content; empty where there is none yet. cases: by the case's name, then by measure."""

    file: str
    cases: Mapping[str, Mapping[str, Known]] = field(default_factory=dict)

    def of(self, case_id: str, case_name: str) -> CaseBaselines:
        return CaseBaselines(self.file, case_id, self.cases.get(case_name, {}))


def beside(source: Source) -> Baselines:
    """The baselines of a scenario. Raises ScenarioError for a file that is none."""
    return read(source.folder / _file_name(source), _shown(source))


def read(path: Path, shown: str) -> Baselines:
    """Raises ScenarioError, which calls the file `shown`."""
    if not path.exists() and not path.is_symlink():
        return Baselines(shown)
    try:
        data = read_regular(path, MAX_BYTES)
    except HostError as error:
        raise ScenarioError(str(error), shown) from None
    try:
        content = _File.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        what = f"{where}: {first['msg']}" if where else first["msg"]
        message = (
            f"not a baseline file of version {VERSION}: {what}; "
            "remove it, and `hvlab run --update-baseline` makes a new one"
        )
        raise ScenarioError(message, shown) from None
    return Baselines(shown, content.cases)


@dataclass(frozen=True)
class Update:
    """What became of one file. shown: its name in messages; values: how many of cases that ran."""

    shown: str
    values: int
    changed: bool


def update(results: Iterable[CaseResult], sources: Mapping[str, Source]) -> list[Update]:
    """Makes the measures that have a `baseline`, of cases that passed at once, the new baselines: later
    attempts run with other seeds.

    What is there of other cases stays. A file is written whole, or not at all if it stays as it is.

    Args:
        sources: of the cases, by id.
    Raises BaselineError, ScenarioError, HostError.
    """
    passed: dict[str, list[CaseResult]] = {}
    for result in results:
        if result.outcome is Outcome.PASSED and not result.attempts:
            passed.setdefault(result.id, []).append(result)
    by_file: dict[Path, tuple[Source, dict[str, dict[str, Known]]]] = {}
    for case_id, found in passed.items():
        source = sources[case_id]
        path = source.folder / _file_name(source)
        taken = by_file.setdefault(path, (source, {}))[1]
        taken[found[0].name] = _known(found)
    updates = []
    for path, (source, taken) in by_file.items():
        before = read(path, _shown(source))
        cases = {name: dict(values) for name, values in before.cases.items()} | taken
        cases = {name: values for name, values in cases.items() if values}
        if not cases and not before.cases:
            continue
        changed = cases != before.cases
        if changed:
            write_whole(path, _text(cases))
        updates.append(Update(before.file, sum(len(v) for v in taken.values()), changed))
    return updates


def _known(repetitions: Sequence[CaseResult]) -> dict[str, Known]:
    """By measure: the middle one of the repetitions, which is one that was seen."""
    samples: dict[str, list[MeasureResult]] = {}
    for result in repetitions:
        for measure in result.measures:
            if measure.tolerance:
                samples.setdefault(measure.name, []).append(measure)
    known = {}
    for name, found in samples.items():
        values = [measure.value for measure in found]
        if found[0].tolerance == EXACT and len(set(values)) > 1:
            message = (
                f"{repetitions[0].id}: '{name}' has an exact baseline, but was {min(values)} and "
                f"{max(values)} in repetitions of one run"
            )
            raise BaselineError(message, repetitions[0].id)
        known[name] = Known.model_validate(
            {"value": statistics.median_low(values), "unit": found[0].unit}
        )
    return known


EXACT = "exact"


def _text(cases: Mapping[str, Mapping[str, Known]]) -> str:
    """Sorted, a value a line: a change of one value is a change of one line."""
    data = {
        "format": FORMAT,
        "version": VERSION,
        "cases": {
            name: {measure: known.model_dump() for measure, known in sorted(values.items())}
            for name, values in sorted(cases.items())
        },
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _file_name(source: Source) -> str:
    return Path(source.name).name.removesuffix(SUFFIX) + BASELINE_SUFFIX


def _shown(source: Source) -> str:
    return str(Path(source.name).with_name(_file_name(source)))
