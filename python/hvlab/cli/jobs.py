# SPDX-License-Identifier: GPL-2.0-or-later
"""How many things are done at a time: the option -j."""

from __future__ import annotations

import typer

from hvlab import processors

MOST = 256  # each takes a process and two of 1024 file descriptors


def asked(text: str) -> int:
    """What -j says. Raises BadParameter."""
    number = processors.usable() if text == "auto" else int(text) if text.isdecimal() else 0
    if not 1 <= number <= MOST:
        raise typer.BadParameter(
            f"'{text}' is not auto, or a number from 1 to {MOST}", param_hint="-j"
        )
    return number
