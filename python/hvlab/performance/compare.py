# SPDX-License-Identifier: GPL-2.0-or-later
"""Two runs, case by case and measure by measure: what became better, what worse, and what cannot be said."""

from __future__ import annotations

import enum
import statistics as middle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hvlab.backends import UNCOUNTED
from hvlab.performance import statistics
from hvlab.performance.runs import BUILT_IN, HOST_TIMES, Case, Measure, Number, Run
from hvlab.performance.statistics import Shift
from hvlab.scenario.tree import Scalar

ALPHA = 0.01
FLOOR = 0.05
_HOPELESS = 1000  # repetitions that nobody would wait for


class Verdict(enum.StrEnum):
    """CHANGED: nobody said which direction is better. SAME: no change beyond the noise floor is left.
    UNCLEAR: none was found, but one could hide in the noise.
    """

    BETTER = "better"
    WORSE = "worse"
    CHANGED = "changed"
    SAME = "same"
    UNCLEAR = "unclear"
    TOO_FEW = "too few"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True)
class Options:
    """How changes are called.

    Attributes:
        floor: the noise floor, 0.05 is 5 %: a change below it is never called one;
        alpha: the chance of a false alarm in the whole comparison;
        measures: which; empty for all; any_host: compare although the host is another one;
        across_backends: cases match that differ in their backend alone.
    """

    floor: float = FLOOR
    alpha: float = ALPHA
    measures: tuple[str, ...] = ()
    any_host: bool = False
    across_backends: bool = False


@dataclass(frozen=True)
class Row:
    """One measure of one case.

    Attributes:
        case: A's id; a, b: medians, None without samples; samples: how many of each;
        exact: compared without statistics; ratio: B/A, None where there is none;
        shift: of a noisy measure, with p as it is; p: corrected for all that were tested;
        floor: the noise floor that held for it;
        note: what the verdict rests on where the figures do not say it.
    """

    case: str
    measure: str
    unit: str
    better: str
    verdict: Verdict
    a: Number | None = None
    b: Number | None = None
    samples: tuple[int, int] = (0, 0)
    exact: bool = False
    ratio: float | None = None
    shift: Shift | None = None
    p: float | None = None
    floor: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Comparison:
    """All rows, in the order of A's cases. notes: what is different between the runs as such."""

    options: Options
    in_turns: bool
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    @property
    def regressed(self) -> bool:
        return any(row.verdict is Verdict.WORSE for row in self.rows)


def compare(a: Run, b: Run, options: Options) -> Comparison:
    """Compares B with A."""
    in_turns = bool(a.pairing) and a.pairing == b.pairing
    context = _Context(a, b, options, in_turns)
    rows = list(context.rows())
    return Comparison(options, in_turns, tuple(context.judged(rows)), tuple(_notes(a, b)))


def _notes(a: Run, b: Run) -> Iterator[str]:
    for name in ("hvlab", "engine", "cpu", "cpus", "kernel", "python"):
        one, other = getattr(a.facts, name), getattr(b.facts, name)
        if one != other and one and other:
            yield f"{name}: {one} in A, {other} in B"


