# SPDX-License-Identifier: GPL-2.0-or-later
"""What this host has for guests: which KVM, how fast each backend is, and what to make of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hvlab import backends
from hvlab.backends import SOFTWARE
from hvlab.errors import BackendUnavailable

if TYPE_CHECKING:
    from hvlab._core import Figure, KvmStatus, ProbeFigures

# Of hvlab._core.ProbeFigures, in the order in which they are shown.
RATES = ("user_rate", "kernel_rate")  # instructions a second; all others are seconds
FIGURES: Mapping[str, str] = {
    "user_rate": "user mode, instructions/s",
    "kernel_rate": "kernel mode, instructions/s",
    "port_exit": "port exit",
    "memory_exit": "memory-mapped exit",
    "halt_exit": "halt exit and wake-up",
    "create": "create a machine",
    "destroy": "destroy a machine",
    "first_touch": "first touch of a page",
}


@dataclass(frozen=True)
class Measured:
    """A figure: instructions a second, or seconds. value: None where there is none, by `reason`."""

    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class BackendReport:
    """One backend. reason: why it is not available, else empty; figures: by name, of FIGURES."""

    name: str
    reason: str
    figures: Mapping[str, Measured]


@dataclass(frozen=True)
class Report:
    """All that was found. advice: one sentence."""

    kvm: KvmStatus
    backends: tuple[BackendReport, ...]
    advice: str


def examine(
    status: KvmStatus | None = None, probe: Callable[[str], ProbeFigures] | None = None
) -> Report:
    """Looks and measures, about a second a backend. What is missing is in the report.

    Args:
        status, probe: in place of the host's own, for tests.
    """
    from hvlab import _core

    kvm = backends.kvm_status() if status is None else status
    reports = []
    for name in backends.NAMES:
        if name == "kvm" and not kvm.available:
            reports.append(_absent(name, kvm.reason))
            continue
        try:
            reports.append(_report(name, (probe or _core.probe)(name)))
        except BackendUnavailable as error:
            reports.append(_absent(name, str(error)))
    return Report(kvm, tuple(reports), advice(kvm, {each.name: each for each in reports}))


def advice(kvm: KvmStatus, found: Mapping[str, BackendReport]) -> str:
    """What to run where, in one sentence."""
    if not kvm.available:
        return (
            "Every case for unicorn runs here and those for kvm are skipped, until "
            "whoever runs this host gives you a /dev/kvm that you may use."
        )
    if kvm.flavour == SOFTWARE:
        return (
            "This KVM is software: run 64-bit user-mode programs on kvm"
            f"{_times(found, 'user_rate', 'kvm', 'unicorn')} and kernels on unicorn"
            f"{_times(found, 'kernel_rate', 'unicorn', 'kvm')}; cases that require "
            "'kvm: hardware' are skipped."
        )
    where = " although this host is a guest itself" if kvm.nested else ""
    return (
        f"Run guests on kvm{where}{_times(found, 'kernel_rate', 'kvm', 'unicorn')}, and on "
        "unicorn where a run must be repeatable to the bit or end after a number of instructions."
    )


def _times(found: Mapping[str, BackendReport], figure: str, better: str, other: str) -> str:
    """` (8 times as fast)`, where both figures are there."""
    one, two = found[better].figures[figure].value, found[other].figures[figure].value
    if not one or not two or one < two:
        return ""
    return (
        f" ({one / two:.2g} times as fast)"
        if one / two < 100
        else f" ({one / two:.0f} times as fast)"
    )


def _report(name: str, figures: ProbeFigures) -> BackendReport:
    return BackendReport(name, "", {key: _measured(getattr(figures, key)) for key in FIGURES})


def _measured(figure: Figure) -> Measured:
    return Measured(figure.value, figure.reason)


def _absent(name: str, reason: str) -> BackendReport:
    return BackendReport(name, reason, dict.fromkeys(FIGURES, Measured(None, reason)))
