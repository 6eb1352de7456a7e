# SPDX-License-Identifier: GPL-2.0-or-later
"""What a host says to a micro-guest, and hears from it (docs/micro-guests.md).

image = hvlab.MicroImage(hvlab.fixture("micro-ring"))
with hvlab.Machine(boot=image) as machine:
    channel = hvlab.micro.Channel(machine)
    channel.send(b"hello")
    machine.run(timeout="1s")  # stops with "doorbell"
    assert channel.receive() == b"hello"
"""

from __future__ import annotations

from collections.abc import Iterator

from hvlab.machine import Machine

MAX_MESSAGE = 4096


class Channel:
    """The two rings of a micro-guest: one to it, one from it. Copies only.

    Used between runs, by the machine's thread. What the guest wrote into the rings is checked: a
    nonsense is a RingError, until `reset`.
    """

    def __init__(self, machine: Machine) -> None:
        """Raises HvlabError for a machine that is not booted by `MicroImage`, when it is used."""
        self._core = machine._core

    def send(self, message: bytes) -> bool:
        """Puts a message into the ring to the guest; False if it is full.

        Raises HvlabError for one of more than MAX_MESSAGE bytes, RingError.
        """
        return self._core.ring_send(bytes(message))

    def receive(self) -> bytes | None:
        """Takes the next message of the guest's; None if there is none. Raises RingError."""
        message: bytes | None = self._core.ring_receive()
        return message

    def __iter__(self) -> Iterator[bytes]:
        """All messages of the guest's that are there."""
        while (message := self.receive()) is not None:
            yield message

    def reset(self) -> None:
        """Empties both rings, whatever is in them."""
        self._core.reset_rings()


def answer(machine: Machine, result: int) -> None:
    """What the call returns in the guest that stopped the last run with "guest-call"."""
    machine._core.answer_call(result & (1 << 64) - 1)
