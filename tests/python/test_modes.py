# SPDX-License-Identifier: GPL-2.0-or-later
"""The guests that prove the processor's modes, a line for each check, on hvlab and under QEMU.

What they want is the manual's word (Intel SDM). Where hvlab or QEMU does otherwise, the check and
the reason stand in a table here; a check that fails without, or passes in spite of it, is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

import hvlab
from test_fixtures_qemu import QEMU, flat, run

GUESTS = ("a20", "realmode", "protected", "paging", "v8086", "compat", "tasks")

POINTERS = "page-directory pointers are read at each walk, not loaded with CR3"
SEGMENT_BASE = "a segment prefix in 64-bit code brings the base in"
STALE_FLAGS = "a task switch by an instruction mixes the arithmetic flags of both tasks up"
CONFORMING = "a call gate to conforming code takes its DPL as CPL"
PRESENT = "a reserved bit of a present entry is reported without P"

# Guest -> check -> why hvlab fails it.
KNOWN: dict[str, dict[str, str]] = {
    "paging": {
        "PAE: a pointer written to memory has no effect": POINTERS,
        "PAE: and outlives its memory": POINTERS,
        "PAE: a reserved bit of a pointer": POINTERS,
    },
}

# The same for QEMU 7.2's own translator (TCG).
KNOWN_QEMU: dict[str, dict[str, str]] = {
    "realmode": {"LOCK MOV": "LOCK before most instructions is ignored"},
    "paging": {
        "a 4 MiB page: reserved bit 21": PRESENT,
        "NX is reserved without EFER.NXE": PRESENT,
        "PAE: bit 62 of an entry is reserved": PRESENT,
        "PAE: a 2 MiB page: reserved bit 13": PRESENT,
        "PAE: a pointer written to memory has no effect": POINTERS,
        "PAE: and outlives its memory": POINTERS,
        "PAE: a reserved bit of a pointer": POINTERS,
        "PG without PE": "CR0 takes it",
    },
    "compat": {
        "ES has none in 64-bit code": SEGMENT_BASE,
        "code with L and D": "such code is executed",
        "LME off with paging": "EFER takes it",
        "paging off clears LMA": "after LME has been taken away before",
    },
    "tasks": {
        "JMP: flags are saved": STALE_FLAGS,
        "JMP: and back: CF": STALE_FLAGS,
        "JMP: CF": STALE_FLAGS,
        "IRET: flags are saved": STALE_FLAGS,
        "16-bit task, IRET: flags are saved": STALE_FLAGS,
        "T bit": "is not looked at",
        "T bit: DR6": "is not looked at",
        "new task: SS is not present": "is #NP",
        "call gate to conforming code: CS within": CONFORMING,
    },
    "v8086": {"no VME: CR4.VME is refused": "CR4 takes bits of features that are not there"},
}

LINE = re.compile(r"(ok|FAIL) (.+?)(: (?:not reached|0x\w{8}, not 0x\w{8}))?")
SUMMARY = re.compile(r"(\d+) checks, (\d+) failures")


@dataclass
class Report:
    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def read(output: str, code: int | None) -> Report:
    """The lines of a guest; checks that they agree with its summary and exit code."""
    *lines, last = output.splitlines()
    report = Report()
    for line in lines:
        match = LINE.fullmatch(line)
        assert match is not None, line
        if match[1] == "ok":
            report.passed.append(match[2])
        else:
            report.failed[match[2]] = match[3] or ""
    summary = SUMMARY.fullmatch(last)
    assert summary is not None, last
    assert int(summary[1]) == len(lines)
    assert int(summary[2]) == len(report.failed) == code, report.failed
    names = [*report.passed, *report.failed]
    assert len(names) == len(set(names)), "two checks of one name"
    return report


def on_hvlab(name: str) -> Report:
    with hvlab.Machine(image=hvlab.fixture(name), memory="16MiB") as machine:
        stop = machine.run(timeout="2s")
        assert stop.reason == "debug-exit", (stop, machine.console.output)
        return read(machine.console.output, stop.code)


@pytest.mark.parametrize("name", GUESTS)
def test_every_check_but_the_known_ones(name: str) -> None:
    report = on_hvlab(name)
    known = KNOWN.get(name, {})
    assert {check: report.failed[check] for check in report.failed if check not in known} == {}
    assert [check for check in known if check in report.passed] == [], "no longer known to fail"
    assert set(known) <= set(report.failed), "no such check"


@pytest.mark.parametrize("name", GUESTS)
@pytest.mark.skipif(QEMU is None, reason="qemu-system-x86_64 is not installed")
def test_a_second_opinion(name: str) -> None:
    # SYSENTER in long mode is Intel's alone.
    with run(*flat(name), "-cpu", "qemu64,vendor=GenuineIntel") as guest:
        output, status = guest.finish()
    report = read(output, status >> 1)
    known = KNOWN_QEMU.get(name, {})
    assert {check: report.failed[check] for check in report.failed if check not in known} == {}
