# SPDX-License-Identifier: GPL-2.0-or-later
"""Schedulers that are written in Python.

class Mine(hvlab.sim.Scheduler):
    def assign(self, host: hvlab.sim.SchedulerHost) -> None:
        for vcpu in host.ready:
            if (pcpu := host.best_free(vcpu)) is not None:
                host.run(pcpu, vcpu, 10_000_000)

host = hvlab.sim.Host("node", cores=8, scheduler=Mine)
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from hvlab.errors import HvlabError, SimulationError

if TYPE_CHECKING:
    from hvlab._core import SchedulerHost

OWN = "python"  # what the core calls such a scheduler in a description
FOR_PYTHON = "a scheduler of one's own is a class: sim.Host(scheduler=CLASS)"

Why = Literal["woke", "slice-over", "unthrottled"]


class Scheduler:
    """A policy that shares the pCPUs of a host among the vCPUs of its VMs, for the fidelity `quantum`.

    Each host has an object of its own. The host calls `charge`, `ready` and `stopped` as things happen;
    when all of one instant have, it calls `assign` once. Only there and in `timer` may pCPUs be given and
    taken. A subclass defines `assign`; what else it needs to know it keeps itself. A run is the same each
    time if it hangs on nothing but what the host says: for chance there is `host.random`.

    What a method raises ends the run, as a SimulationError with the exception as its cause; so does what
    makes no sense, such as two vCPUs on one pCPU, or a broken promise. A run can be saved if its class has
    `save` and `load`.

    Attributes:
        work_conserving: promises that no pCPU is free while a vCPU that may run there is ready and not held.
    """

    work_conserving: ClassVar[bool] = False

    def start(self, host: SchedulerHost) -> None:
        """Called first, at 0 ns: all vCPUs are idle."""

    def ready(self, host: SchedulerHost, vcpu: int, why: Why) -> None:
        """It wants a pCPU; after `slice-over` it is off the one it had."""

    def stopped(self, host: SchedulerHost, vcpu: int) -> None:
        """It no longer wants one: it is idle, or its VM's limit is used up."""

    def charge(self, host: SchedulerHost, vcpu: int, ran: int) -> None:
        """It was on a pCPU for `ran` ns more, costs of switching included; before any `ready` or `stopped`
        that ends its time there, and once in each accounting period.
        """

    def assign(self, host: SchedulerHost) -> None:
        """Puts vCPUs on pCPUs, and takes them off."""
        raise NotImplementedError

    def timer(self, host: SchedulerHost) -> None:
        """The time that `host.set_timer` was given has come; `assign` follows."""

    def save(self) -> bytes:
        """What it keeps, for a run that is written down. What the host keeps, as its timer and its random
        numbers, is not its concern.
        """
        raise NotImplementedError

    def load(self, saved: bytes) -> None:
        """What `save` gave, to one that has been started anew: it goes on from there."""
        raise NotImplementedError


def check(given: bool, fidelity: str, field: str) -> None:
    """Of a group of hosts with such a scheduler. Raises SimulationError."""
    if not given:
        raise SimulationError(FOR_PYTHON, field)
    if fidelity != "quantum":
        message = (
            f"the fidelity '{fidelity}' has no schedulers, and none of one's own; use 'quantum'"
        )
        raise SimulationError(message, field)


# Called once for each host: a class, or a function of no arguments.
Maker = Callable[[], Scheduler]


def makers(own: Mapping[str, Maker]) -> dict[str, Callable[[], Scheduler]]:
    """What the core calls, for the schedulers of these groups of hosts."""
    return {group: _checked(group, maker) for group, maker in own.items()}


def _checked(group: str, maker: Maker) -> Callable[[], Scheduler]:
    def made() -> Scheduler:
        try:
            policy: Any = maker()
        except HvlabError:
            raise
        except Exception as error:
            message = f"the scheduler of '{group}' can't be made: {type(error).__name__}: {error}"
            raise SimulationError(message) from error
        if not isinstance(policy, Scheduler):
            message = (
                f"the scheduler of '{group}' must be a hvlab.sim.Scheduler, and is a "
                f"{type(policy).__name__}"
            )
            raise SimulationError(message)
        name = type(policy).__name__
        if type(policy).assign is Scheduler.assign:
            raise SimulationError(f"scheduler '{name}': it has no assign()")
        if not isinstance(policy.work_conserving, bool):
            message = f"work_conserving must be True or False, not {policy.work_conserving!r}"
            raise SimulationError(f"scheduler '{name}': {message}")
        return policy

    return made


@contextlib.contextmanager
def patient_interrupts() -> Iterator[Callable[[], None]]:
    """While policies run, Ctrl-C waits for the call of the function that this gives, which raises
    KeyboardInterrupt between two windows, where a run stands as a whole. A second one comes at once: of a
    policy that does not end.
    """
    asked = False

    def ask(signal_number: int, frame: Any) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    def between() -> None:
        if asked:
            raise KeyboardInterrupt

    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if not ours:
        yield between
        return
    signal.signal(signal.SIGINT, ask)
    try:
        yield between
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
