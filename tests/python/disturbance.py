# SPDX-License-Identifier: GPL-2.0-or-later
"""A host that disturbs a running machine at moments that nobody chose."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import hvlab


@contextmanager
def disturbed(machine: hvlab.Machine, longest: float) -> Iterator[None]:
    """Another thread that interrupts the machine, with pauses of up to `longest` host seconds."""
    over = threading.Event()
    draw = random.Random()

    def disturb() -> None:
        while not over.wait(draw.uniform(0, longest)):
            machine.interrupt()

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
