# SPDX-License-Identifier: GPL-2.0-or-later
"""What a worker prints, however much: its beginning and its end."""

from __future__ import annotations

KEPT = 32 << 10  # bytes, of the beginning and of the end each


class Capture:
    """Keeps the first and the last `KEPT` bytes."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0

    def feed(self, data: bytes) -> None:
        room = KEPT - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        if len(self._tail) > KEPT:
            self._dropped += len(self._tail) - KEPT
            del self._tail[:-KEPT]

    def text(self) -> str:
        """As text; what is not UTF-8 is replaced by U+FFFD."""
        gap = f"\n... {self._dropped} bytes left out ...\n".encode() if self._dropped else b""
        return bytes(self._head + gap + self._tail).decode("utf-8", "replace")
