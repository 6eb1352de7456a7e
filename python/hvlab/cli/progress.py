# SPDX-License-Identifier: GPL-2.0-or-later
"""What is seen while a run goes on: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from hvlab import units
from hvlab.closing import Closing
from hvlab.report.text import case_line, measure_line
from hvlab.scenario.observer import Observer
from hvlab.scenario.problems import printable
from hvlab.scenario.results import CaseResult, Outcome

if TYPE_CHECKING:
    from hvlab.scenario.document import Case
    from hvlab.scenario.steps import Step

_STYLES = {
    Outcome.PASSED: "green",
    Outcome.FAILED: "bold red",
    Outcome.ERROR: "bold magenta",
    Outcome.SKIPPED: "yellow",
}


class Display(Observer, Closing):
    """An observer that is a context manager around the run."""

    def close(self) -> None:
        """Ends what is shown."""


def result_lines(result: CaseResult, verbose: bool) -> list[str]:
    """A finished case, without its outcome; with `verbose` its steps and measures too."""
    lines = [case_line(result)]
    if verbose:
        for step in result.steps:
            time_ = "" if step.guest_end is None else units.format_duration(step.guest_end)
            lines.append(f"    {time_:>12}  {printable(step.title)}")
        lines += [f"    {'':>12}  {measure_line(measure)}" for measure in result.measures]
    return lines


class PlainDisplay(Display):
    """One line for each case that is done."""

    def __init__(self, verbose: bool) -> None:
        self._verbose = verbose

    def case_finished(self, result: CaseResult) -> None:
        first, *rest = result_lines(result, self._verbose)
        print("\n".join([f"{result.outcome.upper():<8}{first}", *rest]), flush=True)


class LiveDisplay(Display):
    """Finished cases as lines, and under them one that changes: the case, its step, how fast
    it runs.
    """

    interval = 0.1

    def __init__(self, total: int, verbose: bool) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(highlight=False)
        self._live = Live(console=self._console, refresh_per_second=10, transient=True)
        self._verbose = verbose
        self._total = total
        self._done = 0
        self._case: Case | None = None
        self._step = ""
        self._began = time.monotonic()
        self._rate = ""
        self._last: tuple[float, int] | None = None

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def close(self) -> None:
        self._live.stop()

    def case_started(self, case: Case) -> None:
        self._case = case
        self._began = time.monotonic()
        self._rate, self._last, self._step = "", None, ""
        self._show(None)

    def step_started(self, case: Case, index: int, step: Step) -> None:
        self._step = f"{index + 1}/{len(case.scenario.steps)} {step.body.title()}"
        self._show(None)

    def progress(self, guest_time: int, instructions: int | None) -> None:
        now = time.monotonic()
        if instructions is not None:
            if self._last is not None and now > self._last[0]:
                rate = (instructions - self._last[1]) / (now - self._last[0]) / 1e6
                self._rate = f"{rate:.0f} MIPS"
            self._last = (now, instructions)
        self._show(guest_time)

    def case_finished(self, result: CaseResult) -> None:
        from rich.text import Text

        self._done += 1
        self._case = None
        first, *rest = result_lines(result, self._verbose)
        line = Text(f"{result.outcome.upper():<8}", style=_STYLES[result.outcome])
        self._console.print(line.append(printable(first), style="default"))
        for text in rest:
            self._console.print(Text(text, style="dim"))

    def _show(self, guest_time: int | None) -> None:
        from rich.text import Text

        if self._case is None:
            return
        facts = [f"{time.monotonic() - self._began:.0f} s"]
        if guest_time is not None:
            facts.insert(0, f"guest {units.format_duration(guest_time)}")
        if self._rate:
            facts.append(self._rate)
        text = (
            f"[{self._done + 1}/{self._total}] {self._case.name}  {self._step}  {', '.join(facts)}"
        )
        self._live.update(Text(printable(text), no_wrap=True, overflow="ellipsis"))
