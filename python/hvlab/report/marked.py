# SPDX-License-Identifier: GPL-2.0-or-later
"""The document of a case with what became of its steps in the margin."""

from __future__ import annotations

from hvlab import units
from hvlab.scenario.problems import printable
from hvlab.scenario.results import CaseResult, Outcome, StepResult

_MARKS = {Outcome.PASSED: "✓", Outcome.FAILED: "✗", Outcome.ERROR: "✗"}


def marked_document(text: str, result: CaseResult) -> str:
    """The lines of `text`: ✓ or ✗ and the guest time at its end before each step that was run, and under
    the one that did not pass, why.
    """
    steps = {step.line: step for step in result.steps}
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        step = steps.get(number)
        lines.append(f"{_margin(step)} {number:>4} | {printable(line)}".rstrip())
        failure = result.failure
        if failure is not None and failure.line == number:
            indent = " " * (failure.column - 1)
            message = printable(failure.message).split("\n")
            lines += [f"{'':>{_WIDTH + 6}}| {indent}^ {part}" for part in message]
    return "\n".join(lines)


_TIME = 14
_WIDTH = _TIME + 2


def _margin(step: StepResult | None) -> str:
    if step is None:
        return " " * _WIDTH
    time = "" if step.guest_end is None else units.format_duration(step.guest_end)
    return f"{_MARKS.get(step.outcome, ' ')} {time:>{_TIME}}"
