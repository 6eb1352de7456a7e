# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m hvlab` is the command `hvlab`."""

from __future__ import annotations

import sys

from hvlab.cli import main

if __name__ == "__main__":
    sys.exit(main())
