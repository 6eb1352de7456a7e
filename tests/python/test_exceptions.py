# SPDX-License-Identifier: GPL-2.0-or-later
"""Every exception by cause, in every mode: what the guests `exceptions-*` check, line by line.

What they expect is the manual's. What the engine cannot do is a table in docs/engine-limits.md, and the
checks that fail have to be exactly those: one that works all of a sudden is told, too.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import hvlab
from exceptions_qemu import is_known, is_rf_alone
from test_fixtures_qemu import flat, run

IMAGES = [
    "exceptions-long",
    "exceptions-compat",
    "exceptions-protected",
    "exceptions-protected16",
    "exceptions-v8086",
    "exceptions-real",
    "exceptions-control",
]
# QEMU 7.2 does not survive the others: it obeys where the processor has to refuse.
IMAGES_FOR_QEMU = [
    "exceptions-long",
    "exceptions-compat",
    "exceptions-protected",
    "exceptions-protected16",
    "exceptions-v8086",
]
QEMU_CPU = "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16,+rdtscp,-svm,-apic,vendor=GenuineIntel"
# How many checks each image has at least: none gets lost.
CHECKS = {
    "long": 506,
    "compat": 464,
    "protected": 514,
    "protected16": 1052,
    "v8086": 444,
    "real": 53,
    "control": 8,
}
LIMITS = Path(__file__).resolve().parents[2] / "docs" / "engine-limits.md"

Failures = dict[str, str]  # environment and name of a check -> what was seen


def parse(output: str) -> tuple[int, Failures]:
    """How many checks there were, and those that failed."""
    lines = output.splitlines()
    passed = [line for line in lines if line.startswith("ok ")]
    failed = dict(re.findall(r"^FAIL (.*?):((?: \w+=\w{8}\(\w{8}\))+)$", output, re.MULTILINE))
    total = re.fullmatch(r"(\d+) checks, (\d+) failures", lines[-1])
    assert total is not None, lines[-1]
    assert (len(passed) + len(failed), len(failed)) == (int(total[1]), int(total[2]))
    return int(total[1]), failed


def name(check: str) -> str:
    """Of a check, without its environment."""
    return re.sub(r"^(real|v8086 iopl\d|(protected|\d+-bit) cpl\d(?: gates\d+)?) ", "", check)


def limits(image: str) -> set[str]:
    """The checks that docs/engine-limits.md says fail in an image."""
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \|", LIMITS.read_text(encoding="utf-8"), re.MULTILINE)
    return {check for check, images in rows if image.removeprefix("exceptions-") in images.split()}


@pytest.mark.parametrize("image", IMAGES)
def test_what_fails_is_exactly_what_the_limits_table_says(image: str) -> None:
    with hvlab.Machine(image=hvlab.fixture(image), memory="1MiB") as machine:
        stop = machine.run(timeout="1s")
        output = machine.console.output
    assert stop.reason == "debug-exit", output[-500:]
    checks, failures = parse(output)
    assert stop.code == len(failures)
    assert checks >= CHECKS[image.removeprefix("exceptions-")]
    assert {name(check) for check in failures} == limits(image), "\n".join(
        f"{k}:{v}" for k, v in failures.items()
    )


# The vectors that a mode has, as the names of its checks begin. #AC and #TS take CPL 3: the latter because
# a stack of more privilege is looked for. Without INT n, which an IOPL of 0 refuses, only a limit would
# raise #SS in virtual-8086 mode.
VECTORS = {"DE", "DB", "BP", "UD", "NM", "DF", "NP", "SS", "GP", "PF", "MF"}
BOTH = VECTORS | {"OF", "BR"}
OUTER = BOTH | {"TS", "AC"}
ENVIRONMENTS = [
    ("long", "64-bit cpl0", VECTORS),
    ("long", "64-bit cpl3", VECTORS | {"TS", "AC"}),
    ("compat", "32-bit cpl0", BOTH),
    ("compat", "32-bit cpl3", OUTER),
    ("protected", "protected cpl0", BOTH),
    ("protected", "protected cpl3", OUTER),
    ("protected16", "16-bit cpl0 gates32", BOTH),
    ("protected16", "16-bit cpl3 gates32", OUTER),
    ("protected16", "16-bit cpl0 gates16", BOTH),
    ("protected16", "16-bit cpl3 gates16", OUTER),
    ("v8086", "v8086 iopl0", OUTER - {"SS"}),
    ("v8086", "v8086 iopl3", OUTER),
]


@pytest.mark.parametrize(("image", "environment", "vectors"), ENVIRONMENTS)
def test_each_vector_is_raised_in_each_environment(
    image: str, environment: str, vectors: set[str]
) -> None:
    with hvlab.Machine(image=hvlab.fixture(f"exceptions-{image}"), memory="1MiB") as machine:
        machine.run(timeout="1s")
        output = machine.console.output
    raised = set(re.findall(rf"^ok {environment} ([A-Z]{{2}}): ", output, re.MULTILINE))
    assert vectors - raised == set()


@pytest.mark.skipif(
    shutil.which("qemu-system-x86_64") is None, reason="qemu-system-x86_64 is not installed"
)
@pytest.mark.parametrize("image", IMAGES_FOR_QEMU)
def test_qemu_agrees_but_for_what_it_is_known_to_lack(image: str) -> None:
    with run(*flat(image), "-cpu", QEMU_CPU) as guest:
        output, status = guest.finish()
    assert status & 1, output[-500:]
    _, failures = parse(output)
    unexplained = {
        check: seen
        for check, seen in failures.items()
        if not is_rf_alone(seen) and not is_known(name(check))
    }
    assert unexplained == {}
