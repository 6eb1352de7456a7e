# SPDX-License-Identifier: GPL-2.0-or-later
"""What came of a case: plain data that can be pickled, for every report."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hvlab.scenario.tree import Scalar

Better = Literal["lower", "higher", ""]


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
        values; file: the one that `line` is in, the case's or one that it includes; traceback: of a
        `python` step's own code.
    """

    message: str
    line: int
    column: int
    excerpt: str
    step: int | None = None
    operands: tuple[tuple[str, str], ...] = ()
    file: str = ""
    traceback: str = ""


@dataclass(frozen=True)
class StepResult:
    """One step. Guest times in ns, None before the machine is there; wall in seconds.

    file: the one that `line` is in, the case's or one that it includes; machine: the name of the
    one that it is about, empty if it is about all, or about none.
    """

    index: int
    keyword: str
    title: str
    line: int
    outcome: Outcome
    guest_start: int | None
    guest_end: int | None
    wall: float
    file: str = ""
    machine: str = ""


@dataclass(frozen=True)
class MeasureResult:
    """A number that a `measure` recorded.

    Attributes:
        unit: `ns`, `B` or empty; held: whether the limit did, None without one;
        better: `lower` or `higher`, where the scenario says which; tolerance: how far from its baseline
        it may be, as the scenario says it; baseline: what it was compared with, None if with nothing;
        time: the guest time in ns at which it was recorded.
    """

    name: str
    value: int | float
    unit: str
    limit: str
    held: bool | None
    better: Better = ""
    tolerance: str = ""
    baseline: int | float | None = None
    time: int | None = None


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
class EventResult:
    """One of the last things that happened to a machine. time: guest time in ns."""

    time: int
    kind: str
    text: str


@dataclass(frozen=True)
class MachineResult:
    """One machine of a case, as it was when the case ended.

    Attributes:
        name: its name in the document, `machine` for a lone one;
        images: the files it booted from; stop: why it last stopped running;
        guest_time: ns; instructions: None where nobody counts them;
        console: the last 64 KiB of output as text; log: its last lines with guest times;
        screen: the text on the screen, empty if there is none;
        picture, registers, disassembly, stack, events: only of a case that did not pass; the screen
        as SVG, the vCPUs' registers, code around RIP and call stacks as text, the last events.
    """

    name: str
    images: tuple[ImageResult, ...] = ()
    stop: StopResult | None = None
    guest_time: int = 0
    instructions: int | None = None
    console: str = ""
    log: tuple[tuple[int, str], ...] = ()
    screen: str = ""
    picture: str = ""
    registers: str = ""
    disassembly: str = ""
    stack: str = ""
    events: tuple[EventResult, ...] = ()


@dataclass(frozen=True)
class AttemptResult:
    """An attempt of a case that did not pass, after which the case was run again."""

    seed: int
    outcome: Outcome
    reason: str
    failure: Failure | None
    wall: float


@dataclass(frozen=True)
class CaseResult:
    """One case that was run, or skipped.

    Attributes:
        id: `file::name[...]`; file, name: its parts; backend: what its machines run on;
        kvm: which KVM that was, empty on another backend; reason: one line why it did not pass;
        machines: in the document's order, those that were made;
        wall, cpu: seconds on the clock, and of the process's CPU time, of the last attempt;
        reproduce: the command that runs this case again;
        attempts: what was tried before the last attempt, which the rest is about;
        repetition: which of several runs of the case in one run of hvlab, from 0;
        interrupted: it was ended from outside; internal: the traceback of a bug of hvlab's;
        output: what its process printed to stdout and stderr, beginning and end of it;
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
    kvm: str = ""
    reason: str = ""
    failure: Failure | None = None
    steps: tuple[StepResult, ...] = ()
    measures: tuple[MeasureResult, ...] = ()
    machines: tuple[MachineResult, ...] = ()
    wall: float = 0.0
    cpu: float = 0.0
    attempts: tuple[AttemptResult, ...] = ()
    repetition: int = 0
    interrupted: bool = False
    internal: str = ""
    output: str = ""
    artifacts: str = ""

    @property
    def label(self) -> str:
        """The id, and from the second run on which one of several it was: `file::name #2`."""
        return f"{self.id} #{self.repetition + 1}" if self.repetition else self.id

    @property
    def flaky(self) -> bool:
        """It passed, but not at once."""
        return self.outcome is Outcome.PASSED and bool(self.attempts)

    @property
    def guest_time(self) -> int | None:
        """ns of guest time of the foremost machine; None if none was made."""
        return max((machine.guest_time for machine in self.machines), default=None)

    @property
    def instructions(self) -> int | None:
        """Retired by all machines together; None where nobody counts them."""
        counts = [machine.instructions for machine in self.machines]
        return sum(c for c in counts if c is not None) if counts and None not in counts else None

    def properties(self) -> dict[str, str]:
        """What a CI system should keep of the case, as text."""
        found = {"backend": self.backend}
        if self.kvm:
            found["kvm"] = self.kvm
        found["seed"] = str(self.seed)
        for machine in self.machines:
            prefix = "" if len(self.machines) == 1 else f"{machine.name}."
            for image in machine.images:
                found[f"{prefix}image.{image.field}.sha256"] = image.sha256
            if machine.stop is not None:
                found[f"{prefix}stop"] = machine.stop.reason
        if self.guest_time is not None:
            found["guest_time_ns"] = str(self.guest_time)
        if self.instructions is not None:
            found["instructions"] = str(self.instructions)
        for measure in self.measures:
            unit = f" {measure.unit}" if measure.unit else ""
            found[f"measure.{measure.name}"] = f"{measure.value}{unit}"
        if self.attempts:
            found["attempts"] = str(len(self.attempts) + 1)
        if self.flaky:
            found["flaky"] = "true"
        if self.artifacts:
            found["artifacts"] = self.artifacts
        return {**found, "reproduce": self.reproduce}


@dataclass
class RunResult:
    """All cases of one run, in the order of the plan. host: what it ran on, a fact a name."""

    cases: list[CaseResult] = field(default_factory=list)
    wall: float = 0.0
    interrupted: bool = False
    host: Mapping[str, str] = field(default_factory=dict)

    def count(self, outcome: Outcome) -> int:
        return sum(case.outcome is outcome for case in self.cases)

    @property
    def flaky(self) -> int:
        """How many passed, but not at once."""
        return sum(case.flaky for case in self.cases)

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
