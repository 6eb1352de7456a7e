# SPDX-License-Identifier: GPL-2.0-or-later
"""The standing test of determinism on a whole Linux boot with a dialogue (`make test-long`)."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

import hvlab
from disturbance import disturbed
from hvlab.errors import FixtureError

pytestmark = pytest.mark.long

SEED = 7
DIALOGUE = [("/ # ", "uname -a\n"), ("/ # ", "head -c 1M /dev/zero | md5sum\n"), ("/ # ", "exit\n")]

Digest = tuple[str, int, int | None, str, str]
Runner = Callable[[hvlab.Machine, "hvlab.Event | None"], hvlab.Stop]


def in_one_go(machine: hvlab.Machine, until: hvlab.Event | None) -> hvlab.Stop:
    return machine.run(until=until, timeout="60s")


def boot(run: Runner = in_one_go, max_slice: int | None = None, sliced: int = 0) -> Digest:
    """Boots, talks and lets the guest reset; `max_slice` holds for the first `sliced` instructions."""
    try:
        kernel, initrd = hvlab.fixture("linux"), hvlab.fixture("busybox")
    except FixtureError as error:
        pytest.skip(str(error))
    linux = hvlab.LinuxBoot(kernel, initrd, "console=ttyS0")
    with hvlab.Machine(boot=linux, memory="128MiB", seed=SEED) as machine:
        if max_slice is not None:
            machine._core.set_max_slice(max_slice)
            if sliced:
                machine.run(instructions=sliced)
                machine._core.set_max_slice(2**63)
        for awaited, answer in DIALOGUE:
            stop = run(machine, machine.console.text(awaited))
            assert stop.reason == "match", machine.console.output
            machine.console.send(answer)
        stop = run(machine, None)
        assert stop.reason == "reset", (stop, machine.console.tail(20))
        return (
            machine.console.output,
            machine.time,
            machine.instructions,
            machine.record.hash,
            machine.record.state_hash(),
        )


@pytest.fixture(scope="module")
def reference() -> Digest:
    return boot()


def test_the_boot_repeats(reference: Digest) -> None:
    assert boot() == reference


@pytest.mark.parametrize(
    ("max_slice", "sliced"), [(1, 100_000_000), (7, 400_000_000), (1000, 0)], ids=["1", "7", "1000"]
)
def test_slices_leave_no_trace(reference: Digest, max_slice: int, sliced: int) -> None:
    assert boot(max_slice=max_slice, sliced=sliced) == reference


def test_translation_flushes_leave_no_trace(reference: Digest) -> None:
    draw = random.Random(SEED)

    def in_pieces(machine: hvlab.Machine, until: hvlab.Event | None) -> hvlab.Stop:
        while True:
            piece = draw.choice([1_000, 1_000_000, 50_000_000])
            stop = machine.run(until=until, timeout="60s", instructions=piece)
            if stop.reason != "budget":
                return stop
            machine.flush_translations()

    assert boot(in_pieces) == reference


def test_pauses_of_the_host_leave_no_trace(reference: Digest) -> None:
    def with_pauses(machine: hvlab.Machine, until: hvlab.Event | None) -> hvlab.Stop:
        with disturbed(machine, longest=0.01):
            while True:
                stop = machine.run(until=until, timeout="60s")
                if stop.reason != "interrupted":
                    return stop

    assert boot(with_pauses) == reference
