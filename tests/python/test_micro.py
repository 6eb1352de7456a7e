# SPDX-License-Identifier: GPL-2.0-or-later
"""Micro-guests: exceptions, interrupts, permission, the console; the same on every backend."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import hvlab
from hvlab.errors import BootError
from hvlab.pytest_plugin import MachineFactory
from micro_guests import WALL, flat, machine, machine_of, output

EXCEPTIONS = """\
divide: vector 0 error 0x0 at 0
step: vector 1 error 0x0 at 1
breakpoint: vector 3 error 0x0 at 1
undefined: vector 6 error 0x0 at 0
undefined_other: vector 6 error 0x0 at 0
privileged: vector 13 error 0x0 at 0
control: vector 13 error 0x0 at 0
selector: vector 13 error 0x50 at 0
noncanonical: vector 13 error 0x0 at 0
read_nothing: vector 14 error 0x4 cr2 0xf008 at 0
write_nothing: vector 14 error 0x6 cr2 0x8 at 0
read_kernel: vector 14 error 0x5 cr2 0x5000 at 0
write_kernel: vector 14 error 0x7 cr2 0xc000 at 0
write_constant: vector 14 error 0x7 cr2 0x1000 at 0
write_code: vector 14 error 0x7 cr2 0x0 at 0
execute_data: vector 14 error 0x15 cr2 0x30000 at cr2
port: vector 13 error 0x0 at 0
exceptions: done
"""
CAUSES = [line.split(":")[0] for line in EXCEPTIONS.splitlines()[:-1]]


def test_handlers_see_every_exception_as_it_was(hvlab_machine: MachineFactory) -> None:
    assert output(hvlab_machine, "micro-exceptions") == EXCEPTIONS


@pytest.mark.parametrize("cause", CAUSES)
def test_an_exception_without_a_handler_is_told_to_the_host(
    hvlab_machine: MachineFactory, cause: str
) -> None:
    running = machine(hvlab_machine, "micro-exceptions", f"raise={CAUSES.index(cause)}")
    stop = running.run(wall=WALL)
    assert stop.reason == "guest-fault", (stop, running.console.output)
    said = re.search(r"raise (\w+) 0x(\w+)\n", running.console.output)
    assert said is not None
    assert said[1] == cause
    at = int(said[2], 16)
    expected = re.search(
        rf"^{cause}: vector (\d+) error 0x(\w+)(?: cr2 0x(\w+))? at (\w+)$", EXCEPTIONS, re.M
    )
    assert expected is not None
    fault = stop.fault
    assert fault is not None
    assert (fault.vector, fault.error_code) == (int(expected[1]), int(expected[2], 16))
    assert not fault.in_shim
    if expected[4] == "cr2":
        assert fault.rip == fault.cr2 == int(expected[3], 16)
    else:
        assert fault.rip == at + int(expected[4])
    if expected[3] is not None and cause != "write_code":
        assert fault.cr2 == int(expected[3], 16)
    assert f"exception {fault.vector} " in stop.message


def test_a_fault_can_be_run_into_again(hvlab_machine: MachineFactory, tmp_path: Path) -> None:
    with machine_of(hvlab_machine, flat(tmp_path, b"\xf4")) as running:  # hlt
        for _ in range(3):
            stop = running.run(wall=WALL)
            assert stop.reason == "guest-fault"
            assert stop.fault is not None
            assert (stop.fault.vector, stop.fault.rip) == (13, 0x100000)


def test_a_stack_that_is_no_memory_is_the_kernels_fault(
    hvlab_machine: MachineFactory, tmp_path: Path
) -> None:
    # Handlers for #UD and #PF, then RSP to nowhere: the shim cannot write the frame, and its own
    # fault is not the guest's to handle.
    handlers = "48c704253030000000001000 48c704257030000000001000"
    code = bytes.fromhex(handlers + "bc00f00000 0f0b")
    running = machine_of(hvlab_machine, flat(tmp_path, code))
    stop = running.run(wall=WALL)
    assert stop.reason == "guest-fault"
    assert stop.fault is not None
    assert stop.fault.vector == 14
    assert stop.fault.in_shim
    assert stop.fault.cr2 == 0xF000 - 192


@pytest.mark.parametrize(
    "code",
    [
        # A handler, and a stack, at an address that cannot be.
        "48b80000000000008000 4889042530300000 31c0 0f0b",
        "48c704253030000000001000 48bc0000000000008000 0f0b",
    ],
    ids=["handler", "stack"],
)
def test_nonsense_for_the_kernel_is_a_typed_stop(
    hvlab_machine: MachineFactory, code: str, tmp_path: Path
) -> None:
    running = machine_of(hvlab_machine, flat(tmp_path, bytes.fromhex(code)))
    stop = running.run(timeout="10s", wall=WALL)
    assert stop.reason == "guest-fault"
    assert stop.fault is not None
    assert stop.fault.vector == 13


@pytest.mark.parametrize("how", ["busy=0", "busy=1"])
def test_the_timer_interrupts_at_its_rate(hvlab_machine: MachineFactory, how: str) -> None:
    running = machine(hvlab_machine, "micro-ticks", f"hz=500 count=100 quiet=1 {how}")
    stop = running.run(wall=WALL)
    assert (stop.reason, stop.code) == ("debug-exit", 0), (stop, running.console.output)
    assert running.console.output == "ticks: done\n"
    # 100 periods of 2 ms. Under KVM time is the host's, and a tick may come late or be lost.
    assert stop.time >= 198_000_000
    if running.backend == "unicorn":
        assert stop.time < 202_000_000


def test_a_dialogue_driven_by_interrupts(hvlab_machine: MachineFactory) -> None:
    running = machine(hvlab_machine, "micro-echo")
    running.console.expect_text("ready\n", timeout="10s")
    running.console.send("hello\n")
    assert running.console.expect(r"echo: (\w+)\n", timeout="10s")[1] == "hello"
    lines = [f"line {number}" for number in range(60)]
    running.console.send("\n".join(lines) + "\nquit\n")
    stop = running.run(timeout="20s", wall=WALL)
    assert (stop.reason, stop.code) == ("debug-exit", 0), (stop, running.console.output)
    assert running.console.output.endswith("".join(f"echo: {line}\n" for line in lines))


def test_compute_is_right(hvlab_machine: MachineFactory) -> None:
    lcg, xorshift = hvlab.fixtures.compute_reference(300_000)
    expected = f"compute: 300000 steps\nlcg 0x{lcg:016x}\nxorshift 0x{xorshift:016x}\n"
    assert output(hvlab_machine, "micro-compute", "count=300000") == expected


@pytest.mark.parametrize(
    ("name", "cmdline"),
    [
        ("micro-exceptions", ""),
        ("micro-memory", "count=20000"),
        ("micro-ports", "count=50"),
        ("micro-mmio", "count=50"),
        ("micro-calls", "count=200"),
        ("micro-calls", "count=200 user=1"),
        ("micro-faults", "count=200"),
        ("micro-ticks", "count=5"),
    ],
)
@pytest.mark.hvlab(backend="unicorn")
def test_the_backends_agree(hvlab_machine: MachineFactory, name: str, cmdline: str) -> None:
    other = output(hvlab_machine, name, cmdline, backend="kvm")
    assert output(hvlab_machine, name, cmdline) == other


def test_ports_that_are_not_allowed_fault(hvlab_machine: MachineFactory, tmp_path: Path) -> None:
    boot = flat(tmp_path, bytes.fromhex("b041 e6e9 e480"))  # out to E9h, in from 80h
    allowed = hvlab.MicroImage(boot.path, ports=[(0xE9, 0xF7)])
    assert allowed.ports == [(0xE9, 0xF7)]
    running = machine_of(hvlab_machine, allowed)
    stop = running.run(wall=WALL)
    assert stop.reason == "guest-fault"
    assert stop.fault is not None
    assert (stop.fault.vector, stop.fault.rip) == (13, 0x100004)
    running = machine_of(hvlab_machine, boot)
    assert running.run(wall=WALL).reason == "debug-exit"


def test_a_call_to_the_host_and_its_answer(hvlab_machine: MachineFactory, tmp_path: Path) -> None:
    # rax = call, rdi = 7, rsi = 8, rdx = 9; ud2; what comes back goes to the debug-exit port.
    code = bytes.fromhex("b80100434d bf07000000 be08000000 ba09000000 0f0b")
    running = machine_of(hvlab_machine, flat(tmp_path, code))
    stop = running.run(wall=WALL)
    assert (stop.reason, stop.code, stop.arguments) == ("guest-call", 7, [7, 8, 9])
    hvlab.micro.answer(running, 42)
    stop = running.run(wall=WALL)
    assert (stop.reason, stop.code) == ("debug-exit", 42)
    assert running.vcpus[0].state.rdx == 9


def test_errors_name_file_and_field(tmp_path: Path) -> None:
    with pytest.raises(BootError, match=r"elf32\.elf: e_ident: a micro-guest is a 64-bit program"):
        hvlab.Machine(boot=hvlab.MicroImage(hvlab.fixture("elf32")))
    with pytest.raises(BootError, match=r"none: image: No such file or directory"):
        hvlab.Machine(boot=hvlab.MicroImage(tmp_path / "none"))
    with pytest.raises(BootError, match=r"ports: 0x9 to 0x8 is no range"):
        hvlab.Machine(boot=hvlab.MicroImage(hvlab.fixture("micro-echo"), ports=[(9, 8)]))
    with pytest.raises(BootError, match=r"bytes at 0x100000 do not fit"):
        hvlab.Machine(boot=hvlab.MicroImage(hvlab.fixture("micro-echo")), memory="1MiB")
