# SPDX-License-Identifier: GPL-2.0-or-later
"""Rings between a micro-guest and its host, and guests that write nonsense into them."""

from __future__ import annotations

import random

import pytest

import hvlab
from hvlab.errors import HvlabError, RingError
from hvlab.micro import MAX_MESSAGE, Channel
from hvlab.pytest_plugin import MachineFactory
from micro_guests import WALL, machine


def test_every_message_comes_back(hvlab_machine: MachineFactory) -> None:
    draw = random.Random(3)
    sent = [draw.randbytes(draw.choice([1, 3, 8, 100, MAX_MESSAGE])) for _ in range(60)]
    received: list[bytes] = []
    running = machine(hvlab_machine, "micro-ring")
    channel = Channel(running)
    waiting = list(sent)
    while len(received) < len(sent):
        stop = running.run(timeout="10s", wall=WALL)
        assert stop.reason == "doorbell", (stop, running.console.output)
        received += channel
        while waiting and channel.send(waiting[0]):
            del waiting[0]
    assert received == sent
    assert channel.send(b"")
    stop = running.run(timeout="10s", wall=WALL)
    assert (stop.reason, stop.code) == ("debug-exit", 0)
    assert running.console.output == "ring: ready\nring: 60 messages\n"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (1, "head 0x7ffffff8 and tail 0x0 cannot be of a ring of 0x8000 bytes"),
        (2, "head 0xd and tail 0x0 cannot be of a ring of 0x8000 bytes"),
        (3, "head 0x0 and tail 0x10000 cannot be of a ring of 0x8000 bytes"),
        (4, "a message of 0xffffffff bytes where 0x40 bytes are in the ring"),
    ],
)
def test_a_hostile_guest_is_a_typed_error(
    hvlab_machine: MachineFactory, kind: int, error: str
) -> None:
    running = machine(hvlab_machine, "micro-ring", f"hostile={kind}")
    stop = running.run(timeout="10s", wall=WALL)
    assert (stop.reason, stop.code) == ("doorbell", 99)
    channel = Channel(running)
    for _ in range(2):
        with pytest.raises(RingError, match=error):
            channel.receive()
    if kind == 4:
        with pytest.raises(RingError, match="the ring to the guest"):
            channel.send(b"x")
    channel.reset()
    assert channel.receive() is None
    assert channel.send(b"x")
    assert running.run(timeout="10s", wall=WALL).reason == "debug-exit"


@pytest.mark.hvlab(backend="unicorn")
def test_what_the_host_may_not(hvlab_machine: MachineFactory) -> None:
    running = machine(hvlab_machine, "micro-ring")
    channel = Channel(running)
    with pytest.raises(HvlabError, match="4097 bytes; at most 4096"):
        channel.send(bytes(MAX_MESSAGE + 1))
    count = 0
    while channel.send(bytes(4088)):
        count += 1
    assert count == 8
    other = hvlab_machine(image=hvlab.fixture("hello"))
    with pytest.raises(HvlabError, match="only a micro-guest"):
        Channel(other).receive()
