# SPDX-License-Identifier: GPL-2.0-or-later
"""What a step is given: to check itself before anything runs, and to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, Protocol

from hvlab.scenario import expression, regex
from hvlab.scenario.expression import AbsentValue, Expression, ExpressionError
from hvlab.scenario.problems import Problem, shortened
from hvlab.scenario.shapes import (
    CONSOLE_SHAPE,
    SCREEN_SHAPE,
    Kind,
    Record,
    Shape,
    machine_shape,
)
from hvlab.scenario.source import Source
from hvlab.scenario.tree import Mark, Marks, Path, format_path

if TYPE_CHECKING:
    from hvlab._core import Stop
    from hvlab.event import Event
    from hvlab.machine import Machine
    from hvlab.performance.baseline import CaseBaselines
    from hvlab.scenario.evaluate import Evaluation
    from hvlab.scenario.results import MeasureResult


_WIDEST = 200  # characters that are worth a caret


def token_width(source: Source, mark: Mark) -> int:
    """Of the scalar at `mark` as far as it is plain to see: up to what ends a flow item or a
    comment.
    """
    begin = mark.column - 1
    rest: str = source.line(mark.line)[begin : begin + _WIDEST]
    if rest[:1] in ('"', "'"):
        end = rest.find(rest[0], 1)
        return end + 1 if end > 0 else 1
    if rest[:1] in ("[", "{", "|", ">", "-", ":", "\t", ""):
        return 1
    for stop in (" #", ", ", "}", "]", ": "):
        rest = rest.split(stop)[0]
    return max(len(rest.rstrip().rstrip(":")), 1)


@dataclass
class Places:
    """Finds the place of a problem in a document's text."""

    source: Source
    marks: Marks

    def at_value(self, path: Path, message: str) -> Problem:
        mark = self.marks.value(path)
        return self._problem(mark, message, path, token_width(self.source, mark))

    def at_key(self, path: Path, message: str) -> Problem:
        mark = self.marks.key(path)
        key = str(path[-1]) if path else ""
        there = self.source.line(mark.line).startswith(key, mark.column - 1)
        width = len(key) if key and there else 1
        return self._problem(mark, message, path, width)

    def in_text(self, path: Path, text: str, offset: int, width: int, message: str) -> Problem:
        """A problem inside a scalar: exact where the text stands in the file as it is."""
        mark = self.marks.value(path)
        line = self.source.line(mark.line)
        for quote in ("", '"', "'"):
            if line.startswith(quote + text, mark.column - 1):
                at = Mark(mark.line, mark.column + len(quote) + offset)
                return self._problem(at, message, path, width)
        return self._problem(mark, message, path, token_width(self.source, mark))

    def _problem(self, mark: Mark, message: str, path: Path, width: int) -> Problem:
        path = self.marks.nearest(path)
        return Problem(mark.line, mark.column, shortened(message), format_path(path), width, path)


@dataclass
class CheckContext:
    """For `StepBody.check`: collects problems and what steps name, in the order of the steps.

    `counts`: whether the case's backend counts instructions.
    """

    places: Places
    patterns: regex.Patterns
    limits_time: bool
    limits_instructions: bool
    counts: bool
    scope: dict[str, Shape]
    path: Path = ()
    problems: list[Problem] = field(default_factory=list)
    booted: Path | None = None
    boot_missed: bool = False
    named: dict[str, Path] = field(default_factory=dict)
    measured: dict[str, Path] = field(default_factory=dict)

    def problem(self, message: str, *below: str, at_key: bool = False) -> None:
        """Something is wrong with the step, or with its field `below`."""
        path = (*self.path, *below)
        place = self.places.at_key if at_key else self.places.at_value
        self.problems.append(place(path, message))

    def needs_machine(self) -> None:
        if self.booted is None and not self.boot_missed:
            self.problem("nothing is booted yet: put '- boot: {}' before this step", at_key=True)
            self.boot_missed = True  # one mistake, whatever follows it

    def boots(self) -> None:
        if self.booted is not None:
            line = self.places.marks.key(self.booted).line
            self.problem(f"the machine is booted already, in line {line}", at_key=True)
            return
        self.booted = self.path
        self.scope["machine"] = machine_shape(self.counts)
        self.scope["console"] = CONSOLE_SHAPE
        self.scope["screen"] = SCREEN_SHAPE

    def names(self, name: str, shape: Shape) -> None:
        """The step's `as` names something for the expressions after it."""
        before = self.named.get(name)
        if before is not None:
            line = self.places.marks.key(before).line
            self.problem(f"'{name}' is named already, in line {line}", "as")
            return
        self.named[name] = (*self.path, "as")
        self.scope[name] = shape

    def measures(self, name: str) -> None:
        """The step records a measure under this name."""
        before = self.measured.get(name)
        if before is not None:
            line = self.places.marks.key(before).line
            self.problem(f"'{name}' is measured already, in line {line}", "name")
            return
        self.measured[name] = (*self.path, "name")

    def expression(
        self, text: str, below: str, offset: int = 0, absent_ok: bool = False
    ) -> tuple[Expression, Kind] | None:
        """Checks an expression; None if it is wrong. It begins at `offset` in the field's text.

        `absent_ok`: no problem if it only asks for what this case has no value of.
        """
        try:
            parsed = expression.parse(text[offset:])
            return parsed, expression.check(parsed, self.scope)
        except ExpressionError as error:
            if absent_ok and isinstance(error, AbsentValue):
                return None
            at = error.offset + offset
            self.expression_problem(text, below, at, error.width, error.message)
            return None

    def expression_problem(
        self, text: str, below: str, offset: int, width: int, message: str
    ) -> None:
        place = self.places.in_text((*self.path, below), text, offset, width, message)
        self.problems.append(place)

    def regex(self, pattern: str, *below: str) -> regex.Regex | None:
        """Checks a regular expression; None if it is wrong."""
        try:
            return self.patterns.inspect(pattern)
        except regex.RegexError as error:
            path = (*self.path, *below)
            if error.offset is None:
                self.problem(error.message, *below)
            else:
                place = self.places.in_text(path, pattern, error.offset, 1, error.message)
                self.problems.append(place)
            return None


class RunContext(Protocol):
    """For `StepBody.run`: one case while it runs."""

    @property
    def machine(self) -> Machine: ...

    def boot(self) -> None:
        """Makes the machine that the scenario describes, with its image loaded."""

    def run(
        self,
        *,
        until: Event | None,
        within: int,
        instructions: int | None = None,
        awaited: str | None = None,
    ) -> Stop:
        """Runs the guest for `within` ns and `instructions` at most, inside the case's limits.

        A limit of the case that is reached fails the case, unless `awaited` is the stop's reason
        then.
        """

    def name(self, name: str, value: Record, shape: Shape) -> None:
        """Makes `value` known to the expressions that follow."""

    def evaluate(self, text: str) -> Evaluation:
        """The value of an expression. Fails the step if it has none."""

    @property
    def baselines(self) -> CaseBaselines | None:
        """What measures are compared with; None if they are to be taken only."""

    def measure(self, measure: MeasureResult) -> None:
        """Records a measure."""

    def kind(self, text: str) -> Kind:
        """The kind of an expression's value. Raises AbsentValue if this case has none."""

    @property
    def counts(self) -> bool:
        """Whether the case's backend counts instructions."""

    def fail(self, message: str, operands: Mapping[str, str] | None = None) -> NoReturn:
        """Ends the step and the case: what was expected did not happen."""
