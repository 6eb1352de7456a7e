# SPDX-License-Identifier: GPL-2.0-or-later
"""Results as plain text: for the terminal, for pytest, and inside JUnit's failures."""

from __future__ import annotations

from hvlab import units
from hvlab.scenario.problems import printable
from hvlab.scenario.results import CaseResult, MachineResult, MeasureResult, Outcome, RunResult

CONSOLE_LINES = 25
STACK_LINES = 25
SHOWN = ("console", "screen", "registers", "stack")
ALL_REGISTERS = "    (all of them: registers.txt among its artifacts)"


def case_line(result: CaseResult) -> str:
    """One line about a case, without its outcome."""
    facts = [result.backend]
    if result.guest_time is not None:
        facts.append(f"guest {units.format_duration(result.guest_time)}")
    if result.instructions is not None:
        facts.append(f"{_count(result.instructions)} instructions")
    if result.outcome is Outcome.SKIPPED:
        facts.append(result.reason)
    else:
        facts.append(f"{result.wall:.2f} s")
    if result.attempts:
        facts.append(f"attempt {len(result.attempts) + 1}")
    return f"{result.label}  ({', '.join(facts)})"


def outcome_word(result: CaseResult) -> str:
    """`PASSED`, or `FLAKY` if it did not at once."""
    return "FLAKY" if result.flaky else result.outcome.upper()


def attempt_lines(result: CaseResult) -> list[str]:
    """What was tried before the last attempt, one line each."""
    return [
        f"    attempt {number}, seed {tried.seed}: {tried.outcome}: {printable(tried.reason)}"
        for number, tried in enumerate(result.attempts, 1)
    ]


def measure_line(measure: MeasureResult) -> str:
    """`boot_time = 1.204 s (limit < 5*second)`."""
    limit = f" (limit {measure.limit})" if measure.limit else ""
    return f"{measure.name} = {measure_value(measure)}{limit}"


def measure_value(measure: MeasureResult) -> str:
    if measure.unit == "ns":
        return units.format_duration(round(measure.value))
    if measure.unit == "B" and isinstance(measure.value, int):
        return units.format_size(measure.value)
    return f"{measure.value:g}" if isinstance(measure.value, float) else str(measure.value)


def failure_text(result: CaseResult, show: tuple[str, ...] = SHOWN) -> str:
    """All that a person needs to see of a case that did not pass, from the YAML line on."""
    failure = result.failure
    lines = [failure.excerpt if failure is not None else printable(result.reason)]
    if failure is not None and failure.operands:
        lines += [
            "with",
            *(f"    {printable(f'{text} = {value}')}" for text, value in failure.operands),
        ]
    if failure is not None and failure.traceback:
        lines += ["python", *(f"    {printable(line)}" for line in failure.traceback.splitlines())]
    if result.steps:
        lines += ["steps", *_steps(result)]
    for machine in result.machines:
        lines += [f"machine {machine.name}"] if len(result.machines) > 1 else []
        lines += machine_lines(machine, show)
    if result.attempts:
        lines += ["attempts before this one", *attempt_lines(result)]
    if result.output:
        lines += output_lines(result)
    if result.internal:
        lines += ["internal error: please report it with this", result.internal.rstrip()]
    if result.artifacts:
        lines += ["artifacts", f"    {result.artifacts}"]
    return "\n".join([*lines, "reproduce", f"    {printable(result.reproduce)}"])


def console_lines(machine: MachineResult, most: int = CONSOLE_LINES) -> list[str]:
    """The end of the console, each line with the guest time of its first byte."""
    if not machine.log:
        return ["console", "    (the guest printed nothing)"]
    left_out = len(machine.log) - most
    head = f"console, the last {most} lines" if left_out > 0 else "console"
    return [head, *(f"    {line}" for line in log_lines(machine)[-most:])]


def log_lines(machine: MachineResult) -> list[str]:
    """Every line that is held of the console: guest time in seconds, and the text."""
    return [f"{time / 1e9:>14.9f} | {printable(line)}" for time, line in machine.log]


