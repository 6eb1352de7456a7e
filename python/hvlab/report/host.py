# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run ran on: facts for the reports, none of them needed to run."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from hvlab.backends import kvm_status, kvm_text


def facts() -> dict[str, str]:
    """Names and texts, for a person; what this host does not tell is left out."""
    found = {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "distribution": _distribution(),
        "processor": _processor(),
        "cpus": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.1f} GiB",
        "python": platform.python_version(),
        "kvm": kvm_text(kvm_status()),
    }
    return {name: text for name, text in found.items() if text}


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):  # there are systems without that file
        return ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "")
