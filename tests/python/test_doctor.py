# SPDX-License-Identifier: GPL-2.0-or-later
"""What `hvlab doctor` says of hosts that are not this one, and of this one."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from hvlab.backends import kvm_status
from hvlab.cli import doctor as command
from hvlab.doctor import FIGURES, examine
from hvlab.errors import BackendUnavailable


def kvm(flavour: str = "VT-x", **fields: object) -> Any:
    capability = SimpleNamespace(name="KVM_CAP_TSC_CONTROL", value=0, required=False)
    given = {
        "available": bool(flavour),
        "reason": "" if flavour else "open /dev/kvm: this user may not use it",
        "flavour": flavour,
        "nested": False,
        "capabilities": [capability] if flavour else [],
        **fields,
    }
    return SimpleNamespace(**given)


def figures(rate: float, **absent: str) -> Any:
    values = {name: rate if name.endswith("_rate") else 1.5e-6 for name in FIGURES}
    return SimpleNamespace(
        **{
            name: SimpleNamespace(
                value=None if name in absent else value, reason=absent.get(name, "")
            )
            for name, value in values.items()
        }
    )


def probe(name: str) -> Any:
    if name == "unicorn":
        return figures(2e8)
    return figures(4e9, halt_exit="the guest ended with: triple fault")


def test_hardware() -> None:
    report = examine(kvm(), probe)
    text = "\n".join(command.lines(report))
    assert "KVM: VT-x\n" in text
    assert "KVM_CAP_TSC_CONTROL" in text
    assert "(absent)" in text
    assert "200 M         4 G\n" in text
    assert "1.5 us" in text
    assert "  kvm: halt exit and wake-up: the guest ended with: triple fault\n" in text
    assert report.advice.startswith("Run guests on kvm (20 times as fast)")
    nested = examine(kvm(nested=True), probe)
    assert "KVM: VT-x, nested\n" in "\n".join(command.lines(nested))
    assert "although this host is a guest itself" in nested.advice


def test_software() -> None:
    advice = examine(kvm("software"), probe).advice
    assert advice.startswith("This KVM is software: run 64-bit user-mode programs on kvm (20 times")
    assert advice.endswith("'kvm: hardware' are skipped.")


def test_none() -> None:
    report = examine(kvm(""), probe)
    text = "\n".join(command.lines(report))
    assert "KVM: not available: open /dev/kvm: this user may not use it\n" in text
    assert "  kvm: not measured: it is not available\n" in text
    assert report.advice.startswith(
        "Every case for unicorn runs here and those for kvm are skipped"
    )
    data = command.data(report)
    assert data["kvm"]["available"] is False
    assert data["backends"]["kvm"]["available"] is False
    assert {each["value"] for each in data["backends"]["kvm"]["figures"].values()} == {None}
    reasons = {each["reason"] for each in data["backends"]["kvm"]["figures"].values()}
    assert reasons == {"open /dev/kvm: this user may not use it"}


def test_a_backend_that_goes_away() -> None:
    def gone(name: str) -> Any:
        if name == "kvm":
            raise BackendUnavailable("kvm: open /dev/kvm: it is gone", "kvm", "open /dev/kvm", 2)
        return probe(name)

    data = command.data(examine(kvm(), gone))
    assert data["backends"]["kvm"]["reason"] == "kvm: open /dev/kvm: it is gone"
    assert data["backends"]["unicorn"]["available"] is True


def test_this_host(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.doctor(as_json=True) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["format"], data["version"]) == ("hvlab-doctor", 1)
    assert data["kvm"]["available"] is kvm_status().available
    for name, backend in data["backends"].items():
        if not backend["available"]:
            continue
        assert len(backend["figures"]) == len(FIGURES)
        for key, figure in backend["figures"].items():
            assert key.endswith(("_seconds", "_instructions_per_second"))
            assert figure["value"] > 0, (name, key, figure["reason"])
    if data["kvm"]["available"]:
        assert data["kvm"]["capabilities"]["KVM_CAP_SYNC_REGS"] == 7
    assert data["advice"].count(".") >= 1
