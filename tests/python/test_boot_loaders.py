# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot loaders that nobody here wrote, from Debian's packages: on our firmware and on SeaBIOS."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

import hvlab
from hvlab import fixtures
from hvlab.errors import FixtureError

SYSLINUX = Path("/usr/lib/syslinux")
GRUB = Path("/usr/lib/grub/i386-pc")
SECTOR = 512
MIB = 1 << 20
PARTITION = 1 * MIB  # where it begins
SYSLINUX_CONFIG = "PROMPT 1\nSAY a line of the configuration\nLABEL kernel\n  KERNEL mboot.c32\n"

needs_syslinux = pytest.mark.skipif(
    not (shutil.which("syslinux") and shutil.which("mformat") and SYSLINUX.is_dir()),
    reason="syslinux, syslinux-common or mtools is not installed",
)
needs_grub = pytest.mark.skipif(
    not (shutil.which("grub-mkimage") and shutil.which("mformat") and GRUB.is_dir()),
    reason="grub-common, grub-pc-bin or mtools is not installed",
)


@pytest.fixture(scope="module", params=["builtin", "seabios"])
def firmware(request: pytest.FixtureRequest) -> Path | None:
    """The BIOS image; None for the one that is built in."""
    if request.param == "builtin":
        return None
    try:
        return fixtures.fetch("seabios").path
    except FixtureError as error:
        pytest.skip(f"SeaBIOS cannot be fetched here: {error}")


