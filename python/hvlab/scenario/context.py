# SPDX-License-Identifier: GPL-2.0-or-later
"""What a step is given: to check itself before anything runs, and to run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from hvlab.scenario import expression, regex
from hvlab.scenario.expression import AbsentValue, Expression, ExpressionError
from hvlab.scenario.nearest import did_you_mean
from hvlab.scenario.problems import Problem, shortened
from hvlab.scenario.shapes import (
    CONSOLE_SHAPE,
    LONE,
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

    def source_of(self, mark: Mark) -> Source:
        """The text that a mark is in."""
        return self.marks.included[mark.file - 1].source if mark.file else self.source

    def at_value(self, path: Path, message: str) -> Problem:
        mark = self.marks.value(path)
        return self._problem(mark, message, path, self._width(mark))

    def at_key(self, path: Path, message: str) -> Problem:
        mark = self.marks.key(path)
        key = str(path[-1]) if path else ""
        there = self.source_of(mark).line(mark.line).startswith(key, mark.column - 1)
        width = len(key) if key and there else 1
        return self._problem(mark, message, path, width)

    def in_text(self, path: Path, text: str, offset: int, width: int, message: str) -> Problem:
        """A problem inside a scalar: exact where the text stands in the file as it is."""
        mark = self.marks.value(path)
        line = self.source_of(mark).line(mark.line)
        for quote in ("", '"', "'"):
            if line.startswith(quote + text, mark.column - 1):
                at = mark._replace(column=mark.column + len(quote) + offset)
                return self._problem(at, message, path, width)
        return self._problem(mark, message, path, self._width(mark))

    def _width(self, mark: Mark) -> int:
        return token_width(self.source_of(mark), mark)

    def _problem(self, mark: Mark, message: str, path: Path, width: int) -> Problem:
        path = self.marks.nearest(path)
        trail = self.marks.trail(mark.file)
        message = shortened(message)
        return Problem(mark.line, mark.column, message, format_path(path), width, path, trail)


@dataclass
class CheckContext:
    """For `StepBody.check`: collects problems and what steps name, in the order of the steps.

    `machines`: their names; `counts`: whether the case's backend counts instructions; `up`: the
    machines that are booted at this step, and by which.
    """

    places: Places
    patterns: regex.Patterns
    machines: tuple[str, ...]
    limits_time: bool
    limits_instructions: bool
    counts: bool
    scope: dict[str, Shape]
    path: Path = ()
    problems: list[Problem] = field(default_factory=list)
    up: dict[str, Path] = field(default_factory=dict)
    closed: dict[str, Path] = field(default_factory=dict)
    boot_missed: bool = False
    named: dict[str, Path] = field(default_factory=dict)
    measured: dict[str, Path] = field(default_factory=dict)

    def problem(self, message: str, *below: str | int, at_key: bool = False) -> None:
        """Something is wrong with the step, or with its field `below`."""
        path = (*self.path, *below)
        place = self.places.at_key if at_key else self.places.at_value
        self.problems.append(place(path, message))

    def machine(self, name: str | None, *below: str | int) -> str | None:
        """The machine that a step with `machine: NAME` is about; None if that is not clear.

        `below`: the field that says it, where that is deeper in the step.
        """
        if name is None:
            if len(self.machines) == 1:
                return self.machines[0]
            known = ", ".join(self.machines)
            self.problem(f"which machine? give 'machine': one of {known}", *below, at_key=True)
            return None
        if name in self.machines:
            return name
        if self.machines == LONE[:1]:
            message = f"unknown machine '{name}': there is one, without a name; leave 'machine' out"
            self.problem(message, *below, "machine")
            return None
        known = f"known: {', '.join(self.machines)}"
        hint = did_you_mean(name, self.machines) or f"; {known}"
        self.problem(f"unknown machine '{name}'{hint}", *below, "machine")
        return None

    def needs_machine(self, name: str | None, *below: str | int) -> str | None:
        """As `machine`; it has to be up."""
        found = self.machine(name, *below)
        if found is None or found in self.up:
            return found
        if found in self.closed:
            who = "the machine" if len(self.machines) == 1 else f"'{found}'"
            self.problem(f"{who} was closed in {self._line(self.closed[found])}", at_key=True)
        elif self.up or self.closed:
            message = f"'{found}' is not booted yet: put '- boot: {{machine: {found}}}' before this"
            self.problem(f"{message} step", at_key=True)
        else:
            self.needs_machines()
        return found

    def needs_machines(self) -> None:
        """At least one machine has to be up."""
        if not self.up and not self.boot_missed:
            self.problem("nothing is booted yet: put '- boot: {}' before this step", at_key=True)
            self.boot_missed = True  # one mistake, whatever follows it

    def boots(self, name: str | None) -> None:
        """The step boots a machine, or all that are not up."""
        chosen = self.machines if name is None else (self.machine(name),)
        new = [machine for machine in chosen if machine is not None and machine not in self.up]
        if not new and None not in chosen:
            who = "the machine is" if len(self.machines) == 1 else "all machines are"
            who = f"'{name}' is" if name is not None else who
            line = self._line(self.up[name or self.machines[0]])
            self.problem(f"{who} booted already, in {line}", at_key=True)
        for machine in new:
            self.up[machine] = self.path
            self.closed.pop(machine, None)
        self._machines_in_scope()

    def closes(self, name: str | None) -> None:
        """The step ends a machine."""
        found = self.needs_machine(name)
        if found is not None and self.up.pop(found, None) is not None:
            self.closed[found] = self.path
            self._machines_in_scope()

    def _machines_in_scope(self) -> None:
        for name in self.up:
            self.scope[name] = machine_shape(self.counts)
        for name, path in self.closed.items():
            refused = f"'{name}' was closed in {self._line(path)}"
            self.scope[name] = Shape({}, refused=refused)
        if len(self.machines) > 1:
            known = ", ".join(f"{name}.FIELD" for name in self.machines)
            for name, field_ in zip(LONE, ("time", "console", "screen"), strict=True):
                example = known.replace("FIELD", field_)
                refused = f"which machine? there are several: write {example}"
                self.scope[name] = Shape({}, refused=refused)
        elif self.up:
            machine = self.scope[self.machines[0]]
            self.scope |= {"machine": machine, "console": CONSOLE_SHAPE, "screen": SCREEN_SHAPE}
        elif self.closed:
            self.scope |= dict.fromkeys(LONE, self.scope[self.machines[0]])

    def _line(self, path: Path) -> str:
        mark = self.places.marks.key(path)
        here = self.places.marks.key(self.path)
        of = "" if mark.file == here.file else f" of {self.places.source_of(mark).name}"
        return f"line {mark.line}{of}"

    def names(self, name: str, shape: Shape) -> None:
        """The step's `as` names something for the expressions after it."""
        before = self.named.get(name)
        if before is not None:
            self.problem(f"'{name}' is named already, in {self._line(before)}", "as")
            return
        if name in self.machines:
            self.problem(f"'{name}' is the name of a machine", "as")
            return
        self.named[name] = (*self.path, "as")
        self.scope[name] = shape

    def measures(self, name: str) -> None:
        """The step records a measure under a name: reports know it by that alone."""
        before = self.measured.get(name)
        if before is not None:
            self.problem(f"'{name}' is measured already, in {self._line(before)}", "name")
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

    def number(self, value: int | str, below: str) -> None:
        """Checks a field that is a whole number or an expression for one."""
        checked = self.expression(value, below) if isinstance(value, str) else None
        if checked is not None and checked[1] in (Kind.TEXT, Kind.TRUTH, Kind.TIME):
            self.problem(f"must be a whole number, and this is {checked[1]}", below)

    def expression_problem(
        self, text: str, below: str, offset: int, width: int, message: str
    ) -> None:
        place = self.places.in_text((*self.path, below), text, offset, width, message)
        self.problems.append(place)

    def regex(self, pattern: str, *below: str | int) -> regex.Regex | None:
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

    def machine(self, name: str | None) -> Machine:
        """The machine of that name, or the only one. It is up: `check` saw to that."""

    @property
    def time(self) -> int:
        """Guest time in ns of the foremost machine."""

    def called(self, machine: str) -> str:
        """A machine for a sentence: 'the guest', or its name where there are several."""

    def boot(self, name: str | None) -> None:
        """Makes a machine as the scenario describes it, with its image loaded; or all that are not up."""

    def reset(self, name: str | None) -> None:
        """A hardware reset of a machine; stops of it that were kept are forgotten."""

    def close(self, name: str | None) -> None:
        """Ends a machine. What the reports say of it stays."""

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
        """Runs all machines for `within` ns at most, inside the case's limits.

        A limit of the case that is reached fails the case, unless `awaited` is the stop's reason
        then.

        Args:
            until: what may happen first; the stop's `event` says which.
            machine: the one that the step is about; `instructions`: how many it may retire.
            ends: whether a stop of a guest ends the run. If not, it is kept for `stopped`, and the
                others run on; unless it is a crash, which fails the step. Without it, every stop does
                but a halt for ever while others run.
        """

    def ended(self, machine: str) -> Stop | None:
        """The stop after which one of several machines runs no more; None while it can go on."""

    def stopped(self, machine: str | None) -> Stop | None:
        """The first stop of a machine that was kept while others were awaited, once."""

    def name(self, name: str, value: Record, shape: Shape) -> None:
        """Makes `value` known to the expressions that follow."""

    def evaluate(self, text: str) -> Evaluation:
        """The value of an expression. Fails the step if it has none."""

    def number(self, value: int | str) -> int:
        """A field that is a whole number or an expression for one. Fails the step if it gives none."""

    def call(self, function: str, arguments: Mapping[str, Any]) -> Any:
        """What a function of the scenario's folder returns. Its AssertionError fails the step."""

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
