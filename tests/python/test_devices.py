# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices written in Python, on both backends: what the guest sees, and what happens when they fail."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

import hvlab
from both_backends import BACKENDS
from hvlab import plugins
from hvlab.device import Placement
from hvlab.errors import DeviceError, MachineBusy, MachineConfigError, PluginError

READS = bytes.fromhex("ba0003 ec e6f4 ebfb")  # mov dx,0x300; 1: in al,dx; out 0xF4,al; jmp 1b
SPINS_ON_IT = bytes.fromhex("ba0003 ec ebfd")  # mov dx,0x300; 1: in al,dx; jmp 1b
SPIN = bytes.fromhex("ebfe")


class Counter(hvlab.Device):
    """Counts its reads; a write sets the count. Has a state to save."""

    size = 4

    def reset(self) -> None:
        self.count = 0
        self.seen: list[tuple[int, int, int, int]] = []

    def read(self, offset: int, size: int) -> int:
        self.count += 1
        self.seen.append((offset, size, self.count, self.time))
        return self.count & ((1 << 8 * size) - 1)

    def write(self, offset: int, size: int, value: int) -> None:
        self.seen.append((offset, size, value, self.time))
        self.count = value

    def save(self) -> bytes:
        return self.count.to_bytes(8, "little")

    def load(self, state: bytes) -> None:
        self.count = int.from_bytes(state, "little")


class Does(hvlab.Device):
    """Reads what a function says."""

    def __init__(self, action: Callable[[hvlab.Device], object]) -> None:
        super().__init__("does")
        self.action = action

    def read(self, offset: int, size: int) -> int:
        return self.action(self)  # type: ignore[return-value]


Boot = Callable[..., hvlab.Machine]


@pytest.fixture(params=BACKENDS)
def boot(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Boot]:
    machines: list[hvlab.Machine] = []

    def boot(code: bytes, *devices: Placement) -> hvlab.Machine:
        path = tmp_path / "guest.bin"
        path.write_bytes(code)
        machine = hvlab.Machine(
            image=path, memory="1MiB", backend=request.param, devices=devices, seed=5
        )
        machines.append(machine)
        return machine

    yield boot
    for machine in machines:
        machine.close()


def test_ports_with_offsets_sizes_and_guest_time(boot: Boot) -> None:
    # mov dx,0x301; mov al,9; out dx,al; inc dx; in ax,dx; out 0xF4,al; jmp .
    code = bytes.fromhex("ba0103 b009 ee 42 ed e6f4 ebfe")
    counter = Counter("counter")
    m = boot(code, counter.at(port=0x300))
    assert m.run(timeout="1s").code == 10
    write, read = counter.seen
    assert write[:3] == (1, 1, 9)
    assert read[:3] == (2, 2, 10)
    assert 0 <= write[3] <= read[3] <= m.time
    if m.instructions is not None:
        assert (write[3], read[3]) == (2, 4)
    m.close()
    with pytest.raises(DeviceError, match="counter: it is not part of a machine"):
        print(counter.time)


def test_memory_and_a_second_range(boot: Boot) -> None:
    # mov ax,0xA000; mov ds,ax; mov eax,0x12345678; mov [0x10],eax; mov eax,[0x14]; out 0xF4,al; jmp .
    code = bytes.fromhex("b800a0 8ed8 66b878563412 66a31000 66a11400 e6f4 ebfe")
    counter = Counter("counter")
    m = boot(
        code, counter.at(memory=0xA0010, size=4), counter.at(memory=0xA0014, size=4, offset=0x100)
    )
    assert m.run(timeout="1s").code == 0x79
    assert [entry[:3] for entry in counter.seen] == [
        (0, 4, 0x12345678),
        (0x100, 4, 0x12345679),
    ]


def test_what_is_not_defined_is_a_bus_where_nobody_answers(boot: Boot) -> None:
    m = boot(READS.replace(b"\xec", b"\xee\xec"), hvlab.Device("none").at(port=0x300))
    assert m.run(timeout="1s").code == 0xFF
    assert m.unhandled_accesses == 0


def test_random_numbers_are_of_the_seed_and_the_name(boot: Boot) -> None:
    def numbers(name: str) -> list[int | None]:
        class Dice(hvlab.Device):
            def read(self, offset: int, size: int) -> int:
                return self.random() & 0xFF

        m = boot(READS, Dice(name).at(port=0x300))
        drawn = [m.run(timeout="1s").code for _ in range(16)]
        m.close()
        return drawn

    assert numbers("a") == numbers("a")
    assert numbers("a") != numbers("b")


