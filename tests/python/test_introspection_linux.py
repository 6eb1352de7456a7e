# SPDX-License-Identifier: GPL-2.0-or-later
"""A running Linux looked at from outside: its symbols against its own /proc/kallsyms, its stack and the
lines that are noticed against what it prints itself when it crashes.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import hvlab
from hvlab.errors import FixtureError
from hvlab.introspection import inspect
from hvlab.introspection.kallsyms import Kallsyms, decode, find_kallsyms
from hvlab.introspection.paging import AddressSpace
from hvlab.scenario.oops import EXPRESSION, first_noticed
from test_boot_loaders import grub_disk, needs_grub

PROMPT = "/ # "
Boot = Callable[..., hvlab.Machine]


@pytest.fixture(scope="module")
def boot() -> Boot:
    try:
        kernel, initrd = hvlab.fixture("linux"), hvlab.fixture("busybox")
    except FixtureError as error:
        pytest.skip(f"kernel and busybox cannot be fetched here: {error}")

    def booted(
        cmdline: str = "", to: str | None = PROMPT, with_initrd: bool = True
    ) -> hvlab.Machine:
        machine = hvlab.Machine(
            memory="256MiB",
            boot=hvlab.LinuxBoot(
                kernel, initrd=initrd if with_initrd else None, cmdline=f"console=ttyS0 {cmdline}"
            ),
        )
        if to is not None:
            machine.console.expect_text(to, timeout="30s")
        return machine

    return booted


def space_of(machine: hvlab.Machine) -> AddressSpace:
    return AddressSpace(machine.memory, machine.vcpus[0].state)


def kallsyms_of(machine: hvlab.Machine) -> Kallsyms:
    found = find_kallsyms(space_of(machine))
    assert found is not None
    return found


def address_of(machine: hvlab.Machine, name: str) -> int:
    return next(address for address, _, symbol in kallsyms_of(machine) if symbol == name)


def patch(machine: hvlab.Machine, symbol: str, code: str) -> None:
    """Puts instructions at the begin of a function of the kernel's."""
    page = space_of(machine).translate(address := address_of(machine, symbol))
    assert page is not None
    machine.memory.write(page.physical + address - page.linear, bytes.fromhex(code))


def kernel_trace(console: str) -> list[str]:
    """The trace in the console's oops: `? ` and `name+0x1/0x2` of each line, up to the user's registers."""
    _, _, text = console.partition("<TASK>")
    text, _, _ = text.partition("</TASK>")
    return re.findall(r"\] +(\? )?([\w.]+\+0x[0-9a-f]+/0x[0-9a-f]+)$", text, re.MULTILINE)


def test_kallsyms_is_what_the_guest_says(boot: Boot) -> None:
    with boot() as machine:
        found = list(kallsyms_of(machine))
        before = len(machine.console.output)
        machine.console.send("cat /proc/kallsyms; echo the end\n")
        machine.console.expect_text("the end\n", timeout="60s")
        lines = machine.console.output[before:].splitlines()
        peers = [line.split() for line in lines if re.match(r"[0-9a-f]{16} \S ", line)]
        told = [(int(address, 16), kind, name) for address, kind, name, *_module in peers]
        assert len(told) > 50_000
        assert found == told
        # The processor knows one of them, too.
        entry = kallsyms_of(machine).find(machine.vcpus[0].state.msrs.lstar)
        assert entry is not None
        assert entry.name == "entry_SYSCALL_64"


@pytest.mark.long
@needs_grub
def test_kallsyms_of_a_kernel_that_was_moved(tmp_path: Path) -> None:
    """The decompressor, which GRUB starts, puts the kernel at an address by chance (KASLR)."""
    try:
        kernel, initrd = hvlab.fixture("linux"), hvlab.fixture("busybox")
    except FixtureError as error:
        pytest.skip(f"kernel and busybox cannot be fetched here: {error}")
    commands = "linux /vmlinuz console=ttyS0\ninitrd /initrd\nboot\n"
    image = grub_disk(tmp_path, commands, {"vmlinuz": kernel, "initrd": initrd}, 64 << 20)
    with hvlab.Machine(memory="256MiB", boot=hvlab.DiskBoot(image)) as machine:
        machine.console.expect_text(PROMPT, timeout="120s")
        text = address_of(machine, "_text")
        assert text != 0xFFFF_FFFF_8100_0000
        machine.console.send("grep ' _text$' /proc/kallsyms\n")
        machine.console.expect(f"^{text:016x} T _text$", timeout="60s")


def test_user_code_on_the_reduced_tables_of_pti(boot: Boot) -> None:
    with boot("pti=on") as machine:
        machine.console.send("while :; do :; done\n")
        while machine.vcpus[0].state.cs.dpl != 3:
            machine.run(instructions=10_007)
        assert machine.vcpus[0].state.cr3 & 0x1000
        assert find_kallsyms(space_of(machine)) is None
        seen = inspect(machine)
    assert "64-bit mode, CPL 3\nsymbols: kallsyms in the guest's memory" in seen.stack


