# SPDX-License-Identifier: GPL-2.0-or-later
"""What a scenario's machine can boot: one model for each kind, called by its first key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Discriminator, Field, Tag

from hvlab.scenario.fields import Strict
from hvlab.scenario.tree import Data
from hvlab.scenario.tree import Path as TreePath

if TYPE_CHECKING:
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


BOOTS: Mapping[str, type[Strict]] = {"flat": FlatBoot, "elf": ElfBoot, "linux": LinuxBoot}


def _kind(value: Any) -> str | None:
    for keyword, model in BOOTS.items():
        if isinstance(value, model) or (isinstance(value, dict) and keyword in value):
            return BOOT_TAG + keyword
    return None


BootSource = Annotated[
    Annotated[FlatBoot, Tag(BOOT_TAG + "flat")]
    | Annotated[ElfBoot, Tag(BOOT_TAG + "elf")]
    | Annotated[LinuxBoot, Tag(BOOT_TAG + "linux")],
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
