# SPDX-License-Identifier: GPL-2.0-or-later
"""The schedulers and workloads there are, as they are described where they are written, in C++."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hvlab._core import SimKind

OPTIONAL = "-"  # a preset: may be left out, and has no value then


@dataclass(frozen=True)
class Parameter:
    """A parameter of a scheduler or a workload.

    Attributes:
        type: duration, distribution, integer, number, flag, choice or numbers; preset: as it would be
        written, "" if it has to be given, OPTIONAL if it may be left out; least, most: of numbers, and of
        durations in ns; choices: of a choice.
    """

    name: str
    type: str
    meaning: str
    preset: str
    least: float
    most: float
    choices: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """A scheduler or a workload. `source`: where the algorithm is described; `promises`: of a
    scheduler, of work_conserving, weights, reservations and coscheduling those that it keeps.
    """

    name: str
    meaning: str
    source: str
    promises: frozenset[str]
    parameters: tuple[Parameter, ...]


@cache
def schedulers() -> Mapping[str, Kind]:
    """By name."""
    from hvlab import _core

    return _kinds(_core.sim_schedulers())


@cache
def workloads() -> Mapping[str, Kind]:
    """By name."""
    from hvlab import _core

    return _kinds(_core.sim_workloads())


def _kinds(described: Iterable[SimKind]) -> Mapping[str, Kind]:
    return {
        kind.name: Kind(
            kind.name,
            kind.meaning,
            kind.source,
            frozenset(kind.promises),
            tuple(
                Parameter(p.name, p.type, p.meaning, p.preset, p.least, p.most, tuple(p.choices))
                for p in kind.parameters
            ),
        )
        for kind in described
    }