def test_the_stack_of_a_panic_is_what_linux_prints(boot: Boot) -> None:
    with boot() as machine:
        machine.console.send("echo c > /proc/sysrq-trigger\n")
        machine.console.expect_text("---[ end Kernel panic", timeout="10s")
        machine.run(timeout="200ms")
        output = machine.console.output
        told = kernel_trace(output)
        seen = inspect(machine)
    shown = re.findall(
        r"^([ ?]) [0-9a-f]{16}  ([\w.]+\+0x[0-9a-f]+/0x[0-9a-f]+)$", seen.stack, re.MULTILINE
    )
    # panic() has gone on since; from its caller on the two are the same, marks included.
    since = next(i for i, (_, name) in enumerate(told) if name.startswith("panic+")) + 1
    assert len(told) - since > 10
    peers = [(mark or " ").strip() + name for mark, name in told[since:]]
    assert [mark.strip() + name for mark, name in shown][-len(peers) :] == peers
    assert sum(not mark for mark, _ in told[since:]) > 7
    assert any(mark == " " and name.startswith("panic+") for mark, name in shown)
    # What the guest was doing when it called the kernel: its RIP stands at the stack's top.
    rip = re.search(r"RIP: 0033:0x([0-9a-f]+)", output)
    assert rip is not None
    assert seen.stack.endswith(f"{int(rip[1], 16):016x}  (interrupted here)")
    assert seen.disassembly.count("=>") == 1
    assert re.search(r"^=> [0-9a-f]{16} +<\w+\+0x", seen.disassembly, re.MULTILINE)


CRASHES = {
    "panic": ("", "the guest's kernel panicked: [", "Kernel panic - not syncing: sysrq triggered"),
    # xor eax,eax; mov [rax],eax
    "null": ("31c0 8900", "reported a bug: [", "BUG: kernel NULL pointer dereference, address: "),
    # mov rax,0xdead000000000000; mov [rax],eax
    "general": (
        "48b8 000000000000adde 8900",
        "reported a bug: [",
        "general protection fault, probably",
    ),
    "opcode": ("0f0b", "reported a bug: [", "invalid opcode: 0000 [#1]"),
}


@pytest.mark.parametrize("crash", CRASHES)
def test_crashes_are_noticed(boot: Boot, crash: str) -> None:
    code, meaning, line = CRASHES[crash]
    with boot() as machine:
        if code:
            patch(machine, "sysrq_handle_crash", code.replace(" ", ""))
        assert first_noticed(machine.console.log) is None
        machine.console.send("echo c > /proc/sysrq-trigger\n")
        # The expression that a run waits for, in the core, and the one here see the same line.
        match = machine.console.expect(EXPRESSION, timeout="10s")
        noticed = first_noticed(machine.console.log)
    assert noticed is not None
    time, sentence = noticed
    assert time < match.time
    assert meaning in sentence
    assert line in sentence
    assert match.text.endswith(sentence.partition(": ")[2][-40:])


@pytest.mark.parametrize(
    ("cmdline", "with_initrd", "line"),
    [
        ("rdinit=/bin/true", True, "Kernel panic - not syncing: Attempted to kill init!"),
        ("", False, "Kernel panic - not syncing: VFS: Unable to mount root fs on"),
        (
            "rdinit=/missing init=/missing",
            True,
            "Kernel panic - not syncing: VFS: Unable to mount root",
        ),
    ],
)
def test_a_kernel_without_init_is_noticed(
    boot: Boot, cmdline: str, with_initrd: bool, line: str
) -> None:
    with boot(cmdline, None, with_initrd) as machine:
        machine.console.expect(EXPRESSION, timeout="30s")
        noticed = first_noticed(machine.console.log)
    assert noticed is not None
    assert "the guest's kernel panicked: [" in noticed[1]
    assert line in noticed[1]


def test_tables_that_are_broken_are_none(boot: Boot) -> None:
    """Bytes of the tables changed: other names, other addresses, or no tables; never more, nor an error."""
    chance = random.Random(3)
    with boot() as machine:
        text = address_of(machine, "_text")
        data = bytearray(space_of(machine).read(text, 48 << 20))
    whole = decode(bytes(data))
    assert whole is not None
    rows = [at.start() & -4096 for at in re.finditer(rb"0\x001\x002\x003\x004\x005", data)]
    pieces = [data[row - (2 << 20) : row + 8192] for row in rows]
    tables = next(piece for piece in pieces if decode(bytes(piece)) is not None)
    refused = 0
    for _ in range(25):
        broken = bytearray(tables)
        for _ in range(chance.randrange(1, 4)):
            at = chance.choice(
                (chance.randrange(len(broken)), len(broken) - chance.randrange(2000))
            )
            broken[at : at + 4] = chance.randbytes(4)
        found = decode(bytes(broken))
        refused += found is None
        if found is not None:
            assert len(found) == len(whole)
            assert all(len(name) <= 512 and name.isascii() for _, _, name in found)
    assert refused > 5
    for cut in range(10_000, len(tables), 200_000):
        assert decode(bytes(tables[:-cut])) is None
    for cut in range(1 << 20, len(tables), 100_000):
        assert decode(bytes(tables[cut:])) is None
