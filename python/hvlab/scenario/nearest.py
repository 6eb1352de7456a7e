# SPDX-License-Identifier: GPL-2.0-or-later
"""The nearest known name, for every message about an unknown one."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Collection, Iterable

# Looking for the nearest takes time, and names come from files: what no person writes gets no hint.
_LONGEST = 64
_MOST = 200


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was most likely meant to be, or None if nothing is near."""
    names = list(itertools.islice(known, _MOST + 1))
    if len(name) > _LONGEST or len(names) > _MOST:
        return None
    names = sorted(set(names))
    folded = name.casefold().replace("-", "_")
    for candidate in names:
        if candidate.casefold().replace("-", "_") == folded:
            return candidate
    found = difflib.get_close_matches(folded, [n.casefold() for n in names], n=1, cutoff=0.6)
    return next((n for n in names if n.casefold() == found[0]), None) if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)`, or nothing if no known name is near."""
    found = nearest(name, known)
    return f" (did you mean '{found}'?)" if found else ""


def which_key(key: str, known: Collection[str]) -> str:
    """Like did_you_mean, for a key of a mapping: it may also have run into its value."""
    for name in known:
        if key.startswith(f"{name}:"):
            return f" (a space is missing after '{name}:')"
        if key.startswith(f"{name} "):
            return f" (':' is missing after '{name}')"
    return did_you_mean(key, known)


def one_of(known: Iterable[str]) -> str:
    """`'a', 'b' or 'c'`."""
    names = [f"'{name}'" for name in known]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
