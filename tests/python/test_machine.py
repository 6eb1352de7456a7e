# SPDX-License-Identifier: GPL-2.0-or-later
"""The Python API of a machine: what users write in their own tests."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

import hvlab
from hvlab.errors import (
    BackendUnavailable,
    BootError,
    ExpectationFailed,
    GuestStopped,
    GuestTimeout,
    HvlabError,
    MachineBusy,
    MachineClosed,
    MachineConfigError,
    PatternError,
    TripleFault,
)

SPIN = bytes([0xEB, 0xFE])  # jmp .


@pytest.fixture
def image(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Writes machine code into a file that can be booted."""

    def write(code: bytes) -> Path:
        path = tmp_path / "guest.bin"
        path.write_bytes(code)
        return path

    return write


def test_echo() -> None:
    with hvlab.Machine(image=hvlab.fixture("echo"), memory="64MiB") as m:
        m.console.expect_text("ready", timeout="1s")
        m.console.send("hello\n")
        assert m.console.expect(r"echo: (\w+)", timeout="1s")[1] == "hello"


def test_debug_exit_tells_everything() -> None:
    with hvlab.Machine(image=hvlab.fixture("hello")) as m:
        stop = m.run(timeout="1s")
        assert (stop.reason, stop.code) == ("debug-exit", 0)
        assert stop.instructions == m.instructions == m.vcpus[0].instructions
        assert stop.time == m.time == stop.instructions
        assert stop.rip == m.vcpus[0].state.rip
        assert "debug-exit with code 0" in stop.message
        assert "Hello from the guest" in m.console.output
        assert b"Hello from the guest" in m.console.data
        times = [when for when, _ in m.console.log]
        assert times == sorted(times)


def test_budgets_are_exact(image) -> None:  # type: ignore[no-untyped-def]
    with hvlab.Machine(image=image(SPIN)) as m:
        for count in (1, 7, 1000, 123_457):
            before = m.instructions
            stop = m.run(instructions=count)
            assert stop.reason == "budget"
            assert m.instructions == before + count
        assert m.run(instructions=0).reason == "budget"
        assert m.run(timeout=0).reason == "deadline"


def test_deadline_is_guest_time(image) -> None:  # type: ignore[no-untyped-def]
    with hvlab.Machine(image=image(SPIN)) as m:
        assert m.run(timeout="3ms").time == 3_000_000
        assert m.run(timeout=500).time == 3_000_500


def test_idle_guest_skips_to_the_deadline() -> None:
    with hvlab.Machine(image=hvlab.fixture("echo")) as m:
        m.console.expect_text("ready")
        started = time.monotonic()
        assert m.run(timeout="1h").reason == "deadline"
        assert time.monotonic() - started < 5
        assert m.time > 3_600_000_000_000


def test_wall_deadline(image) -> None:  # type: ignore[no-untyped-def]
    with hvlab.Machine(image=image(SPIN)) as m:
        assert m.run(wall="20ms").reason == "wall-deadline"


def test_timeout_shows_the_last_output() -> None:
    with hvlab.Machine(image=hvlab.fixture("echo")) as m:
        with pytest.raises(GuestTimeout, match=r"(?s)regex 'never'.*10 ms.*ready") as caught:
            m.console.expect("never", timeout="10ms")
        assert isinstance(caught.value, ExpectationFailed)
        assert isinstance(caught.value, AssertionError)
        assert caught.value.stop is not None
        assert caught.value.stop.reason == "deadline"


def test_guest_that_stops_early() -> None:
    with (
        hvlab.Machine(image=hvlab.fixture("hello")) as m,
        pytest.raises(GuestStopped, match="debug-exit with code 0"),
    ):
        m.console.expect_text("never")


def test_triple_fault_is_final() -> None:
    with hvlab.Machine(image=hvlab.fixture("triplefault")) as m:
        with pytest.raises(TripleFault):
            m.console.expect_text("never")
        first = m.run(timeout="1s")
        assert first.reason == m.run(timeout="1s").reason == "triple-fault"


