# SPDX-License-Identifier: GPL-2.0-or-later
"""ELF executables from their file to their entry point."""

from __future__ import annotations

from pathlib import Path

import pytest

import hvlab
from hvlab.errors import BootError
from hvlab.pytest_plugin import MachineFactory

# What docs/boot.md says of the entry: the guest checks the rest of it itself.
STATES = {
    "elf32": "elf32: cr0 0x00000011 cr3 0x00000000 cr4 0x00000000 efer 0x00000000\n",
    "elf64": "elf64: cr0 0x80000011 cr3 0x00009000 cr4 0x00000020 efer 0x00000500\n",
}


@pytest.mark.hvlab(backend="unicorn")
@pytest.mark.parametrize("name", STATES)
def test_a_program_is_loaded_and_entered_as_the_documentation_says(
    hvlab_machine: MachineFactory, name: str
) -> None:
    machine = hvlab_machine(boot=hvlab.ElfImage(hvlab.fixture(name)), memory="2MiB")
    stop = machine.run(timeout="1s")
    assert (stop.reason, stop.code) == ("debug-exit", 0)
    expected = f"{STATES[name]}{name}: flags 0x00000002 stack 0x00008000\n{name}: ok\n"
    assert machine.console.output == expected


def test_a_program_that_needs_more_memory_than_there_is(tmp_path: Path) -> None:
    image = bytearray(hvlab.fixture("elf32").read_bytes())
    memory_size = 0x34 + 0x20 + 20  # p_memsz of the second program header
    image[memory_size : memory_size + 4] = (2 << 20).to_bytes(4, "little")
    path = tmp_path / "large.elf"
    path.write_bytes(image)
    with pytest.raises(BootError, match=r"large\.elf: segment 1: 2097152 bytes at 0x101000 do not"):
        hvlab.Machine(boot=hvlab.ElfImage(path), memory="2MiB")


def test_errors_name_file_and_field(tmp_path: Path) -> None:
    with pytest.raises(BootError, match=r"hello\.bin: e_ident: not an ELF file"):
        hvlab.Machine(boot=hvlab.ElfImage(hvlab.fixture("hello")))
    with pytest.raises(BootError, match=r"none: image: No such file or directory"):
        hvlab.Machine(boot=hvlab.ElfImage(tmp_path / "none"))