def test_an_interrupt_line(boot: Boot) -> None:
    class Line(hvlab.Device):
        def write(self, offset: int, size: int, value: int) -> None:
            self.set_irq(bool(value))

    # 8259: ICW1-4, vectors from 0x20, all but IRQ 5 masked; vector 0x25 -> 0x7D00; raise; sti; hlt
    code = bytes.fromhex(
        "fa b011e620 b020e621 b004e621 b001e621 b0dfe621"
        "c7069400007d c70696000000 ba0003 b001 ee fb f4 ebfe"
    )
    m = boot(code, Line("line").at(port=0x300, irq=5))
    m.memory.write(0x7D00, bytes.fromhex("b005 e6f4 ebfe"))  # mov al,5; out 0xF4,al
    assert m.run(timeout="1s").code == 5
    assert [event.value for event in m.events() if event.kind == "interrupt"] == [0x25]


def test_an_exception_comes_out_of_the_run_and_the_machine_goes_on(boot: Boot) -> None:
    def fail(device: hvlab.Device) -> int:
        if not failed:
            failed.append(True)
            raise KeyError("no such thing")
        return 3

    failed: list[bool] = []
    m = boot(READS, Does(fail).at(port=0x2FE, size=4))
    with pytest.raises(
        DeviceError, match=r"does: read\(\) at offset 0x2 raised KeyError"
    ) as caught:
        m.run(timeout="1s")
    assert (caught.value.device, caught.value.offset) == ("does", 2)
    assert isinstance(caught.value.__cause__, KeyError)
    assert caught.value.__cause__.__traceback__ is not None
    assert m.run(timeout="1s").code == 0xFF, "the instruction has completed, with ones"
    assert m.run(timeout="1s").code == 3


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (256, r"returned 256, which is not 0 to 0xff for an access of 1 bytes"),
        (-1, "returned -1, which is not 0 to 0xff"),
        (1 << 70, "which is not 0 to 0xff"),
        ("x", "returned 'x', not an int"),
        (None, "returned None, not an int"),
        (True, "returned True, not an int"),
        (1.0, r"returned 1\.0, not an int"),
    ],
)
def test_wrong_values_are_errors(boot: Boot, value: object, message: str) -> None:
    m = boot(READS, Does(lambda _: value).at(port=0x300))
    with pytest.raises(DeviceError, match=message) as caught:
        m.run(timeout="1s")
    assert (caught.value.device, caught.value.offset) == ("does", 0)


def test_ctrl_c_inside_of_a_device(boot: Boot) -> None:
    def wait(device: hvlab.Device) -> int:
        inside.set()
        time.sleep(60)
        return 0

    inside = threading.Event()
    m = boot(READS, Does(wait).at(port=0x300))

    def interrupt() -> None:
        assert inside.wait(30)
        os.kill(os.getpid(), signal.SIGINT)

    killer = threading.Thread(target=interrupt)
    killer.start()
    with pytest.raises(KeyboardInterrupt):
        m.run(wall="60s")
    killer.join()
    assert m.run(timeout=0).reason == "deadline"


def test_a_slow_device_does_not_hold_the_run(boot: Boot) -> None:
    def wait(device: hvlab.Device) -> int:
        time.sleep(0.02)
        calls.append(1)
        return 0

    calls: list[int] = []
    m = boot(SPINS_ON_IT, Does(wait).at(port=0x300))
    assert m.run(wall="100ms").reason == "wall-deadline"
    assert 0 < len(calls) < 500
    calls.clear()

    def interrupt() -> None:
        while not calls:
            time.sleep(0.001)
        m.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    assert m.run(wall="60s").reason == "interrupted"
    thread.join()


def test_the_machine_is_busy_inside_of_a_device(boot: Boot) -> None:
    def look(device: hvlab.Device) -> int:
        return m.time

    m = boot(READS, Does(look).at(port=0x300))
    with pytest.raises(DeviceError, match="MachineBusy") as caught:
        m.run(timeout="1s")
    assert isinstance(caught.value.__cause__, MachineBusy)
    m.close()
    assert m.closed


def test_reset_and_its_failure(boot: Boot) -> None:
    counter = Counter("counter")
    m = boot(READS, counter.at(port=0x300))
    assert [m.run(timeout="1s").code for _ in range(3)] == [1, 2, 3]
    m.reset()
    assert m.run(timeout="1s").code == 1

    class Fails(hvlab.Device):
        def reset(self) -> None:
            raise ValueError("cannot")

    fails = Fails("fails")
    for _ in range(2):  # it is part of no machine afterwards
        with pytest.raises(
            DeviceError, match=r"fails: reset\(\) raised ValueError: cannot"
        ) as caught:
            boot(READS, fails.at(port=0x300))
        assert caught.value.offset == -1


