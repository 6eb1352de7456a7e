# SPDX-License-Identifier: GPL-2.0-or-later
"""hvlab: a scriptable test harness and simulation framework for hypervisors.

    with hvlab.Machine(image=hvlab.fixture("echo")) as machine:
        machine.console.expect_text("ready")
        machine.console.send("hello\\n")
        assert machine.console.expect(r"echo: (\\w+)", timeout="1s")[1] == "hello"

The core is loaded when something of it is first used, so that importing the package is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hvlab import lazy
from hvlab.errors import HvlabError

if TYPE_CHECKING:
    from hvlab import micro
    from hvlab._core import (
        BootModule,
        CpuState,
        DiskBoot,
        ElfImage,
        FlatImage,
        LinuxBoot,
        Match,
        MicroImage,
        MultibootKernel,
        PortWrite,
        PvhKernel,
        RecentEvent,
        Stop,
    )
    from hvlab.case_context import CaseContext, NamedValue
    from hvlab.console import Console
    from hvlab.device import Device
    from hvlab.event import Event
    from hvlab.fixtures import fixture
    from hvlab.host import Host
    from hvlab.machine import Machine
    from hvlab.screen import Screen

__version__ = "0.1.0"

__all__ = [
    "BootModule",
    "CaseContext",
    "Console",
    "CpuState",
    "Device",
    "DiskBoot",
    "ElfImage",
    "Event",
    "FlatImage",
    "Host",
    "HvlabError",
    "LinuxBoot",
    "Machine",
    "Match",
    "MicroImage",
    "MultibootKernel",
    "NamedValue",
    "PortWrite",
    "PvhKernel",
    "RecentEvent",
    "Screen",
    "Stop",
    "fixture",
    "micro",
]

_HOMES = {
    "BootModule": "hvlab._core",
    "CaseContext": "hvlab.case_context",
    "Console": "hvlab.console",
    "CpuState": "hvlab._core",
    "Device": "hvlab.device",
    "DiskBoot": "hvlab._core",
    "ElfImage": "hvlab._core",
    "Event": "hvlab.event",
    "FlatImage": "hvlab._core",
    "Host": "hvlab.host",
    "LinuxBoot": "hvlab._core",
    "Machine": "hvlab.machine",
    "Match": "hvlab._core",
    "MicroImage": "hvlab._core",
    "MultibootKernel": "hvlab._core",
    "NamedValue": "hvlab.case_context",
    "PortWrite": "hvlab._core",
    "PvhKernel": "hvlab._core",
    "RecentEvent": "hvlab._core",
    "Screen": "hvlab.screen",
    "Stop": "hvlab._core",
    "fixture": "hvlab.fixtures",
    "micro": "hvlab.micro",
}

if not TYPE_CHECKING:  # a checker takes any name for one that __getattr__ knows
    __getattr__, __dir__ = lazy.attributes(__name__, _HOMES)
