# SPDX-License-Identifier: GPL-2.0-or-later
"""What a scenario's machine can boot: one model for each kind, called by its first key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from hvlab.scenario.fields import Strict, refuse
from hvlab.scenario.tree import Data
from hvlab.scenario.tree import Path as TreePath

if TYPE_CHECKING:
    from hvlab import BootModule
    from hvlab.machine import Boot

BOOT_TAG = "boot:"
_ADDRESS_MAX = (1 << 64) - 1

Resolve = Callable[[str], Path]  # a reference -> the file


class FlatBoot(Strict):
    """A flat binary, loaded as it is and entered in real mode, as a boot sector is."""

    flat: str = Field(
        min_length=1, description="The image: a path, or fixture:NAME.", examples=["fixture:hello"]
    )
    load_address: int = Field(
        default=0x7C00, ge=0, le=_ADDRESS_MAX, description="Where it is loaded."
    )
    entry: int | None = Field(
        default=None,
        ge=0,
        le=_ADDRESS_MAX,
        description="Where it begins; its load address by default.",
    )

    def source(self, resolve: Resolve) -> Boot:
        import hvlab

        return hvlab.FlatImage(resolve(self.flat), load_address=self.load_address, entry=self.entry)


class ElfBoot(Strict):
    """An ELF executable: 32-bit ones in protected mode, 64-bit ones in long mode."""

    elf: str = Field(
        min_length=1,
        description="The program: a path, or fixture:NAME.",
        examples=["fixture:elf64"],
    )

    def source(self, resolve: Resolve) -> Boot:
        import hvlab

        return hvlab.ElfImage(resolve(self.elf))


class LinuxBoot(Strict):
    """A Linux kernel (bzImage)."""

    linux: str = Field(
        min_length=1, description="The kernel: a path, or fixture:NAME.", examples=["fixture:linux"]
    )
    initrd: str | None = Field(
        default=None, min_length=1, description="The initial RAM disk: a path, or fixture:NAME."
    )
    cmdline: str = Field(default="", max_length=2047, description="The kernel's command line.")

    def source(self, resolve: Resolve) -> Boot:
        import hvlab

        initrd = None if self.initrd is None else resolve(self.initrd)
        return hvlab.LinuxBoot(resolve(self.linux), initrd=initrd, cmdline=self.cmdline)


class Module(Strict):
    """A file that is put into memory beside a kernel."""

    path: str = Field(min_length=1, description="The file: a path, or fixture:NAME.")
    cmdline: str = Field(default="", max_length=4095, description="The text that goes with it.")


class _WithModules(Strict):
    cmdline: str = Field(default="", max_length=4095, description="The kernel's command line.")
    modules: list[Module] = Field(
        default_factory=list, max_length=64, description="Files for the kernel, in order."
    )

    def _modules(self, resolve: Resolve) -> list[BootModule]:
        import hvlab

        return [hvlab.BootModule(resolve(m.path), m.cmdline) for m in self.modules]


class MultibootBoot(_WithModules):
    """A kernel by the Multiboot Specification, entered as by GRUB."""

    multiboot: str = Field(
        min_length=1,
        description="The kernel: a path, or fixture:NAME.",
        examples=["fixture:multiboot"],
    )

    def source(self, resolve: Resolve) -> Boot:
        import hvlab

        return hvlab.MultibootKernel(resolve(self.multiboot), self.cmdline, self._modules(resolve))


class PvhBoot(_WithModules):
    """A kernel with a PVH entry point; Linux takes the first module for its initrd."""

    pvh: str = Field(
        min_length=1, description="The kernel: a path, or fixture:NAME.", examples=["fixture:pvh"]
    )

    def source(self, resolve: Resolve) -> Boot:
        import hvlab

        return hvlab.PvhKernel(resolve(self.pvh), self.cmdline, self._modules(resolve))


class Ports(Strict):
    """Ports that a micro-guest may access."""

    first: int = Field(ge=0, le=0xFFFF, description="The lowest one.")
    last: int = Field(ge=0, le=0xFFFF, description="The highest one.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first > self.last:
            raise refuse(f"the first port, {self.first:#x}, is above the last, {self.last:#x}")
        return self


class MicroBoot(Strict):
    """A micro-guest: a program in 64-bit user mode under a kernel of a few stubs."""

    micro: str = Field(
        min_length=1,
        description="The program, a static ELF executable or a flat binary: a path, or fixture:NAME.",
        examples=["fixture:micro-echo"],
    )
    cmdline: str = Field(default="", max_length=4095, description="The program's command line.")
    ports: list[Ports] | None = Field(
        default=None,
        max_length=64,
        description="What it may access; another port is a #GP. All, if it is not given.",
    )

    def source(self, resolve: Resolve) -> Boot:
        import hvlab

        ports = None if self.ports is None else [(p.first, p.last) for p in self.ports]
        return hvlab.MicroImage(resolve(self.micro), self.cmdline, ports)


class DiskBoot(Strict):
    """Disks, booted by firmware as on a PC: the floppy, or else the disk."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["disk"]}, {"required": ["floppy"]}]}
    )

    disk: str | None = Field(
        default=None,
        min_length=1,
        description="A raw disk image, drive 80h: a path, or fixture:NAME. It is only read.",
        examples=["fixture:bios-disk"],
    )
    floppy: str | None = Field(
        default=None,
        min_length=1,
        description="A raw floppy image, drive 00h: a path, or fixture:NAME. It is only read.",
    )
    firmware: str = Field(
        default="builtin",
        min_length=1,
        description="The BIOS: 'builtin' is hvlab's own, 'seabios' the distribution's SeaBIOS; or an "
        "image: a path, or fixture:NAME.",
    )
    mirror: bool = Field(
        default=True,
        description="Text that the BIOS prints goes to the serial console too, and what is sent "
        "there is keys.",
    )

    def source(self, resolve: Resolve) -> Boot:
        import hvlab

        firmware, video = _firmware_images(self.firmware)
        return hvlab.DiskBoot(
            self.disk and resolve(self.disk),
            floppy=self.floppy and resolve(self.floppy),
            firmware=firmware and resolve(firmware),
            video=video and resolve(video),
            mirror=self.mirror,
        )


