# SPDX-License-Identifier: GPL-2.0-or-later
"""Proves the fixture guests under QEMU: what they print and how they end is not hvlab's doing."""

from __future__ import annotations

import json
import os
import re
import selectors
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import hvlab
from hvlab import fixtures
from hvlab.errors import FixtureError

QEMU = shutil.which("qemu-system-x86_64")
pytestmark = pytest.mark.skipif(QEMU is None, reason="qemu-system-x86_64 is not installed")

SECONDS = 60  # for a whole guest, on a busy machine


class Guest:
    """A guest under QEMU's TCG, its console on pipes."""

    def __init__(self, arguments: list[str], *, leaves: bool = True) -> None:
        command = [
            str(QEMU), "-accel", "tcg", "-display", "none", "-no-reboot",
            "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
            *arguments,
        ]  # fmt: skip
        if leaves:
            command += ["-device", "isa-debug-exit,iobase=0xf4,iosize=1"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._deadline = time.monotonic() + SECONDS
        self.output = b""

    def send(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode())
        self._process.stdin.flush()

    def expect(self, text: str) -> str:
        """The output up to a text and with it; the rest stays for the next one."""
        wanted = text.encode()
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while wanted not in self.output:
                ready = selector.select(self._deadline - time.monotonic())
                assert ready, f"no {text!r} in {self.output!r}"
                read = os.read(self._process.stdout.fileno(), 65536)
                assert read, f"QEMU ended before {text!r} in {self.output!r}"
                self.output += read
        end = self.output.index(wanted) + len(wanted)
        seen, self.output = self.output[:end], self.output[end:]
        return seen.decode()

    def finish(self) -> tuple[str, int]:
        """The rest of the output and QEMU's exit status."""
        rest, errors = self._process.communicate(timeout=self._deadline - time.monotonic())
        assert errors == b""
        return (self.output + rest).decode(), self._process.returncode

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def run(*arguments: str, leaves: bool = True) -> Iterator[Guest]:
    """`leaves`: there is a debug-exit port; without, such guests halt."""
    guest = Guest(list(arguments), leaves=leaves)
    try:
        yield guest
    finally:
        guest.close()


def flat(name: str) -> list[str]:
    """Boots an image from a disk: SeaBIOS loads its first sector only."""
    path = fixtures.fixture(name)
    return ["-m", "16", "-drive", f"format=raw,file={path},snapshot=on"]


def output_and_code(name: str) -> tuple[str, int]:
    """What a guest prints, and its debug-exit code."""
    with run(*flat(name)) as guest:
        output, status = guest.finish()
    assert status & 1, f"QEMU's exit status is {status}, so no debug-exit; output: {output!r}"
    return output, status >> 1


# ---- guests that leave by debug-exit --------------------------------------------------------


def test_hello() -> None:
    assert output_and_code("hello") == ("Hello from the guest\n", 0)


def test_ticks() -> None:
    ticks = "".join(f"tick {n}\n" for n in range(1, 11))
    assert output_and_code("ticks") == (f"{ticks}ticks: done\n", 0)


@pytest.mark.parametrize(("name", "steps"), [("compute", 10_000_000), ("compute-short", 10_000)])
def test_compute(name: str, steps: int) -> None:
    lcg, xorshift = fixtures.compute_reference(steps)
    expected = f"compute: {steps} steps\nlcg 0x{lcg:016x}\nxorshift 0x{xorshift:016x}\n"
    assert output_and_code(name) == (expected, 0)


def test_longmode() -> None:
    output, code = output_and_code("longmode")
    assert code == 0, output
    assert output.splitlines() == [
        "longmode: kernel at cpl 0",
        "user: hello from cpl 3",
        "user: hello by int 0x80",
        "user: pages came on demand",
        "user: task a kept its registers",
        "longmode: 34 pages on demand, 17 faults as expected",
        "longmode: tasks preempted",
        "longmode: ok",
    ]


def test_stress() -> None:
    output, code = output_and_code("stress")
    assert code == 0, output
    pattern = (
        r"stress: loopback ok\nstress: ready\n"
        r"stress: round 000\nstress: round 064\nstress: round 128\nstress: round 192\n"
        r"stress: input 0\nstress: stable 0x(\w{16})\nstress: timed 0x(\w{16})\nstress: ok\n"
    )
    match = re.fullmatch(pattern, output)
    assert match is not None, output
    assert int(match[1], 16) == fixtures.STRESS_STABLE


def test_stress_counts_its_input() -> None:
    with run(*flat("stress")) as guest:
        guest.expect("stress: ready\n")
        guest.send("0123456789")
        output, status = guest.finish()
    assert status == 1, output
    count = re.search(r"^stress: input (\d+)$", output, re.MULTILINE)
    assert count is not None
    # What arrives after the last round is not taken any more.
    assert int(count[1]) in range(11)
    assert f"stable 0x{fixtures.STRESS_STABLE:016x}" in output


def test_badaccess() -> None:
    output, code = output_and_code("badaccess")
    assert code == 0
    pattern = r"reading 0xd0000000\nread 0x[0-9a-f]{8}\nwriting 0xd0000000\nwrote\n"
    assert re.fullmatch(pattern, output)


# ---- echo -----------------------------------------------------------------------------------


def test_echo_answers_each_line_however_it_ends() -> None:
    with run(*flat("echo")) as guest:
        guest.expect("ready\n")
        guest.send("unix\ndos\r\nmac\r\n\n")
        assert guest.expect("mac\n") == "echo: unix\necho: dos\necho: mac\n"
        guest.send("quit\n")
        output, status = guest.finish()
    assert output in ("echo: \n",)
    assert status == 1


def test_echo_loses_nothing_of_a_flood() -> None:
    lines = [f"{n}:" + "x" * (n * 7 % 200) for n in range(400)]
    with run(*flat("echo")) as guest:
        guest.expect("ready\n")
        guest.send("\n".join(lines) + "\nquit\n")
        output, status = guest.finish()
    assert output == "".join(f"echo: {line}\n" for line in lines)
    assert status == 1


def test_echo_answers_the_rest_of_an_overlong_line_as_another() -> None:
    with run(*flat("echo")) as guest:
        guest.expect("ready\n")
        guest.send("a" * 4096 + "b" * 10 + "\nquit\n")
        output, _ = guest.finish()
    assert output == f"echo: {'a' * 4096}\necho: {'b' * 10}\n"


# ---- guests that end otherwise --------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("triplefault", "about to triple-fault\n"),
        ("reboot", "resetting by i8042\n"),
        ("reboot-cf9", "resetting by 0xcf9\n"),
    ],
)
def test_a_reset(name: str, text: str) -> None:
    with run(*flat(name)) as guest:
        assert guest.finish() == (text, 0)


