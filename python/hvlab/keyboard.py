# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine's keyboard, on which the host types: a PC's with 101 keys and the US layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hvlab.errors import HvlabError

if TYPE_CHECKING:
    from hvlab import _core

# Make codes of scan code set 2 (IBM PS/2 hardware interface technical reference, "Scan code set 2").
_PREFIX = 0xE0
_BREAK = 0xF0
_SHIFT = 0x12
_ROWS = {
    "`1234567890-=": (0x0E, 0x16, 0x1E, 0x26, 0x25, 0x2E, 0x36, 0x3D, 0x3E, 0x46, 0x45, 0x4E, 0x55),
    "qwertyuiop[]": (0x15, 0x1D, 0x24, 0x2D, 0x2C, 0x35, 0x3C, 0x43, 0x44, 0x4D, 0x54, 0x5B),
    "asdfghjkl;'\\": (0x1C, 0x1B, 0x23, 0x2B, 0x34, 0x33, 0x3B, 0x42, 0x4B, 0x4C, 0x52, 0x5D),
    "zxcvbnm,./ ": (0x1A, 0x22, 0x21, 0x2A, 0x32, 0x31, 0x3A, 0x41, 0x49, 0x4A, 0x29),
    "\n\t\b\x1b": (0x5A, 0x0D, 0x66, 0x76),
}
_PLAIN = {char: code for row, codes in _ROWS.items() for char, code in zip(row, codes, strict=True)}
_SHIFTED = dict(
    zip(
        '~!@#$%^&*()_+QWERTYUIOP{}ASDFGHJKL:"|ZXCVBNM<>?',
        "`1234567890-=qwertyuiop[]asdfghjkl;'\\zxcvbnm,./",
        strict=True,
    )
)
_NAMED: dict[str, tuple[int, ...]] = {
    "enter": (0x5A,), "tab": (0x0D,), "backspace": (0x66,), "esc": (0x76,), "space": (0x29,),
    "shift": (_SHIFT,), "ctrl": (0x14,), "alt": (0x11,), "caps": (0x58,), "num": (0x77,),
    "scroll": (0x7E,), "minus": (0x4E,),
    "f1": (0x05,), "f2": (0x06,), "f3": (0x04,), "f4": (0x0C,), "f5": (0x03,), "f6": (0x0B,),
    "f7": (0x83,), "f8": (0x0A,), "f9": (0x01,), "f10": (0x09,), "f11": (0x78,), "f12": (0x07,),
    "up": (_PREFIX, 0x75), "down": (_PREFIX, 0x72), "left": (_PREFIX, 0x6B),
    "right": (_PREFIX, 0x74), "home": (_PREFIX, 0x6C), "end": (_PREFIX, 0x69),
    "pageup": (_PREFIX, 0x7D), "pagedown": (_PREFIX, 0x7A), "insert": (_PREFIX, 0x70),
    "delete": (_PREFIX, 0x71),
}  # fmt: skip


class Keyboard:
    """Types on the guest's keyboard, at the present guest time.

    The guest reads the keys as it runs, through its keyboard controller. What is typed before the
    guest has set up its keyboard may be lost, as on a PC: wait for a prompt first.
    """

    def __init__(self, core: _core.Machine) -> None:
        self._core = core

    def type(self, text: str) -> None:
        """Presses and releases the key of each character.

        Raises HvlabError for a character that is on no key, DeviceError when more than 4096 bytes
        of scan codes would wait; then nothing is typed.
        """
        missing = untypable(text)
        if missing:
            raise HvlabError(f"no key types {missing!r}")
        self._core.type(b"".join(map(_typed, text)))

    def press(self, keys: str) -> None:
        """Presses keys together and releases them: `press("ctrl-alt-delete")`.

        A key is a character (`a`, `7`) or a name: enter, tab, backspace, esc, space, minus, shift,
        ctrl, alt, caps, num, scroll, up, down, left, right, home, end, pageup, pagedown, insert,
        delete, f1 to f12. Raises as `type` does.
        """
        codes = [_named(key) for key in keys.split("-")]
        releases = [_release(code) for code in reversed(codes)]
        self._core.type(b"".join([*map(bytes, codes), *releases]))


def untypable(text: str) -> str:
    """The first character of a text that is on no key; empty if all are."""
    return next((char for char in text if char not in _PLAIN and char not in _SHIFTED), "")


def _named(key: str) -> tuple[int, ...]:
    if key in _NAMED:
        return _NAMED[key]
    if key in _PLAIN:
        return (_PLAIN[key],)
    raise HvlabError(f"no key is called {key!r}; known: a character, {', '.join(_NAMED)}")


def _typed(char: str) -> bytes:
    if char in _PLAIN:
        code = (_PLAIN[char],)
        return bytes(code) + _release(code)
    code = (_PLAIN[_SHIFTED[char]],)
    return bytes((_SHIFT, *code)) + _release(code) + _release((_SHIFT,))


def _release(code: tuple[int, ...]) -> bytes:
    return bytes((*code[:-1], _BREAK, code[-1]))
