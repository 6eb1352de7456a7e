# SPDX-License-Identifier: GPL-2.0-or-later
"""What a case that failed leaves behind, from real guests; and where it cannot be left."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import hvlab
from hvlab import introspection
from hvlab.backends import ENGINE
from hvlab.errors import BackendError, FixtureError, HostError
from hvlab.report import artifacts
from hvlab.report.host_facts import host_facts
from hvlab.scenario.document import Document
from hvlab.scenario.results import CaseResult, Outcome
from hvlab.scenario.runner import run_case

LINUX = """\
schema: 1
name: crash
machine:
  memory: 256MiB
  boot: {linux: "fixture:linux", initrd: "fixture:busybox", cmdline: "console=ttyS0"}
steps:
- boot: {}
- expect: {text: "/ # ", within: 20s, as: ready}
- send: "echo c > /proc/sysrq-trigger\\n"
- expect: {text: "never printed", within: 1h}
- send: "not reached\\n"
"""

CALLS = """\
schema: 1
name: calls
machine: {boot: {elf: "fixture:calls64"}}
steps:
- boot: {}
- expect: {stop: debug-exit, within: 1s, as: end}
- assert: end.code == 3
"""


def failed(document: Document, folder: Path) -> tuple[CaseResult, Path]:
    case = document.cases[0]
    kept = artifacts.keep(folder, case, run_case(case))
    assert kept.outcome is Outcome.FAILED
    return kept, Path(kept.artifacts)


def test_a_linux_that_panics(read: Callable[[str], Document], tmp_path: Path) -> None:
    try:
        hvlab.fixture("linux")
        hvlab.fixture("busybox")
    except FixtureError as error:
        pytest.skip(f"kernel and busybox cannot be fetched here: {error}")
    kept, folder = failed(read(LINUX), tmp_path / "out")
    assert kept.reason.startswith("the guest's kernel panicked: [")
    assert kept.reason.endswith("Kernel panic - not syncing: sysrq triggered crash")
    assert kept.failure is not None
    assert (kept.failure.line, kept.failure.column) == (10, 3)
    assert kept.guest_time is not None
    assert kept.guest_time < 60_000_000_000  # and not after the hour
    text = {entry.name: entry.read_text() for entry in folder.iterdir()}
    assert "---[ end Kernel panic" in text["console.log"]
    assert re.search(r"^  [0-9a-f]{16}  ksys_write\+0x", text["stack.txt"], re.MULTILINE)
    assert re.search(r"panic\+0x[0-9a-f]+/0x", text["stack.txt"])
    assert text["code.txt"].count("=>") == 1
    assert "CR0" not in text["registers.txt"]
    assert re.search(r"cr0=\w+  PE MP .*PG$", text["registers.txt"], re.MULTILINE)
    assert re.search(r"rflags=\w+  .*IOPL=0$", text["registers.txt"], re.MULTILINE)
    marked = text["scenario.txt"].splitlines()
    assert re.match(r"✓ +[\d.]+ m?s +8 \| - expect: \{text: \"/ # \"", marked[7])
    assert re.match(r"✗ +[\d.]+ s +10 \| - expect", marked[9])
    assert marked[10].strip().startswith("|   ^ the guest's kernel panicked: [")
    assert re.match(r" +11 \| - send", marked[11])
    listed = {line.split()[0] for line in text["index.txt"].splitlines()[3:] if line}
    assert set(text) - {"index.txt"} <= listed
    assert "hvlab run" in text["index.txt"]
    assert f"--seed {kept.seed}" in text["reproduce.sh"]


def test_what_everything_is_for_is_in_the_index(
    read: Callable[[str], Document], tmp_path: Path
) -> None:
    _, folder = failed(read(CALLS), tmp_path / "out")
    stack = (folder / "stack.txt").read_text()
    assert "symbols: symbol table of calls64.elf" in stack
    assert [line.split()[-1].split("+")[0] for line in stack.splitlines()[-3:]] == [
        "middle",
        "outer",
        "_start",
    ]
    index = (folder / "index.txt").read_text().splitlines()
    assert index[0] == "failed case.hvlab.yaml::calls"
    assert index[1] == "not true: end.code == 3"
    meaning = "the calls on the stack; '?' is what may be left from earlier ones"
    assert f"{'stack.txt':<13}  {meaning}" in index
    done = subprocess.run(["sh", folder / "reproduce.sh"], capture_output=True, check=False,
                          env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
                          text=True, timeout=60)  # fmt: skip
    assert done.returncode == 1
    assert "not true: end.code == 3" in done.stdout


def test_a_part_that_fails_says_so_and_hides_nothing(
    read: Callable[[str], Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: Any) -> str:
        raise ZeroDivisionError("a bug\nin two lines")

    monkeypatch.setattr(introspection, "registers", broken)
    monkeypatch.setattr(introspection, "trace_text", broken)
    monkeypatch.setattr(introspection, "find_kallsyms", broken)
    monkeypatch.setattr(artifacts, "host_facts", broken)
    kept, folder = failed(read(CALLS), tmp_path / "out")
    assert kept.reason == "not true: end.code == 3"
    told = "could not be collected: ZeroDivisionError: a bug in two lines)"
    assert (folder / "registers.txt").read_text() == f"(registers {told}\n"
    assert f"(kallsyms {told}\n" in (folder / "code.txt").read_text()
    assert "guest_exit_halt" in (folder / "code.txt").read_text()
    assert (folder / "stack.txt").read_text().endswith(f"(stack {told}\n")
    assert (folder / "host.txt").read_text() == f"(the host that it ran on {told}\n"


def test_a_processor_that_cannot_be_read() -> None:
    class Vcpu:
        @property
        def state(self) -> Any:
            raise BackendError("KVM_GET_REGS: Input/output error", "kvm", "KVM_GET_REGS", 5)

    seen = introspection.inspect(SimpleNamespace(vcpus=(Vcpu(),)))  # type: ignore[arg-type]
    assert seen.registers == seen.disassembly == seen.stack
    assert "BackendError: KVM_GET_REGS: Input/output error" in seen.stack


def test_a_guest_that_prints_without_end_or_line(
    read: Callable[[str], Document], tmp_path: Path
) -> None:
    from hvlab.scenario import machines

    long = machines.bounded("x" * 5_000_000)
    assert len(long) < 2100
    assert long.endswith("x... (4998000 more characters)")
    assert machines.bounded("short") == "short"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 40 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small tmpfs needs root")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk(
    read: Callable[[str], Document], small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = read(CALLS).cases[0]
    (small_disk / "filler").write_bytes(b"x" * (28 << 10))
    with pytest.raises(HostError, match=r"No space left on device, nor \d+ more") as caught:
        artifacts.keep(small_disk, case, run_case(case))
    assert caught.value.errno == 28
    folder = small_disk / artifacts.folder_name(case.id)
    names = {entry.name for entry in folder.iterdir()}
    assert "failure.txt" in names
    assert names < set(artifacts.NAMES)
    assert all(entry.stat().st_size > 0 for entry in folder.iterdir())  # whole or not at all
    # The run goes on, and says why there are no artifacts.
    both = Path("both.hvlab.yaml")
    both.write_text(CALLS.replace("name: calls", "name: calls\nmatrix: {n: [1, 2]}"))
    done = subprocess.run(
        [sys.executable, "-m", "hvlab", "run", both, "--artifacts", small_disk],
        capture_output=True, check=False, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("hvlab: error: cannot write ") == 2
    assert "2 failed" in done.stdout


def test_a_folder_that_cannot_be_made(read: Callable[[str], Document], tmp_path: Path) -> None:
    case = read(CALLS).cases[0]
    result = run_case(case)
    (tmp_path / artifacts.folder_name(case.id)).write_text("a file is in the way")
    with pytest.raises(HostError, match="cannot make the folder"):
        artifacts.keep(tmp_path, case, result)
    (tmp_path / "out").mkdir()
    kept = Path(artifacts.keep(tmp_path / "out", case, result).artifacts)
    (kept / "stack.txt").unlink()
    (kept / "stack.txt").mkdir()
    with pytest.raises(HostError, match=r"cannot write .*stack\.txt: Is a directory"):
        artifacts.keep(tmp_path / "out", case, result)
    assert "missing: cannot write " in (kept / "index.txt").read_text()
    assert json.loads((kept / "result.json").read_text())["name"] == "calls"


def test_host_facts_tell_nothing_private(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HVLAB_SECRET", "swordfish")
    monkeypatch.setattr(sys, "argv", ["/home/somebody/bin/hvlab", "run", "--token=swordfish"])
    facts = dict(line.split(":", 1) for line in host_facts().splitlines())
    assert facts["hvlab"].strip() == hvlab.__version__
    assert facts["engine"].strip() == ENGINE
    assert "could not be collected" not in host_facts()
    for secret in ("swordfish", "somebody", os.uname().nodename):
        assert secret not in host_facts()


def test_the_engine_is_the_one_that_is_built() -> None:
    source = Path(__file__).resolve().parents[2] / "cpp/backends/unicorn/engine/prepare_source.py"
    version = re.search(r'^VERSION = "(.+)"', source.read_text(), re.MULTILINE)
    assert version is not None
    assert f"Unicorn {version[1]}," in ENGINE
