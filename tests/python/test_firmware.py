# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks booted by hvlab's own firmware: what boot sectors get of its services."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

import hvlab
from hvlab.errors import BootError

ROM = 0xF0000
DISK_SUMS = "one by one  80b9b1dc\n16 at once  7d0350b5\n"
OUTPUT = {
    "bios-print": "teletype\nstring\ncells: ####\nmode 03, cursor 03:10\n",
    "bios-disk": DISK_SUMS + "by number   80b9b1dc\ndone",
    "bios-memory": (
        "int 12h 027f\n"
        "ah=88h 3c00\n"
        "ax=e801h 3c00 0000\n"
        "map 0000000000000000 000000000009fc00 01\n"
        "map 000000000009fc00 0000000000000400 02\n"
        "map 00000000000f0000 0000000000010000 02\n"
        "map 0000000000100000 0000000000f00000 01\n"
        "map 00000000ffff0000 0000000000010000 02\n"
        "done\n"
    ),
}
KEYS = {
    "a": "1e61", "Z": "2c5a", "1": "0231", "!": "0221", " ": "3920", "\n": "1c0d", "\t": "0f09",
    "\x7f": "0e08", "\x03": "2e03", "\x1b[A": "4800", "\x1b[D": "4b00",
}  # fmt: skip


def screen(machine: hvlab.Machine) -> str:
    """The text on the screen, without the blank lines at its end."""
    return machine.screen.text().rstrip("\n")


def booted(boot: hvlab.DiskBoot, *, memory: str = "16MiB", keys: str = "") -> hvlab.Machine:
    machine = hvlab.Machine(boot=boot, memory=memory)
    machine.console.send(keys)
    return machine


def sector(tmp_path: Path, code: str) -> Path:
    """A boot sector of machine code in hexadecimal."""
    path = tmp_path / "sector.img"
    path.write_bytes(bytes.fromhex(code).ljust(510, b"\0") + b"\x55\xaa")
    return path


def exit_code(path: Path) -> int | None:
    with booted(hvlab.DiskBoot(path)) as machine:
        stop = machine.run(timeout="2s")
        assert stop.reason == "debug-exit", stop
        return stop.code


@pytest.mark.parametrize("name", list(OUTPUT))
def test_a_disk_boots_and_its_text_is_on_screen_and_console(name: str) -> None:
    with booted(hvlab.DiskBoot(hvlab.fixture(name))) as machine:
        stop = machine.run(timeout="2s")
        assert (stop.reason, stop.code) == ("debug-exit", 0), machine.console.output
        assert machine.console.output == OUTPUT[name]
        assert screen(machine) == OUTPUT[name].rstrip("\n")
        assert machine.unhandled_accesses == 0


def test_a_floppy_boots_and_has_no_sector_numbers() -> None:
    with booted(hvlab.DiskBoot(floppy=hvlab.fixture("bios-disk"))) as machine:
        assert machine.run(timeout="2s").code == 0
        assert machine.console.output == DISK_SUMS + "done"


def test_the_floppy_comes_before_the_disk() -> None:
    boot = hvlab.DiskBoot(hvlab.fixture("bios-print"), floppy=hvlab.fixture("bios-disk"))
    with booted(boot) as machine:
        assert machine.run(timeout="2s").code == 0
        assert machine.console.output.startswith("one by one")


def test_keys_come_from_the_console() -> None:
    with booted(hvlab.DiskBoot(hvlab.fixture("bios-keys"))) as machine:
        machine.console.expect("keys\n", timeout="1s")
        for key, code in KEYS.items():
            machine.console.send(key)
            assert machine.console.expect(r"(\w+)\n", timeout="1s")[1] == code
        machine.console.send("\x1b")
        assert machine.run(timeout="1s").code == 0


def test_without_mirror_the_console_is_silent() -> None:
    with booted(hvlab.DiskBoot(hvlab.fixture("bios-print"), mirror=False)) as machine:
        assert machine.run(timeout="2s").code == 0
        assert machine.console.output == ""
        assert screen(machine) == OUTPUT["bios-print"].rstrip("\n")


