# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's SeaBIOS as the firmware: the same boot sectors from the same images."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import hvlab
from hvlab import fixtures
from hvlab.errors import FixtureError
from hvlab.scenario.boots import DiskBoot, references
from test_firmware import DISK_SUMS, OUTPUT, booted


@pytest.fixture(scope="module")
def seabios() -> Path:
    try:
        path = fixtures.fetch("seabios").path
    except FixtureError as error:
        pytest.skip(f"SeaBIOS cannot be fetched here: {error}")
    assert path is not None
    return path


def plain(text: str) -> str:
    """What a terminal shows of SeaBIOS's output, after its announcement."""
    text = re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|c)", "", text)
    return re.sub(r"(?s)^.*Booting from [A-Z][A-Za-z ]*\.\.\.?\n?", "", text)


@pytest.mark.parametrize("name", ["bios-disk", "bios-memory"])
def test_a_disk_boots(seabios: Path, name: str) -> None:
    with booted(hvlab.DiskBoot(hvlab.fixture(name), firmware=seabios)) as machine:
        stop = machine.run(timeout="2s")
        assert (stop.reason, stop.code) == ("debug-exit", 0), machine.console.output
        assert "SeaBIOS (version" in machine.console.output
        assert "Booting from Hard Disk" in machine.console.output
        # The ROM is larger than ours.
        expected = OUTPUT[name].replace(
            "00000000ffff0000 0000000000010000", "00000000fffc0000 0000000000040000"
        )
        assert plain(machine.console.output) == expected


def test_a_floppy_boots(seabios: Path) -> None:
    boot = hvlab.DiskBoot(floppy=hvlab.fixture("bios-disk"), firmware=seabios)
    with booted(boot) as machine:
        assert machine.run(timeout="2s").code == 0
        assert "Booting from Floppy" in machine.console.output
        assert plain(machine.console.output) == DISK_SUMS + "done"


@pytest.mark.parametrize("name", ["bios-print", "bios-disk"])
def test_with_its_vga_bios_text_is_on_the_screen(seabios: Path, name: str) -> None:
    boot = hvlab.DiskBoot(
        hvlab.fixture(name),
        firmware=seabios,
        video=fixtures.fetch("seavgabios").path,
        mirror=False,
    )
    with booted(boot) as machine:
        assert machine.run(timeout="2s").code == 0
        assert plain(machine.screen.text().rstrip("\n")) == OUTPUT[name].rstrip("\n")
        assert machine.console.output == ""


def test_keys_come_from_the_console(seabios: Path) -> None:
    with booted(hvlab.DiskBoot(hvlab.fixture("bios-keys"), firmware=seabios)) as machine:
        machine.console.expect("keys\n", timeout="1s")
        for key, code in {"a": "1e61", "Z": "2c5a", "!": "0221", "\x1b[A": "4800"}.items():
            machine.console.send(key)
            machine.console.expect(code, timeout="1s")
        machine.console.send("\x1b")
        assert machine.run(timeout="1s").code == 0


def test_without_mirror_the_console_is_silent(seabios: Path) -> None:
    boot = hvlab.DiskBoot(hvlab.fixture("bios-disk"), firmware=seabios, mirror=False)
    with booted(boot) as machine:
        assert machine.run(timeout="2s").code == 0
        assert machine.console.output == ""


def test_the_memory_map_has_what_is_above_4_gib(seabios: Path) -> None:
    boot = hvlab.DiskBoot(hvlab.fixture("bios-memory"), firmware=seabios)
    with booted(boot, memory="5GiB") as machine:
        assert machine.run(timeout="2s").code == 0
        assert "map 0000000100000000 0000000080000000 01\n" in machine.console.output


def test_a_run_repeats_however_it_is_cut(seabios: Path) -> None:
    def outcome(slice_length: int | None) -> tuple[int, int | None, str, str]:
        boot = hvlab.DiskBoot(hvlab.fixture("bios-disk"), firmware=seabios)
        with hvlab.Machine(boot=boot, memory="16MiB", seed=1) as machine:
            if slice_length is not None:
                machine._core.set_max_slice(slice_length)
            stop = machine.run(timeout="2s")
            record = machine.record
            return stop.time, stop.instructions, record.hash, record.state_hash()

    assert outcome(1000) == outcome(None)


def test_a_scenario_calls_it_by_its_name() -> None:
    boot = DiskBoot(disk="x.img", firmware="seabios")
    assert list(references(boot.model_dump())) == [
        (("disk",), "x.img"),
        (("firmware",), "fixture:seabios"),
        (("video",), "fixture:seavgabios"),
    ]
    assert [path for path, _ in references(DiskBoot(floppy="f.img").model_dump())] == [("floppy",)]
