# SPDX-License-Identifier: GPL-2.0-or-later
"""Ctrl-C, SIGTERM and SIGHUP while cases run: the first asks for an end, the second one insists."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Self

from hvlab.closing import Closing

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruptions(Closing):
    """Notes the first signal and makes `fd` readable; a further one raises KeyboardInterrupt.

    Signals that are ignored stay so (nohup, background jobs). Outside the main thread it notes
    nothing.
    """

    def __init__(self) -> None:
        self.fd, self._write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._before: dict[signal.Signals, object] = {}
        self.noted = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._note)
        return self

    def close(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._before.clear()
        if self.fd >= 0:
            os.close(self.fd)
            os.close(self._write)
            self.fd = -1

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.noted:
            raise KeyboardInterrupt
        self.noted = True
        os.write(self._write, b"!")
