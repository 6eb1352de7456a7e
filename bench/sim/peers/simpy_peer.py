# SPDX-License-Identifier: GPL-2.0-or-later
"""The model of model.h on SimPy: `simpy_peer.py [--vms N] [--seed S]` prints the line that all peers print.

A process for each VM, as SimPy's users write it. Processor sharing is by virtual time: an arrival costs one
push and at most one timeout, however many bursts the host has.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import random
import resource
import sys
import time
from collections.abc import Generator
from heapq import heappop, heappush
from itertools import count

import simpy
from sim_model import BURSTS, CORES, VMS_OF_HOST, fault


class Host:
    """Cores shared evenly by the bursts that are there, none of which gets more than one core."""

    def __init__(self, env: simpy.Environment) -> None:
        self.env = env
        self.virtual_time = 0.0  # the work that each burst has been given so far
        self.updated = 0.0
        self.rate = 1.0  # cores of each burst
        self.bursts: list[
            tuple[float, int, simpy.Event]
        ] = []  # finish in virtual time, number, end
        self.numbers = count()
        self.timeout: simpy.Event | None = None
        self.due = math.inf

    def burst(self, work: float) -> simpy.Event:
        """An event that happens when the host has done so many core seconds of work."""
        now = self.env.now
        self.virtual_time += (now - self.updated) * self.rate
        self.updated = now
        end = simpy.Event(self.env)
        heappush(self.bursts, (self.virtual_time + work, next(self.numbers), end))
        self.plan()
        return end

    def plan(self) -> None:
        """Sets a timeout for the first end, unless an earlier one is set: wake() plans anew."""
        active = len(self.bursts)
        self.rate = 1.0 if active <= CORES else CORES / active
        delay = (self.bursts[0][0] - self.virtual_time) / self.rate
        due = self.updated + delay
        if due < self.due:
            self.due = due
            self.timeout = timeout = self.env.timeout(delay)
            timeout.callbacks.append(self.wake)

    def wake(self, timeout: simpy.Event) -> None:
        if timeout is not self.timeout:
            return
        self.due = math.inf
        now = self.env.now
        self.virtual_time += (now - self.updated) * self.rate
        self.updated = now
        finish = self.bursts[0][0]
        if now + (finish - self.virtual_time) / self.rate <= now:  # no arrival delayed it
            self.virtual_time = finish
            heappop(self.bursts)[2].succeed()
        if self.bursts:
            self.plan()


class Model:
    def __init__(self, vms: int, seed: int, bursts: int = BURSTS) -> None:
        self.env = simpy.Environment()
        self.random = random.Random(seed)
        self.bursts = bursts
        self.events = 0
        self.response_seconds = 0.0
        for _ in range(vms // VMS_OF_HOST):
            host = Host(self.env)
            for _ in range(VMS_OF_HOST):
                self.env.process(self.vm(host))

    def vm(self, host: Host) -> Generator[simpy.Event, None, None]:
        env = self.env
        exponential = self.random.expovariate
        for _ in range(self.bursts):
            yield env.timeout(exponential(1.0))
            self.events += 1
            begin = env.now
            yield host.burst(exponential(1.0))
            self.events += 1
            self.response_seconds += env.now - begin


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--vms", type=int, default=10_000, help=f"a multiple of {VMS_OF_HOST}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bursts", type=int, default=BURSTS, help="of each VM")
    found = parser.parse_args()
    if found.vms <= 0 or found.vms % VMS_OF_HOST:
        parser.error(f"--vms must be a multiple of {VMS_OF_HOST}")
    if found.bursts <= 0:
        parser.error("--bursts must be positive")
    return found


def main() -> int:
    given = options()
    model = Model(given.vms, given.seed, given.bursts)
    gc.disable()  # nothing of the model is in reference cycles; a third of the time with 100k VMs
    began, cpu_began = time.perf_counter(), time.process_time()
    model.env.run()
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began

    mean = model.response_seconds / (given.vms * given.bursts)
    line = {
        "events": model.events,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "mean_response": mean,
        "rate": model.events / seconds,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    print(json.dumps(line))
    wrong = fault(given.vms, given.bursts, model.events, mean)
    if wrong:
        print(wrong, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
