# SPDX-License-Identifier: GPL-2.0-or-later
"""Resets from outside, registers by name, and the list of what happened last: on both backends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import hvlab
from both_backends import BACKENDS
from hvlab.errors import BootError, MachineBusy, MachineConfigError
from hvlab.registers import REGISTERS

# Prints 'A', leaves a mark at 0x9000 and over its own first byte, then leaves by debug-exit with 7:
# mov dx,0x3F8; mov al,'A'; out dx,al; inc byte [0x9000]; mov byte [0x7C00],0xF4; mov al,7;
# out 0xF4,al; cli; hlt
MARK = bytes.fromhex("baf803 b041 ee fe060090 c606007cf4 b007 e6f4 faf4")
RESET = bytes.fromhex("b0fe e664 ebfe")  # out 0x64,0xFE
SPIN = bytes.fromhex("ebfe")

Boot = Callable[..., hvlab.Machine]


@pytest.fixture(params=BACKENDS)
def boot(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Boot]:
    machines: list[hvlab.Machine] = []

    def boot(code: bytes) -> hvlab.Machine:
        path = tmp_path / "guest.bin"
        path.write_bytes(code)
        machines.append(hvlab.Machine(image=path, memory="1MiB", backend=request.param))
        return machines[-1]

    yield boot
    for machine in machines:
        machine.close()


def test_reset_boots_again_and_keeps_memory_and_time(boot: Boot) -> None:
    m = boot(MARK)
    hashes = []
    for life in (1, 2, 3):
        assert m.run(timeout="1s").code == 7
        assert m.memory.read(0x9000, 1) == bytes([life])
        assert m.memory.read(0x7C00, 1) == b"\xf4"
        assert m.console.output == "A" * life
        before = m.time
        m.reset()
        assert m.memory.read(0x7C00, len(MARK)) == MARK
        assert m.time >= before
        state = m.vcpus[0].state
        assert (state.rip, state.rax, state.rdx) == (0x7C00, 0, 0x80)
        hashes.append(m.record.hash)
    assert len(set(hashes)) == 3


def test_reset_is_the_way_out_of_a_reset(boot: Boot) -> None:
    m = boot(RESET)
    for _ in range(2):
        assert m.run(timeout="1s").reason == m.run(timeout="1s").reason == "reset"
        m.reset()
        assert m.ended is None


def test_reset_is_the_way_out_of_a_triple_fault() -> None:
    with hvlab.Machine(image=hvlab.fixture("triplefault")) as m:
        assert m.run(timeout="1s").reason == "triple-fault"
        code = m.memory.read(0x7C00, 16)
        m.memory.write(0x7C00, bytes(16))
        m.reset()
        assert m.memory.read(0x7C00, 16) == code, "the image is put into memory anew"
        assert m.run(timeout="1s").reason == "triple-fault"


def test_devices_are_as_at_power_on(boot: Boot) -> None:
    # The UART's scratch register: mov dx,0x3FF; in al,dx; out 0xF4,al; mov al,0x5A; out dx,al;
    # in al,dx; out 0xF4,al; jmp .
    m = boot(bytes.fromhex("baff03 ec e6f4 b05a ee ec e6f4 ebfe"))
    for _ in range(2):
        assert [m.run(timeout="1s").code for _ in range(2)] == [0, 0x5A]
        m.console.send("never read")
        m.reset()


def test_reset_that_cannot_read_the_image_changes_nothing(boot: Boot, tmp_path: Path) -> None:
    m = boot(MARK)
    assert m.run(timeout="1s").code == 7
    state = m.vcpus[0].state
    (tmp_path / "guest.bin").unlink()
    with pytest.raises(BootError, match=r"guest\.bin"):
        m.reset()
    assert m.vcpus[0].state == state


def test_a_disk_boots_again(tmp_path: Path) -> None:
    sector = bytearray(512)
    sector[: len(MARK)] = MARK
    sector[510:] = b"\x55\xaa"
    disk = tmp_path / "disk.img"
    disk.write_bytes(bytes(sector) + bytes(512 * 63))
    with hvlab.Machine(boot=hvlab.DiskBoot(disk), memory="1MiB") as m:
        for _ in range(2):
            assert m.run(timeout="20s").code == 7
            m.reset()


def test_the_same_run_with_a_reset_in_it_is_the_same_run(tmp_path: Path) -> None:
    path = tmp_path / "guest.bin"
    path.write_bytes(MARK)

    def run() -> tuple[str, str]:
        with hvlab.Machine(image=path, memory="1MiB") as m:
            m.run(instructions=3)
            m.reset()
            m.run(timeout="1ms")
            return m.record.hash, m.record.state_hash()

    assert run() == run()


def test_registers_by_name(boot: Boot) -> None:
    m = boot(SPIN)
    cpu = m.vcpus[0]
    for name, register in REGISTERS.items():
        value = cpu.read_register(name)
        if register.writable:
            cpu.write_register(name, value)
        else:
            with pytest.raises(MachineConfigError, match="only read"):
                cpu.write_register(name, value)
        assert cpu.read_register(name) == value
    cpu.write_register("rax", 0xFEDCBA9876543210)
    assert cpu.read_register("rax") == 0xFEDCBA9876543210
    m.memory.write(0x8000, bytes.fromhex("e6f4"))  # out 0xF4,al
    cpu.write_register("rip", 0x8000)
    assert m.run(timeout="1s").code == 0x10
    with pytest.raises(MachineConfigError, match=r"unknown register 'rax1' \(did you mean 'rax'"):
        cpu.read_register("rax1")
    for value in (-1, 1 << 64):
        with pytest.raises(MachineConfigError, match="value"):
            cpu.write_register("rbx", value)


def test_nothing_of_it_while_the_machine_runs(boot: Boot) -> None:
    m = boot(SPIN)
    stops: list[hvlab.Stop] = []
    runner = threading.Thread(target=lambda: stops.append(m.run(wall="20s")))
    runner.start()
    deadline = time.monotonic() + 10
    while True:  # until the thread has begun
        try:
            m.reset()
        except MachineBusy:
            break
        assert time.monotonic() < deadline
    for call in (
        lambda: m.memory.write(0x9000, b"x"),
        lambda: m.vcpus[0].write_register("rax", 1),
        lambda: m.vcpus[0].read_register("rax"),
        m.events,
    ):
        with pytest.raises(MachineBusy):
            call()
    m.interrupt()
    runner.join(10)
    assert [stop.reason for stop in stops] == ["interrupted"]


def test_what_happened_last(boot: Boot) -> None:
    # mov ax,0xA000; mov ds,ax; mov [0],al (nothing is there); in al,0x64; mov al,7; out 0xF4,al;
    # cli; hlt
    m = boot(bytes.fromhex("b800a0 8ed8 a20000 e464 b007 e6f4 faf4"))
    assert m.events() == []
    m.console.send("abc")
    assert m.run(timeout="1s").code == 7
    assert m.run(timeout="1s").reason == "halted"
    m.vcpus[0].raise_nmi()
    m.reset()
    events = m.events()
    assert [event.kind for event in events] == [
        "input", "memory-write", "port-read", "port-write", "stop", "halt", "stop", "nmi", "reset",
    ]  # fmt: skip
    written, read, left = events[1:4]
    assert (written.address, written.size, written.value) == (0xA0000, 1, 0)
    assert written.unclaimed
    assert written.text == "0x00 to address 0xa0000, nothing answers"
    assert (read.address, read.size, read.unclaimed) == (0x64, 1, False)
    assert left.text == "0x07 to port 0xf4"
    assert (events[4].text, events[4].size) == ("debug-exit at RIP 0x7c0e", None)
    assert events[0].value == 3
    times = [event.time for event in events]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= m.time
    if m.instructions is not None:
        assert (written.time, read.time) == (2, 3)


@pytest.mark.parametrize("backend", BACKENDS)
def test_interrupts_and_the_end_of_a_halt_are_among_the_events(backend: str) -> None:
    with hvlab.Machine(image=hvlab.fixture("ticks"), backend=backend) as m:
        m.run(until=m.console.text("tick 3"), timeout="2s")
        kinds = [event.kind for event in m.events()]
        interrupt = kinds.index("interrupt", kinds.index("halt"))
        assert kinds[interrupt - 2 : interrupt] == ["halt", "wake"]
        assert len({event.value for event in m.events() if event.kind == "interrupt"}) == 1


def test_only_the_last_256_are_kept(boot: Boot) -> None:
    m = boot(bytes.fromhex("e680 fec0 ebfa"))  # 1: out 0x80,al; inc al; jmp 1b
    m.run(until=m.port_write(0x80, 99), timeout="1s")
    m.run(until=m.port_write(0x80, 98), timeout="1s")
    events = m.events()
    assert len(events) == 256
    assert [event.value for event in events] == [(99 + i) % 256 for i in range(256)]
