# SPDX-License-Identifier: GPL-2.0-or-later
"""What is noticed of a Linux guest's kernel on its console, and what the runner makes of it. Real crashes
are in test_introspection_linux.py and in test_case_artifacts.py.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from conftest import BASE
from fake_machine import FakeMachine
from hvlab._core import ConsolePattern
from hvlab.scenario import machines
from hvlab.scenario.document import Document
from hvlab.scenario.oops import EXPRESSION, GRACE, OopsWatch, noticed
from hvlab.scenario.results import CaseResult, Outcome
from hvlab.scenario.runner import run_case

MS = 1_000_000

# As kernels of several versions print them.
PANICS = [
    "[    1.252266] Kernel panic - not syncing: sysrq triggered crash",
    "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000000",
    "/ # [   12.000001][    T1] Kernel panic - not syncing: Fatal exception",
    "PANIC: early exception 0x0e IP 10:ffffffff81000000 error 0 cr2 0x0",
    "[    0.100000] traps: PANIC: double fault, error_code: 0x0",
    " -- System halted",
]
BUGS = [
    "[    3.000000] BUG: kernel NULL pointer dereference, address: 0000000000000000",
    "[    1.770141][    T1] BUG: unable to handle page fault for address: fffba000",
    "[    1.772326][    T1] Oops: Oops: 0002 [#1] PREEMPT SMP",
    "[    3.000000] Oops: 0002 [#1] PREEMPT SMP NOPTI",
    "[    3.000000] general protection fault, probably for non-canonical address 0xdead000000000000: "
    "0000 [#1] PREEMPT SMP NOPTI",
    "[    3.000000] Oops: general protection fault, maybe for address 0xffff: 0000 [#1] SMP",
    "[    3.000000] kernel BUG at fs/ext4/inode.c:1234!",
    "[    3.000000] invalid opcode: 0000 [#1] PREEMPT SMP NOPTI",
    "[    3.000000] divide error: 0000 [#2] SMP",
    "[    3.000000] BUG: KASAN: slab-out-of-bounds in foo+0x10/0x20",
    "[    3.000000] BUG: scheduling while atomic: swapper/0/1/0x00000002",
    "[    3.000000] BUG: Bad page state in process sh  pfn:12345",
]
STALLS = [
    "[  242.000000] INFO: task kworker/0:1:12 blocked for more than 120 seconds.",
    "[   26.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [sh:85]",
    "[   26.000000] BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 30s!",
    "[   26.000000] watchdog: Watchdog detected hard LOCKUP on cpu 0",
    "[   21.000000] rcu: INFO: rcu_preempt self-detected stall on CPU",
    "[   21.000000] rcu: INFO: rcu_sched detected stalls on CPUs/tasks:",
    "[   21.000000] rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 0-... } 5250 jiffies",
    "[   21.000000] INFO: rcu_sched self-detected stall on CPU",
]
HARMLESS = [
    "",
    "[    1.252674] ---[ end Kernel panic - not syncing: sysrq triggered crash ]---",
    "[    0.000000] Kernel command line: console=ttyS0 panic=-1 oops=panic",
    "[    1.000000] WARNING: CPU: 0 PID: 1 at fs/fuse/dir.c:99 fuse_lookup+0x10/0x20",
    "[    1.000000] traps: sh[85] general protection fault ip:47b7a0 sp:7fff86535db8 error:0 in busybox",
    "[    1.000000] sh[85]: segfault at 0 ip 000000000047b7a0 sp 00007fff86535db8 error 4 in busybox",
    "[    1.000000] Out of memory: Killed process 85 (sh) total-vm:4kB",
    "[    1.000000] x86/mm: Checked W+X mappings: passed, no W+X pages found.",
    "[    1.000000] rcu: Hierarchical RCU implementation.",
    "[    1.000000] sysrq: Trigger a crash",
    "dmesg | grep -c -E 'BUG:|Oops|Call Trace'",
    "a program says BUG: no 17",
    "note: the last oops was 0000 [#1], says a program",
    "x" * 100_000,
]


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        *((line, "the guest's kernel panicked: ") for line in PANICS),
        *((line, "the guest's kernel reported a bug: ") for line in BUGS),
        *((line, "the guest's kernel reported a stall: ") for line in STALLS),
    ],
)
def test_noticed(line: str, meaning: str) -> None:
    assert noticed(line) == meaning + line.strip()[:200]


@pytest.mark.parametrize("line", HARMLESS)
def test_not_noticed(line: str) -> None:
    assert noticed(line) is None


def test_a_line_that_is_long_or_steers_a_terminal() -> None:
    sentence = noticed("[    1.000000] BUG: \x1b[2J" + "x" * 1000)
    assert sentence is not None
    assert "\x1b" not in sentence
    assert len(sentence) < 300


def test_the_core_takes_the_expression() -> None:
    assert ConsolePattern.regex(EXPRESSION).source == EXPRESSION


PANIC = [
    (5 * MS, "[    0.005000] up\n"),
    (20 * MS, "[    0.020000] BUG: kernel NULL pointer dereference\n"),
    (21 * MS, "[    0.021000] Oops: 0002 [#1] SMP\n"),
    (22 * MS, "[    0.022000] Kernel panic - not syncing: Fatal exception\n"),
    (23 * MS, "[    0.023000] ---[ end Kernel panic - not syncing ]---\n"),
]
SENTENCE = "the guest's kernel reported a bug: [    0.020000] BUG: kernel NULL pointer dereference"


@pytest.fixture
def play(
    read: Callable[[str], Document], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., CaseResult]:
    monkeypatch.setattr(machines, "image_results", lambda *_: ())

    def played(steps: str, **more: Any) -> CaseResult:
        machine = FakeMachine(list(PANIC), **more)
        return run_case(read(BASE + steps).cases[0], None, lambda *_: machine)  # type: ignore[arg-type, return-value]

    return played


@pytest.mark.parametrize(
    "steps",
    [
        "- expect: {text: never, within: 1s}\n",
        "- run_for: 1s\n",
        "- expect: {stop: deadline, within: 100ms}\n",
        '- expect: {text: "end Kernel panic", within: 1s}\n',  # of a later line
        "- expect: {text: up, within: 1s}\n- run_for: 16ms\n- run_for: 1s\n",
    ],
)
def test_it_fails_the_step_in_which_it_happens(play: Callable[..., CaseResult], steps: str) -> None:
    result = play(steps)
    assert (result.outcome, result.reason) == (Outcome.FAILED, SENTENCE)
    assert result.failure is not None
    assert result.failure.line == 4 + len(result.steps)


def test_the_report_of_the_kernel_is_whole(play: Callable[..., CaseResult]) -> None:
    result = play("- expect: {stop: deadline, within: 20ms}\n")
    assert result.outcome is Outcome.FAILED
    assert result.guest_time == 20 * MS + GRACE
    assert "end Kernel panic" in result.machines[0].console


@pytest.mark.parametrize(
    "steps",
    [
        '- expect: {text: "BUG: kernel NULL", within: 1s}\n- run_for: 1s\n',
        "- expect: {regex: 'NULL pointer', within: 1s}\n- expect: {text: \"Kernel panic\"}\n",
        "- run_for: 1s\noops: ignore\n",
        "- run_for: 10ms\n",  # before it
    ],
)
def test_what_is_waited_for_or_ignored(play: Callable[..., CaseResult], steps: str) -> None:
    assert play(steps).reason == ""


def test_a_guest_that_resets_at_once(play: Callable[..., CaseResult]) -> None:
    result = play("- expect: {stop: reset, within: 1s}\n", stop=(24 * MS, "reset", None))
    assert result.reason == SENTENCE


def test_a_watch_is_over_behind_a_line_that_was_waited_for() -> None:
    machine = FakeMachine([])
    watch = OopsWatch(off=False)
    assert watch.events([machine]) == watch.events([machine])  # type: ignore[list-item]
    machine.console.log = [
        (1, "boot"),
        (5, "[    0.000000] Kernel panic - not syncing: x"),
        (20, "z"),
    ]
    text = "[    0.000000] Oops: 0000 [#1]"

    def stop(time: int) -> Any:
        return SimpleNamespace(machine="machine", match=SimpleNamespace(time=time, text=text))

    watch.awaited(stop(3))
    assert watch.trouble(machine, stop(30)) == f"the guest's kernel reported a bug: {text}"  # type: ignore[arg-type]
    watch.awaited(stop(9))  # within the panic's line
    assert watch.trouble(machine, stop(30)) is None  # type: ignore[arg-type]
    assert watch.events([machine]) == []  # type: ignore[list-item]
    assert OopsWatch(off=True).events([machine]) == []  # type: ignore[list-item]
