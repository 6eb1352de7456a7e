# SPDX-License-Identifier: GPL-2.0-or-later
"""How errors that end a command are shown, and which exit code they give."""

from __future__ import annotations

import sys
import tempfile
import traceback

from hvlab.cli import INTERNAL, USAGE
from hvlab.errors import BackendError, HostError, HvlabError


def report(error: Exception, debug: bool) -> int:
    """Prints an error for a person and returns the exit code."""
    if isinstance(error, HvlabError):
        print(_with_prefix(str(error)), file=sys.stderr)
        if debug:
            traceback.print_exception(error)
        return INTERNAL if isinstance(error, HostError | BackendError) else USAGE
    print(f"hvlab: internal error: {type(error).__name__}: {error}", file=sys.stderr)
    if debug:
        traceback.print_exception(error)
        return INTERNAL
    print(f"hvlab: please report it with {_saved(error)}; --debug shows it here", file=sys.stderr)
    return INTERNAL


def _with_prefix(text: str) -> str:
    return text if "error: " in text.split("\n")[0] else f"hvlab: error: {text}"


def _saved(error: Exception) -> str:
    text = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="hvlab-error-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
            return file.name
    except OSError as reason:
        return f"its traceback (which could not be written: {reason.strerror})"