def test_state_is_in_the_digest_or_it_is_refused(boot: Boot) -> None:
    counter = Counter("counter")
    m = boot(SPIN, counter.at(port=0x300))
    m.run(timeout="1us")
    before = m.record.state_hash()
    counter.count = 7
    assert m.record.state_hash() != before
    counter.count = 0
    assert m.record.state_hash() == before
    other = boot(SPIN, hvlab.Device("stateless").at(port=0x300))
    with pytest.raises(DeviceError, match=r"stateless: it has no save\(\)"):
        other.record.state_hash()


def test_a_device_lives_as_long_as_its_machine_and_in_one_only(boot: Boot) -> None:
    m = boot(READS, Counter("counter").at(port=0x300))  # nobody else holds it
    assert m.run(timeout="1s").code == 1
    counter = Counter("counter")
    first = boot(READS, counter.at(port=0x300))
    with pytest.raises(MachineConfigError, match="'counter' is part of a machine already"):
        boot(READS, counter.at(port=0x300))
    assert first.run(timeout="1s").code == 1
    first.close()
    assert boot(READS, counter.at(port=0x300)).run(timeout="1s").code == 1


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ([{"port": 0x3F8}], "overlaps 0x3f8 to 0x3ff of uart0"),
        ([{"port": 0x300}, {"port": 0x303}], "overlaps 0x300 to 0x303 of counter"),
        ([{"port": 0xFFFE}], "ports are 0 to 0xffff"),
        ([{"port": 0x300, "size": 0}], "is empty"),
        ([{"memory": 0x1000}], "there is RAM from 0x0 to 0x9ffff"),
        ([{"memory": 0x9FFFE}], "there is RAM"),
        ([{"memory": 0xFFFFFFFFFFFFFFFE}], "has no end"),
        ([{"memory": 0xB8000}], "of screen"),
        ([{"port": 0x300, "irq": 4}], "IRQ 4 has a device already"),
        ([{"port": 0x300, "irq": 16}], "16 is not 0 to 15"),
        ([{}], "either 'port' or 'memory'"),
        ([{"port": 1, "memory": 1}], "either 'port' or 'memory'"),
        ([{"port": -1}], "start: -1"),
    ],
)
def test_places_that_cannot_be(places: list[dict[str, int]], message: str) -> None:
    counter = Counter("counter")
    with pytest.raises(MachineConfigError, match=message):
        hvlab.Machine(memory="1MiB", devices=[counter.at(**place) for place in places])


def test_names_that_cannot_be() -> None:
    with pytest.raises(MachineConfigError, match="already a device 'uart0'"):
        hvlab.Machine(memory="1MiB", devices=[Counter("uart0").at(port=0x300)])
    with pytest.raises(MachineConfigError, match="1 to 64 bytes"):
        Counter("")
    with pytest.raises(MachineConfigError, match=r"say where it is: device\.at"):
        hvlab.Machine(devices=[Counter("counter")])  # type: ignore[list-item]


def test_a_device_of_a_hosts_machine(tmp_path: Path) -> None:
    path = tmp_path / "guest.bin"
    path.write_bytes(READS)
    with hvlab.Host() as host:
        host.machine("a", image=path, devices=[Counter("c").at(port=0x300)])
        host.machine("b", image=path, devices=[Counter("c").at(port=0x300)])
        stops = [host.run(timeout="1s") for _ in range(4)]
        assert all(stop.reason == "debug-exit" for stop in stops)


class Installed:
    """Entry points as installed packages have them."""

    def __init__(self, *entries: tuple[str, str]) -> None:
        self._all = EntryPoints(EntryPoint(name, value, plugins.DEVICES) for name, value in entries)

    def __call__(self, **wanted: str) -> EntryPoints:
        return self._all.select(**wanted)


def test_devices_by_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = Installed(
        ("counter", "test_devices:Counter"),
        ("no-device", "test_devices:Installed"),
        ("missing", "test_devices:Missing"),
    )
    monkeypatch.setattr(plugins, "entry_points", installed)
    assert issubclass(plugins.load_device("counter"), hvlab.Device)
    for name, message in (
        ("countr", r"did you mean 'counter'.*there are: counter, missing"),
        ("no-device", "no subclass of Device"),
        ("missing", "cannot be loaded: .*AttributeError"),
    ):
        with pytest.raises(PluginError, match=message) as caught:
            plugins.load_device(name)
        assert (caught.value.group, caught.value.name) == ("hvlab.devices", name)
    monkeypatch.setattr(plugins, "entry_points", Installed())
    with pytest.raises(PluginError, match="no plugin has any"):
        plugins.load_device("counter")
