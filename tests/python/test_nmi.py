# SPDX-License-Identifier: GPL-2.0-or-later
"""Non-maskable interrupts, raised by us at the places that the guests `nmi-*` name: when they are taken,
what holds them, and what they go before."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import hvlab
from hvlab import errors
from test_exceptions import limits, parse

IMAGES = {"nmi-long": 21, "nmi-protected": 23, "nmi-v8086": 17}  # and how many checks each has
DEADLINE = "1s"
STEPS = 2000  # from an announcement to a place: what prepares the case lies between

Disturb = Callable[[hvlab.Machine], object]


def undisturbed(_: hvlab.Machine) -> None:
    pass


def go_to(machine: hvlab.Machine, place: int, disturb: Disturb) -> None:
    """Single steps up to the boundary in front of a place."""
    for _ in range(STEPS):
        if machine.vcpus[0].state.rip == place:
            return
        disturb(machine)
        machine.run(instructions=1, timeout=DEADLINE)
    pytest.fail(f"the guest does not come to {place:#x}:\n{machine.console.tail(4)}")


def play(machine: hvlab.Machine, disturb: Disturb = undisturbed) -> hvlab.Stop:
    """Runs a guest to its end, raising what it announces."""
    announcement = machine.console.regex(r"^nmi(?: [0-9a-f]{8})+$")
    while True:
        disturb(machine)
        stop = machine.run(until=announcement, timeout=DEADLINE)
        if stop.match is None:
            return stop
        for place in stop.match.text.split()[1:]:
            go_to(machine, int(place, 16), disturb)
            machine.vcpus[0].raise_nmi()


def boot(image: str) -> hvlab.Machine:
    return hvlab.Machine(image=hvlab.fixture(image), memory="1MiB")


@pytest.mark.parametrize("image", IMAGES)
def test_what_fails_is_exactly_what_the_limits_table_says(image: str) -> None:
    with boot(image) as machine:
        stop = play(machine)
        output = machine.console.output
    assert stop.reason == "debug-exit", output[-500:]
    checks, failures = parse(output)
    assert checks == IMAGES[image]
    assert set(failures) == limits(image), failures


@pytest.mark.parametrize("image", IMAGES)
def test_the_same_places_give_the_same_run(image: str) -> None:
    def play_with(disturb: Disturb) -> tuple[str, str]:
        with boot(image) as machine:
            play(machine, disturb)
            return machine.record.hash, machine.record.state_hash()

    def move_state(machine: hvlab.Machine) -> None:
        machine.vcpus[0].state = machine.vcpus[0].state

    plain = play_with(undisturbed)
    assert play_with(undisturbed) == plain
    assert play_with(hvlab.Machine.flush_translations) == plain
    assert play_with(move_state) == plain


def test_the_record_has_each_pulse_with_its_time() -> None:
    def run(*at: int) -> str:
        with boot("runaway") as machine:
            for instructions in at:
                machine.run(instructions=instructions)
                machine.vcpus[0].raise_nmi()
            return machine.record.hash

    assert run(5) == run(5)
    assert len({run(), run(5), run(6), run(5, 1)}) == 4


def test_a_closed_machine_takes_none() -> None:
    machine = boot("halt")
    machine.close()
    with pytest.raises(errors.MachineClosed):
        machine.vcpus[0].raise_nmi()
