# SPDX-License-Identifier: GPL-2.0-or-later
"""The nearest known name, for every message about an unknown one."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was most likely meant to be, or None if nothing is near."""
    names = sorted(set(known))
    folded = name.casefold().replace("-", "_")
    for candidate in names:
        if candidate.casefold().replace("-", "_") == folded:
            return candidate
    if len(name) > 64:  # difflib is quadratic, and the name comes from a file
        return None
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