@dataclass(frozen=True)
class _Context:
    a: Run
    b: Run
    options: Options
    in_turns: bool

    def rows(self) -> Iterator[Row]:
        """Without the verdicts that depend on how many tests there are: those have a shift, and UNCLEAR."""
        others = {self._key(case): case for case in self.b.cases}
        for case in self.a.cases:
            other = others.pop(self._key(case), None)
            if other is None:
                yield _incomparable(case.id, "", "only in A")
            else:
                yield from self._case(case, other)
        for other in others.values():
            yield _incomparable(other.id, "", "only in B")

    def _key(self, case: Case) -> tuple[object, ...]:
        if not self.options.across_backends:
            return (case.id,)
        axes: Mapping[str, Scalar] = case.parameters
        rest = tuple(sorted((k, str(v)) for k, v in axes.items() if v != case.backend))
        return case.file, case.name.partition("[")[0], rest

    def _case(self, a: Case, b: Case) -> Iterator[Row]:
        for side, case in (("A", a), ("B", b)):
            if not case.repetitions:
                yield _incomparable(a.id, "", f"no repetition of it passed in {side}")
                return
        if a.backend != b.backend and not self.options.across_backends:
            yield _incomparable(a.id, "", f"on {a.backend} in A, on {b.backend} in B")
            return
        names = list(dict.fromkeys(m.name for case in (a, b) for m in case.measures))
        for name in names:
            if self.options.measures and name not in self.options.measures:
                continue
            one, other = a.measure(name), b.measure(name)
            if one is None or other is None:
                # Where one backend counts and the other does not, nobody expects the figure.
                if not (self.options.across_backends and name in BUILT_IN):
                    where = "A" if other is None else "B"
                    yield _incomparable(a.id, name, f"measured in {where} only")
            else:
                yield self._measure(a, b, one, other)

    def _measure(self, a: Case, b: Case, one: Measure, other: Measure) -> Row:
        x = [v for v in one.samples if v is not None]
        y = [v for v in other.samples if v is not None]
        row = Row(
            case=a.id,
            measure=one.name,
            unit=other.unit,
            better=other.better,
            verdict=Verdict.UNCLEAR,
            a=_median(x),
            b=_median(y),
            samples=(len(x), len(y)),
        )
        row = replace(row, ratio=row.b / row.a if row.a and row.b is not None else None)
        if one.unit != other.unit:
            return _not(row, f"in {one.unit or 'no unit'} in A, in {other.unit or 'no unit'} in B")
        if a.backend != b.backend and one.unit == "ns":
            return _not(row, f"guest time is not the same clock on {a.backend} and {b.backend}")
        if _is_exact(a, one) and _is_exact(b, other):
            return self._exact(row, a, b, one, other)
        reason = self._other_host(a, b, one.name)
        if reason:
            return _not(row, reason)
        return self._noisy(row, a, b, one, other)

    def _exact(self, row: Row, a: Case, b: Case, one: Measure, other: Measure) -> Row:
        row = replace(row, exact=True)
        x, y = _by_seed(a, one), _by_seed(b, other)
        for side, values in (("A", x), ("B", y)):
            if any(len(found) > 1 for found in values.values()):
                return _not(row, f"not the same in all repetitions of {side}, though the seed was")
        common = [seed for seed in x if seed in y]
        if not common:
            return _not(row, "no seed is common to A and B")
        # In whole numbers: the median of two large counts as a float would lose their last digits.
        apart = [y[seed][0] - x[seed][0] for seed in common]
        if not any(apart):
            return replace(row, verdict=Verdict.SAME)
        if min(apart) < 0 < max(apart):
            return replace(
                row, verdict=Verdict.CHANGED, note="up with some seeds, down with others"
            )
        return replace(row, verdict=_direction(row.better, max(apart) > 0))

    def _other_host(self, a: Case, b: Case, name: str) -> str:
        """Why a time of the host's cannot be compared; empty if it can."""
        if self.options.any_host:
            return ""
        one, other = self.a.facts, self.b.facts
        if one.cpu and other.cpu and one.cpu != other.cpu:
            return f"another processor: {one.cpu} in A, {other.cpu} in B"
        if one.cpus and other.cpus and one.cpus != other.cpus:
            return f"another number of processors: {one.cpus} in A, {other.cpus} in B"
        if None not in (one.workers, other.workers) and one.workers != other.workers:
            return f"run by {one.workers} worker processes in A, by {other.workers} in B"
        if a.kvm != b.kvm and not self.options.across_backends:
            return f"another KVM: {a.kvm or 'none'} in A, {b.kvm or 'none'} in B"
        return ""

    def _noisy(self, row: Row, a: Case, b: Case, one: Measure, other: Measure) -> Row:
        if self.in_turns:
            x, y = _pairs(a, b, one, other)
            row = replace(row, samples=(len(x), len(y)))
        else:
            x = [v for v in one.samples if v is not None]
            y = [v for v in other.samples if v is not None]
        if not x or not y:
            return _not(row, "no samples of both")
        if min(*x, *y) <= 0:
            return _not(row, "has no ratio: it is not always above 0")
        if self.in_turns:
            return replace(row, shift=statistics.in_turns(x, y), floor=self.options.floor)
        floor, note = self._floor(x, y)
        return replace(row, shift=statistics.independent(x, y, floor), floor=floor, note=note)

    def _floor(self, x: Sequence[Number], y: Sequence[Number]) -> tuple[float, str]:
        """The noise floor of runs one after the other, and why it is raised where it is: a host that drifts
        on as it did within a run parts the two by twice as much.
        """
        floor = self.options.floor
        moved, side = max((statistics.drift(x), "A"), (statistics.drift(y), "B"))
        raised = (1 + moved) ** 2 - 1
        if raised <= floor:
            return floor, ""
        return (
            raised,
            f"its second half is {moved:.1%} off its first in {side}; in turns (hvlab bench run) it would "
            "not matter",
        )

    def judged(self, rows: Sequence[Row]) -> Iterator[Row]:
        """The noisy rows with their verdicts, corrected for their number."""
        tested = [row for row in rows if row.shift is not None]
        least = statistics.needed(self.options.alpha, max(1, len(tested)), self.in_turns)
        enough = [row for row in tested if min(row.samples) >= least]
        corrected = statistics.holm([row.shift.p for row in enough if row.shift is not None])
        p_of = {id(row): p for row, p in zip(enough, corrected, strict=True)}
        for row in rows:
            if row.shift is None:
                yield row
            elif id(row) in p_of:
                yield self._verdict(row, row.shift, p_of[id(row)])
            else:
                there = min(row.samples)
                note = f"{there} of at least {least} repetitions that it takes"
                yield replace(row, verdict=Verdict.TOO_FEW, shift=None, note=note)

    def _verdict(self, row: Row, shift: Shift, p: float) -> Row:
        row = replace(row, p=p)
        if p <= self.options.alpha and _beyond(shift.ratio, row.floor or self.options.floor):
            return replace(row, verdict=_direction(row.better, shift.ratio > 1))
        floor = self.options.floor
        if not _beyond(shift.low, floor) and not _beyond(shift.high, floor):
            return replace(row, verdict=Verdict.SAME, note="")
        return replace(row, note=row.note or _what_would_tell(shift, min(row.samples), floor))