@contextmanager
def monitored_by(
    arguments: list[str], path: Path, *, leaves: bool = True
) -> Iterator[tuple[Guest, socket.socket]]:
    """A guest and QEMU's machine protocol."""
    monitor_at = ["-qmp", f"unix:{path},server=on,wait=off"]
    with run(*arguments, *monitor_at, leaves=leaves) as guest:
        deadline = time.monotonic() + SECONDS
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(SECONDS)
            while monitor.connect_ex(str(path)) != 0:  # not there yet, or nobody listens yet
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield guest, monitor


def command(monitor: socket.socket, name: str, **arguments: str) -> str:
    """One command of QEMU's machine protocol."""
    with monitor.makefile("rw", encoding="utf-8") as lines:
        lines.write(json.dumps({"execute": name, "arguments": arguments}))
        lines.flush()
        while "return" not in (answer := json.loads(lines.readline())):
            assert "error" not in answer
    return str(answer["return"])


@pytest.mark.parametrize(
    ("name", "text", "halted"), [("halt", "halting for ever\n", 1), ("runaway", "spinning\n", 0)]
)
def test_a_guest_that_never_ends_takes_no_interrupt(
    name: str, text: str, halted: int, tmp_path: Path
) -> None:
    with monitored_by(flat(name), tmp_path / "qmp") as (guest, monitor):
        assert guest.expect(text) == text
        command(monitor, "qmp_capabilities")
        deadline = time.monotonic() + SECONDS
        query = {"command-line": "info registers"}
        # The text may be seen before the guest's next instructions are executed.
        while f"HLT={halted}" not in (state := command(monitor, "human-monitor-command", **query)):
            assert time.monotonic() < deadline, state
            time.sleep(0.01)
    flags = re.search(r"EFL=([0-9a-f]{8})", state)
    assert flags is not None
    assert int(flags[1], 16) & 0x200 == 0


