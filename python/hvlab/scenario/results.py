# SPDX-License-Identifier: GPL-2.0-or-later
"""What came of a case: plain data that can be pickled, for every report."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from hvlab.scenario.tree import Scalar


class Outcome(enum.StrEnum):
    """FAILED: something expected did not happen. ERROR: it could not be found out."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Failure:
    """Why a case did not pass, and where in its document.

    Attributes:
        message: one or a few lines; excerpt: `file:line:column: message`, the line and a caret;
        step: the step's index, None if it was none; operands: texts of the expression and their
        values.
    """

    message: str
    line: int
    column: int
    excerpt: str
    step: int | None = None
    operands: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class StepResult:
    """One step. Guest times in ns, None before the machine is there; wall in seconds."""

    index: int
    keyword: str
    title: str
    line: int
    outcome: Outcome
    guest_start: int | None
    guest_end: int | None
    wall: float


@dataclass(frozen=True)
class MeasureResult:
    """A number that a `measure` recorded. unit: `ns`, `B` or empty; held: None without a limit."""

    name: str
    value: int | float
    unit: str
    limit: str
    held: bool | None


@dataclass(frozen=True)
class StopResult:
    """Why the guest last stopped running."""

    reason: str
    code: int | None
    time: int
    instructions: int | None
    rip: int
    message: str


@dataclass(frozen=True)
class ImageResult:
    """A file that the machine booted from."""

    field: str
    reference: str
    sha256: str


@dataclass(frozen=True)
class CaseResult:
    """One case that was run, or skipped.

    Attributes:
        id: `file::name[...]`; file, name: its parts; kvm: which KVM it ran on, empty on another
        backend; reason: one line why it did not pass;
        guest_time: ns, None if no machine was made; instructions: None where nobody counts them;
        wall: seconds; console: the last 64 KiB of output as text; log: its last lines with guest
        times; screen: the text on the screen, empty if there is none; picture: of the screen of a
        case that did not pass, as SVG;
        registers: the vCPU's as text; reproduce: the command that runs this case again;
        interrupted: it was ended from outside; internal: the traceback of a bug of hvlab's;
        artifacts: the folder with what a failed case left, empty if none was asked for.
    """

    id: str
    file: str
    name: str
    outcome: Outcome
    backend: str
    seed: int
    parameters: Mapping[str, Scalar]
    tags: tuple[str, ...]
    line: int
    reproduce: str
    reason: str = ""
    failure: Failure | None = None
    steps: tuple[StepResult, ...] = ()
    measures: tuple[MeasureResult, ...] = ()
    images: tuple[ImageResult, ...] = ()
    stop: StopResult | None = None
    guest_time: int | None = None
    instructions: int | None = None
    wall: float = 0.0
    console: str = ""
    log: tuple[tuple[int, str], ...] = ()
    screen: str = ""
    picture: str = ""
    registers: str = ""
    interrupted: bool = False
    internal: str = ""
    artifacts: str = ""
    kvm: str = ""

    def properties(self) -> dict[str, str]:
        """What a CI system should keep of the case, as text."""
        found = {"backend": self.backend}
        if self.kvm:
            found["kvm"] = self.kvm
        found["seed"] = str(self.seed)
        found |= {f"image.{image.field}.sha256": image.sha256 for image in self.images}
        if self.guest_time is not None:
            found["guest_time_ns"] = str(self.guest_time)
        if self.instructions is not None:
            found["instructions"] = str(self.instructions)
        for measure in self.measures:
            unit = f" {measure.unit}" if measure.unit else ""
            found[f"measure.{measure.name}"] = f"{measure.value}{unit}"
        if self.stop is not None:
            found["stop"] = self.stop.reason
        if self.artifacts:
            found["artifacts"] = self.artifacts
        return {**found, "reproduce": self.reproduce}


@dataclass
class RunResult:
    """All cases of one run, in the order of the plan."""

    cases: list[CaseResult] = field(default_factory=list)
    wall: float = 0.0
    interrupted: bool = False

    def count(self, outcome: Outcome) -> int:
        return sum(case.outcome is outcome for case in self.cases)

    @property
    def exit_code(self) -> int:
        """0 passed, 1 failed, 2 interrupted, 3 internal error, 5 nothing ran."""
        if self.interrupted:
            return 2
        if any(case.internal for case in self.cases):
            return 3
        if self.count(Outcome.FAILED) or self.count(Outcome.ERROR):
            return 1
        return 0 if self.count(Outcome.PASSED) else 5