def _beyond(ratio: float, floor: float) -> bool:
    return not 1 / (1 + floor) <= ratio <= 1 + floor


def _what_would_tell(shift: Shift, count: int, floor: float) -> str:
    number = statistics.needed_to_tell(shift, count, floor)
    if number > _HOPELESS:
        return f"too noisy: not even {_HOPELESS} repetitions would tell"
    if number > count:
        return f"about {number} repetitions would tell"
    return "too close to the noise floor to tell"


def _is_exact(case: Case, measure: Measure) -> bool:
    """On a backend that counts, the same seed gives the same guest times and counts. A measure of the
    scenario's may still hold what a Python step took from the host: then its repetitions differ.
    """
    if case.backend in UNCOUNTED or measure.name in HOST_TIMES:
        return False
    return measure.name in BUILT_IN or all(len(v) == 1 for v in _by_seed(case, measure).values())


def _by_seed(case: Case, measure: Measure) -> dict[int, list[Number]]:
    """The different values that each seed gave."""
    found: dict[int, list[Number]] = {}
    for seed, value in zip(case.seeds, measure.samples, strict=True):
        if value is not None and value not in found.setdefault(seed, []):
            found[seed].append(value)
    return {seed: values for seed, values in found.items() if values}


def _pairs(a: Case, b: Case, one: Measure, other: Measure) -> tuple[list[Number], list[Number]]:
    """Of the rounds that have a sample of both."""
    first = dict(zip(a.repetitions, one.samples, strict=True))
    second = dict(zip(b.repetitions, other.samples, strict=True))
    rounds = [
        (x, y) for r, x in first.items() if x is not None and (y := second.get(r)) is not None
    ]
    return [x for x, _ in rounds], [y for _, y in rounds]


def _median(samples: Sequence[Number]) -> Number | None:
    """Of whole numbers as exact as they are."""
    if not samples:
        return None
    low, high = middle.median_low(samples), middle.median_high(samples)
    return low if low == high else (low + high) / 2


def _direction(better: str, up: bool) -> Verdict:
    if not better:
        return Verdict.CHANGED
    return Verdict.BETTER if up == (better == "higher") else Verdict.WORSE


def _not(row: Row, note: str) -> Row:
    return replace(row, verdict=Verdict.NOT_COMPARABLE, note=note)


def _incomparable(case: str, measure: str, note: str) -> Row:
    return Row(case, measure, "", "", Verdict.NOT_COMPARABLE, note=note)
