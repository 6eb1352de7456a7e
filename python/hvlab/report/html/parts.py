# SPDX-License-Identifier: GPL-2.0-or-later
"""What all our HTML files have in common: they need nothing else, and nothing else gets into them."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from urllib.parse import quote

COLOURS = {"good": "#1a7f37", "bad": "#c7222d", "none": "#59636e"}  # of a verdict


def source(package: str, name: str) -> str:
    """A file of the package, as text."""
    return resources.files(package).joinpath(name).read_text("utf-8")


def policy(style: str, script: str = "") -> str:
    """Nothing is loaded; only our own style and script count, whatever else gets into the page."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src {_allowed(style)}",
            *([f"script-src {_allowed(script)}"] if script else []),
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def icon(verdict: str) -> str:
    """A dot in the verdict's colour, as the address of a picture."""
    picture = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
        f'<circle cx="8" cy="8" r="7" fill="{COLOURS[verdict]}"/></svg>'
    )
    return "data:image/svg+xml," + quote(picture)


def _allowed(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
