# SPDX-License-Identifier: GPL-2.0-or-later
"""A run as it is kept: for each case the samples of its measures, and what they were taken on."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hvlab import processors
from hvlab.scenario.results import Better
from hvlab.scenario.tree import Scalar

FORMAT: Literal["hvlab-run"] = "hvlab-run"
VERSION: Literal[1] = 1  # a change that a reader could trip over raises it

# Measures that every case has.
WALL = "wall"
CPU = "cpu"
GUEST_TIME = "guest_time"
INSTRUCTIONS = "instructions"
BUILT_IN = (WALL, CPU, GUEST_TIME, INSTRUCTIONS)
HOST_TIMES = (WALL, CPU)

Number = int | Annotated[float, Field(allow_inf_nan=False)]


class Plain(BaseModel):
    """Base of what is kept: no unknown keys, no conversions, no changes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Measure(Plain):
    """One measure of a case.

    Attributes:
        unit: `s`, `ns`, `B` or empty; better: which direction is an improvement, empty if nobody said;
        samples: one for each of the case's repetitions; None where it was absent.
    """

    name: str = Field(max_length=200)
    unit: str = Field(max_length=20)
    better: Better
    samples: list[Number | None]


class Case(Plain):
    """A case's samples: of the repetitions that passed at once, in the order in which they ran.

    Attributes:
        repetitions, seeds: which they were, and the seed that each ran with; failed: how many did not pass;
        images: SHA-256 of what was booted, by its place in the scenario; kvm: which KVM, or empty.
    """

    id: str
    file: str
    name: str
    backend: str
    kvm: str
    parameters: dict[str, Scalar]
    images: dict[str, str]
    repetitions: list[int]
    seeds: list[int]
    failed: int
    measures: list[Measure]

    def measure(self, name: str) -> Measure | None:
        return next((each for each in self.measures if each.name == name), None)


class Facts(Plain):
    """What a run was taken on; empty, 0 or None where it is not known.

    Attributes:
        hvlab, engine: versions; cpu: the processor's model; cpus: how many may be used;
        workers: how many worker processes ran cases at a time, 0 for none: in hvlab's own.
    """

    hvlab: str
    engine: str
    cpu: str
    cpus: int
    kernel: str
    python: str
    workers: int | None


class Run(Plain):
    """All samples of a run.

    Attributes:
        started: ISO 8601, with its time zone; pairing: the same in two runs whose repetitions were run in
        turns, empty if this one stands alone.
    """

    format: Literal["hvlab-run"] = FORMAT
    version: Literal[1] = VERSION
    started: str
    facts: Facts
    pairing: str
    cases: list[Case]


@cache
def facts(workers: int) -> Facts:
    """Of this host and process."""
    import hvlab
    from hvlab import _core

    return Facts(
        hvlab=hvlab.__version__,
        engine=_core.engine_version(),
        cpu=_cpu_model(),
        cpus=processors.usable(),
        kernel=platform.release(),
        python=platform.python_version(),
        workers=workers,
    )


def _cpu_model() -> str:
    """As /proc/cpuinfo has it; empty where that cannot be read."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    names = (line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line)
    return next(names, "")


def joined(rounds: Sequence[Run], pairing: str) -> Run:
    """Runs of the same cases one after the other, as one run: each round is a repetition."""
    ids = list(dict.fromkeys(case.id for each in rounds for case in each.cases))
    cases = []
    for name in ids:
        parts = [
            (number, case)
            for number, each in enumerate(rounds)
            for case in each.cases
            if case.id == name
        ]
        cases.append(_joined_case(parts))
    first = rounds[0]
    return Run(started=first.started, facts=first.facts, pairing=pairing, cases=cases)


def _joined_case(parts: Sequence[tuple[int, Case]]) -> Case:
    first = parts[0][1]
    passed = [(number, case) for number, case in parts if case.repetitions]
    names = _names(case for _, case in passed)
    measures = []
    for name in names:
        found = [(case, case.measure(name)) for _, case in passed]
        known = next(measure for _, measure in found if measure is not None)
        samples = [
            value
            for case, measure in found
            for value in (measure.samples if measure else [None] * len(case.repetitions))
        ]
        measures.append(known.model_copy(update={"samples": samples}))
    return first.model_copy(
        update={
            "repetitions": [number for number, case in passed for _ in case.repetitions],
            "seeds": [seed for _, case in passed for seed in case.seeds],
            "failed": sum(case.failed for _, case in parts),
            "images": next((case.images for _, case in passed), first.images),
            "measures": measures,
        }
    )


def _names(cases: Iterable[Case]) -> list[str]:
    return list(dict.fromkeys(measure.name for case in cases for measure in case.measures))
