# SPDX-License-Identifier: GPL-2.0-or-later
"""Which backends the language knows, and which of them this version has.

A case is run on the backend that it names or not at all; it never falls back to another one.
"""

from __future__ import annotations

KNOWN = ("unicorn", "kvm")
BUILT = ("unicorn",)


def missing(backend: str) -> str | None:
    """Why `backend` cannot be used here; None if it can."""
    if backend in BUILT:
        return None
    return f"this version of hvlab has no backend '{backend}' (it has: {', '.join(BUILT)})"