def _firmware_images(firmware: str) -> tuple[str | None, str | None]:
    """The references to a BIOS and to a VGA BIOS; None for what it does not need."""
    if firmware == "builtin":
        return None, None
    if firmware == "seabios":
        return "fixture:seabios", "fixture:seavgabios"
    return firmware, None


BOOTS: Mapping[str, type[Strict]] = {
    "flat": FlatBoot,
    "elf": ElfBoot,
    "linux": LinuxBoot,
    "multiboot": MultibootBoot,
    "pvh": PvhBoot,
    "micro": MicroBoot,
    "disk": DiskBoot,
    "floppy": DiskBoot,
}


def _kind(value: Any) -> str | None:
    for keyword, model in BOOTS.items():
        if isinstance(value, model) or (isinstance(value, dict) and keyword in value):
            return BOOT_TAG + next(first for first, other in BOOTS.items() if other is model)
    return None


BootSource = Annotated[
    Annotated[FlatBoot, Tag(BOOT_TAG + "flat")]
    | Annotated[ElfBoot, Tag(BOOT_TAG + "elf")]
    | Annotated[LinuxBoot, Tag(BOOT_TAG + "linux")]
    | Annotated[MultibootBoot, Tag(BOOT_TAG + "multiboot")]
    | Annotated[PvhBoot, Tag(BOOT_TAG + "pvh")]
    | Annotated[MicroBoot, Tag(BOOT_TAG + "micro")]
    | Annotated[DiskBoot, Tag(BOOT_TAG + "disk")],
    Discriminator(_kind),
]


def references(boot: Data) -> Iterator[tuple[TreePath, str]]:
    """The files that a `boot` refers to, each with its place inside it; of a wrong one, what is
    right.
    """
    if not isinstance(boot, dict):
        return
    for key in (*BOOTS, "initrd"):
        if isinstance(value := boot.get(key), str):
            yield (key,), value
    firmware = boot.get("firmware")
    if isinstance(firmware, str):
        for key, image in zip(("firmware", "video"), _firmware_images(firmware), strict=True):
            if image is not None:
                yield (key,), image
    modules = boot.get("modules")
    for index, module in enumerate(modules if isinstance(modules, list) else ()):
        if isinstance(module, dict) and isinstance(value := module.get("path"), str):
            yield ("modules", index, "path"), value