@pytest.mark.parametrize(("name", "reason"), [("halt", "halted"), ("reboot", "reset")])
def test_other_ends(name: str, reason: str) -> None:
    with hvlab.Machine(image=hvlab.fixture(name)) as m:
        assert m.run(timeout="5s").reason == reason


def test_unhandled_access_is_ignored_or_stops() -> None:
    with hvlab.Machine(image=hvlab.fixture("badaccess")) as m:
        assert m.run(timeout="1s").reason != "unhandled-access"
        assert m.unhandled_accesses > 0
    with hvlab.Machine(image=hvlab.fixture("badaccess"), unhandled="stop") as m:
        stop = m.run(timeout="1s")
        assert stop.reason == "unhandled-access"
        assert stop.access is not None
        assert f"{stop.access.address:#x}" in stop.message


def test_memory_copies_and_views(image) -> None:  # type: ignore[no-untyped-def]
    with hvlab.Machine(image=image(SPIN), memory="2MiB") as m:
        assert m.memory.size == 2 << 20
        assert m.memory.read(0x7C00, 2) == SPIN
        m.memory.write(0x1000, b"abc")
        view = m.memory.view(0x1000, 3)
        assert view.readonly
        assert bytes(view) == b"abc"
        for address, length in [((2 << 20) - 1, 2), (1 << 63, 1), (0, (2 << 20) + 1)]:
            with pytest.raises(HvlabError, match="not all RAM"):
                m.memory.read(address, length)
        with pytest.raises(HvlabError, match="not all RAM"):
            m.memory.write((2 << 20) - 1, b"xy")
    assert bytes(view) == b"abc"


def test_host_writes_replace_code_that_ran(image) -> None:  # type: ignore[no-untyped-def]
    with hvlab.Machine(image=image(SPIN)) as m:
        m.run(instructions=1000)
        m.memory.write(0x7C00, bytes([0xB0, 0x2A, 0xE6, 0xF4]))  # mov al, 42; out 0xF4, al
        stop = m.run(timeout="1ms")
        assert (stop.reason, stop.code) == ("debug-exit", 42)


def test_state_is_a_copy_that_can_be_assigned(image) -> None:  # type: ignore[no-untyped-def]
    with hvlab.Machine(image=image(SPIN)) as m:
        state = m.vcpus[0].state
        assert (state.rip, state.rdx & 0xFF, state.cs.selector) == (0x7C00, 0x80, 0)
        state.rax = 0x1234
        assert m.vcpus[0].state.rax != 0x1234
        m.vcpus[0].state = state
        assert m.vcpus[0].state == state


def test_every_call_after_close_raises(image) -> None:  # type: ignore[no-untyped-def]
    m = hvlab.Machine(image=image(SPIN))
    m.close()
    m.close()
    assert m.closed
    for call in (
        m.run,
        lambda: m.time,
        lambda: m.instructions,
        lambda: m.console.output,
        lambda: m.console.send("x"),
        lambda: m.memory.read(0, 1),
        lambda: m.vcpus[0].state,
        lambda: m.record.hash,
        m.record.state_hash,
    ):
        with pytest.raises(MachineClosed):
            call()
    m.interrupt()
    assert "closed" in repr(m)


def test_one_thread_at_a_time(image) -> None:  # type: ignore[no-untyped-def]
    with hvlab.Machine(image=image(SPIN)) as m:
        stops: list[hvlab.Stop] = []
        runner = threading.Thread(target=lambda: stops.append(m.run(wall="20s")))
        runner.start()
        for _ in range(2000):
            try:
                m.run(instructions=0)
            except MachineBusy:
                break
            time.sleep(0.001)
        with pytest.raises(MachineBusy):
            m.close()
        m.interrupt()
        runner.join(5)
        assert [stop.reason for stop in stops] == ["interrupted"]
        assert m.run(instructions=1).reason == "budget"