def test_the_screen_is_the_same_as_ours(tmp_path: Path) -> None:
    with monitored_by(flat("screen"), tmp_path / "qmp") as (guest, monitor):
        guest.expect("screen: done\n")
        command(monitor, "qmp_capabilities")
        save = f'pmemsave 0xb8000 {27 * 160} "{tmp_path}/text"'
        assert command(monitor, "human-monitor-command", **{"command-line": save}) == ""
        guest.send("x")
        assert guest.finish()[1] == 1
    theirs = (tmp_path / "text").read_bytes()
    with hvlab.Machine(image=fixtures.fixture("screen"), memory="1MiB") as machine:
        machine.console.expect_text("screen: done")
        cells = [machine.screen.cell(row, column) for row in range(25) for column in range(80)]
    assert bytes(value for cell in cells for value in (cell.code, cell.attribute)) == theirs[320:]


# ---- what a boot loader hands over ----------------------------------------------------------


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[hvlab.BootModule]:
    """Two files in the current folder; QEMU passes a module's file name as part of its text."""
    monkeypatch.chdir(tmp_path)
    Path("first").write_bytes(b"the first module")
    Path("second").write_bytes(bytes(n * n % 251 for n in range(70_000)))
    return [hvlab.BootModule("first", "first one two"), hvlab.BootModule("second", "second")]


def handed_over(boot: hvlab.MultibootKernel | hvlab.PvhKernel) -> list[str]:
    """What the guest says under hvlab."""
    with hvlab.Machine(boot=boot, memory="16MiB") as machine:
        stop = machine.run(timeout="1s")
        assert (stop.reason, stop.code) == ("debug-exit", 0), machine.console.output
        return machine.console.output.splitlines()


def handed_over_by_qemu(kernel: Path, *arguments: str) -> list[str]:
    with run("-m", "16", "-kernel", str(kernel), *arguments) as guest:
        output, status = guest.finish()
    assert status == 1, output
    return output.splitlines()


def ram(lines: list[str]) -> list[tuple[int, int]]:
    """The RAM of a memory map: start and end."""
    pattern = r"map: start 0x(\w{16}) length 0x(\w{16}) type 1"
    found = [match for line in lines if (match := re.fullmatch(pattern, line))]
    return [(int(m[1], 16), int(m[1], 16) + int(m[2], 16)) for m in found]


def check_memory_maps(ours: list[str], peers: list[str]) -> None:
    """SeaBIOS keeps the last 128 KiB for its ACPI tables, and reserves more below 1 MiB."""
    (low, high), (peers_low, peers_high) = ram(ours), ram(peers)
    assert low == peers_low == (0, 0x9FC00)
    assert high == (0x100000, 16 << 20)
    assert peers_high == (0x100000, (16 << 20) - (128 << 10))


def without(lines: list[str], *beginnings: str) -> list[str]:
    return [line for line in lines if not line.startswith(beginnings)]


def test_multiboot_hands_over_what_qemu_does(modules: list[hvlab.BootModule]) -> None:
    kernel = fixtures.fixture("multiboot")
    ours = handed_over(hvlab.MultibootKernel(kernel, f"{kernel} quiet a=b", modules))
    qemu = ["-append", "quiet a=b", "-initrd", "first one two,second"]
    peers = handed_over_by_qemu(kernel, *qemu)
    check_memory_maps(ours, peers)
    # What the specification leaves open: other flags than IF and VM; a boot device; the name; how
    # much of the upper memory the firmware has taken (above).
    assert ours[0] == "entry: eax 0x2badb002 flags 0x00000002 cr0 0x00000011 cr4 0x00000000"
    assert re.sub(r"flags 0x\w{8}", "flags 0x00000002", peers[0]) == ours[0]
    assert "information: flags 0x0000024d" in ours
    assert "information: flags 0x0000024f" in peers
    assert "memory: lower 639 KiB, upper 15360 KiB" in ours
    assert "memory: lower 639 KiB, upper 15232 KiB" in peers
    assert ('loader: "hvlab"' in ours, 'loader: "qemu"' in peers) == (True, True)
    different = ("entry:", "information:", "memory:", "loader:", "map:")
    assert without(ours, *different) == without(peers, *different)
    assert [line.split(",")[0] for line in ours if line.startswith("module:")] == [
        "module: 16 bytes",
        "module: 70000 bytes",
    ]


