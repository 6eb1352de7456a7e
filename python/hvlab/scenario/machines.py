# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine that a case describes, and what of it goes into the reports."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hvlab.errors import HostError
from hvlab.scenario import images
from hvlab.scenario.boots import references
from hvlab.scenario.results import ImageResult, MachineResult, StopResult
from hvlab.scenario.tree import format_path

if TYPE_CHECKING:
    from hvlab.host import Host
    from hvlab.machine import Machine
    from hvlab.scenario.document import Case

MAX_CONSOLE = 64 << 10
MAX_LOG_LINES = 1000


def make(host: Host, case: Case, name: str) -> Machine:
    """The machine of that name, with its image loaded, ready to run. Raises HvlabError."""
    spec, folder = case.scenario.specs[name], case.source.folder
    return host.machine(
        name,
        memory=spec.memory,
        backend=spec.backend,
        boot=spec.boot.source(lambda reference: images.resolve(reference, folder)),
        # The case's own where it is alone; else each has one that hangs on it and on its name.
        seed=case.seed if len(case.scenario.specs) == 1 else None,
        cpu=spec.cpu,
        unhandled=spec.unhandled,
    )


def image_results(case: Case, name: str) -> tuple[ImageResult, ...]:
    """The files that a machine boots from, with their hashes. Raises HvlabError."""
    found = []
    for field, reference in references(case.scenario.specs[name].boot.model_dump()):
        path = images.resolve(reference, case.source.folder)
        try:
            found.append(ImageResult(format_path(field), reference, images.sha256(path)))
        except OSError as error:
            raise HostError(f"{path}: {error.strerror}", "read", error.errno or 0) from None
    return tuple(found)


def result(
    name: str,
    machine: Machine,
    images: tuple[ImageResult, ...],
    stop: StopResult | None,
    failed: bool,
    registers_shown: bool,
) -> MachineResult:
    """What the reports say of a machine; of a case that did not pass, more."""
    screen = screen_text(machine)
    return MachineResult(
        name=name,
        images=images,
        stop=stop,
        guest_time=machine.time,
        instructions=machine.instructions,
        console=machine.console.output[-MAX_CONSOLE:],
        log=tuple(machine.console.log[-MAX_LOG_LINES:]),
        screen=screen,
        picture=machine.screen.svg() if failed and screen else "",
        registers=registers(machine) if failed and registers_shown else "",
    )


def kept(result: MachineResult, failed: bool) -> MachineResult:
    """Of a machine that was closed before anybody knew how the case ends: what is to be shown."""
    if failed:
        return result
    return replace(result, picture="", registers="", disassembly="", stack="", events=())


def screen_text(machine: Machine) -> str:
    """What the screen shows, without the empty rows at its end; empty if nothing is on it."""
    return machine.screen.text().rstrip("\n")


_GENERAL = (
    ("rax", "rbx", "rcx", "rdx"),
    ("rsi", "rdi", "rbp", "rsp"),
    ("r8", "r9", "r10", "r11"),
    ("r12", "r13", "r14", "r15"),
    ("rip", "rflags", "cr0", "cr2"),
    ("cr3", "cr4", "cr8", "dr7"),
)
_SEGMENTS = ("cs", "ss", "ds", "es", "fs", "gs")


def registers(machine: Machine) -> str:
    """The registers of every vCPU, as text."""
    parts = []
    for index, vcpu in enumerate(machine.vcpus):
        state = vcpu.state
        parts.append(f"vCPU {index}")
        for row in _GENERAL:
            parts.append("  ".join(f"{name:>6}={getattr(state, name):016x}" for name in row))
        for name in _SEGMENTS:
            segment = getattr(state, name)
            place = f"base={segment.base:016x}  limit={segment.limit:08x}  dpl={segment.dpl}"
            parts.append(f"{name:>6}={segment.selector:04x}  {place}")
        parts.append(f"  efer={state.msrs.efer:016x}  halted={'yes' if state.halted else 'no'}")
    return "\n".join(parts)
