# SPDX-License-Identifier: GPL-2.0-or-later
"""One case while it runs: its steps in order, inside its limits, to a CaseResult. Whatever happens,
there is a result.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, NoReturn

from hvlab import units
from hvlab.backends import UNCOUNTED
from hvlab.case_context import CaseContext, NamedValue
from hvlab.errors import (
    BootError,
    ExpectationFailed,
    FixtureError,
    HvlabError,
    MachineConfigError,
)
from hvlab.scenario import expression, machines, python_code
from hvlab.scenario.bounds import Bounds, LimitExceeded, StepFailed, exceeded
from hvlab.scenario.case_machines import CRASHES, CaseMachines, Make
from hvlab.scenario.case_result import case_failure, case_result, step_result
from hvlab.scenario.evaluate import Evaluation, Unevaluable, evaluate
from hvlab.scenario.expression import AbsentValue, ExpressionError
from hvlab.scenario.observer import Observer
from hvlab.scenario.oops import GRACE, OopsWatch
from hvlab.scenario.python_code import CallError, not_allowed
from hvlab.scenario.results import (
    CaseResult,
    Failure,
    MeasureResult,
    Outcome,
    StepResult,
)
from hvlab.scenario.shapes import (
    CONSOLE_SHAPE,
    SCREEN_SHAPE,
    Kind,
    Record,
    Shape,
    Value,
    format_value,
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

# Stops that are no guest's doing.
_OF_THE_RUN = ("match", "deadline", "budget")
SECOND = units.DURATION_UNITS["s"]


class _Broken(Exception):
    """The core reported that it cannot go on."""


class _Raised(Exception):
    """The Python of a `python` step raised something."""

    def __init__(self, error: BaseException, folder: FilePath) -> None:
        super().__init__(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
        self.traceback = python_code.own_frames(error, folder)


class _Interrupted(Exception):
    """Somebody interrupted the machine."""


@dataclass
class CaseRun:
    """One case while it runs: the RunContext of its steps."""

    case: Case
    observer: Observer | None
    make_machine: Make
    _machines: CaseMachines = field(init=False)
    _watch: OopsWatch = field(init=False)
    _values: dict[str, Record] = field(default_factory=dict)
    _shapes: dict[str, Shape] = field(default_factory=dict)
    _steps: list[StepResult] = field(default_factory=list)
    _measures: list[MeasureResult] = field(default_factory=list)
    _started: float = field(default_factory=time.monotonic)
    _cpu_started: float = field(default_factory=time.process_time)

    def __post_init__(self) -> None:
        self._machines = CaseMachines(self.case, self.make_machine)
        self._watch = OopsWatch(self.case.scenario.oops == "ignore")

    # What steps use.

    def machine(self, name: str | None) -> Machine:
        return self._machines.get(name)

    def called(self, machine: str) -> str:
        return f"'{machine}'" if self._machines.several else "the guest"

    @property
    def counts(self) -> bool:
        return self.case.scenario.backend not in UNCOUNTED

    @property
    def time(self) -> int:
        return self._machines.time or 0

    @property
    def instructions(self) -> int | None:
        return self._machines.instructions

    def boot(self, name: str | None) -> None:
        self._machines.boot(name)

    def reset(self, name: str | None) -> None:
        self._machines.reset(name)

    def close(self, name: str | None) -> None:
        self._machines.close(name)

    def run(
        self,
        *,
        within: int,
        until: Sequence[Event] = (),
        machine: str | None = None,
        instructions: int | None = None,
        awaited: str | None = None,
        ends: Callable[[Stop], bool] | None = None,
    ) -> Stop:
        bounds = Bounds(self, within, instructions)
        ends = self._machines.ends_all if ends is None else ends
        while True:
            stop = self._machines.run(
                machine,
                [*until, *self._watch.events(self._machines.up.values())],
                bounds.time_left(),
                bounds.instructions_left(),
                int(bounds.wall_slice() * SECOND),
            )
            reason = str(stop.reason)
            if reason == "wall-deadline":
                self._progress()
            elif stop.event is not None and stop.event >= len(until):
                self._oops(stop)
            elif reason == "error":
                raise _Broken(stop.message)
            elif reason == "interrupted":
                raise _Interrupted
            elif reason in _OF_THE_RUN or ends(stop):
                if reason != awaited:
                    bounds.check(reason)
                self._watch.awaited(stop)
                return stop
            else:
                self._put_aside(stop)

    def _oops(self, stop: Stop) -> None:
        """The kernel of a guest tells of trouble. Raises StepFailed, unless a step has waited for that."""
        guest = self._machines.up[stop.machine]
        sentence = self._watch.trouble(guest, stop)
        if sentence is None:
            return
        wall = int(min(self.wall_left(), 1.0) * SECOND)
        self._machines.run(stop.machine, (), GRACE, None, wall)  # until its report is whole
        whose = f"'{stop.machine}': " if self._machines.several else ""
        raise StepFailed(whose + sentence)

    def _put_aside(self, stop: Stop) -> None:
        """A machine stopped that nobody waits for now."""
        if str(stop.reason) in CRASHES:
            raise StepFailed(f"meanwhile '{stop.machine}' crashed: {stop.message}")
        self._machines.keep(stop)

    def ended(self, machine: str) -> Stop | None:
        return self._machines.ended(machine)

    def stopped(self, machine: str | None) -> Stop | None:
        return self._machines.kept(self._machines.get(machine).name)

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

    def number(self, value: int | str) -> int:
        if isinstance(value, int):
            return value
        result = self.evaluate(value)
        if isinstance(result.value, bool) or not isinstance(result.value, int):
            shown = format_value(result.value)
            raise StepFailed(f"{shown} is not a whole number", dict(result.operands))
        return result.value

    def kind(self, text: str) -> Kind:
        self._refresh(text)
        try:
            return expression.check(expression.parse(text), self._shapes)
        except AbsentValue:
            raise
        except ExpressionError as error:  # what a `python` step returned is known only now
            raise StepFailed(f"no value: {error.message}") from None

    def call(self, function: str, arguments: Mapping[str, Any]) -> Any:
        if not self.case.allow_python:
            raise CallError(not_allowed())
        folder = self.case.source.folder
        self._refresh("console screen")
        values = {name: NamedValue(v.fields, v.items) for name, v in self._values.items()}
        context = CaseContext(self._machines.up, values, self.case.seed, self.case.id, folder)
        try:
            with python_code.of_folder(folder):
                return python_code.load(function, folder)(context, **arguments)
        except (KeyboardInterrupt, CallError):
            raise
        except AssertionError as error:
            said = str(error) or "assertion failed"
            where = python_code.failed_line(error, folder)
            message = said if isinstance(error, HvlabError) or not where else f"{said} ({where})"
            frames = python_code.own_frames(error, folder)
            raise StepFailed(message, traceback=frames) from None
        # sys.exit() and the like end the case, not the run.
        except BaseException as error:  # noqa: BLE001
            raise _Raised(error, folder) from None

    @property
    def baselines(self) -> CaseBaselines | None:
        return self.case.baselines

    def measure(self, measure: MeasureResult) -> None:
        self._measures.append(replace(measure, time=self._guest_time()))

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
            self._machines.end()

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
            times = (guest, self._guest_time())
            wall = time.monotonic() - began
            self._steps.append(step_result(self.case, index, outcome, times, wall))
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
            ended = self._ended(Outcome.FAILED, place, error.message, index, error.operands)
            return ended.with_traceback(error.traceback)
        except _Raised as error:
            ended = self._ended(Outcome.ERROR, place, str(error), index)
            return ended.with_traceback(error.traceback)
        except ExpectationFailed as error:
            return self._ended(Outcome.FAILED, place, str(error), index)
        except HvlabError as error:
            return self._ended(Outcome.ERROR, self._blame(error, place), str(error), index)
        except _Broken as error:
            return self._ended(Outcome.ERROR, place, str(error), index)
        except (KeyboardInterrupt, _Interrupted):
            ended = self._ended(Outcome.ERROR, place, "interrupted", index)
            return replace(ended, interrupted=True)
        except Exception as error:  # noqa: BLE001 - a bug of ours is this case's error, not the run's end
            ended = self._ended(Outcome.ERROR, place, _internal(error), index)
            return replace(ended, internal=traceback.format_exc())
        return None

    def _blame(self, error: HvlabError, place: Path) -> Path:
        """What in the document an error of a machine's set-up is about."""
        if self._machines.booting is None:
            return place
        described = self.case.scenario.described_at(self._machines.booting)
        if isinstance(error, MachineConfigError) and error.field:
            return (*described, error.field)
        return (*described, "boot") if isinstance(error, BootError | FixtureError) else place

    def _finish(self, ended: _Ended) -> CaseResult:
        return case_result(
            self.case,
            ended.outcome,
            reason=ended.failure.message.split("\n")[0] if ended.failure else "",
            failure=ended.failure,
            steps=tuple(self._steps),
            measures=tuple(self._measures),
            machines=self._machines.results(ended.outcome is not Outcome.PASSED),
            wall=time.monotonic() - self._started,
            cpu=time.process_time() - self._cpu_started,
            interrupted=ended.interrupted,
            internal=ended.internal,
        )

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
        return self._machines.time

    def _refresh(self, text: str) -> None:
        """What expressions may ask of the machines, as they are now; the texts of console and
        screen only if asked for.
        """
        for name, machine in self._machines.up.items():
            console = machine.console.output if "console" in text else ""
            screen = machines.screen_text(machine) if "screen" in text else ""
            fields: dict[str, Value] = {
                "time": machine.time,
                "instructions": machine.instructions,
                "console": console,
                "screen": screen,
            }
            self.name(name, Record(fields), machine_shape(self.counts))
            if not self._machines.several:
                self.name("machine", Record(fields), machine_shape(self.counts))
                self.name("console", Record({"text": console}), CONSOLE_SHAPE)
                self.name("screen", Record({"text": screen}), SCREEN_SHAPE)

    def _progress(self) -> None:
        if self.observer is not None:
            self.observer.progress(self.time, self.instructions)

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

    def with_traceback(self, text: str) -> _Ended:
        """With the traceback of a user's code, if there is one."""
        if not text or self.failure is None:
            return self
        return replace(self, failure=replace(self.failure, traceback=text))


def _internal(error: Exception) -> str:
    return f"internal error of hvlab: {type(error).__name__}: {error}"
