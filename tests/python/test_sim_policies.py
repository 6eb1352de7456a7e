# SPDX-License-Identifier: GPL-2.0-or-later
"""Schedulers of the user's own, written in Python: they decide as those in C++ do, and what they raise or
ask for that makes no sense is told with their name.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from array import array
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hvlab.sim as sim
from hvlab.errors import SimulationError
from hvlab.sim.model.description import HostSpec

MS = 1_000_000
CLOSED = {"closed": {"think": {"exponential": "20ms"}, "service": {"exponential": "8ms"}}}
ALWAYS = {"constant": {"utilisation": 1}}
FRAMES: tuple[Any, ...] = ("vms", "vcpus", "hosts", "groups", "population", "latency", "series")


class RoundRobin(sim.Scheduler):
    """The C++ one, in Python."""

    work_conserving = True

    def __init__(self) -> None:
        self.line: deque[int] = deque()

    def ready(self, host: sim.SchedulerHost, vcpu: int, why: str) -> None:
        self.line.append(vcpu)

    def stopped(self, host: sim.SchedulerHost, vcpu: int) -> None:
        if vcpu in self.line:
            self.line.remove(vcpu)

    def assign(self, host: sim.SchedulerHost) -> None:
        for vcpu in list(self.line):
            pcpu = host.best_free(vcpu)
            if pcpu is not None:
                self.line.remove(vcpu)
                host.run(pcpu, vcpu, 3 * MS)


def cluster(scheduler: Any, *, count: int = 1, cores: int = 2, **more: Any) -> sim.Cluster:
    """A busy one, in which VMs wake, stop, are throttled and are pinned."""
    return sim.Cluster(
        [sim.Host("node", count=count, cores=cores, threads=2, scheduler=scheduler)],
        [
            sim.VM("web", count=6 * count, vcpus=2, workload=CLOSED),
            sim.VM("batch", count=2 * count, vcpus=2, limit=0.7, workload=ALWAYS),
            sim.VM("pinned", count=count, pcpus=[1, 2], workload=CLOSED),
        ],
        seed=5,
        **more,
    )


def one(assign: Callable[[Any, sim.SchedulerHost], None], **methods: Any) -> type[sim.Scheduler]:
    return type("Mine", (sim.Scheduler,), {"assign": assign, **methods})


def failure(scheduler: Any) -> SimulationError:
    with pytest.raises(SimulationError) as caught:
        cluster(scheduler).run("1s")
    return caught.value


@pytest.mark.parametrize("threads", [1, 2])
def test_it_decides_as_the_same_policy_in_cpp(threads: int) -> None:
    options: dict[str, Any] = {"warmup": "200ms", "resolution": "100ms"}
    ours = cluster({"round-robin": {"slice": "3ms"}}, count=8).run("1s", **options)
    python = cluster(RoundRobin, count=8).run("1s", threads=threads, **options)
    assert python.complete
    assert python.events == ours.events
    assert python.measure("web.switches") > 0
    assert python.measure("batch.throttled") > 0
    for name in FRAMES:
        assert python.frame(name) == ours.frame(name), name
    other = cluster({"round-robin": {"slice": "4ms"}}, count=8).run("1s", **options)
    assert other.frame("vms") != ours.frame("vms")


class Lottery(sim.Scheduler):
    """Waldspurger and Weihl, 1994: a ticket for each unit of weight."""

    work_conserving = True

    def assign(self, host: sim.SchedulerHost) -> None:
        waiting = host.ready
        for pcpu in host.free:
            if not waiting:
                return
            tickets = [round(host.vm(host.vcpu(vcpu).vm).weight) for vcpu in waiting]
            drawn = host.random(sum(tickets))
            winner = 0
            while drawn >= tickets[winner]:
                drawn -= tickets[winner]
                winner += 1
            host.run(pcpu, waiting.pop(winner), MS)


def test_a_lottery_gives_shares_by_tickets() -> None:
    def run(seed: int) -> sim.Result:
        vms = [
            sim.VM("much", count=4, weight=3000, workload=ALWAYS),
            sim.VM("little", count=4, weight=1000, workload=ALWAYS),
        ]
        hosts = [sim.Host("node", cores=1, scheduler=Lottery)]
        return sim.Cluster(hosts, vms, seed=seed).run("20s")

    result = run(1)
    # 20,000 draws among all eight: the share of 3/4 has a standard error of 0.3 %, the ratio one of 1.6 %.
    assert result.measure("much.run") / result.measure("little.run") == pytest.approx(3, rel=0.1)
    assert run(1).frame("vms") == result.frame("vms")
    assert run(2).frame("vms") != result.frame("vms")


def test_each_host_has_its_own_and_is_told_everything() -> None:
    made: list[Told] = []

    class Told(RoundRobin):
        def __init__(self) -> None:
            super().__init__()
            self.calls: set[str] = set()
            self.charged: dict[int, int] = {}
            made.append(self)

        def start(self, host: sim.SchedulerHost) -> None:
            assert (host.now, host.pcpus, host.running, host.free) == (0, 2, [None] * 2, [0, 1])
            assert host.accounting_period == 100 * MS
            assert [host.core(pcpu) for pcpu in range(2)] == [0, 0]
            assert {vcpu.state for vcpu in host.vcpus} == {"idle"}
            for number, vm in enumerate(host.vms):
                assert {host.vcpu(vm.first + i).vm for i in range(vm.vcpus)} == {number}
            batch = next(vm for vm in host.vms if vm.limit == 0.1)
            assert (batch.weight, batch.reservation, batch.pcpus) == (1024, 0, [0, 1])
            self.calls.add("start")
            host.set_timer(5 * MS)

        def ready(self, host: sim.SchedulerHost, vcpu: int, why: str) -> None:
            assert host.vcpu(vcpu).state == "ready"
            assert vcpu in host.ready
            self.calls.add(why)
            super().ready(host, vcpu, why)

        def stopped(self, host: sim.SchedulerHost, vcpu: int) -> None:
            self.calls.add(host.vcpu(vcpu).state)
            super().stopped(host, vcpu)

        def charge(self, host: sim.SchedulerHost, vcpu: int, ran: int) -> None:
            self.charged[vcpu] = self.charged.get(vcpu, 0) + ran

        def timer(self, host: sim.SchedulerHost) -> None:
            assert host.now == 5 * MS
            self.calls.add("timer")
            host.set_timer(None)
            busy = host.running.index(next(v for v in host.running if v is not None))
            vcpu = host.running[busy]
            assert vcpu is not None
            assert busy not in host.free
            host.extend(busy, MS)
            host.preempt(busy)
            assert busy in host.free
            assert host.vcpu(vcpu).state == "ready"
            host.hold(vcpu, True)
            host.hold(vcpu, False)
            self.line.append(vcpu)

    vms = [
        sim.VM("web", count=6, vcpus=2, workload=CLOSED),
        sim.VM("batch", count=2, limit=0.1, workload=ALWAYS),
    ]
    hosts = [sim.Host("node", count=2, cores=1, threads=2, scheduler=Told)]
    result = sim.Cluster(hosts, vms, seed=5).run("1s", threads=2)
    assert result.complete
    assert len(made) == 2
    for policy in made:
        assert policy.calls == {
            "start", "timer", "woke", "slice-over", "unthrottled", "idle", "throttled",
        }  # fmt: skip
    charged = sum(sum(policy.charged.values()) for policy in made)
    assert charged == pytest.approx(int(result.frame("hosts")["busy"].sum()), rel=0.01)


def test_a_function_may_make_them() -> None:
    class Sliced(RoundRobin):
        def __init__(self, slice: int) -> None:
            super().__init__()
            self.slice = slice

    assert cluster(lambda: Sliced(MS)).run("100ms").complete


# Nonsense


def run_all(host: sim.SchedulerHost) -> None:
    for pcpu, vcpu in zip(host.free, host.ready, strict=False):
        if host.allowed(vcpu, pcpu):
            host.run(pcpu, vcpu, MS)


def busy(self: Any, host: sim.SchedulerHost) -> None:
    for vcpu in host.ready:
        host.run(0, vcpu, MS)


def not_ready(self: Any, host: sim.SchedulerHost) -> None:
    idle = [n for n, vcpu in enumerate(host.vcpus) if vcpu.state == "idle"]
    host.run(0, idle[0] if idle else 0, MS)


def elsewhere(self: Any, host: sim.SchedulerHost) -> None:
    pinned = next(vm.first for vm in host.vms if vm.pcpus == [1, 2])
    if pinned in host.ready:
        host.run(0, pinned, MS)
    for pcpu, vcpu in zip(host.free[1:], host.ready, strict=False):
        host.run(pcpu, vcpu, MS)


def retry(self: Any, host: sim.SchedulerHost) -> None:
    while True:
        host.set_timer(host.now + MS)


def again(self: Any, host: sim.SchedulerHost) -> None:
    run_all(host)
    host.set_timer(host.now)


@pytest.mark.parametrize(
    ("assign", "said"),
    [
        (busy, r"run\(\) of vCPU \d+ on pCPU 0: vCPU \d+ is running there"),
        (not_ready, r"run\(\) of vCPU \d+ on pCPU 0: it is idle, not ready"),
        (lambda s, h: h.run(0, 99, MS), "the host has vCPUs 0 to 16"),
        (lambda s, h: h.run(0, -1, MS), "the host has vCPUs 0 to 16"),
        (lambda s, h: h.run(9, 0, MS), "the host has pCPUs 0 to 3"),
        (lambda s, h: h.run(0, h.ready[0], 999), "a slice of 999 ns is less than 1 us"),
        (lambda s, h: h.run(0, h.ready[0], -MS), "a slice of -1000000 ns is less than 1 us"),
        (lambda s, h: h.run(0, h.ready[0], 1.5e6), r"assign\(\) raised TypeError"),
        (lambda s, h: h.run(0, 1 << 40, MS), r"assign\(\) raised TypeError"),
        (elsewhere, r"run\(\) of vCPU 4 on pCPU 0: its VM may not run there"),
        (lambda s, h: h.extend(0, MS), r"extend\(\) of pCPU 0: no vCPU is running there"),
        (lambda s, h: h.preempt(7), "the host has pCPUs 0 to 3"),
        (lambda s, h: h.hold(99, True), r"hold\(\) of vCPU 99"),
        (lambda s, h: h.vcpu(17), r"vcpu\(\) of vCPU 17: the host has vCPUs 0 to 16"),
        (lambda s, h: h.vm(-1), r"vm\(\) of VM -1: the host has VMs 0 to 8"),
        (lambda s, h: h.node(4), r"node\(\) of pCPU 4: the host has pCPUs 0 to 3"),
        (lambda s, h: h.core(-1), r"core\(\) of pCPU -1"),
        (lambda s, h: h.allowed(0, 4), r"allowed\(\) of pCPU 4"),
        (lambda s, h: h.best_free(17), r"best_free\(\) of vCPU 17"),
        (lambda s, h: h.set_timer(-1), r"set_timer\(-1\) is in the past"),
        (lambda s, h: h.random(0), "a random number below 0"),
        (lambda s, h: None, "leaves all pCPUs idle"),
        (again, "sets a timer to the present again and again"),
        (retry, "does more than 1000000 things in one call, at 0 ns: it is caught in a loop"),
    ],
)
def test_nonsense(assign: Any, said: str) -> None:
    error = failure(one(assign))
    assert str(error).startswith("scheduler 'Mine': "), error
    assert re.search(said, str(error)), error


def test_one_that_breaks_its_promise() -> None:
    def lazy(self: Any, host: sim.SchedulerHost) -> None:
        if host.running == [None] * 4:
            host.run(1, host.ready[0], MS)

    assert cluster(one(lazy)).run("100ms").complete
    error = failure(one(lazy, work_conserving=True))
    assert "scheduler 'Mine': is said to be work-conserving, but leaves pCPU 0 idle" in str(error)


@pytest.mark.parametrize("method", ["start", "ready", "stopped", "charge"])
def test_only_assign_and_timer_may_act(method: str) -> None:
    def act(self: Any, host: sim.SchedulerHost, *more: Any) -> None:
        host.run(0, 0, MS)

    error = failure(one(lambda self, host: run_all(host), **{method: act}))
    assert "only assign() and timer() may give and take pCPUs" in str(error)


def test_the_host_is_there_only_during_a_call() -> None:
    kept: list[sim.SchedulerHost] = []

    def keep(self: Any, host: sim.SchedulerHost) -> None:
        kept.append(host)
        run_all(host)

    def late() -> None:
        for ask in (lambda h: h.now, lambda h: h.vcpus, lambda h: h.run(0, 0, MS)):
            with pytest.raises(SimulationError, match="only while it calls the scheduler"):
                ask(kept[0])

    result = cluster(one(keep)).run("100ms", progress=lambda now, events: late())
    late()
    del result
    late()


# What it raises


def raising(self: Any, *arguments: Any) -> None:
    raise KeyError("mine")


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("method", ["start", "ready", "stopped", "charge", "assign", "timer"])
def test_what_it_raises_is_told_with_its_name(method: str, threads: int) -> None:
    def assign(self: Any, host: sim.SchedulerHost) -> None:
        run_all(host)
        if host.now < MS:
            host.set_timer(MS)

    methods = {"assign": assign, method: raising}
    with pytest.raises(SimulationError) as caught:
        cluster(type("Mine", (sim.Scheduler,), methods), count=8).run("1s", threads=threads)
    assert str(caught.value) == f"scheduler 'Mine': {method}() raised KeyError: 'mine'"
    cause = caught.value.__cause__
    assert isinstance(cause, KeyError)
    frames = []
    trace = cause.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert "raising" in frames


def test_one_without_assign() -> None:
    assert "scheduler 'Scheduler': it has no assign()" in str(failure(sim.Scheduler))


def test_one_that_cannot_be_made() -> None:
    class Needy(RoundRobin):
        def __init__(self, more: int) -> None:
            super().__init__()

    error = failure(Needy)
    assert "the scheduler of 'node' can't be made: TypeError" in str(error)
    assert isinstance(error.__cause__, TypeError)
    assert "must be a hvlab.sim.Scheduler, and is a int" in str(failure(lambda: 5))
    mostly = type("Mostly", (RoundRobin,), {"work_conserving": "mostly"})
    assert "must be True or False, not 'mostly'" in str(failure(mostly))


def test_the_fluid_fidelity_has_none() -> None:
    with pytest.raises(SimulationError, match="use 'quantum'") as caught:
        sim.Cluster(
            [sim.Host("node", scheduler=RoundRobin)],
            [sim.VM("web", workload=CLOSED)],
            fidelity="fluid",
        )
    assert caught.value.field == "hosts[0].scheduler"


def test_a_description_needs_its_class() -> None:
    described = cluster(RoundRobin).spec.hosts[0]
    web = sim.VM("web", workload=CLOSED)
    with pytest.raises(SimulationError, match="is a class") as caught:
        sim.Cluster([HostSpec.model_construct(**dict(described))], [web])
    assert caught.value.field == "hosts[0].scheduler"
    with pytest.raises(SimulationError, match="unknown scheduler 'python'"):
        sim.Host("node", scheduler="python")


@pytest.mark.parametrize(
    "methods", [{}, {"save": lambda self: b""}, {"load": lambda self, x: None}]
)
def test_without_save_and_load_a_run_cannot_be_saved(
    methods: dict[str, Any], tmp_path: Path
) -> None:
    result = cluster(type("Mine", (RoundRobin,), methods)).run("1s", progress=lambda *_: False)
    assert result.outcome == "stopped"
    with pytest.raises(SimulationError, match=r"scheduler 'Mine': .* no save\(\) and load\(\)"):
        result.save(tmp_path / "run")
    assert not list(tmp_path.iterdir())


class Kept(RoundRobin):
    """One that can be written down."""

    def save(self) -> bytes:
        return array("q", self.line).tobytes()

    def load(self, saved: bytes) -> None:
        self.line = deque(array("q", saved))


def test_with_them_it_goes_on_to_the_same_run(tmp_path: Path) -> None:
    path = tmp_path / "run"
    whole = cluster(Kept, count=2).run("2s")
    part = cluster(Kept, count=2).run("2s", progress=lambda now, _: now < 5e8)
    assert 0 < part.end < 2e9
    part.save(path)
    resumed = sim.resume(path, schedulers={"node": Kept}, threads=2)
    assert resumed.complete
    for name in ("vms", "vcpus", "hosts", "groups"):
        assert resumed.frame(name) == whole.frame(name)  # type: ignore[arg-type]

    class Forgets(Kept):
        def load(self, saved: bytes) -> None:
            assert saved

    with pytest.raises(SimulationError, match="is said to be work-conserving, but leaves pCPU"):
        sim.resume(path, schedulers={"node": Forgets})
    with pytest.raises(
        SimulationError, match=r"'node' is written in Python: give it again"
    ) as error:
        sim.resume(path)
    assert error.value.field == "schedulers"
    with pytest.raises(SimulationError, match=r"scheduler 'RoundRobin': .* no save\(\) and load"):
        sim.resume(path, schedulers={"node": RoundRobin})


@pytest.mark.parametrize(
    ("methods", "said"),
    [
        ({"save": lambda self: "text"}, "gives bytes"),
        ({"save": lambda self: None}, "gives bytes"),
        ({"save": lambda self: 1 // 0}, r"save\(\) raised ZeroDivisionError"),
    ],
)
def test_a_save_that_gives_nonsense(methods: dict[str, Any], said: str, tmp_path: Path) -> None:
    result = cluster(type("Mine", (Kept,), methods)).run("1s", progress=lambda *_: False)
    with pytest.raises(SimulationError, match=f"scheduler 'Mine': .*{said}"):
        result.save(tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_a_load_that_raises(tmp_path: Path) -> None:
    cluster(Kept).run("1s", progress=lambda *_: False).save(tmp_path / "run")

    class Fails(Kept):
        def load(self, saved: bytes) -> None:
            raise ValueError("of another version")

    with pytest.raises(SimulationError, match=r"'Fails': load\(\) raised ValueError: of another"):
        sim.resume(tmp_path / "run", schedulers={"node": Fails})


def test_reservations_are_its_own_affair() -> None:
    seen = []

    class Reads(RoundRobin):
        def start(self, host: sim.SchedulerHost) -> None:
            seen.extend(vm.reservation for vm in host.vms)

    hosts = [sim.Host("node", scheduler=Reads)]
    sim.Cluster(hosts, [sim.VM("web", reservation=0.5, workload=CLOSED)]).run("10ms")
    assert seen == [0.5]


# Ctrl-C


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupted_run_has_its_beginning(threads: int) -> None:
    thread = threading.Thread(target=lambda: (time.sleep(0.3), press()))
    thread.start()
    result = cluster(RoundRobin, count=8).run("3600s", threads=threads)
    thread.join()
    assert result.outcome == "interrupted"
    assert 0 < result.end < 3600 * 10**9
    assert result.measure("web.run") > 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_policy_that_does_not_end_is_interrupted_at_once() -> None:
    pressed: list[int] = []

    def endless(self: Any, host: sim.SchedulerHost) -> None:
        while True:
            if len(pressed) < 2:
                pressed.append(1)
                press()

    with pytest.raises(KeyboardInterrupt):
        cluster(one(endless)).run("1s")
    assert len(pressed) == 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit])
def test_what_is_no_error_stays_what_it_is(raised: type[BaseException]) -> None:
    def leave(self: Any, host: sim.SchedulerHost) -> None:
        raise raised

    with pytest.raises(raised):
        cluster(one(leave), count=4).run("1s", threads=2)
