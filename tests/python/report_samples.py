# SPDX-License-Identifier: GPL-2.0-or-later
"""Results made by hand, like those of real runs, for the tests and the bench of the reports."""

from __future__ import annotations

import datetime
import random
from dataclasses import replace

from hvlab.performance import collect
from hvlab.performance.runs import facts
from hvlab.report import history
from hvlab.report.history import Earlier
from hvlab.report.load import SavedRun
from hvlab.scenario.results import (
    AttemptResult,
    CaseResult,
    EventResult,
    Failure,
    ImageResult,
    MachineResult,
    MeasureResult,
    Outcome,
    RunResult,
    StepResult,
    StopResult,
)

STARTED = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
MS = 1_000_000
HOSTILE = (
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "<!--<script>",
    "]]>&lt;b&gt;\x1b[31mred\x1b[0m\x07\x00\u202egnp.exe",
    "${title} $style {{7*7}} `${document.title='owned'}`",
    "'\"><svg onload=document.title='owned'>",
    "javascript:document.title='owned'",
)
_KERNEL = (
    "Linux version 6.1.0-{n}-cloud-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14))",
    "BIOS-provided physical RAM map:",
    "BIOS-e820: [mem 0x{a:016x}-0x{b:016x}] usable",
    "tsc: Fast TSC calibration using PIT, detected {n}.{m:03} MHz processor",
    "ACPI BIOS Error (bug): A valid RSDP was not found (20220331/tbxfroot-{n})",
    "Zone ranges: DMA32 [mem 0x{a:016x}-0x{b:016x}] node {m}",
    "pcpu-alloc: s{n} r8192 d{m} u2097152 alloc=1*2097152",
    "Memory: {n}K/{m}K available (14342K kernel code, 2331K rwdata, 9076K rodata)",
    "clocksource: tsc-early: mask: 0x{a:x} max_cycles: 0x{b:x}, max_idle_ns: {n} ns",
    "NET: Registered PF_INET protocol family, {n} entries (order: {m})",
    "workingset: timestamp_bits={m} max_order={n} bucket_order=0",
    "serial8250: ttyS0 at I/O 0x3f8 (irq = 4, base_baud = 115200) is a 16550A",
    "systemd-less init: step {n} of {m} done in {n} us",
)


def kernel_log(lines: int, seed: int) -> tuple[tuple[int, str], ...]:
    """A console like that of a kernel that boots."""
    chance = random.Random(seed)
    time = 0
    log = []
    for _ in range(lines):
        time += int(chance.expovariate(1 / 4e6))
        text = chance.choice(_KERNEL).format(
            n=chance.randrange(1, 9999),
            m=chance.randrange(1, 999),
            a=chance.getrandbits(40),
            b=chance.getrandbits(40),
        )
        log.append((time, f"[{time / 1e9:12.6f}] {text}"))
    return tuple(log)


def machine(lines: int, seed: int, name: str = "machine") -> MachineResult:
    """A machine that printed `lines` lines."""
    log = kernel_log(lines, seed)
    end = log[-1][0] + 20 * MS if log else 20 * MS
    return MachineResult(
        name=name,
        images=(ImageResult("linux", "fixture:linux", f"{seed:064x}"),),
        stop=StopResult("debug-exit", 0, end, end, 0xFFFFFFFF81000000 + seed, "debug-exit, code 0"),
        guest_time=end,
        instructions=end,
        console="".join(f"{line}\n" for _, line in log),
        log=log,
    )


