# SPDX-License-Identifier: GPL-2.0-or-later
"""What is seen while a run goes on: live lines on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from hvlab import units
from hvlab.closing import Closing
from hvlab.report.text import attempt_lines, case_line, measure_line, outcome_word
from hvlab.scenario.problems import printable
from hvlab.scenario.results import CaseResult, Outcome
from hvlab.scenario.schedule import Job, Watcher

if TYPE_CHECKING:
    from rich.text import Text

_STYLES = {
    Outcome.PASSED: "green",
    Outcome.FAILED: "bold red",
    Outcome.ERROR: "bold magenta",
    Outcome.SKIPPED: "yellow",
}
_FLAKY = "bold yellow"
_PER_SECOND = 10


class Display(Watcher, Closing):
    """A watcher that is a context manager around the run."""

    def close(self) -> None:
        """Ends what is shown."""


def result_lines(result: CaseResult, verbose: bool) -> list[str]:
    """A finished case, without its outcome; with `verbose` its steps, measures and prints too."""
    lines = [case_line(result)]
    if result.flaky or verbose:
        lines += attempt_lines(result)
    if verbose:
        for step in result.steps:
            time_ = "" if step.guest_end is None else units.format_duration(step.guest_end)
            lines.append(f"    {time_:>12}  {printable(step.title)}")
        lines += [f"    {'':>12}  {measure_line(measure)}" for measure in result.measures]
        if result.outcome is Outcome.PASSED:  # with a failure it is shown there
            lines += [f"    | {printable(line)}" for line in result.output.splitlines()]
    return lines


class PlainDisplay(Display):
    """One line for each case that is done."""

    def __init__(self, _total: int, verbose: bool) -> None:
        self._verbose = verbose

    def case_finished(self, result: CaseResult) -> None:
        first, *rest = result_lines(result, self._verbose)
        print("\n".join([f"{outcome_word(result):<8}{first}", *rest]), flush=True)


@dataclass
class _Line:
    """A job that runs. rate: MIPS, None if unknown; last: when what count was told."""

    job: Job
    began: float = field(default_factory=time.monotonic)
    step: str = ""
    guest_time: int | None = None
    rate: float | None = None
    last: tuple[float, int] | None = None

    def progress(self, guest_time: int, instructions: int | None) -> None:
        now = time.monotonic()
        self.guest_time = guest_time
        if instructions is not None:
            if self.last is not None and now > self.last[0]:
                self.rate = (instructions - self.last[1]) / (now - self.last[0]) / 1e6
            self.last = (now, instructions)

    def text(self) -> str:
        facts = [f"{time.monotonic() - self.began:.0f} s"]
        if self.guest_time is not None:
            facts.insert(0, f"guest {units.format_duration(self.guest_time)}")
        if self.rate is not None:
            facts.append(f"{self.rate:.0f} MIPS")
        attempt = f" (attempt {len(self.job.attempts) + 1})" if self.job.attempts else ""
        return printable(f"{self.job.case.name}{attempt}  {self.step}  {', '.join(facts)}")


class LiveDisplay(Display):
    """Finished cases as lines; under them how many there are, and a line for each that runs: its
    step, how far its guest is and how fast.
    """

    interval = 1 / _PER_SECOND

    def __init__(self, total: int, verbose: bool) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(highlight=False)
        self._verbose = verbose
        self._total = total
        self._done = 0
        self._lines: dict[Job, _Line] = {}
        # A thread of rich's draws it again and again, also while nothing is told.
        self._live = Live(
            console=self._console,
            refresh_per_second=_PER_SECOND,
            transient=True,
            get_renderable=self._render,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def close(self) -> None:
        self._live.stop()

    def job_started(self, job: Job) -> None:
        self._lines[job] = _Line(job)

    def step_started(self, job: Job, index: int) -> None:
        steps = job.case.scenario.steps
        title = steps[index].body.title().replace("\n", " ")
        self._lines[job].step = f"{index + 1}/{len(steps)} {title}"

    def progress(self, job: Job, guest_time: int, instructions: int | None) -> None:
        self._lines[job].progress(guest_time, instructions)

    def job_ended(self, job: Job) -> None:
        self._lines.pop(job, None)

    def case_finished(self, result: CaseResult) -> None:
        from rich.text import Text

        self._done += 1
        first, *rest = result_lines(result, self._verbose)
        style = _FLAKY if result.flaky else _STYLES[result.outcome]
        line = Text(f"{outcome_word(result):<8}", style=style)
        self._console.print(line.append(printable(first), style="default"))
        for text in rest:
            self._console.print(Text(text, style="dim"))

    def _render(self) -> Text:
        from rich.text import Text

        running = list(self._lines.values())  # one step for the interpreter: it may grow meanwhile
        head = f"[{self._done}/{self._total}] "
        if len(running) == 1:
            lines = [head + running[0].text()]
        else:
            lines = [head, *(f"  {line.text()}" for line in running)]
        return Text("\n".join(lines), no_wrap=True, overflow="ellipsis")
