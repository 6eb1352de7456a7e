# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/simulator-schedulers.md has the schedulers that there are, with their parameters and promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hvlab._core import SimKind, sim_schedulers

PAGE = (Path(__file__).resolve().parents[2] / "docs/simulator-schedulers.md").read_text("utf-8")
KINDS = {kind.name: kind for kind in sim_schedulers()}
SECTIONS = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
PROMISES = {
    "No pCPU is free": "work_conserving",
    "Backlogged VMs": "weights",
    "Reservations": "reservations",
    "Bounded skew": "coscheduling",
}


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_scheduler_has_its_section() -> None:
    assert {name for name in SECTIONS if rows(SECTIONS[name])} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_parameters_and_presets(kind: SimKind) -> None:
    told = {row[0].strip("`"): row[1].strip("`") for row in rows(SECTIONS[kind.name])[2:]}
    assert told == {parameter.name: parameter.preset for parameter in kind.parameters}


def test_the_table_of_promises() -> None:
    table = rows(PAGE.split("\n## credit2\n")[0])
    names = [cell.strip("`") for cell in table[0][1:]]
    assert names == list(KINDS)
    for row in table[2:]:
        promise = next(word for start, word in PROMISES.items() if row[0].startswith(start))
        told = {name for name, cell in zip(names, row[1:], strict=True) if cell != "no"}
        assert told == {name for name, kind in KINDS.items() if promise in kind.promises}, promise