def test_ctrl_c_ends_a_run_at_once_and_the_machine_goes_on(image) -> None:  # type: ignore[no-untyped-def]
    with hvlab.Machine(image=image(SPIN)) as m:
        sent: list[float] = []

        def interrupt() -> None:
            sent.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

        timer = threading.Timer(0.1, interrupt)
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            m.run(wall="20s")
        assert time.monotonic() - sent[0] < 2
        before = m.instructions
        assert m.run(instructions=5).reason == "budget"
        assert m.instructions == before + 5


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"memory": "0MiB"}, MachineConfigError, "memory"),
        ({"memory": "1TiB"}, MachineConfigError, "memory"),
        ({"memory": "64MB!"}, MachineConfigError, "memory"),
        ({"memory": 4097 + (1 << 20)}, MachineConfigError, "memory"),
        ({"cpu": "i386"}, MachineConfigError, "x86-64-v2"),
        ({"backend": "xen"}, BackendUnavailable, "unicorn"),
        ({"unhandled": "explode"}, MachineConfigError, "unhandled"),
        ({"image": "/nonexistent/image"}, BootError, "/nonexistent/image"),
        ({"image": "/"}, BootError, "regular file"),
        ({"image": "/dev/zero"}, BootError, "regular file"),
        ({"image": "x", "boot": hvlab.FlatImage("y")}, MachineConfigError, "boot"),
    ],
)
def test_bad_arguments_are_named(
    arguments: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        hvlab.Machine(**arguments)  # type: ignore[arg-type]


def test_bad_calls_are_named(image) -> None:  # type: ignore[no-untyped-def]
    with hvlab.Machine(image=image(SPIN)) as m:
        with pytest.raises(MachineConfigError, match="timeout"):
            m.run(timeout="5")
        with pytest.raises(MachineConfigError, match="timeout"):
            m.run(timeout=-1)
        with pytest.raises(MachineConfigError, match="instructions"):
            m.run(instructions=-1)
        with pytest.raises(PatternError):
            m.console.expect("(")
        with pytest.raises(PatternError):
            m.console.expect_text("")
        with pytest.raises(HvlabError, match="input"):
            m.console.send(b"x" * ((1 << 20) + 1))


def test_hosts_run_machines_together() -> None:
    with hvlab.Host(seed=3) as host:
        a = host.machine("a", image=hvlab.fixture("echo"))
        b = host.machine("b", image=hvlab.fixture("ticks"))
        stop = host.run(until=a.console.text("ready"), timeout="1s")
        assert (stop.reason, stop.machine) == ("match", "a")
        stop = host.run(timeout="60s")
        assert (stop.reason, stop.machine) == ("debug-exit", "b")
        assert abs(a.time - b.time) <= 1000
        a.console.send("x\n")
        assert a.console.expect(r"echo: (\w)", timeout="1s")[1] == "x"
        with pytest.raises(MachineConfigError, match="already"):
            host.machine("a")
    with pytest.raises(MachineClosed):
        host.run(timeout=1)


def test_machines_of_a_host_are_reproducible() -> None:
    def run() -> tuple[str, str]:
        with hvlab.Host(seed=3) as host:
            a = host.machine("a", image=hvlab.fixture("ticks"))
            b = host.machine("b", image=hvlab.fixture("stress"))
            host.run(until=a.console.text("tick 5"), timeout="1s")
            host.run(timeout="1ms")
            return a.record.state_hash(), b.record.state_hash()

    assert run() == run()


def test_many_machines_leave_nothing_behind(image) -> None:  # type: ignore[no-untyped-def]
    path = image(bytes([0xE6, 0xF4]))

    def once() -> None:
        with hvlab.Machine(image=path) as m:
            assert m.run(timeout="1ms").reason == "debug-exit"

    for _ in range(60):  # the engine's caches are full after 50
        once()
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(300):
        once()
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
