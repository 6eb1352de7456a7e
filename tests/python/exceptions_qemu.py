# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guests `exceptions-*` find wrong with Debian 12's QEMU 7.2 (TCG), and why that is QEMU's doing."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

_RF = 0x10000
_COMPARED = 0x003F7702  # FLAGS_MASK of fixtures/include/exceptions/report.inc


def is_rf_alone(seen: str) -> bool:
    """Whether only RF is missing in the saved flags: QEMU never sets it (Intel SDM vol. 3 s. 17.3.1.1)."""
    flags = re.fullmatch(r" flags=(\w{8})\((\w{8})\)", seen)
    if flags is None:
        return False
    return (int(flags[1], 16) ^ int(flags[2], 16)) & _COMPARED == _RF & ~int(flags[1], 16)


# Checks by name, with wildcards.
DIFFERENCES = {
    "a gate's error code is vector * 16 + 2 in long mode, and EXT is never set": (
        "GP: int *",
        "GP: ud2 through *",
        "GP: ud2 to *",
        "NP: *int* through a gate that is not present",
        "NP: ud2 *",
        "TS: #UD, *",
    ),
    "segments have neither limits nor types": (
        "GP: load *",
        "GP: store into *",
        "GP: word at *",
        "SS: word at *",
        "GP: jump past *",
        "GP: iret past the segment's limit",
    ),
    "branches, SYSRET, IRET and LGDT take addresses that are not canonical; #SS is never told apart": (
        "GP: *, not canonical",
        "GP: lgdt *",
        "SS: *, not canonical",
    ),
    "unknown MSRs read as zero, bad values are swallowed": (
        "GP: rdmsr *",
        "GP: wrmsr *",
        "GP: ldmxcsr*",
        "GP: CR8 *",
    ),
    "page faults for reserved bits have P = 0": ("PF: *reserved*",),
    "#MF comes with FWAIT alone": ("MF: *",),
    "#AC and #XM are never raised": ("AC: *", "XM: *"),
    "INT1 and general detect are not there": ("DB: int1", "DB: mov * with DR7.GD"),
    "RF lasts for a block of instructions": ("RF *",),
    "STI holds back single steps, too": ("DB: in the shadow of sti",),
    "LOCK is let through before some instructions, and some undefined encodings are executed": (
        "UD: lock *",
        "UD: group *",
    ),
    "CR0.TS goes before CR0.EM": ("UD: SSE *",),
    "the T bit does nothing; what a new task lacks is told with the old task's RIP": (
        "DB: the T bit of a TSS",
        "*: the new task's ds *",
    ),
    "a stack segment that is not present is #TS": ("SS: *, SS0 not present",),
    "SYSCALL and SYSRET are there outside 64-bit mode": ("UD: sys*",),
    "task switches save flags of an earlier instruction": ("*: all flags are saved",),
    "a task gate into the LDT is #TS": ("GP: jump through a task gate into the LDT",),
    "a far call past the limit names the selector": ("GP: far call past the limit",),
    "LTR takes a null selector, far jumps take L with D": ("GP: ltr *", "GP: far jump *"),
}


def is_known(check: str) -> bool:
    """Whether QEMU is known to fail this one; by its name without the environment."""
    return any(fnmatchcase(check, each) for row in DIFFERENCES.values() for each in row)
