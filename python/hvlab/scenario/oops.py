# SPDX-License-Identifier: GPL-2.0-or-later
"""Notices on a console that a Linux guest's kernel is in trouble: panics, oopses, bugs, stalls.

Warnings (`WARNING: CPU: 0 PID: 1 at ...`, UBSAN) are none: the kernel says so itself. Nor is a user process
that dies (`traps: sh[85] general protection fault ip:...`).
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hvlab.scenario.problems import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hvlab._core import Stop
    from hvlab.event import Event
    from hvlab.machine import Machine

MAX_LINE = 1000
_SHOWN = 200
# Guest time for which a guest goes on when something was noticed, so that its report is whole.
GRACE = 50_000_000


@dataclass(frozen=True, slots=True)
class Rule:
    """What the kernel prints, in RE2's syntax and Python's alike, and what it means."""

    meaning: str
    expression: str


PANICKED = "the guest's kernel panicked"
BUG = "the guest's kernel reported a bug"
STALLED = "the guest's kernel reported a stall"

# By Linux' own sources, 4.20 to 6.18. Of several that match a line the first counts.
RULES = (
    # kernel/panic.c: panic()
    Rule(PANICKED, r"Kernel panic - not syncing"),
    # arch/x86/kernel/traps.c: exc_double_fault(); arch/x86/mm/extable.c: early_fixup_exception()
    Rule(PANICKED, r"(?:traps: )?PANIC: (?:double fault|early exception)"),
    # arch/x86/boot/compressed/error.c, from 6.8 in boot/startup: error()
    Rule(PANICKED, r" ?-- System halted"),
    # arch/x86/mm/fault.c: show_fault_oops(); arch/x86/kernel/traps.c: exc_general_protection()
    Rule(BUG, r"(?:Oops: )?general protection fault, (?:probably|maybe) for "),
    # kernel/watchdog.c: watchdog_timer_fn(), watchdog_overflow_callback(); kernel/workqueue.c
    Rule(STALLED, r"(?:watchdog: )?BUG: (?:soft lockup|workqueue lockup) - "),
    Rule(STALLED, r"(?:NMI watchdog: |watchdog: )?Watchdog detected hard LOCKUP on cpu "),
    # kernel/hung_task.c: check_hung_task()
    Rule(STALLED, r"INFO: task .*:\d+ blocked for more than \d+ seconds"),
    # kernel/rcu/tree_stall.h: print_cpu_stall(), print_other_cpu_stall(); kernel/rcu/tree_exp.h
    Rule(
        STALLED,
        r"(?:rcu: )?INFO: \w+ (?:self-detected stall on CPU|detected (?:expedited )?stalls)",
    ),
    # arch/x86/mm/fault.c, kernel/sched/core.c, mm/page_alloc.c, mm/kasan/report.c, lib/... and more
    Rule(BUG, r"BUG: "),
    # lib/bug.c: report_bug()
    Rule(BUG, r"kernel BUG at "),
    # arch/x86/kernel/dumpstack.c: __die_header(), which every die() goes through
    Rule(BUG, r"[A-Za-z][\w ,:\-]*: [0-9a-f]{4} \[#\d+\]"),
)

# A line begins with it, or the kernel's time stamp comes before (kernel/printk/printk.c, with the
# caller's id by CONFIG_PRINTK_CALLER): what a process has printed may stand before that.
_BEFORE = r"(?:^|\[ *\d+\.\d{6}\](?:\[ *[CT]\d+\])? )"

# For a machine's run: the whole line, so that whoever waits for a text in it sees that first.
EXPRESSION = f"{_BEFORE}(?:{'|'.join(rule.expression for rule in RULES)}).*$"

_ANY = re.compile(EXPRESSION)
_EACH = tuple((rule, re.compile(_BEFORE + rule.expression)) for rule in RULES)


def noticed(line: str) -> str | None:
    """A sentence with the line, if it tells of trouble in the guest's kernel."""
    line = line[:MAX_LINE]
    if _ANY.search(line) is None:
        return None
    meaning = next(rule.meaning for rule, pattern in _EACH if pattern.search(line))
    return f"{meaning}: {printable(line.strip()[:_SHOWN])}"


def first_noticed(lines: Iterable[tuple[int, str]]) -> tuple[int, str] | None:
    """Of a console's lines with their guest times, the first one that is noticed, and the sentence."""
    for time, line in lines:
        found = noticed(line)
        if found is not None:
            return time, found
    return None


class OopsWatch:
    """Watches the consoles of a case while it runs.

    A line that a step has waited for is none of its trouble, nor is what follows: whoever waits for an oops
    knows what comes behind it, so the watch of that console ends there.

    Args:
        off: it sees nothing at all.
    """

    def __init__(self, off: bool) -> None:
        self._off = off
        self._over: set[str] = set()
        self._made: dict[str, tuple[Machine, Event]] = {}
        self._awaited: dict[
            str, list[int]
        ] = {}  # by machine: when what was waited for was complete

    def events(self, machines: Iterable[Machine]) -> list[Event]:
        """What a run has to wait for besides what its step does, and behind it."""
        if self._off:
            return []
        return [self._event(machine) for machine in machines if machine.name not in self._over]

    def _event(self, machine: Machine) -> Event:
        made = self._made.get(machine.name)
        if made is None or made[0] is not machine:  # it was closed, and booted anew
            made = self._made[machine.name] = (machine, machine.console.regex(EXPRESSION))
        return made[1]

    def awaited(self, stop: Stop) -> None:
        """A run was made for a match, if it is one."""
        if stop.match is not None and not self._off:
            self._awaited.setdefault(stop.machine, []).append(stop.match.time)

    def trouble(self, machine: Machine, stop: Stop) -> str | None:
        """The sentence about a match of one of `events`; None if a step has waited for such a line."""
        times = self._awaited.get(machine.name)
        if times and any(noticed(line) for line in _lines_at(machine.console.log, times)):
            self._over.add(machine.name)
            return None
        assert stop.match is not None
        return noticed(stop.match.text)


def _lines_at(log: Sequence[tuple[int, str]], times: Sequence[int]) -> Iterator[str]:
    """The lines of a console that were being printed at these guest times."""
    for time in times:
        index = bisect.bisect_right(log, time, key=lambda line: line[0]) - 1
        if index >= 0:
            yield log[index][1]
