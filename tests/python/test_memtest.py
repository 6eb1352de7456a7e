# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's memory tester: it passes on good memory, and finds the bits that we make stuck."""

from __future__ import annotations

import re

import pytest

import hvlab
from hvlab import fixtures
from hvlab.errors import FixtureError, MachineConfigError

MEMORY = "5MiB"  # what it needs at least: it moves to above 4 MiB
# Tests 0 to 4 are over when 5 begins; number 1 is off unless somebody types.
FIRST = (0, 2, 3, 4, 5)

BITS = pytest.mark.parametrize("bits", [32, 64])


def boot(bits: int, cmdline: str = "nosmp nobench nopause") -> hvlab.Machine:
    try:
        kernel = fixtures.fetch(f"memtest{bits}").path
    except FixtureError as error:
        pytest.skip(f"memtest86+ cannot be fetched here: {error}")
    assert kernel is not None
    return hvlab.Machine(memory=MEMORY, boot=hvlab.LinuxBoot(kernel, cmdline=cmdline))


def errors(machine: hvlab.Machine) -> int:
    found = re.search(r"Errors: +(\d+)", machine.screen.text())
    assert found is not None, machine.screen.text()
    return int(found[1])


@BITS
def test_the_first_five_tests_find_nothing_in_good_memory(bits: int) -> None:
    with boot(bits) as machine:
        machine.screen.expect_text("Memtest86+ v")
        for number in FIRST:
            machine.screen.expect(rf"Test #{number} ", timeout="5s")
            assert errors(machine) == 0
        assert "5MB" in machine.screen.text()
        assert "hvlab x86-64-v2 virtual CPU" in machine.screen.lines[0]


@BITS
@pytest.mark.parametrize(
    ("address", "bit", "value"),
    [(0x3ABCD6, 5, True), (0x4F0000, 0, False), (0x20003, 7, True)],
    ids=["high", "above-the-program", "low"],
)
def test_a_stuck_bit_is_found_where_it_is(bits: int, address: int, bit: int, value: bool) -> None:
    with boot(bits) as machine:
        machine.screen.expect(r"Test #0 ", timeout="5s")
        machine.memory.stick_bit(address, bit, value)
        word = address & -(bits // 8)
        number = rf"[0-9a-f]{{{bits // 4}}}"
        # CPU, pass, test, address (and how far up that is), expected, found.
        row = rf"^ +0 +0 +\d+ +0*{word:x} \([^)]*\) +({number}) +({number})"
        match = machine.screen.expect(row, timeout="10s")
        expected, found = int(match[1], 16), int(match[2], 16)
        mask = 1 << (bit + 8 * (address - word))
        assert expected ^ found == mask, match.text
        assert bool(found & mask) is value
        machine.screen.expect(r"Errors: +[1-9]", timeout="100ms")


@pytest.mark.long
def test_all_tests_pass_once_on_good_memory() -> None:
    with boot(64) as machine:
        machine.screen.expect(r"Pass: +1 ", timeout="5min")
        assert errors(machine) == 0


def test_it_prints_on_the_serial_console_too() -> None:
    with boot(64, "nosmp nobench nopause console=ttyS0,115200") as machine:
        machine.console.expect(r"Memtest86\+ v", timeout="10s")
        machine.screen.expect(r"Test #0 ", timeout="5s")


def test_what_cannot_be_stuck() -> None:
    with hvlab.Machine(memory="1MiB") as machine:
        for address, bit, message in (
            (0x100000, 0, "not RAM"),
            (0xB8000, 0, "not RAM"),
            (0, 8, "bit: 8 is not 0 to 7"),
            (0, -1, "bit: -1 is not 0 to 7"),
        ):
            with pytest.raises(MachineConfigError, match=message):
                machine.memory.stick_bit(address, bit, True)
        machine.memory.stick_bit(0x5000, 3, True)
        machine.memory.write(0x5000, b"\0\0")
        assert machine.memory.read(0x5000, 2) == b"\x08\0"
        assert machine.memory.view(0x5000, 2) == b"\x08\0"
        assert machine.memory.stuck_bits == [(0x5000, 3, True)]
        machine.memory.unstick_bit(0x5000, 3)
        with pytest.raises(MachineConfigError, match="bit 3 at 0x5000 is not stuck"):
            machine.memory.unstick_bit(0x5000, 3)
        machine.memory.write(0x5000, b"\0")
        assert machine.memory.read(0x5000, 1) == b"\0"