@pytest.mark.parametrize(("memory", "end"), [("1MiB", 0x100000), ("3GiB", 0xC0000000)])
def test_the_memory_map_ends_where_memory_does(memory: str, end: int) -> None:
    with booted(hvlab.DiskBoot(hvlab.fixture("bios-memory")), memory=memory) as machine:
        assert machine.run(timeout="2s").code == 0
        assert f"map 0000000000100000 {end - 0x100000:016x} 01\n" in machine.console.output


def test_memory_above_4_gib_is_in_the_map() -> None:
    with booted(hvlab.DiskBoot(hvlab.fixture("bios-memory")), memory="5GiB") as machine:
        assert machine.run(timeout="2s").code == 0
        assert machine.console.output.endswith("map 0000000100000000 0000000080000000 01\ndone\n")


def test_the_rom_takes_no_writes(tmp_path: Path) -> None:
    # mov $0xf000, %ax; mov %ax, %ds; movb $0x5a, 0; mov 0, %al; out %al, $0xf4
    path = sector(tmp_path, "b800f08ed8c60600005aa00000e6f4")
    with booted(hvlab.DiskBoot(path)) as machine:
        before = machine.memory.read(ROM, 0x10000)
        assert machine.run(timeout="2s").code == before[0]
        assert machine.memory.read(ROM, 0x10000) == before
        assert machine.unhandled_accesses == 0


@pytest.mark.parametrize("function", ["03", "43"])
def test_a_write_is_refused_as_protected(tmp_path: Path, function: str) -> None:
    # mov $0xFF01, %ax; mov $1, %cx; mov $0x80, %dx; xor %bx, %bx; mov $0x600, %si; int $0x13
    # mov %ah, %al; out %al, $0xf4
    path = sector(tmp_path, f"b801{function}b90100ba800031dbbe0006cd1388e0e6f4")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert exit_code(path) == 3
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("function", ["42", "44", "47"])
def test_a_range_beyond_the_end_is_not_there(tmp_path: Path, function: str) -> None:
    # mov $0x7c20, %si; mov $0xFF, %ah; mov $0x80, %dl; int $0x13; mov %ah, %al; out %al, $0xf4
    # and at 20h a packet: two sectors from 0 on, of a disk that has one
    code = f"be207cb4{function}b280cd1388e0e6f4".ljust(64, "0")
    assert exit_code(sector(tmp_path, code + "1000020000800000" + "00" * 8)) == 4


def test_the_timer_ticks(tmp_path: Path) -> None:
    # again: sti; hlt; cmpb $5, 0x46c - base; the base is read first:
    # mov 0x46c, %bl; 1: sti; hlt; mov 0x46c, %al; sub %bl, %al; cmp $5, %al; jb 1b; out %al, $0xf4
    path = sector(tmp_path, "8a1e6c04fbf4a06c0428d83c0572f5e6f4")
    with booted(hvlab.DiskBoot(path)) as machine:
        assert machine.run(timeout="2s").code == 5
        assert 4.9 < machine.time / (65536 / 1193182 * 1e9) < 6


def test_waiting_takes_the_time_it_says(tmp_path: Path) -> None:
    # mov $0x8600, %ax; mov $1, %cx; mov $0x86a0, %dx; int $0x15; setc %al; out %al, $0xf4
    path = sector(tmp_path, "b80086b90100baa086cd150f92c0e6f4")
    with booted(hvlab.DiskBoot(path)) as machine:
        assert machine.run(timeout="2s").code == 0
        assert 100e6 <= machine.time < 102e6


def test_a_disk_that_does_not_boot_any_more_says_so(tmp_path: Path) -> None:
    path = sector(tmp_path, "cd18")  # int $0x18: I give up
    with booted(hvlab.DiskBoot(path)) as machine:
        assert machine.run(timeout="2s").reason == "halted"
        assert machine.console.output == "hvlab: no disk to boot from\n"


