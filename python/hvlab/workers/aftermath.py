# SPDX-License-Identifier: GPL-2.0-or-later
"""The result of a case whose process gave none: made of what it had told."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hvlab import units
from hvlab.scenario.bounds import exceeded
from hvlab.scenario.case_result import case_failure, case_result, step_result
from hvlab.scenario.results import CaseResult, MachineResult, Outcome, StepResult
from hvlab.workers.messages import StepStarted

if TYPE_CHECKING:
    from hvlab.scenario.document import Case

# Signals that a process gets for a mistake of its own.
_CRASHES = tuple(
    getattr(signal, name)
    for name in ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSYS", "SIGTRAP")
)
_TRACE = "Fatal Python error: "  # how faulthandler begins


@dataclass
class Known:
    """What is known of a case that runs in another process.

    Attributes:
        steps: with the time on our clock at which we heard of each; machines: as last told;
        oom_kills: how many processes of this host were killed for want of memory when it began.
    """

    case: Case
    began: float = field(default_factory=time.monotonic)
    steps: list[tuple[StepStarted, float]] = field(default_factory=list)
    machines: tuple[MachineResult, ...] = ()
    output: str = ""
    oom_kills: int = 0


def ended(known: Known, status: int) -> CaseResult:
    """The process ended by itself, with this wait status."""
    if not os.WIFSIGNALED(status):
        code = os.waitstatus_to_exitcode(status)
        return _result(
            known,
            Outcome.ERROR,
            f"the case's process ended with exit code {code} before the case did",
        )
    number = os.WTERMSIG(status)
    crashed = number in _CRASHES
    known.output, trace = _without_trace(known.output)
    message = f"the case's process was ended by {_name(number)}"
    if number == signal.SIGKILL and oom_kills() > known.oom_kills:
        message += "; the kernel has killed a process meanwhile because memory ran out"
    internal = f"{message}\n{trace}".rstrip() if crashed else ""
    return _result(known, Outcome.ERROR, message, internal=internal)


def not_started(known: Known, number: int) -> CaseResult:
    """The host had no process for it, for the reason of this errno."""
    return _result(
        known, Outcome.ERROR, f"no process could be made for the case: {os.strerror(number)}"
    )


def overdue(known: Known, grace: float) -> CaseResult:
    """The process did not end with the wall limit, and was killed."""
    limit = units.format_duration(known.case.scenario.limits.wall)
    message = exceeded("wall", limit, "on the wall", known.case)
    message += f"; its process did not end within {grace:g} s more and was killed"
    return _result(known, Outcome.FAILED, message)


def interrupted(known: Known) -> CaseResult:
    """The run was interrupted, and the process did not say how far it was."""
    return _result(known, Outcome.ERROR, "interrupted", interrupted=True)


def broken(known: Known, what: str) -> CaseResult:
    """Something is wrong with the process itself."""
    return _result(known, Outcome.ERROR, what, internal=what)


def oom_kills() -> int:
    """Of the kernel, since the host is up (proc_vmstat(5)); 0 where it does not tell."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def _without_trace(output: str) -> tuple[str, str]:
    """What was printed, and what faulthandler had to say at the end."""
    before, found, trace = output.rpartition(_TRACE)
    return (before, found + trace) if found else (output, "")


def _name(number: int) -> str:
    try:
        return f"{signal.Signals(number).name} ({signal.strsignal(number)})"
    except ValueError:
        return f"signal {number}"


def _result(
    known: Known, outcome: Outcome, message: str, interrupted: bool = False, internal: str = ""
) -> CaseResult:
    case = known.case
    index = known.steps[-1][0].index if known.steps else None
    place = ("name",) if index is None else ("steps", index, case.scenario.steps[index].keyword)
    return case_result(
        case,
        outcome,
        reason=message,
        failure=case_failure(case, outcome, place, message, index),
        steps=_steps(known, outcome),
        machines=known.machines,
        wall=time.monotonic() - known.began,
        interrupted=interrupted,
        internal=internal,
        output=known.output,
    )


def _steps(known: Known, outcome: Outcome) -> tuple[StepResult, ...]:
    """Those that were begun; all but the last one had passed."""
    steps = []
    for position, (started, at) in enumerate(known.steps):
        last = position == len(known.steps) - 1
        following = None if last else known.steps[position + 1]
        guest_end = following[0].guest_time if following else _guest_time(known)
        wall = (following[1] if following else time.monotonic()) - at
        times = (started.guest_time, guest_end)
        each = outcome if last else Outcome.PASSED
        steps.append(step_result(known.case, started.index, each, times, wall))
    return tuple(steps)


def _guest_time(known: Known) -> int | None:
    return max((machine.guest_time for machine in known.machines), default=None)