def test_pvh_hands_over_what_qemu_does(modules: list[hvlab.BootModule]) -> None:
    kernel = fixtures.fixture("pvh")
    # QEMU gives its module no text.
    ours = handed_over(hvlab.PvhKernel(kernel, "quiet a=b", [hvlab.BootModule("second", "x")]))
    peers = handed_over_by_qemu(kernel, "-append", "quiet a=b", "-initrd", "second")
    check_memory_maps(ours, peers)
    assert ours[0] == "entry: eax 0x00000000 flags 0x00000002 cr0 0x00000011 cr4 0x00000000"
    assert re.sub(r"flags 0x\w{8}", "flags 0x00000002", peers[0]) == ours[0]
    assert [line.replace(', text "x"', "") for line in without(ours, "entry:", "map:")] == without(
        peers, "entry:", "map:"
    )


def test_grub_takes_the_multiboot_fixture_for_one() -> None:
    grub_file = shutil.which("grub-file")
    if grub_file is None:
        pytest.skip("grub-file is not installed")
    for name, expected in (("multiboot", 0), ("pvh", 1), ("elf32", 1)):
        command = [grub_file, "--is-x86-multiboot", str(fixtures.fixture(name))]
        assert subprocess.run(command, check=False, timeout=SECONDS).returncode == expected, name


# ---- Linux ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def linux() -> list[str]:
    try:
        kernel, initrd = fixtures.fetch("linux").path, fixtures.fetch("busybox").path
    except FixtureError as error:
        pytest.skip(f"kernel and busybox cannot be fetched here: {error}")
    append = ["-append", "console=ttyS0"]
    return ["-m", "256", "-kernel", str(kernel), "-initrd", str(initrd), *append]


def test_linux_boots_to_a_shell_that_answers(linux: list[str]) -> None:
    prompt = "/ # "
    with run(*linux) as guest:
        boot = guest.expect(prompt)
        assert "Linux version" in boot
        assert "job control" not in boot

        def ask(command: str) -> str:
            guest.send(command + "\n")
            answer = guest.expect(prompt)
            assert answer.startswith("\r\n")  # of what was typed, the line end alone is echoed
            return answer.removeprefix("\r\n").removesuffix(prompt).replace("\r\n", "\n")

        assert re.fullmatch(r"Linux hvlab \S+ .* x86_64 .*\n", ask("uname -a"))
        md5 = "2c7ab85a893283e98c931e9511add182  -\n"
        assert ask("head -c 16M /dev/zero | md5sum") == md5
        assert ask("head -c2K /dev/zero | wc -c; head -n 1 /etc/group") == "2048\nroot:x:0:\n"
        assert ask("tty; echo $$; cat /proc/1/comm") == f"/dev/ttyS0\n{ask('echo $$')}init\n"
        assert "sleep 9" in ask("sleep 9 & jobs")
        guest.send("sh -c 'echo begun; exec sleep 1000'\n")
        guest.expect("begun\r\n")
        guest.send("\x03")
        guest.expect(prompt)
        guest.send("exit\n")
        output, status = guest.finish()
    assert "the shell has ended: resetting" in output
    assert status == 0


def test_the_benchmark_guest_computes_what_the_host_computes(
    linux: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guests = Path(__file__).resolve().parents[2] / "bench" / "guests"
    monkeypatch.syspath_prepend(str(guests))
    import make_initrd

    make_initrd.make_initrd(tmp_path / "bench.cpio")
    make_initrd.compile_bench(tmp_path / "bench")
    checked = ("alu", "memory", "pagefault", "fork")
    native = subprocess.run(
        [tmp_path / "bench", *checked], capture_output=True, text=True, check=True, timeout=SECONDS
    ).stdout
    arguments = [*linux, "-initrd", str(tmp_path / "bench.cpio")]
    with run(*arguments) as guest:
        output = guest.expect("bench done").replace("\r\n", "\n")
    lines = [line for line in output.splitlines() if line.startswith("bench ")]
    order = [line.split()[1] for line in lines if line.split()[2:3] == ["start"]]
    assert order == list(make_initrd.LOOPS)
    for line in native.splitlines():
        assert line in lines
