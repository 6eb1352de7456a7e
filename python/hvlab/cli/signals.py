# SPDX-License-Identifier: GPL-2.0-or-later
"""Signals that end a command."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def terminated_is_interrupted() -> Iterator[None]:
    """A CI system's SIGTERM ends what runs as Ctrl-C does: with its reports."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
