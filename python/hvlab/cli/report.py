# SPDX-License-Identifier: GPL-2.0-or-later
"""`hvlab report`: reports of a run that is over."""

from __future__ import annotations

import sys
from pathlib import Path

from hvlab.cli import INTERNAL, OK, USAGE
from hvlab.report import load, writing
from hvlab.report.text import summary


def report(results: Path, wanted: writing.Wanted) -> int:
    """Reads a results file and writes reports of it; prints its summary. Raises HvlabError."""
    if not wanted.paths:
        print("hvlab: error: name a report to write: --html, --trace or --junit", file=sys.stderr)
        return USAGE
    history = writing.prepare(wanted)
    saved = load.read(results)
    errors = list(writing.write(wanted, saved, history))
    for error in errors:
        print(f"hvlab: error: {error}", file=sys.stderr)
    print(summary(saved.run))
    return INTERNAL if errors else OK
