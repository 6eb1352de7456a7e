# SPDX-License-Identifier: GPL-2.0-or-later
"""`hvlab doctor`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import hvlab
from hvlab import units
from hvlab.backends import kvm_text
from hvlab.cli import OK
from hvlab.doctor import FIGURES, RATES, Measured, Report, examine

VERSION = 1  # of the JSON
_WIDTH = 34


def doctor(as_json: bool) -> int:
    """Prints what this host has. Raises HvlabError."""
    if not as_json and sys.stderr.isatty():
        print("measuring, for some seconds...", file=sys.stderr)
    report = examine()
    print(json.dumps(data(report), indent=2) if as_json else "\n".join(lines(report)))
    return OK


def data(report: Report) -> dict[str, Any]:
    """The report as plain data. A figure that is not there is null, with a reason."""
    kvm = report.kvm
    return {
        "format": "hvlab-doctor",
        "version": VERSION,
        "hvlab": hvlab.__version__,
        "kvm": {
            "available": kvm.available,
            "reason": kvm.reason,
            "flavour": kvm.flavour,
            "nested": kvm.nested,
            "capabilities": {each.name: each.value for each in kvm.capabilities},
        },
        "backends": {
            backend.name: {
                "available": not backend.reason,
                "reason": backend.reason,
                "figures": {
                    _key(name): {"value": figure.value, "reason": figure.reason}
                    for name, figure in backend.figures.items()
                },
            }
            for backend in report.backends
        },
        "advice": report.advice,
    }


def lines(report: Report) -> Iterator[str]:
    """The report for a person."""
    yield f"hvlab {hvlab.__version__}"
    yield f"KVM: {kvm_text(report.kvm)}"
    for each in report.kvm.capabilities:
        absent = "  (absent)" if each.value == 0 else ""
        yield f"  {each.name:<{_WIDTH}} {each.value}{absent}"
    yield ""
    names = [backend.name for backend in report.backends if not backend.reason]
    yield f"  {'':<{_WIDTH}} {''.join(f'{name:>12}' for name in names)}".rstrip()
    shown = [backend for backend in report.backends if not backend.reason]
    for name, title in FIGURES.items():
        cells = "".join(f"{_cell(name, backend.figures[name]):>12}" for backend in shown)
        yield f"  {title:<{_WIDTH}} {cells}".rstrip()
    for backend in report.backends:
        if backend.reason:
            yield f"  {backend.name}: not measured: it is not available"
            continue
        for name, figure in backend.figures.items():
            if figure.value is None:
                yield f"  {backend.name}: {FIGURES[name]}: {figure.reason}"
    yield ""
    yield report.advice


def _key(name: str) -> str:
    """A name in the JSON, with its unit."""
    return (
        f"{name.removesuffix('_rate')}_instructions_per_second"
        if name in RATES
        else f"{name}_seconds"
    )


def _cell(name: str, figure: Measured) -> str:
    if figure.value is None:
        return "-"
    if name not in RATES:
        nanoseconds = figure.value * 1e9
        if nanoseconds < 1000:
            return f"{nanoseconds:.3g} ns"
        return units.format_duration(round(float(f"{nanoseconds:.3g}")))
    for factor, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if figure.value >= factor:
            return f"{figure.value / factor:.3g} {unit}"
    return f"{figure.value:.3g}"
