# SPDX-License-Identifier: GPL-2.0-or-later
"""`@pytest.mark.hvlab(backend=..., kvm=..., seed=...)`: what a test wants of its machines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NoReturn

import pytest

from hvlab.backends import KVM_NEEDS, NAMES, KvmNeed
from hvlab.scenario.nearest import did_you_mean, one_of

DESCRIPTION = (
    "hvlab(backend=None, kvm=None, seed=None): of a test with hvlab_machine or hvlab_host: on which "
    "backends it is run ('unicorn', 'kvm' or a list; by default on each), which KVM it needs there "
    "('hardware': VT-x or SVM; 'any'), the seed of its machines"
)
_KEYS = ("backend", "kvm", "seed")


@dataclass(frozen=True)
class Wanted:
    """What the marks of a test say together."""

    backends: tuple[str, ...] = NAMES
    kvm: KvmNeed | None = None
    seed: int | None = None


def wanted(node: pytest.Item) -> Wanted:
    """Of each argument the mark that is closest to the test counts: its own before its class's
    and its module's. Fails the test, or its collection, if a mark is wrong.
    """
    found = Wanted()
    for mark in reversed(list(node.iter_markers("hvlab"))):
        found = _with(found, mark, node)
    return found


def _with(found: Wanted, mark: pytest.Mark, node: pytest.Item) -> Wanted:
    if mark.args:
        _wrong(node, f"its arguments have names: {one_of(_KEYS)}")
    for key, value in mark.kwargs.items():
        if key == "backend":
            found = replace(found, backends=_backends(value, node))
        elif key == "kvm":
            if value not in KVM_NEEDS:
                _wrong(node, f"kvm={value!r}: it is 'hardware' or 'any'")
            found = replace(found, kvm=value)
        elif key == "seed":
            if type(value) is not int or not 0 <= value < 1 << 64:
                _wrong(node, f"seed={value!r}: it is a number from 0 to 2**64 - 1")
            found = replace(found, seed=value)
        else:
            _wrong(node, f"unknown argument '{key}'{did_you_mean(key, _KEYS)}")
    return found


def _backends(value: Any, node: pytest.Item) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else tuple(value)
    for name in names:
        if name not in NAMES:
            hint = did_you_mean(str(name), NAMES)
            _wrong(node, f"unknown backend {name!r}{hint}; known: {one_of(NAMES)}")
    if not names or len(set(names)) < len(names):
        _wrong(node, f"backend={value!r}: name each backend once")
    return names


def _wrong(node: pytest.Item, message: str) -> NoReturn:
    pytest.fail(f"{node.nodeid}: the mark hvlab: {message}", pytrace=False)
