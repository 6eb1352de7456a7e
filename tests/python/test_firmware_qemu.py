# SPDX-License-Identifier: GPL-2.0-or-later
"""The firmware's fixtures under QEMU's SeaBIOS, and our firmware on QEMU's devices: the same text."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

import hvlab
from hvlab.fixtures import fixture
from test_firmware import OUTPUT
from test_fixtures_qemu import QEMU, SECONDS, command, monitored_by, run

pytestmark = pytest.mark.skipif(QEMU is None, reason="qemu-system-x86_64 is not installed")

ROM = 0xF0000
SCREEN_BYTES = 80 * 25 * 2


def drive(name: str, interface: str) -> list[str]:
    return ["-drive", f"format=raw,file={fixture(name)},if={interface},snapshot=on"]


def screen_of_seabios(name: str, interface: str, folder: Path) -> str:
    """What the guest has printed since it was booted, once it has halted."""
    arguments = ["-m", "16", *drive(name, interface)]
    with monitored_by(arguments, folder / "qmp", leaves=False) as (_, monitor):
        command(monitor, "qmp_capabilities")
        deadline = time.monotonic() + SECONDS
        query = {"command-line": "info registers"}
        while "HLT=1" not in (state := command(monitor, "human-monitor-command", **query)) or (
            int(re.search(r"EFL=(\w+)", state)[1], 16) & 0x200  # type: ignore[index]
        ):
            assert time.monotonic() < deadline, state
            time.sleep(0.05)
        dump = folder / "screen"
        save = f'pmemsave 0xb8000 {SCREEN_BYTES} "{dump}"'
        command(monitor, "human-monitor-command", **{"command-line": save})
        text = dump.read_bytes()[::2].decode("cp437")
    rows = [text[at : at + 80].rstrip() for at in range(0, len(text), 80)]
    whole = "\n".join(rows).rstrip("\n")
    return re.sub(r"(?s)^.*Booting from [^\n]*\n", "", whole)


@pytest.mark.parametrize("name", ["bios-print", "bios-disk"])
def test_seabios_gives_the_same_text(name: str, tmp_path: Path) -> None:
    assert screen_of_seabios(name, "ide", tmp_path) == OUTPUT[name].rstrip("\n")


def test_seabios_gives_the_same_text_of_a_floppy(tmp_path: Path) -> None:
    expected = OUTPUT["bios-disk"].replace("by number   80b9b1dc\n", "")
    assert screen_of_seabios("bios-disk", "floppy", tmp_path) == expected


def test_seabios_agrees_about_memory_below_1_mib(tmp_path: Path) -> None:
    """Above, it keeps some of the last MiB for its own tables."""
    ours = OUTPUT["bios-memory"].splitlines()
    theirs = screen_of_seabios("bios-memory", "ide", tmp_path).splitlines()
    low = [line for line in theirs if re.match(r"int 12h|map 0000000000[0-9a-f]{6}", line)]
    assert low[:4] == [ours[0], *ours[3:6]]


def with_our_firmware(name: str, folder: Path) -> list[str]:
    rom = folder / "rom.bin"
    with hvlab.Machine(boot=hvlab.DiskBoot(fixture(name))) as machine:
        rom.write_bytes(machine.memory.read(ROM, 0x10000))
    machine_type = ["-M", "isapc", "-cpu", "qemu64,-apic", "-m", "16", "-bios", str(rom)]
    return [*machine_type, *drive(name, "ide")]


@pytest.mark.parametrize("name", list(OUTPUT))
def test_our_firmware_runs_on_qemus_devices(name: str, tmp_path: Path) -> None:
    with run(*with_our_firmware(name, tmp_path)) as guest:
        output, status = guest.finish()
    assert (output.replace("\r\n", "\n"), status) == (OUTPUT[name], 1)


KEYS = {
    "a": "1e61", "shift-a": "1e41", "ctrl-a": "1e01", "alt-a": "1e00", "ret": "1c0d", "spc": "3920",
    "f1": "3b00", "shift-f1": "5400", "ctrl-f10": "6700", "f12": "8600", "up": "4800", "delete": "5300",
    "shift-1": "0221", "alt-1": "7800", "ctrl-ret": "1c0a", "bracket_left": "1a5b", "tab": "0f09",
    "esc": "011b",
}  # fmt: skip


def test_our_firmware_reads_qemus_keyboard(tmp_path: Path) -> None:
    arguments = with_our_firmware("bios-keys", tmp_path)
    with monitored_by(arguments, tmp_path / "qmp") as (guest, monitor):
        command(monitor, "qmp_capabilities")
        guest.expect("keys\r\n")
        for key, code in KEYS.items():
            command(monitor, "human-monitor-command", **{"command-line": f"sendkey {key}"})
            assert guest.expect("\r\n") == f"{code}\r\n", key
