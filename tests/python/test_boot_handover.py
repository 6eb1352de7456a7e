# SPDX-License-Identifier: GPL-2.0-or-later
"""Multiboot and PVH kernels through Python: what they are given, and what is refused."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

import hvlab
from hvlab.errors import BootError, ScenarioError
from hvlab.scenario.document import Document
from hvlab.scenario.runner import run_case

KINDS = {"multiboot": hvlab.MultibootKernel, "pvh": hvlab.PvhKernel}


def checksum(data: bytes) -> int:
    """As fixtures/include/handover.inc has it."""
    value = 0
    for byte in data:
        value = ((value << 1 | value >> 31) + byte) & 0xFFFFFFFF
    return value


@pytest.mark.parametrize("kind", KINDS)
def test_modules_arrive_whole_with_their_texts(kind: str, tmp_path: Path) -> None:
    contents = [b"x", bytes(range(256)) * 16, b"\x00" * 4097]
    modules = []
    for number, content in enumerate(contents):
        path = tmp_path / f"module{number}"
        path.write_bytes(content)
        modules.append(hvlab.BootModule(path, "text " * number))
    boot = KINDS[kind](hvlab.fixture(kind), "a b", modules)
    with hvlab.Machine(boot=boot, memory="4MiB") as machine:
        assert machine.run(timeout="1s").code == 0
        output = machine.console.output
    found = re.findall(r'module: (\d+) bytes, checksum 0x(\w+), text "(.*)"', output)
    assert found == [
        (str(len(content)), f"{checksum(content):08x}", "text " * number)
        for number, content in enumerate(contents)
    ]
    assert 'command line: "a b"\n' in output


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("memory", "upper"), [("2MiB", 1 << 20), ("4GiB", (3 << 30) - (1 << 20))])
def test_the_memory_map_is_the_machines(kind: str, memory: str, upper: int) -> None:
    boot = KINDS[kind](hvlab.fixture(kind))
    with hvlab.Machine(boot=boot, memory=memory) as machine:
        assert machine.run(timeout="1s").code == 0
        output = machine.console.output
    ranges = re.findall(r"map: start 0x(\w+) length 0x(\w+) type (\d)", output)
    expected = [(0, 0x9FC00, 1), (0x9FC00, 0x60400, 2), (1 << 20, upper, 1)]
    if memory == "4GiB":
        expected.append((4 << 30, 1 << 30, 1))
    assert [(int(start, 16), int(size, 16), int(type)) for start, size, type in ranges] == expected


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_wrong_is_said_by_file_and_field(kind: str, tmp_path: Path) -> None:
    kernel = KINDS[kind]
    with pytest.raises(BootError, match=r"none: kernel: No such file"):
        hvlab.Machine(boot=kernel(tmp_path / "none"))
    missing = hvlab.BootModule(tmp_path / "none")
    with pytest.raises(BootError, match=r"none: module 0: No such file"):
        hvlab.Machine(boot=kernel(hvlab.fixture(kind), "", [missing]))
    large = tmp_path / "large"
    large.touch()
    with large.open("r+b") as file:
        file.truncate(3 << 20)
    two = [hvlab.BootModule(large), hvlab.BootModule(large)]
    with pytest.raises(BootError, match=r"large: module 1: larger than 1048576 bytes"):
        hvlab.Machine(boot=kernel(hvlab.fixture(kind), "", two), memory="4MiB")
    with pytest.raises(BootError, match=r"\.elf: cmdline: 4096 bytes; at most 4095"):
        hvlab.Machine(boot=kernel(hvlab.fixture(kind), "x" * 4096))
    with pytest.raises(BootError, match=r"\.elf: boot information: no room for|do not fit into"):
        hvlab.Machine(boot=kernel(hvlab.fixture(kind)), memory="1MiB")


def test_each_wants_its_own_kind() -> None:
    with pytest.raises(BootError, match="multiboot header: none in the first 8192 bytes"):
        hvlab.Machine(boot=hvlab.MultibootKernel(hvlab.fixture("pvh")))
    with pytest.raises(BootError, match="XEN_ELFNOTE_PHYS32_ENTRY: there is no such note"):
        hvlab.Machine(boot=hvlab.PvhKernel(hvlab.fixture("multiboot")))


def test_a_kernel_that_is_no_elf_file_is_loaded_by_its_header(tmp_path: Path) -> None:
    """32-bit code: leaves by debug-exit with the magic number's low byte."""
    load = 0x200000
    magic, flags = 0x1BADB002, 0x10000
    header = struct.pack("<III", magic, flags, -(magic + flags) & 0xFFFFFFFF)
    entry = load + 64
    addresses = struct.pack("<IIIII", load + 16, load, 0, load + 0x2000, entry)
    code = b"\xe6\xf4\xf4"  # out %al, $0xf4; hlt
    image = bytes(16) + header + addresses
    (tmp_path / "kernel").write_bytes(image.ljust(64, b"\x00") + code)
    with hvlab.Machine(boot=hvlab.MultibootKernel(tmp_path / "kernel")) as machine:
        stop = machine.run(timeout="1ms")
        assert (stop.reason, stop.code) == ("debug-exit", 0x02)
        assert machine.memory.read(load, 64) == image.ljust(64, b"\x00")
        assert machine.vcpus[0].state.rbx == 0x100000


def test_scenarios_check_the_modules_files(read: Callable[[str], Document]) -> None:
    document = """\
schema: 1
name: x
machine:
  boot:
    multiboot: "fixture:multiboot"
    modules:
      - {path: "fixture:hello"}
      - {path: "missing.bin"}
steps: [boot: {}]
"""
    with pytest.raises(ScenarioError, match=r"8:16: error: 'missing.bin': No such file"):
        read(document)


def test_reports_name_every_file_that_was_booted(read: Callable[[str], Document]) -> None:
    document = read("""\
schema: 1
name: x
machine:
  memory: 4MiB
  boot:
    pvh: "fixture:pvh"
    modules: [{path: "fixture:hello"}, {path: "fixture:echo", cmdline: second}]
steps:
  - boot: {}
  - expect: {text: "text \\"second\\"\\n", within: 100ms}
""")
    result = run_case(document.cases[0])
    assert result.outcome == "passed"
    assert [(image.field, image.reference) for image in result.machines[0].images] == [
        ("pvh", "fixture:pvh"),
        ("modules[0].path", "fixture:hello"),
        ("modules[1].path", "fixture:echo"),
    ]
