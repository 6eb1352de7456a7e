# SPDX-License-Identifier: GPL-2.0-or-later
"""What tools/setup.sh says and does on machines that lack something, played by fake commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class FakeMachine:
    """A checkout and a PATH whose first folder holds commands made up by the test."""

    root: Path
    bin: Path
    environment: dict[str, str] = field(default_factory=dict)

    def command(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def setup(self, goal: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.root / "tools/setup.sh", goal],
            env={**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}", **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def calls(self) -> list[str]:
        log = self.root / "calls"
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    (tmp_path / "tools").mkdir()
    (tmp_path / "bin").mkdir()
    for name in ("tools/setup.sh", "tools/packages.txt", "pyproject.toml", "CMakePresets.json"):
        shutil.copy2(ROOT / name, tmp_path / name)
    fake = FakeMachine(tmp_path, tmp_path / "bin")
    fake.environment["PYTHON"] = sys.executable
    fake.environment["PIP_NO_INDEX"] = "1"
    fake.environment["PIP_FIND_LINKS"] = ""
    fake.environment.pop("HVLAB_SKIP_SYSTEM", None)
    fake.command("dpkg-query", "exit 1")  # knows no package
    # Fails where the environment would come next: what matters here is what it was asked for.
    fake.command("apt-get", f'echo "apt-get $*" >>{tmp_path}/calls; [ "$1" = update ]')
    fake.command("sudo", "exit 1")
    fake.command("id", "echo 1000")
    return fake


def test_without_root_it_prints_the_command_and_stops(machine: FakeMachine) -> None:
    done = machine.setup("test")
    assert done.returncode == 1
    assert "installing them takes root" in done.stderr
    assert "apt-get install -y --no-install-recommends" in done.stderr
    for package in ("g++", "cmake", "libyaml-cpp-dev", "libgtest-dev"):
        assert f" {package}" in done.stderr
    assert machine.calls() == []
    assert not (machine.root / ".venv").exists()


def test_a_goal_asks_for_no_more_than_it_needs(machine: FakeMachine) -> None:
    assert "libgtest-dev" not in machine.setup("demo").stderr
    assert "qemu-system-x86" not in machine.setup("lint").stderr
    assert "qemu-system-x86" in machine.setup("test").stderr
    assert "libbenchmark-dev" not in machine.setup("test").stderr
    assert "libbenchmark-dev" in machine.setup("bench").stderr
    assert "libsimgrid-dev" not in machine.setup("test").stderr
    assert "libsimgrid-dev" not in machine.setup("bench").stderr
    simulator = machine.setup("bench-sim").stderr
    assert "libsimgrid-dev" in simulator
    assert "libbenchmark-dev" in simulator
    assert "qemu-system-x86" not in simulator


def test_only_what_is_missing_is_asked_for(machine: FakeMachine) -> None:
    machine.command("dpkg-query", 'for p in "$@"; do echo "installed $p"; done | grep -v ninja')
    done = machine.setup("demo")
    assert "--no-install-recommends ninja-build'" in done.stderr


def test_root_installs_by_itself(machine: FakeMachine) -> None:
    machine.command("id", "echo 0")
    done = machine.setup("demo")
    update, install = machine.calls()
    assert update.startswith("apt-get update")
    assert " libre2-dev" in install
    assert "System packages (apt)" in done.stdout


def test_passwordless_sudo_is_used(machine: FakeMachine) -> None:
    machine.command("sudo", f'echo "sudo $*" >>{machine.root}/calls; [ "$1" = -n ] && shift; "$@"')
    machine.setup("demo")
    assert any(call.startswith("sudo -n env DEBIAN_FRONTEND") for call in machine.calls())
    assert any(call.startswith("apt-get install") for call in machine.calls())


def test_apt_that_fails_is_quoted(machine: FakeMachine) -> None:
    machine.command("id", "echo 0")
    machine.command("apt-get", 'echo "E: Temporary failure resolving"; exit 100')
    done = machine.setup("demo")
    assert done.returncode == 1
    assert "E: Temporary failure resolving" in done.stderr
    assert "apt could not install the packages" in done.stderr


def test_without_apt_it_names_the_packages(machine: FakeMachine) -> None:
    # A PATH with what the script needs, and no apt-get.
    for name in ("awk", "sort", "comm", "dirname", "env", "bash", "cat"):
        source = shutil.which(name)
        assert source
        (machine.bin / name).symlink_to(source)
    (machine.bin / "apt-get").unlink()
    machine.environment["PATH"] = str(machine.bin)
    done = machine.setup("demo")
    assert done.returncode == 1
    assert "there is no apt here" in done.stderr
    assert "libyaml-cpp-dev" in done.stderr
    assert "HVLAB_SKIP_SYSTEM=1" in done.stderr


def test_without_a_suitable_python_apt_is_asked_for_one(machine: FakeMachine) -> None:
    machine.command("dpkg-query", 'for p in "$@"; do echo "installed $p"; done')
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        machine.command(name, "exit 1")
    script = machine.root / "tools/setup.sh"
    text = script.read_text(encoding="utf-8")
    assert " /usr/bin/python3;" in text
    script.write_text(text.replace(" /usr/bin/python3;", ";"), encoding="utf-8")
    machine.environment["PYTHON"] = str(machine.bin / "python3")
    done = machine.setup("demo")
    assert "--no-install-recommends python3 python3-dev python3-venv'" in done.stderr


def test_without_a_network_it_says_what_pip_said(machine: FakeMachine) -> None:
    machine.environment["HVLAB_SKIP_SYSTEM"] = "1"
    done = machine.setup("demo")
    assert done.returncode == 1
    assert "No matching distribution found" in done.stderr
    assert "PIP_FIND_LINKS" in done.stderr
    assert not (machine.root / ".venv/.hvlab-stamp").exists()


def test_an_unknown_goal(machine: FakeMachine) -> None:
    done = machine.setup("dance")
    assert done.returncode == 2
    assert "unknown goal 'dance'" in done.stderr
