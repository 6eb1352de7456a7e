# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine that a case describes, and what of it goes into the reports."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from hvlab import plugins
from hvlab.errors import HostError, HvlabError
from hvlab.scenario import images
from hvlab.scenario.boots import references
from hvlab.scenario.results import EventResult, ImageResult, MachineResult, StopResult
from hvlab.scenario.tree import format_path

if TYPE_CHECKING:
    from pathlib import Path

    from hvlab.device import Placement
    from hvlab.host import Host
    from hvlab.machine import Machine
    from hvlab.scenario.document import Case
    from hvlab.scenario.model import DeviceSpec

MAX_CONSOLE = 64 << 10
MAX_LOG_LINES = 1000
MAX_LOG_LINE = 2000
CODE_FIELDS = ("flat", "elf", "micro", "linux", "multiboot", "pvh")


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
        devices=[_placed(device) for device in spec.devices],
    )


def _placed(device: DeviceSpec) -> Placement:
    made = plugins.load_device(device.type)(device.called)
    return made.at(port=device.port, memory=device.memory, size=device.size, irq=device.irq)


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
    folder: Path,
) -> MachineResult:
    """What the reports say of a machine; of a case that did not pass, more. `folder` is the
    document's.
    """
    plain = MachineResult(
        name=name,
        images=images,
        stop=stop,
        guest_time=machine.time,
        instructions=machine.instructions,
        console=machine.console.output[-MAX_CONSOLE:],
        log=tuple((time, bounded(line)) for time, line in machine.console.log[-MAX_LOG_LINES:]),
        screen=screen_text(machine),
    )
    return _inspected(plain, machine, folder) if failed else plain


def bounded(line: str) -> str:
    """A line of a console that a guest may have made as long as it likes."""
    left_out = len(line) - MAX_LOG_LINE
    return line if left_out <= 0 else f"{line[:MAX_LOG_LINE]}... ({left_out} more characters)"


def _inspected(plain: MachineResult, machine: Machine, folder: Path) -> MachineResult:
    """With what only a case that did not pass needs. A part that fails says so in its own place: it
    must not hide why the case did not pass.
    """
    from hvlab.introspection import attempt, inspect

    seen = inspect(machine, code_files(plain.images, folder))
    return replace(
        plain,
        picture=attempt("the screen's picture", machine.screen.svg) if plain.screen else "",
        registers=seen.registers,
        disassembly=seen.disassembly,
        stack=seen.stack,
        events=tuple(EventResult(e.time, e.kind, e.text) for e in machine.events()),
    )


def code_files(found: tuple[ImageResult, ...], folder: Path) -> list[Path]:
    """Those of the images that the guest executes; what has gone since it booted is left out."""
    files = []
    for image in found:
        if image.field in CODE_FIELDS:
            with contextlib.suppress(HvlabError):
                files.append(images.resolve(image.reference, folder))
    return files


def screen_text(machine: Machine) -> str:
    """What the screen shows, without the empty rows at its end; empty if nothing is on it."""
    return machine.screen.text().rstrip("\n")
