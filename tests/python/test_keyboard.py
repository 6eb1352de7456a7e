# SPDX-License-Identifier: GPL-2.0-or-later
"""The keyboard: keys that the host types, as a BIOS gives them to a program."""

from __future__ import annotations

import pytest

import hvlab
from hvlab.errors import DeviceError, HvlabError
from hvlab.keyboard import untypable
from hvlab.pytest_plugin import MachineFactory

TEXT = {
    "a": "1e61", "A": "1e41", "1": "0231", "!": "0221", "~": "297e", "\\": "2b5c", "|": "2b7c",
    " ": "3920", "\n": "1c0d", "\t": "0f09", "\b": "0e08", "/": "352f", "?": "353f", '"': "2822",
}  # fmt: skip
CHORDS = {
    "ctrl-a": "1e01", "alt-a": "1e00", "shift-f1": "5400", "f12": "8600", "up": "4800",
    "delete": "5300", "pagedown": "5100", "ctrl-f10": "6700", "alt-1": "7800", "minus": "0c2d",
    "ctrl-enter": "1c0a",
}  # fmt: skip


pytestmark = pytest.mark.hvlab(backend="unicorn")


def listening(make: MachineFactory, *, mirror: bool = True) -> hvlab.Machine:
    machine = make(boot=hvlab.DiskBoot(hvlab.fixture("bios-keys"), mirror=mirror))
    if mirror:
        machine.console.expect("keys\n", timeout="1s")
    else:
        machine.screen.expect("keys", timeout="1s")
    return machine


def test_text_is_typed_key_by_key(hvlab_machine: MachineFactory) -> None:
    machine = listening(hvlab_machine)
    machine.keyboard.type("".join(TEXT))
    for char, code in TEXT.items():
        assert machine.console.expect(r"(\w{4})\n", timeout="1s")[1] == code, char
    machine.keyboard.type("\x1b")
    assert machine.run(timeout="1s").code == 0


def test_chords_are_pressed_together(hvlab_machine: MachineFactory) -> None:
    machine = listening(hvlab_machine)
    for keys, code in CHORDS.items():
        machine.keyboard.press(keys)
        assert machine.console.expect(r"(\w{4})\n", timeout="1s")[1] == code, keys


def test_ctrl_alt_delete_resets(hvlab_machine: MachineFactory) -> None:
    machine = listening(hvlab_machine)
    machine.keyboard.press("ctrl-alt-delete")
    assert machine.run(timeout="1s").reason == "reset"


def test_what_is_typed_is_in_the_record(hvlab_machine: MachineFactory) -> None:
    def record(text: str) -> str:
        machine = listening(hvlab_machine, mirror=False)
        machine.keyboard.type(text)
        machine.run(timeout="10ms")
        return machine.record.hash

    assert record("ab") == record("ab")
    assert record("ab") != record("ac")


def test_what_cannot_be_typed_is_refused_whole(hvlab_machine: MachineFactory) -> None:
    machine = listening(hvlab_machine)
    with pytest.raises(HvlabError, match="no key types 'ä'"):
        machine.keyboard.type("aä")
    with pytest.raises(HvlabError, match=r"no key is called 'control'; known: .*ctrl"):
        machine.keyboard.press("control-a")
    with pytest.raises(DeviceError, match=r"i8042.*more than 4096"):
        machine.keyboard.type("a" * 2000)
    assert machine.run(timeout="10ms").reason == "deadline"
    assert machine.console.output == "keys\n"


def test_every_printable_character_has_a_key() -> None:
    assert untypable("".join(map(chr, range(0x20, 0x7F))) + "\n\t\b\x1b") == ""
