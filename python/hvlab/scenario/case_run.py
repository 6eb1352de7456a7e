# SPDX-License-Identifier: GPL-2.0-or-later
"""One case while it runs: its steps in order, inside its limits, to a CaseResult. Whatever happens,
there is a result.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn

from hvlab import units
from hvlab.backends import UNCOUNTED
from hvlab.errors import (
    BootError,
    ExpectationFailed,
    FixtureError,
    HvlabError,
    MachineConfigError,
)
from hvlab.scenario import expression, machines
from hvlab.scenario.bounds import Bounds, LimitExceeded, StepFailed, exceeded
from hvlab.scenario.case_result import case_failure, case_result, stop_result
from hvlab.scenario.evaluate import Evaluation, Unevaluable, evaluate
from hvlab.scenario.observer import Observer
from hvlab.scenario.results import (
    CaseResult,
    Failure,
    ImageResult,
    MachineResult,
    MeasureResult,
    Outcome,
    StepResult,
    StopResult,
)
from hvlab.scenario.shapes import (
    CONSOLE_SHAPE,
    SCREEN_SHAPE,
    Kind,
    Record,
    Shape,
    Value,
    machine_shape,
)
from hvlab.scenario.tree import Path

if TYPE_CHECKING:
    from hvlab._core import Stop
    from hvlab.event import Event
    from hvlab.machine import Machine
    from hvlab.performance.baseline import CaseBaselines
    from hvlab.scenario.document import Case
    from hvlab.scenario.steps import Step

SECOND = units.DURATION_UNITS["s"]


class _Broken(Exception):
    """The core reported that it cannot go on."""


class _Interrupted(Exception):
    """Somebody interrupted the machine."""


@dataclass
class CaseRun:
    """One case while it runs: the RunContext of its steps."""

    case: Case
    observer: Observer | None
    make_machine: Callable[[Case], Machine]
    _machine: Machine | None = None
    _values: dict[str, Record] = field(default_factory=dict)
    _shapes: dict[str, Shape] = field(default_factory=dict)
    _steps: list[StepResult] = field(default_factory=list)
    _measures: list[MeasureResult] = field(default_factory=list)
    _images: tuple[ImageResult, ...] = ()
    _stop: StopResult | None = None
    _started: float = field(default_factory=time.monotonic)
    _cpu_started: float = field(default_factory=time.process_time)

    # What steps use.

    @property
    def machine(self) -> Machine:
        assert self._machine is not None, "checked: no step needs a machine before boot"
        return self._machine

    @property
    def counts(self) -> bool:
        return self.case.scenario.machine.backend not in UNCOUNTED

    def boot(self) -> None:
        self._images = machines.image_results(self.case)
        self._machine = self.make_machine(self.case)

    def run(
        self,
        *,
        until: Event | None,
        within: int,
        instructions: int | None = None,
        awaited: str | None = None,
    ) -> Stop:
        bounds = Bounds(self, within, instructions)
        while True:
            stop = self.machine.run(
                until=until,
                timeout=bounds.time_left(),
                instructions=bounds.instructions_left(),
                wall=int(bounds.wall_slice() * SECOND),
            )
            self._stop = stop_result(stop)
            reason = str(stop.reason)
            if reason == "wall-deadline":
                self._progress()
                continue
            if reason == "error":
                raise _Broken(stop.message)
            if reason == "interrupted":
                raise _Interrupted
            if reason != awaited:
                bounds.check(reason)
            return stop

    def name(self, name: str, value: Record, shape: Shape) -> None:
        self._values[name] = value
        self._shapes[name] = shape

    def evaluate(self, text: str) -> Evaluation:
        self._refresh(text)
        kinds = {name: shape.fields for name, shape in self._shapes.items()}
        try:
            return evaluate(expression.parse(text), self._values, kinds)
        except Unevaluable as error:
            raise StepFailed(f"no value: {error}", dict(error.operands)) from None

    def kind(self, text: str) -> Kind:
        self._refresh(text)
        return expression.check(expression.parse(text), self._shapes)

    @property
    def baselines(self) -> CaseBaselines | None:
        return self.case.baselines

    def measure(self, measure: MeasureResult) -> None:
        self._measures.append(measure)

    def fail(self, message: str, operands: Mapping[str, str] | None = None) -> NoReturn:
        raise StepFailed(message, operands)

    # The case as a whole.

    def result(self) -> CaseResult:
        try:
            return self._run()
        except KeyboardInterrupt:  # between two steps
            return self._cut_short("interrupted", interrupted=True)
        except Exception as error:  # noqa: BLE001 - as in a step
            return self._cut_short(_internal(error), internal=traceback.format_exc())
        finally:
            if self._machine is not None:
                self._machine.close()

    def _cut_short(self, reason: str, interrupted: bool = False, internal: str = "") -> CaseResult:
        return case_result(
            self.case,
            Outcome.ERROR,
            reason=reason,
            steps=tuple(self._steps),
            measures=tuple(self._measures),
            wall=time.monotonic() - self._started,
            cpu=time.process_time() - self._cpu_started,
            interrupted=interrupted,
            internal=internal,
        )

    def _run(self) -> CaseResult:
        scenario = self.case.scenario
        self.name(
            "matrix",
            Record(self.case.parameters),
            Shape(dict.fromkeys(self.case.parameters, Kind.ANY)),
        )
        self.name("vars", Record(scenario.vars), Shape(dict.fromkeys(scenario.vars, Kind.ANY)))
        for index, step in enumerate(scenario.steps):
            if self.observer is not None:
                self.observer.step_started(self.case, index, step)
            began, guest = time.monotonic(), self._guest_time()
            ended = self._step(index, step)
            outcome = Outcome.PASSED if ended is None else ended.outcome
            line = self.case.marks.key(("steps", index, step.keyword)).line
            self._steps.append(
                StepResult(
                    index=index,
                    keyword=step.keyword,
                    title=step.body.title(),
                    line=line,
                    outcome=outcome,
                    guest_start=guest,
                    guest_end=self._guest_time(),
                    wall=time.monotonic() - began,
                )
            )
            if ended is not None:
                return self._finish(ended)
        return self._finish(_Ended(Outcome.PASSED))

    def _step(self, index: int, step: Step) -> _Ended | None:
        """Runs a step; None if it passed."""
        place: Path = ("steps", index, step.keyword)
        try:
            self._check_wall()
            step.body.run(self)
        except StepFailed as error:
            return self._ended(Outcome.FAILED, place, error.message, index, error.operands)
        except ExpectationFailed as error:
            return self._ended(Outcome.FAILED, place, str(error), index)
        except HvlabError as error:
            return self._ended(Outcome.ERROR, _blame(error, place), str(error), index)
        except _Broken as error:
            return self._ended(Outcome.ERROR, place, str(error), index)
        except (KeyboardInterrupt, _Interrupted):
            ended = self._ended(Outcome.ERROR, place, "interrupted", index)
            return replace(ended, interrupted=True)
        except Exception as error:  # noqa: BLE001 - a bug of ours is this case's error, not the run's end
            ended = self._ended(Outcome.ERROR, place, _internal(error), index)
            return replace(ended, internal=traceback.format_exc())
        return None

    def _finish(self, ended: _Ended) -> CaseResult:
        return case_result(
            self.case,
            ended.outcome,
            reason=ended.failure.message.split("\n")[0] if ended.failure else "",
            failure=ended.failure,
            steps=tuple(self._steps),
            measures=tuple(self._measures),
            machines=self._machine_results(ended.outcome is not Outcome.PASSED),
            wall=time.monotonic() - self._started,
            cpu=time.process_time() - self._cpu_started,
            interrupted=ended.interrupted,
            internal=ended.internal,
        )

    def _machine_results(self, failed: bool) -> tuple[MachineResult, ...]:
        if self._machine is None:
            return ()
        shown = "registers" in self.case.scenario.on_failure
        return (machines.result("machine", self._machine, self._images, self._stop, failed, shown),)

    def _ended(
        self,
        outcome: Outcome,
        place: Path,
        message: str,
        step: int,
        operands: tuple[tuple[str, str], ...] = (),
    ) -> _Ended:
        return _Ended(outcome, case_failure(self.case, outcome, place, message, step, operands))

    def _guest_time(self) -> int | None:
        return self._machine.time if self._machine is not None else None

    def _refresh(self, text: str) -> None:
        """What expressions may ask of the machine, as it is now; the texts of console and
        screen only if asked for.
        """
        if self._machine is not None:
            fields: dict[str, Value] = {
                "time": self._machine.time,
                "instructions": self._machine.instructions,
            }
            self.name("machine", Record(fields), machine_shape(self.counts))
            console = self._machine.console.output if "console" in text else ""
            self.name("console", Record({"text": console}), CONSOLE_SHAPE)
            screen = machines.screen_text(self._machine) if "screen" in text else ""
            self.name("screen", Record({"text": screen}), SCREEN_SHAPE)

    def _progress(self) -> None:
        if self.observer is not None:
            self.observer.progress(self.machine.time, self.machine.instructions)

    @property
    def interval(self) -> float | None:
        return None if self.observer is None else self.observer.interval

    def _check_wall(self) -> None:
        self.wall_left()

    def wall_left(self) -> float:
        """Seconds until the case's wall limit. Raises LimitExceeded."""
        limit = self.case.scenario.limits.wall
        left = limit / SECOND - (time.monotonic() - self._started)
        if left <= 0:
            raise LimitExceeded(
                exceeded("wall", units.format_duration(limit), "on the wall", self.case)
            )
        return left


@dataclass(frozen=True)
class _Ended:
    """How the last step of a case ended."""

    outcome: Outcome
    failure: Failure | None = None
    interrupted: bool = False
    internal: str = ""


def _internal(error: Exception) -> str:
    return f"internal error of hvlab: {type(error).__name__}: {error}"


def _blame(error: HvlabError, place: Path) -> Path:
    """What in the document an error of the machine's set-up is about."""
    if isinstance(error, MachineConfigError) and error.field:
        return ("machine", error.field)
    if isinstance(error, BootError | FixtureError):
        return ("machine", "boot")
    return place