def test_what_cannot_be_booted_is_told(tmp_path: Path) -> None:
    blank = tmp_path / "blank.img"
    blank.write_bytes(bytes(1024))
    cases = [
        (hvlab.DiskBoot(tmp_path / "none.img"), r"none\.img: disk: No such file"),
        (hvlab.DiskBoot(floppy=blank), r"blank\.img: floppy: .*boot signature"),
        (hvlab.DiskBoot(), "neither a disk nor a floppy"),
        (hvlab.DiskBoot(hvlab.fixture("bios-print"), firmware=blank), r"blank\.img: firmware: "),
    ]
    for boot, message in cases:
        with pytest.raises(BootError, match=message):
            hvlab.Machine(boot=boot)


def test_a_file_that_shrinks_under_the_guest_is_a_host_error(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(hvlab.fixture("bios-disk").read_bytes())
    with booted(hvlab.DiskBoot(path)) as machine:
        with path.open("r+b") as file:
            file.truncate(1024)
        with pytest.raises(hvlab.HvlabError, match=r"disk\.img.*the file ends before"):
            machine.run(timeout="2s")


def test_text_scrolls_and_the_cursor_follows(tmp_path: Path) -> None:
    # mov $60, %cx; 1: mov %cl, %al; and $15, %al; add $'a', %al; mov $0x0e, %ah; int $0x10
    # mov $0x0e0d, %ax; int $0x10; mov $0x0e0a, %ax; int $0x10; loop 1b; mov %cl, %al; out %al, $0xf4
    path = sector(tmp_path, "b93c0088c8240f0461b40ecd10b80d0ecd10b80a0ecd10e2ea88c8e6f4")
    with booted(hvlab.DiskBoot(path)) as machine:
        assert machine.run(timeout="2s").code == 0
        letters = [chr((n & 15) + ord("a")) for n in range(60, 0, -1)]
        assert machine.console.output == "".join(f"{letter}\n" for letter in letters)
        assert screen(machine).split("\n") == letters[-24:]
        cursor = machine.screen.cursor
        assert (cursor.row, cursor.column) == (24, 0)


class Calls:
    """A boot sector that calls services with registers from a generator, for ever."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)

    def sector(self) -> bytes:
        code = b"".join(self._call() for _ in range(12)) + b"\xeb\xfe"  # jmp .
        return code.ljust(510, b"\0") + b"\x55\xaa"

    def _call(self) -> bytes:
        draw = self._draw
        vector, functions = draw.choice(
            [
                (0x10, (*range(0x14), 0x1A)),
                (0x13, (*range(0x17), *range(0x41, 0x49))),
                (0x14, range(4)),
                (0x15, (0x24, 0x87, 0x88, 0xC0, 0xC1, 0xE8)),
                (0x16, (1, 2, 5, 9, 0x11, 0x12)),
                (0x1A, range(6)),
            ]
        )
        word = lambda: draw.choice([draw.getrandbits(16), 0x80, 1, 0xFFFF, 0x55AA])  # noqa: E731
        code = b""
        for move in (b"\xbb", b"\xb9", b"\xba", b"\xbe", b"\xbf", b"\xbd"):  # bx cx dx si di bp
            code += move + word().to_bytes(2, "little")
        segment = draw.choice([0x2000, 0x9000, 0xB800, 0xF000, 0xFFFF])
        code += b"\xb8" + segment.to_bytes(2, "little") + b"\x8e\xc0"  # mov $..., %ax; mov %ax, %es
        function = draw.choice(list(functions)) << 8 | draw.choice(
            [0x20, 1, 2, draw.getrandbits(8)]
        )
        return code + b"\xb8" + function.to_bytes(2, "little") + bytes([0xCD, vector])


@pytest.mark.parametrize("seed", range(40))
def test_services_survive_any_registers(tmp_path: Path, seed: int) -> None:
    """The guest may harm itself as it likes; the host sees a stop and nothing else, twice the same."""
    path = tmp_path / "calls.img"
    path.write_bytes(Calls(seed).sector() + bytes(62 * 512))

    def outcome() -> tuple[str, int, str]:
        with booted(hvlab.DiskBoot(path, floppy=path)) as machine:
            stop = machine.run(instructions=300_000)
            return stop.reason, stop.time, machine.record.state_hash()

    assert outcome() == outcome()
