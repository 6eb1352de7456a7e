# SPDX-License-Identifier: GPL-2.0-or-later
"""The standing test of determinism: the same seed gives the same run, bit for bit.

However a run is cut into slices, whenever translated code is thrown away and however the host is
disturbed: the record (every input, output and interrupt with its guest time) and the final state
(RAM, CPU, devices) have the same digests.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

import hvlab
from disturbance import disturbed

SEED = 20


@dataclass(frozen=True)
class Outcome:
    reason: str
    time: int
    instructions: int | None
    record: str
    entries: int
    state: str


@dataclass(frozen=True)
class Guest:
    """How a fixture is driven: what it is sent, and where its run ends."""

    name: str
    ends: str
    dialogue: tuple[tuple[str, str], ...] = ()
    disk: bool = False
    micro: str | None = None  # a micro-guest's command line
    instructions: int | None = None


GUESTS = [
    Guest("hello", "debug-exit"),
    Guest("echo", "deadline", dialogue=(("ready", "hello\n"), ("echo: hello", "more\n"))),
    Guest("ticks", "debug-exit"),
    Guest("compute", "budget", instructions=300_000),
    Guest("longmode", "debug-exit"),
    Guest("a20", "debug-exit"),
    Guest("runaway", "budget", instructions=300_000),
    Guest("halt", "halted"),
    Guest("triplefault", "triple-fault"),
    Guest("reboot", "reset"),
    Guest("bios-disk", "debug-exit", disk=True),
    Guest("bios-keys", "debug-exit", dialogue=(("keys\n", "aB"), ("3042", "\x1b")), disk=True),
    Guest("realmode", "debug-exit"),
    Guest("protected", "debug-exit"),
    Guest("paging", "debug-exit"),
    Guest("v8086", "debug-exit"),
    Guest("compat", "debug-exit"),
    Guest("tasks", "debug-exit"),
    Guest("micro-exceptions", "debug-exit", micro=""),
    Guest("micro-echo", "debug-exit", dialogue=(("ready", "a\nquit\n"),), micro=""),
    Guest("micro-ticks", "debug-exit", micro="hz=5000 busy=1"),
    Guest("micro-calls", "debug-exit", micro="count=300 user=1 ticks=1"),
    Guest("micro-faults", "debug-exit", micro="count=300 ticks=1"),
    Guest("micro-ring", "doorbell", micro=""),
    Guest("stress", "debug-exit", dialogue=(("stress: ready\n", "some input\n"),)),
]

Runner = Callable[[hvlab.Machine, "hvlab.Event | None", int | None], hvlab.Stop]


def in_one_go(
    machine: hvlab.Machine, until: hvlab.Event | None, instructions: int | None
) -> hvlab.Stop:
    return machine.run(until=until, timeout="2s", instructions=instructions)


def in_random_pieces(
    machine: hvlab.Machine, until: hvlab.Event | None, instructions: int | None
) -> hvlab.Stop:
    """Comes back to Python at random points and throws all translations away there."""
    draw = random.Random(SEED)
    deadline = machine.time + 2_000_000_000
    end = None if instructions is None else (machine.instructions or 0) + instructions
    while True:
        piece = draw.choice([1, 3, 100, 5_000, 200_000])
        left = piece if end is None else min(piece, end - (machine.instructions or 0))
        stop = machine.run(until=until, timeout=deadline - machine.time, instructions=left)
        if stop.reason != "budget" or machine.instructions == end:
            return stop
        machine.flush_translations()


def outcome(
    guest: Guest, run: Runner = in_one_go, prepare: Callable[[hvlab.Machine], None] = lambda _: None
) -> Outcome:
    image = hvlab.fixture(guest.name)
    boot: hvlab.DiskBoot | hvlab.FlatImage | hvlab.MicroImage
    if guest.micro is not None:
        boot = hvlab.MicroImage(image, guest.micro)
    else:
        boot = hvlab.DiskBoot(image) if guest.disk else hvlab.FlatImage(image)
    with hvlab.Machine(boot=boot, memory="16MiB", seed=SEED) as machine:
        prepare(machine)
        for awaited, answer in guest.dialogue:
            if awaited:
                stop = run(machine, machine.console.text(awaited), None)
                assert stop.reason == "match", machine.console.output
            machine.console.send(answer)
        stop = run(machine, None, guest.instructions)
        assert stop.reason == guest.ends, (stop, machine.console.output)
        return Outcome(
            stop.reason,
            stop.time,
            stop.instructions,
            machine.record.hash,
            machine.record.entries,
            machine.record.state_hash(),
        )


@pytest.fixture(scope="module")
def reference() -> Callable[[Guest], Outcome]:
    known: dict[str, Outcome] = {}

    def find(guest: Guest) -> Outcome:
        if guest.name not in known:
            known[guest.name] = outcome(guest)
        return known[guest.name]

    return find


every_guest = pytest.mark.parametrize("guest", GUESTS, ids=lambda guest: guest.name)


@every_guest
def test_the_guest_ends_as_expected_and_repeats(
    guest: Guest, reference: Callable[[Guest], Outcome]
) -> None:
    assert outcome(guest) == reference(guest)


@every_guest
@pytest.mark.parametrize("slice_length", [1, 7, 1000])
def test_slices_leave_no_trace(
    guest: Guest, slice_length: int, reference: Callable[[Guest], Outcome]
) -> None:
    def cut(machine: hvlab.Machine) -> None:
        machine._core.set_max_slice(slice_length)

    assert outcome(guest, prepare=cut) == reference(guest)


@every_guest
def test_translation_flushes_leave_no_trace(
    guest: Guest, reference: Callable[[Guest], Outcome]
) -> None:
    assert outcome(guest, run=in_random_pieces) == reference(guest)


def with_host_pauses(
    machine: hvlab.Machine, until: hvlab.Event | None, instructions: int | None
) -> hvlab.Stop:
    deadline = machine.time + 2_000_000_000
    end = None if instructions is None else (machine.instructions or 0) + instructions
    with disturbed(machine, longest=0.002):
        while True:
            left = None if end is None else end - (machine.instructions or 0)
            stop = machine.run(until=until, timeout=deadline - machine.time, instructions=left)
            if stop.reason != "interrupted":
                return stop


@every_guest
def test_pauses_of_the_host_leave_no_trace(
    guest: Guest, reference: Callable[[Guest], Outcome]
) -> None:
    assert outcome(guest, run=with_host_pauses) == reference(guest)


def test_another_seed_is_another_run() -> None:
    """The digests see differences at all: other input, other record."""
    guest = GUESTS[1]
    other = Guest("echo", "deadline", dialogue=(("ready", "hellO\n"), ("echo: hellO", "more\n")))
    assert outcome(guest).record != outcome(other).record
