# SPDX-License-Identifier: GPL-2.0-or-later
"""What is worth knowing of the host when a case failed on it: no names of people, hosts or networks, and
nothing of the environment.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import hvlab
from hvlab import backends, processors, units
from hvlab.introspection import attempt

LIBRARIES = ("pydantic", "capstone", "pyelftools", "pytest")
_MAX_FILE = 1 << 20


def host_facts() -> str:
    """A line for each fact; one that cannot be found out says so."""
    return "\n".join(f"{name + ':':<12}{text}" for name, text in facts().items())


def facts() -> dict[str, str]:
    """The same by name."""
    known: dict[str, Callable[[], str]] = {
        "hvlab": lambda: hvlab.__version__,
        "engine": lambda: backends.ENGINE,
        "KVM": lambda: backends.kvm_text(backends.kvm_status()),
        "kernel": lambda: f"{platform.system()} {platform.release()} {platform.machine()}",
        "system": _distribution,
        "processor": _processor,
        "processors": _processors,
        "memory": _memory,
        "load": lambda: " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "Python": lambda: f"{platform.python_implementation()} {platform.python_version()}",
        "libraries": _libraries,
        "command": lambda: Path(sys.argv[0]).name,
    }
    return {name: attempt(name, fact) for name, fact in known.items()}


def _distribution() -> str:
    return platform.freedesktop_os_release()["PRETTY_NAME"]


def _processor() -> str:
    return _field(Path("/proc/cpuinfo"), "model name")


def _processors() -> str:
    return f"{processors.usable()} usable of {os.cpu_count()}"


def _memory() -> str:
    total, free = (
        int(_field(Path("/proc/meminfo"), name).split()[0]) << 10
        for name in ("MemTotal", "MemAvailable")
    )
    return f"{_gib(total)}, {_gib(free)} available"


def _libraries() -> str:
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"no {name}")
    return ", ".join(found)


def _field(path: Path, name: str) -> str:
    """Of a file with lines like `name : value`."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file.read(_MAX_FILE).splitlines():
            key, _, value = line.partition(":")
            if key.strip() == name:
                return value.strip()
    raise LookupError(f"{path} says nothing of {name}")


def _gib(size: int) -> str:
    return f"{size / units.SIZE_UNITS['GiB']:.1f} GiB"