def failed_machine(lines: int, seed: int, name: str = "machine") -> MachineResult:
    """The same with all that a failed case leaves."""
    well = machine(lines, seed, name)
    times = [time for time, _ in well.log][-24:]
    return replace(
        well,
        stop=StopResult(
            "deadline", None, well.guest_time, well.guest_time, 2**64 - 7, "no more time"
        ),
        screen="The screen guest\nstep 2 of 3",
        picture=(
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 400" width="640" height="400">'
            '<rect width="640" height="400" fill="#000"/><text x="8" y="20" fill="#aaa" '
            'font-family="monospace">The screen guest</text></svg>'
        ),
        registers="vCPU 0\n   rax=0000000000000001     rbx=ffffffff82610980\n   rip=fffffffffffffff9",
        disassembly="> ffffffff81000010  ud2\n  ffffffff81000012  jmp 0xffffffff81000010",
        stack="#0  ffffffff81000010  panic+0x10\n#1  ffffffff81000800  start_kernel+0x6a0",
        events=tuple(
            EventResult(time + 900, ("port", "interrupt", "mmio")[n % 3], f"write 0x3f8 = {n:#04x}")
            for n, time in enumerate(times)
        ),
    )


def steps(end: int, last: Outcome = Outcome.PASSED) -> tuple[StepResult, ...]:
    """Boot, wait, measure, wait again; the last has the outcome."""
    times = (0, end * 6 // 10, end * 6 // 10, end)
    titles = ("boot", "expect text 'systemd-less init' within 5 s", "measure boot_time",
              "expect stop debug-exit with code 0 within 10 s")  # fmt: skip
    found = []
    for index, title in enumerate(titles):
        start = None if index == 0 else times[index - 1]
        outcome = last if index == len(titles) - 1 else Outcome.PASSED
        found.append(
            StepResult(
                index, title.split()[0], title, 9 + index, outcome, start, times[index], 0.02
            )
        )
    return tuple(found)


def case(number: int, outcome: Outcome = Outcome.PASSED, lines: int = 200) -> CaseResult:
    """One case of a matrix of backends and memory sizes, of one of several files."""
    chance = random.Random(number)
    family, cell = divmod(number, 8)
    backend = ("unicorn", "kvm")[cell % 2]
    memory = ("64MiB", "128MiB", "256MiB", "1GiB")[cell // 2]
    name = f"boot-{family}[backend={backend}-memory={memory}]"
    file = f"scenarios/{('linux', 'xen', 'micro', 'memtest')[family % 4]}/boot_{family}.hvlab.yaml"
    well = outcome is Outcome.PASSED
    host = machine(lines, number) if well else failed_machine(lines, number)
    boot_time = 800 * MS + chance.randrange(40 * MS)
    reason = "" if well else "the text 'login:' did not come within 5 s"
    place = f"{file}:12:5"
    return CaseResult(
        id=f"{file}::{name}",
        file=file,
        name=name,
        outcome=outcome,
        backend=backend,
        kvm="hardware" if backend == "kvm" else "",
        seed=2**63 + number,
        parameters={"backend": backend, "memory": memory},
        tags=("linux", "smoke") if family % 2 else ("linux",),
        line=2,
        reproduce=f"hvlab run '{file}::{name}' --seed {2**63 + number}",
        reason=reason,
        failure=None if well else Failure(
            reason, 12, 5,
            f"{place}: failed: {reason}\n   12 |   - expect: {{text: \"login:\", within: 5s}}\n"
            "      |     ^~~~~~", 3, (("ready.time", "1.2 s"), ("5*second", "5 s"))),
        steps=steps(host.guest_time, outcome),
        measures=(
            MeasureResult("boot_time", boot_time, "ns", "< 5*second", True, "lower", "10%", 810 * MS,
                          time=host.guest_time * 6 // 10),
            MeasureResult("memory_used", (40 << 20) + number * 4096, "B", "", None, time=host.guest_time),
        ),
        machines=(host,),
        wall=0.2 + chance.random() * 3,
        cpu=0.15,
    )  # fmt: skip


def skipped(number: int) -> CaseResult:
    """A case that this host cannot run."""
    return replace(case(number, lines=0), outcome=Outcome.SKIPPED, reason="no /dev/kvm here", steps=(),
                   measures=(), machines=(), wall=0.0)  # fmt: skip


def flaky(number: int) -> CaseResult:
    """A case that passed at the second attempt."""
    bad = case(number, Outcome.FAILED, lines=1)
    attempt = AttemptResult(bad.seed - 1, bad.outcome, bad.reason, bad.failure, 1.25)
    return replace(case(number), attempts=(attempt,))


def pair(number: int) -> CaseResult:
    """A case of two machines, of which one is in trouble."""
    one, two = failed_machine(120, number, "server"), failed_machine(80, number + 1, "client")
    base = case(number, Outcome.FAILED)
    found = [replace(step, machine=("server", "client")[step.index % 2]) for step in base.steps]
    return replace(
        base,
        name="pair",
        id=f"{base.file}::pair",
        parameters={},
        machines=(one, two),
        steps=tuple(found),
    )


def hostile(number: int) -> CaseResult:
    """A case of which every text is written by somebody who wants to run in the reader's browser."""
    evil = "\n".join(HOSTILE)
    base = failed_machine(0, number)
    bad = replace(
        base,
        name=HOSTILE[5],
        log=tuple((index * MS, text) for index, text in enumerate(HOSTILE)),
        console=evil,
        screen=evil,
        picture='<svg xmlns="http://www.w3.org/2000/svg" onload="document.title=\'owned\'" '
        'width="9" height="9">'
        "<script>parent.document.title='owned'</script><image href=\"x.png\"/></svg>",
        registers=evil,
        disassembly=evil,
        stack=evil,
        events=(EventResult(5, HOSTILE[1], evil),),
        images=(ImageResult(HOSTILE[0], HOSTILE[1], evil),),
        stop=StopResult(HOSTILE[0], 1, 6 * MS, 5, 1, evil),
    )
    base_case = case(number, Outcome.ERROR)
    return replace(
        base_case, id=HOSTILE[0], file=HOSTILE[1], name=HOSTILE[2], backend=HOSTILE[5],
        parameters={HOSTILE[1]: HOSTILE[0], "constructor": HOSTILE[2], "__proto__": HOSTILE[3]},
        tags=(HOSTILE[0], "__proto__"), reason=evil, reproduce=HOSTILE[4], internal=evil, output=evil,
        artifacts=HOSTILE[6],
        failure=Failure(evil, 1, 1, evil, 0, ((HOSTILE[0], HOSTILE[1]),)),
        steps=(StepResult(0, HOSTILE[0], evil, 1, Outcome.ERROR, 0, 5 * MS, 0.1, HOSTILE[5]),),
        measures=(MeasureResult(HOSTILE[0], 5, HOSTILE[1], HOSTILE[2], False, time=5),
                  MeasureResult("__proto__", 6, "", "", None, time=6)),
        machines=(bad,),
    )  # fmt: skip


def run_of(count: int, lines: int = 200) -> RunResult:
    """`count` cases, of which few failed, some were skipped and one in a hundred is flaky."""
    cases = []
    for number in range(count):
        if number % 50 == 11:
            cases.append(case(number, Outcome.FAILED, lines))
        elif number % 100 == 37:
            cases.append(flaky(number))
        elif number % 8 == 7:
            cases.append(skipped(number))
        else:
            cases.append(case(number, lines=lines))
    return RunResult(cases, wall=count * 0.8, host={"system": "Linux 6.1.0 x86_64", "cpus": "2"})


def saved(run: RunResult, name: str = "this run", age: int = 0) -> SavedRun:
    """The run as it is read from a file, of `age` days ago."""
    return SavedRun(run, STARTED - datetime.timedelta(days=age), "0.1.0", name)


def earlier(run: RunResult, age: int) -> Earlier:
    """The same run some days ago, with other values of its measures."""
    chance = random.Random(age)
    cases = [
        replace(case, wall=case.wall * (1 + age / 50), measures=tuple(
            replace(measure, value=round(measure.value * (1 + age / 100 + chance.random() / 20)))
            for measure in case.measures))
        for case in run.cases if case.outcome is Outcome.PASSED
    ]  # fmt: skip
    started = (STARTED - datetime.timedelta(days=age)).isoformat()
    return history.of_run(collect.run_of(cases, started, facts(1)), f"nightly-{age}")
