# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs that wait for several things at once: on both backends, of one machine and of several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import hvlab
from both_backends import BACKENDS
from hvlab.errors import GuestStopped, GuestTimeout, MachineClosed, MachineConfigError

# mov dx,0x3F8; mov al,'a'; 1: out dx,al; out 0x80,al; inc al; jmp 1b
ALPHABET = bytes.fromhex("baf803 b061 ee e680 fec0 ebf9")
# mov ax,0x1234; out 0x80,ax; mov dx,0x3F8; mov al,'!'; out dx,al; out 0xF4,al; cli; hlt
WORD = bytes.fromhex("b83412 e780 baf803 b021 ee e6f4 fa f4")
RESET = bytes.fromhex("b0fe e664 ebfe")  # out 0x64,0xFE
HALT = bytes.fromhex("fa f4")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


Add = Callable[[str, bytes], hvlab.Machine]


@pytest.fixture
def host() -> Iterator[hvlab.Host]:
    with hvlab.Host(seed=1) as host:
        yield host


@pytest.fixture
def add(tmp_path: Path, host: hvlab.Host, backend: str) -> Add:
    """Adds a machine to the host that runs machine code."""

    def add(name: str, code: bytes) -> hvlab.Machine:
        path = tmp_path / f"{name}.bin"
        path.write_bytes(code)
        return host.machine(name, image=path, memory="1MiB", backend=backend)

    return add


def test_the_first_of_several_and_which_one(add: Add) -> None:
    m = add("m", ALPHABET)
    events = [
        m.console.text("xyz"),
        m.port_write(0x80, ord("c")),
        m.console.regex("b(?P<next>c)"),
        m.screen.contains("never"),
    ]
    stop = m.run(until=events, timeout="1s")
    assert (stop.reason, stop.event, stop.port_write) == ("match", 2, None)
    assert stop.match is not None
    assert (stop.match["next"], m.console.output) == ("c", "abc")

    stop = m.run(until=events, timeout="1s")
    assert (stop.event, stop.match, m.console.output) == (1, None, "abc")
    assert stop.port_write is not None
    assert (stop.port_write.port, stop.port_write.width) == (0x80, 1)
    assert stop.port_write.value == ord("c")
    assert 0 < stop.port_write.time <= stop.time == m.time

    stop = m.run(until=events, timeout="1s")
    assert (stop.event, m.console.output[-3:]) == (0, "xyz")
    assert m.run(until=events[3], timeout="1ms").event is None


def test_a_port_write_is_awaited_like_text(add: Add) -> None:
    m = add("m", WORD)
    event = m.port_write(0x80, 0x1234, width=2)
    assert str(event) == "write of 0x1234 of 2 bytes to port 0x80 by m"
    assert event.expect("1s").value == 0x1234
    # The debug-exit port: waited for, and a stop of its own, one after the other.
    assert m.port_write(0xF4).expect("1s").value == ord("!")
    assert m.run(timeout="1s").reason == "debug-exit"
    with pytest.raises(
        GuestStopped, match=r"waited for a write of 0x7 to port 0x80 for 1 s.*halted"
    ):
        m.port_write(0x80, 7).expect("1s")


def test_a_deadline_comes_first(add: Add) -> None:
    m = add("m", ALPHABET)
    with pytest.raises(GuestTimeout, match="write to port 0x81"):
        m.port_write(0x81).expect("1ms")


def test_any_machine_of_the_host_may_be_the_one(host: hvlab.Host, add: Add) -> None:
    a, b = add("a", HALT), add("b", ALPHABET)
    events = (a.console.text("x"), b.console.text("yz"))
    for run in (host.run, a.run, b.run):
        stop = run(until=events, timeout="1s")
        assert (stop.event, stop.machine) == (1, "b")
    assert a.ended is not None
    assert a.ended.reason == "halted"


def test_others_go_on_when_one_has_ended(host: hvlab.Host, add: Add) -> None:
    a, b, c = add("a", WORD), add("b", RESET), add("c", ALPHABET)
    stops = [host.run(timeout="20ms") for _ in range(3)]
    assert sorted((stop.machine, stop.reason) for stop in stops[:2]) == [
        ("a", "debug-exit"),
        ("b", "reset"),
    ]
    assert stops[2].reason == "deadline"
    assert [m.ended and m.ended.reason for m in (a, b, c)] == ["halted", "reset", None]
    # Nothing that is waited for can come any more: told at once, not after the time is over.
    before = c.time
    assert host.run(until=[b.console.text("x"), a.console.text("x")], timeout="1s").machine == "b"
    assert a.run(timeout="1s").reason == "halted"
    assert c.time == before
    assert host.run(until=[a.console.text("x"), c.console.text("z")], timeout="1s").event == 1


def test_a_new_state_takes_a_machine_out_of_its_end(add: Add) -> None:
    m = add("m", HALT)
    assert m.run(timeout="1ms").reason == "halted"
    m.memory.write(0x7D00, bytes.fromhex("b007 e6f4"))  # mov al,7; out 0xF4,al
    state = m.vcpus[0].state
    state.rip, state.halted = 0x7D00, False
    m.vcpus[0].state = state
    assert m.ended is None
    assert m.run(timeout="1s").code == 7


def test_what_cannot_be_awaited_is_refused(add: Add) -> None:
    m = add("m", ALPHABET)
    for arguments, field in (
        ((0x10000,), "port"),
        ((-1,), "port"),
        ((0x80, 0x100, 1), "value"),
        ((0x80, 1, 3), "width"),
    ):
        with pytest.raises(MachineConfigError, match=field):
            m.port_write(*arguments)
    with pytest.raises(MachineConfigError, match="no event"):
        m.run(until=[])
    with pytest.raises(MachineConfigError, match="sequence of events"):
        m.run(until=["ready"])  # type: ignore[list-item]
    with pytest.raises(MachineConfigError, match="257 events"):
        m.run(until=[m.port_write(0x80)] * 257)
    with hvlab.Machine() as other:
        with pytest.raises(MachineConfigError, match="another host"):
            m.run(until=other.console.text("x"))
        event = other.console.text("x")
    with pytest.raises(MachineClosed):
        m.run(until=event)
    assert m.run(until=m.console.text("abc"), timeout="1s").event == 0
