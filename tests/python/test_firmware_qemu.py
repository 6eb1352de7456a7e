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


@pytest.mark.parametrize("name", list(OUTPUT))
def test_our_firmware_runs_on_qemus_devices(name: str, tmp_path: Path) -> None:
    with hvlab.Machine(boot=hvlab.DiskBoot(fixture(name))) as machine:
        (tmp_path / "rom.bin").write_bytes(machine.memory.read(ROM, 0x10000))
    machine_type = [
        "-M",
        "isapc",
        "-cpu",
        "qemu64,-apic",
        "-m",
        "16",
        "-bios",
        str(tmp_path / "rom.bin"),
    ]
    with run(*machine_type, *drive(name, "ide")) as guest:
        output, status = guest.finish()
    assert (output.replace("\r\n", "\n"), status) == (OUTPUT[name], 1)
