# SPDX-License-Identifier: GPL-2.0-or-later
"""The include rules find each kind of breach, and nothing in what is allowed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools/check_includes.py"

BREACHES = {
    "upwards": ("cpp/core/base/a.h", '#include "core/machine/machine.h"', "must not include"),
    "sideways": ("cpp/core/memory/a.h", '#include "core/cpu/cpu_state.h"', "must not include"),
    "backend": (
        "cpp/backends/unicorn/a.cpp",
        '#include "core/machine/machine.h"',
        "backends/unicorn must not include core/machine/machine.h",
    ),
    "from backend": (
        "cpp/core/machine/a.cpp",
        '#include "backends/unicorn/unicorn_backend.h"',
        "must not include",
    ),
    "ioctl": ("cpp/core/base/a.cpp", "int r = ioctl(fd, 1, 2);", "ioctl outside"),
    "engine": ("cpp/core/machine/a.cpp", "uc_emu_start(uc, 0, 0, 0, 0);", "Unicorn's interface"),
    "python": ("cpp/core/base/a.cpp", "#include <Python.h>", "Python's interface"),
    "pybind": ("cpp/core/base/a.cpp", "#include <pybind11/pybind11.h>", "Python's interface"),
    "yaml": ("cpp/core/base/a.cpp", "#include <yaml-cpp/yaml.h>", "yaml-cpp outside"),
    "local name": ("cpp/core/base/a.cpp", '#include "machine.h"', "write includes from cpp/ on"),
    "suite": (
        "tests/conformance/a_test.cpp",
        '#include "backends/unicorn/unicorn_backend.h"',
        "tests/conformance must not include",
    ),
    "probe": (
        "cpp/core/probe/a.cpp",
        '#include "core/machine/machine.h"',
        "core/probe must not include core/machine/machine.h",
    ),
    "no rule": ("cpp/elsewhere/a.cpp", "int a;", "no rule"),
}

ALLOWED = {
    "downwards": ("cpp/core/machine/a.h", '#include "core/base/units.h"'),
    "own folder": ("cpp/core/base/a.h", '#include "core/base/units.h"'),
    "probe": ("cpp/core/probe/a.cpp", '#include "core/hypervisor/hypervisor.h"'),
    "library": ("cpp/core/base/a.h", "#include <fmt/format.h>"),
    "test": ("cpp/core/machine/a_test.cpp", '#include "backends/unicorn/unicorn_backend.h"'),
    "owner": ("cpp/backends/unicorn/a.cpp", "uc_emu_start(uc, 0, 0, 0, 0);"),
    "kvm": ("cpp/backends/kvm/a.cpp", "int r = ioctl(fd, 1, 2);"),
    "comment": ("cpp/core/base/a.cpp", "// as uc_emu_start and ioctl(fd) do\n/* pybind11::str */"),
    "string": ("cpp/core/base/a.cpp", 'const char* s = "ioctl(3)";'),
    "bindings": ("bindings/a.cpp", "#include <pybind11/pybind11.h>"),
    "suite": ("tests/conformance/a_test.cpp", '#include "core/cpu/cpu_state.h"'),
    "factory": (
        "tests/conformance/backends/a.cpp",
        '#include "backends/unicorn/unicorn_backend.h"',
    ),
}


def check(tmp_path: Path, file: str, text: str) -> subprocess.CompletedProcess[str]:
    for name in (
        "cpp/core/base/units.h",
        "cpp/core/machine/machine.h",
        "cpp/core/base/machine.h",
        "cpp/core/cpu/cpu_state.h",
        "cpp/backends/unicorn/unicorn_backend.h",
        file,
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("// first line\n", encoding="utf-8")
    with (tmp_path / file).open("a", encoding="utf-8") as out:
        out.write(text + "\n")
    return subprocess.run(
        [sys.executable, TOOL, tmp_path], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("name", BREACHES)
def test_breach(tmp_path: Path, name: str) -> None:
    file, text, message = BREACHES[name]
    done = check(tmp_path, file, text)
    assert done.returncode == 1
    line = 1 if name == "no rule" else 2
    assert done.stdout.startswith(f"{file}:{line}: ")
    assert message in done.stdout
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize("name", ALLOWED)
def test_allowed(tmp_path: Path, name: str) -> None:
    done = check(tmp_path, *ALLOWED[name])
    assert (done.returncode, done.stdout) == (0, "")


def test_an_empty_tree_is_not_a_clean_one(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, TOOL, tmp_path], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "nothing was checked" in done.stderr
