# SPDX-License-Identifier: GPL-2.0-or-later
"""Which backends there are, and whether a case can be run on its own: the one place that decides.

A case is run on the backend that it names or not at all. Nothing here picks another one.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from hvlab._core import KvmStatus

NAMES = ("unicorn", "kvm")
ENGINE = "Unicorn 2.1.4, with patches of hvlab's"  # what the backend unicorn is made of
UNCOUNTED = ("kvm",)  # those that do not count the instructions that a guest retires

KvmMode = Literal["auto", "on", "off"]
KVM_MODES: tuple[KvmMode, ...] = get_args(KvmMode)
KvmNeed = Literal["any", "hardware"]
KVM_NEEDS: tuple[KvmNeed, ...] = get_args(KvmNeed)

SOFTWARE = "software"


@dataclass(frozen=True)
class Barrier:
    """Why a case is not run. `failed`: what it needs was asked for, so that this is a failure."""

    reason: str
    failed: bool = False


@functools.cache
def kvm_status() -> KvmStatus:
    """What the host's KVM is: asked of the core once, and kept for the process."""
    from hvlab import _core

    return _core.kvm_status()


def barrier(
    backend: str,
    need: KvmNeed | None = None,
    mode: KvmMode = "auto",
    option: str = "--kvm",
) -> Barrier | None:
    """What keeps a case from running on `backend`; None if nothing does.

    Args:
        need: which KVM the case requires, as in `requires: {kvm: hardware}`.
        mode: `auto`: no KVM skips the case; `on`: fails it; `off`: every case on KVM is skipped.
        option: how messages call the option that set `mode`.
    """
    if backend != "kvm":
        return None
    if mode == "off":
        return Barrier(f"turned off by {option}=off")
    status = kvm_status()
    if not status.available:
        wanted = f"required by {option}=on, but " if mode == "on" else ""
        return Barrier(f"{wanted}KVM is not available: {status.reason}", failed=mode == "on")
    if need == "hardware" and status.flavour == SOFTWARE:
        return Barrier("requires VT-x or SVM, and this host's KVM is the software flavour")
    return None


def kvm_text(status: KvmStatus) -> str:
    """`VT-x, nested`, or why there is none."""
    if not status.available:
        return f"not available: {status.reason}"
    return f"{status.flavour}, nested" if status.nested else status.flavour


def kvm_flavour(backend: str) -> str:
    """For the reports on a case that ran: which KVM it was; empty on another backend."""
    if backend != "kvm":
        return ""
    status = kvm_status()
    return kvm_text(status) if status.available else ""