def tool(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def copy(image: Path, offset: int, files: dict[str, Path]) -> None:
    """Puts files into a FAT file system inside an image."""
    for name, source in files.items():
        tool("mcopy", "-i", f"{image}@@{offset}", source, f"::{name}")


def disk(path: Path, size: int, boot_code: bytes) -> Path:
    """A disk with an MBR and one FAT partition from 1 MiB on, its boot flag set."""
    entry = struct.pack(
        "<B3sB3sII", 0x80, b"\0\0\0", 0x0E, b"\0\0\0", PARTITION // SECTOR,
        (size - PARTITION) // SECTOR,
    )  # fmt: skip
    mbr = boot_code[:440].ljust(446, b"\0") + entry + bytes(48) + b"\x55\xaa"
    with path.open("wb") as file:
        file.write(mbr)
        file.truncate(size)
    tool(
        "mformat", "-i", f"{path}@@{PARTITION}", "-T", str((size - PARTITION) // SECTOR),
        "-h", "16", "-s", "63", "-H", str(PARTITION // SECTOR), "::",
    )  # fmt: skip
    return path


def machine_of(boot: hvlab.DiskBoot) -> hvlab.Machine:
    return hvlab.Machine(boot=boot, memory="64MiB")


def text(machine: hvlab.Machine) -> str:
    """The output without a terminal's control sequences."""
    return re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|c)", "", machine.console.output)


def expect_kernel(output: str) -> None:
    """What the fixture `multiboot` says when all that it was handed over is right."""
    assert "entry: eax 0x2badb002" in output
    assert re.search(r"command line: .*some words", output)
    assert re.search(r"^module: [1-9][0-9]* bytes", output, re.MULTILINE)
    assert "multiboot: ok" in output


# ---- syslinux -------------------------------------------------------------------------------


def syslinux_files(folder: Path) -> dict[str, Path]:
    config = folder / "syslinux.cfg"
    config.write_text(
        SYSLINUX_CONFIG + "  APPEND multi.elf some words --- syslinux.cfg\n", encoding="ascii"
    )
    modules = SYSLINUX / "modules" / "bios"
    names = ("ldlinux.c32", "mboot.c32", "libcom32.c32")
    return {
        "syslinux.cfg": config,
        "multi.elf": hvlab.fixture("multiboot"),
        **{name: modules / name for name in names},
    }


def expect_syslinux(boot: hvlab.DiskBoot, kind: str) -> None:
    with machine_of(boot) as machine:
        machine.console.expect(r"SYSLINUX [0-9.]+ (\w+)", timeout="20s")
        machine.console.expect("a line of the configuration", timeout="20s")
        machine.console.expect_text("boot: ", timeout="20s")
        assert f" {kind} " in text(machine)
        machine.console.send("kernel\r")
        stop = machine.run(timeout="20s")
        assert (stop.reason, stop.code) == ("debug-exit", 0), text(machine)
        expect_kernel(text(machine))


@needs_syslinux
def test_syslinux_boots_from_a_floppy_by_chs(tmp_path: Path, firmware: Path | None) -> None:
    image = tmp_path / "floppy.img"
    tool("mformat", "-C", "-f", "1440", "-i", image, "::")
    copy(image, 0, syslinux_files(tmp_path))
    tool("syslinux", "--install", image)
    expect_syslinux(hvlab.DiskBoot(floppy=image, firmware=firmware), "CHS")


@needs_syslinux
def test_syslinux_boots_from_a_partition_by_edd(tmp_path: Path, firmware: Path | None) -> None:
    mbr = (SYSLINUX / "mbr" / "mbr.bin").read_bytes()
    image = disk(tmp_path / "disk.img", 16 * MIB, mbr)
    copy(image, PARTITION, syslinux_files(tmp_path))
    tool("syslinux", "--offset", str(PARTITION), "--install", image)
    expect_syslinux(hvlab.DiskBoot(image, firmware=firmware), "EDD")


# ---- GRUB -----------------------------------------------------------------------------------

GRUB_MODULES = (
    "biosdisk", "part_msdos", "fat", "normal", "echo", "ls", "lsmmap", "multiboot", "linux", "boot",
)  # fmt: skip
GRUB_CONFIG = """\
echo "GRUB has begun"
ls
lsmmap
set root=(hd0,msdos1)
"""
KERNEL_COMMANDS = "multiboot /multi.elf some words\nmodule /multi.elf a module\nboot\n"


def grub_disk(folder: Path, commands: str, files: dict[str, Path], size: int = 16 * MIB) -> Path:
    """boot.img, core.img behind it as grub-install would put it, and a partition."""
    config = folder / "grub.cfg"
    config.write_text(GRUB_CONFIG + commands, encoding="ascii")
    core = folder / "core.img"
    tool(
        "grub-mkimage", "-O", "i386-pc", "-p", "(hd0,msdos1)/", "-c", config, "-o", core,
        *GRUB_MODULES,
    )  # fmt: skip
    image = disk(folder / "grub.img", size, (GRUB / "boot.img").read_bytes())
    with image.open("r+b") as file:
        file.seek(SECTOR)
        file.write(core.read_bytes())
    copy(image, PARTITION, files)
    return image


@needs_grub
def test_grub_boots_a_multiboot_kernel(tmp_path: Path, firmware: Path | None) -> None:
    files = {"multi.elf": hvlab.fixture("multiboot")}
    image = grub_disk(tmp_path, KERNEL_COMMANDS, files)
    with machine_of(hvlab.DiskBoot(image, firmware=firmware)) as machine:
        machine.console.expect("GRUB has begun", timeout="20s")
        stop = machine.run(timeout="60s")
        output = text(machine)
        assert (stop.reason, stop.code) == ("debug-exit", 0), output
        assert "(hd0) (hd0,msdos1)" in output
        assert "base_addr = 0x0, length = 0x9fc00, available RAM" in output
        expect_kernel(output)


@pytest.mark.long
@needs_grub
def test_grub_boots_linux(tmp_path: Path, firmware: Path | None) -> None:
    try:
        kernel, initrd = fixtures.fetch("linux").path, fixtures.fetch("busybox").path
    except FixtureError as error:
        pytest.skip(f"kernel and busybox cannot be fetched here: {error}")
    assert kernel is not None
    assert initrd is not None
    commands = "linux /vmlinuz console=ttyS0 nokaslr\ninitrd /initrd\nboot\n"
    image = grub_disk(tmp_path, commands, {"vmlinuz": kernel, "initrd": initrd}, 64 * MIB)
    boot = hvlab.DiskBoot(image, firmware=firmware)
    with hvlab.Machine(boot=boot, memory="256MiB") as machine:
        machine.console.expect("Linux version", timeout="120s")
        machine.console.expect_text("/ # ", timeout="60s")
        machine.console.send("uname -r\n")
        machine.console.expect(r"[0-9.]+-\S+", timeout="10s")
