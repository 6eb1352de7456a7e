# SPDX-License-Identifier: GPL-2.0-or-later
"""The registers of a vCPU that can be read and written one by one, by their names."""

from __future__ import annotations

from operator import attrgetter

from hvlab import _core
from hvlab.errors import MachineConfigError

# fmt: off
_OWN = (
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
    "rip", "rflags", "cr0", "cr2", "cr3", "cr4", "cr8", "dr6", "dr7",
)
_MSRS = ("efer", "star", "lstar", "cstar", "fmask", "kernel_gs_base", "tsc_aux")
# fmt: on
_BASES = ("fs", "gs", "gdtr", "idtr")
# Where in CpuState.
_PATHS = (
    {name: name for name in _OWN}
    | {f"{name}_base": f"{name}.base" for name in _BASES}
    | {name: f"msrs.{name}" for name in _MSRS}
)

REGISTERS = tuple(_PATHS)
"""Their names: the general ones, rip, rflags, control and debug registers, bases, some MSRs."""


def read(state: _core.CpuState, name: str) -> int:
    """Raises MachineConfigError for an unknown name."""
    return int(attrgetter(_path(name))(state))


def write(state: _core.CpuState, name: str, value: int) -> None:
    """Raises MachineConfigError for an unknown name, and for a value that does not fit."""
    owner, _, field = _path(name).rpartition(".")
    try:
        setattr(attrgetter(owner)(state) if owner else state, field, value)
    except TypeError:
        message = f"value: {value!r} does not fit into {name}"
        raise MachineConfigError(message, "value") from None


def _path(name: str) -> str:
    path = _PATHS.get(name)
    if path is None:
        from hvlab.scenario.nearest import did_you_mean

        message = f"register: unknown register {name!r}{did_you_mean(name, REGISTERS)}"
        raise MachineConfigError(message, "register")
    return path