def event_lines(machine: MachineResult) -> list[str]:
    """The last events: guest time in seconds, kind and text."""
    width = max((len(event.kind) for event in machine.events), default=0)
    return [
        f"{event.time / 1e9:>14.9f} | {event.kind:<{width}}  {printable(event.text)}"
        for event in machine.events
    ]


def output_lines(result: CaseResult, most: int = CONSOLE_LINES) -> list[str]:
    """The end of what the case's process printed."""
    lines = result.output.splitlines()
    head = "printed by its process"
    head += f", the last {most} lines" if len(lines) > most else ""
    return [head, *(f"    {printable(line)}" for line in lines[-most:])]


def repetition_lines(run: RunResult) -> list[str]:
    """Of cases that were run several times, how often each did not pass; none if all did."""
    runs: dict[str, list[CaseResult]] = {}
    for case in run.cases:
        if case.outcome is not Outcome.SKIPPED:
            runs.setdefault(case.id, []).append(case)
    if max((len(cases) for cases in runs.values()), default=0) < 2:
        return []
    lines = []
    for id_, cases in runs.items():
        bad = sum(case.outcome is not Outcome.PASSED for case in cases)
        flaky = sum(case.flaky for case in cases)
        if bad or flaky:
            what = [f"failed {bad} of {len(cases)} times"] if bad else []
            what += [f"flaky {flaky} of {len(cases)} times"] if flaky else []
            lines.append(f"    {', '.join(what)}  {id_}")
    return ["repetitions", *lines] if lines else []


def summary(run: RunResult) -> str:
    """`1 failed, 2 passed (1 flaky), 1 skipped in 3.21 s`."""
    counts = [
        f"{run.count(outcome)} {outcome}"
        + (f" ({run.flaky} flaky)" if outcome is Outcome.PASSED and run.flaky else "")
        for outcome in (Outcome.FAILED, Outcome.ERROR, Outcome.PASSED, Outcome.SKIPPED)
        if run.count(outcome)
    ]
    text = ", ".join(counts) or "nothing ran"
    head = "interrupted: " if run.interrupted else ""
    return f"{head}{text} in {run.wall:.2f} s"


def machine_lines(machine: MachineResult, show: tuple[str, ...] = SHOWN) -> list[str]:
    """What is to see of one machine of a case that did not pass."""
    lines = []
    if machine.stop is not None:
        stop = machine.stop
        at = f"at {units.format_duration(stop.time)} of guest time, rip {stop.rip:#x}"
        lines += ["last stop", f"    {stop.reason}: {printable(stop.message)} ({at})"]
    if "console" in show:
        lines += console_lines(machine)
    if "screen" in show and machine.screen:
        lines += ["screen", *(f"    | {printable(row)}" for row in machine.screen.split("\n"))]
    if "registers" in show and machine.registers:
        from hvlab.introspection.registers import first_registers  # not needed where all passes

        lines += ["registers", *_indented(first_registers(machine.registers)), ALL_REGISTERS]
    if "disassembly" in show and machine.disassembly:
        lines += ["code", *_indented(machine.disassembly)]
    if "stack" in show and machine.stack:
        lines += ["stack", *_indented(machine.stack)[:STACK_LINES]]
    return lines


def _indented(text: str) -> list[str]:
    return [f"    {printable(line)}" for line in text.splitlines()]


def _steps(result: CaseResult) -> list[str]:
    lines = []
    for step in result.steps:
        time = "" if step.guest_end is None else units.format_duration(step.guest_end)
        mark = " " if step.outcome is Outcome.PASSED else ">"
        title = printable(step.title.replace("\n", " "))
        lines.append(f"  {mark} {step.index + 1:>2}  {time:>12}  {title[:100]}")
    return lines


def _count(number: int) -> str:
    for factor, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= factor:
            return f"{number / factor:.4g} {unit}"
    return str(number)
