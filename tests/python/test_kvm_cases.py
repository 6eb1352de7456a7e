# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases on KVM: with it, without it, with one that will not do, and turned off. Nothing falls back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

import hvlab
from conftest import BASE, enter
from hvlab import backends
from hvlab.backends import Barrier, barrier, kvm_status
from hvlab.errors import BackendError, BackendUnavailable, ScenarioError
from hvlab.pytest_plugin import MachineFactory
from hvlab.scenario import plan
from hvlab.scenario.document import Document
from hvlab.scenario.results import Outcome
from hvlab.scenario.runner import run_case

Read = Callable[[str], Document]

needs_kvm = pytest.mark.skipif(not kvm_status().available, reason=kvm_status().reason)
on_kvm = pytest.mark.hvlab(backend="kvm")
BOTH = BASE.replace("name: t", "name: t\nmatrix: {backend: [unicorn, kvm]}").replace(
    "machine: {", 'machine: {backend: "${matrix.backend}", '
) + (
    "- expect: {stop: debug-exit, code: 0, as: end}\n- measure: {name: n, value: end.instructions}\n"
)
KVM = BASE.replace("machine: {", "machine: {backend: kvm, ")
HARDWARE = KVM.replace("machine:", "requires: {kvm: hardware}\nmachine:")


def status(**fields: object) -> SimpleNamespace:
    given = {"available": True, "reason": "", "flavour": "VT-x", "nested": False, **fields}
    return SimpleNamespace(**given)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Callable[[SimpleNamespace], None]:
    """Makes the host's KVM what is given."""

    def be(given: SimpleNamespace) -> None:
        monkeypatch.setattr(backends, "kvm_status", lambda: given)

    return be


NONE = status(available=False, reason="open /dev/kvm: the host has no KVM", flavour="")


# What decides.


@pytest.mark.parametrize(
    ("given", "need", "mode", "expected"),
    [
        (status(), None, "auto", None),
        (status(), "hardware", "on", None),
        (status(flavour="SVM"), "hardware", "auto", None),
        (status(flavour="software"), "any", "auto", None),
        (
            status(flavour="software"),
            "hardware",
            "auto",
            Barrier("requires VT-x or SVM, and this host's KVM is the software flavour"),
        ),
        (
            status(flavour="software"),
            "hardware",
            "on",
            Barrier("requires VT-x or SVM, and this host's KVM is the software flavour"),
        ),
        (status(), None, "off", Barrier("turned off by --kvm=off")),
        (NONE, None, "off", Barrier("turned off by --kvm=off")),
        (NONE, None, "auto", Barrier(f"KVM is not available: {NONE.reason}")),
        (NONE, "hardware", "auto", Barrier(f"KVM is not available: {NONE.reason}")),
        (
            NONE,
            None,
            "on",
            Barrier(f"required by --kvm=on, but KVM is not available: {NONE.reason}", failed=True),
        ),
    ],
)
def test_barrier(
    host: Callable[[SimpleNamespace], None],
    given: SimpleNamespace,
    need: backends.KvmNeed | None,
    mode: backends.KvmMode,
    expected: Barrier | None,
) -> None:
    host(given)
    assert barrier("kvm", need, mode) == expected
    assert barrier("unicorn", need, mode) is None


def test_the_core_is_asked_once_and_not_for_other_backends(monkeypatch: pytest.MonkeyPatch) -> None:
    from hvlab import _core

    asked: list[int] = []
    monkeypatch.setattr(_core, "kvm_status", lambda: asked.append(1) or NONE)
    kvm_status.cache_clear()
    try:
        assert barrier("unicorn", "hardware", "on") is None
        assert barrier("kvm", mode="off") is not None
        assert asked == []
        assert barrier("kvm") == barrier("kvm")
        assert asked == [1]
    finally:
        kvm_status.cache_clear()


def test_outcomes(read: Read, host: Callable[[SimpleNamespace], None]) -> None:
    host(NONE)
    case = read(KVM).cases[0]
    skipped = run_case(plan.on_host(case))
    assert (skipped.outcome, skipped.backend, skipped.kvm) == (Outcome.SKIPPED, "kvm", "")
    failed = run_case(plan.on_host(case, "on"))
    assert failed.outcome is Outcome.FAILED
    assert failed.reason.startswith("required by --kvm=on, but KVM is not available: open")
    assert failed.instructions is None
    assert failed.failure is not None
    assert failed.failure.excerpt.startswith("case.hvlab.yaml:3:11: failed: required by --kvm=on")


def test_a_machine_never_falls_back() -> None:
    with pytest.raises(BackendUnavailable, match="no such backend"):
        hvlab.Machine(backend="kmv")


# With KVM.


@needs_kvm
def test_one_document_on_both_backends(read: Read) -> None:
    unicorn, kvm = (run_case(plan.on_host(case)) for case in read(BOTH).cases)
    assert unicorn.outcome is kvm.outcome is Outcome.PASSED
    assert unicorn.machines[0].console == kvm.machines[0].console == "Hello from the guest\n"
    assert unicorn.instructions is not None
    assert [measure.name for measure in unicorn.measures] == ["n"]
    assert kvm.instructions is None
    assert kvm.measures == ()
    assert kvm.guest_time is not None
    assert kvm.guest_time > 0
    assert kvm.kvm.startswith(kvm_status().flavour)
    properties = kvm.properties()
    assert "instructions" not in properties
    assert "measure.n" not in properties
    assert properties["kvm"] == kvm.kvm
    assert "kvm" not in unicorn.properties()


@needs_kvm
def test_what_the_flavour_cannot_do_is_an_error_of_the_case(read: Read) -> None:
    if kvm_status().flavour != "software":
        pytest.skip("this KVM can do it")
    assert run_case(plan.on_host(read(HARDWARE).cases[0])).outcome is Outcome.SKIPPED
    text = KVM.replace("fixture:hello", "fixture:stress") + "- expect: {text: nothing}\n"
    result = run_case(plan.on_host(read(text).cases[0]))
    assert result.outcome is Outcome.ERROR
    assert "cannot emulate" in result.reason
    assert "rip=" in result.machines[0].registers


@on_kvm
def test_budgets_of_instructions_are_refused(hvlab_machine: MachineFactory) -> None:
    machine = hvlab_machine(image=hvlab.fixture("hello"))
    with pytest.raises(BackendError, match="count"):
        machine.run(instructions=100)


@needs_kvm
def test_the_hosts_own_processor(read: Read) -> None:
    (case,) = read(KVM.replace("machine: {", "machine: {cpu: host, ")).cases
    result = run_case(case)
    assert result.outcome is Outcome.PASSED, result.reason


def test_the_hosts_own_processor_is_refused_on_the_engine(read: Read) -> None:
    with pytest.raises(ScenarioError, match="'host' goes with the backend kvm only"):
        read(BASE.replace("machine: {", "machine: {cpu: host, "))


@on_kvm
def test_an_endless_loop_ends_by_guest_time_and_by_the_wall(hvlab_machine: MachineFactory) -> None:
    machine = hvlab_machine(image=hvlab.fixture("runaway"))
    assert machine.run(timeout="20ms").reason == "deadline"
    assert machine.run(wall="20ms").reason == "wall-deadline"
    assert machine.instructions is None


@on_kvm
def test_ctrl_c_comes_through_within_50_ms(hvlab_machine: MachineFactory) -> None:
    """Of the best of some: the host may be busy with something else."""
    late = []
    machine = hvlab_machine(image=hvlab.fixture("runaway"))
    machine.console.expect_text("spinning")
    for _ in range(5):
        sent = []

        def interrupt(sent: list[float] = sent) -> None:
            sent.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

        timer = threading.Timer(0.1, interrupt)
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            machine.run(timeout="1min")
        late.append(time.monotonic() - sent[0])
        timer.join()
    assert machine.run(timeout="10ms").reason == "deadline"  # it can go on
    assert min(late) < 0.05
    assert max(late) < 1


@needs_kvm
def test_two_hosts_run_at_the_same_time() -> None:
    """Each runs in a thread of its own, with the GIL released: a third thread goes on meanwhile."""
    ready = threading.Barrier(3)
    spans: list[tuple[float, float]] = []

    def spin() -> None:
        with hvlab.Machine(backend="kvm", image=hvlab.fixture("runaway")) as machine:
            machine.console.expect_text("spinning")
            ready.wait()
            begin = time.monotonic()
            assert machine.run(timeout="500ms").reason == "deadline"
            spans.append((begin, time.monotonic()))

    threads = [threading.Thread(target=spin) for _ in range(2)]
    for thread in threads:
        thread.start()
    ready.wait()
    turns = 0
    while any(thread.is_alive() for thread in threads):
        turns += 1
        threads[0].join(0.005)
        threads[1].join(0.005)
    assert len(spans) == 2
    assert max(begin for begin, _ in spans) < min(end for _, end in spans)
    assert turns > 5


# The command line, on a host without KVM.


def hvlab_command(*arguments: str, kvm: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hvlab", *arguments]
    if not kvm:
        # Another file in the place of the device, in a mount namespace that ends with the command.
        hidden = 'mount --bind /dev/null /dev/kvm && exec "$@"'
        command = ["unshare", "-m", "sh", "-c", hidden, "sh", *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stdout + done.stderr
    return done


def can_hide_kvm() -> bool:
    if not Path("/dev/kvm").exists() or os.geteuid() != 0:
        return False
    test = ["unshare", "-m", "sh", "-c", "mount --bind /dev/null /dev/kvm"]
    return subprocess.run(test, capture_output=True, check=False, timeout=60).returncode == 0


needs_root = pytest.mark.skipif(
    not can_hide_kvm(), reason="takes root, a /dev/kvm and mount namespaces"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    enter(tmp_path, monkeypatch)
    Path("both.hvlab.yaml").write_text(BOTH)
    return tmp_path


@needs_root
def test_without_kvm_its_cases_are_skipped(folder: Path) -> None:
    done = hvlab_command("run", ".", "--junit", "x.xml", "--json", "x.json", kvm=False)
    assert done.returncode == 0
    line = next(line for line in done.stdout.split("\n") if line.startswith("SKIPPED"))
    assert line.startswith("SKIPPED both.hvlab.yaml::t[backend=kvm]  (kvm, KVM is not available: ")
    assert "it is not KVM" in line
    assert "1 passed, 1 skipped" in done.stdout
    root = ElementTree.parse(folder / "x.xml").getroot()
    assert (root.attrib["tests"], root.attrib["skipped"], root.attrib["failures"]) == (
        "2",
        "1",
        "0",
    )
    skipped = root.find("testsuite/testcase/skipped")
    assert skipped is not None
    assert skipped.attrib["message"].startswith("KVM is not available: ")
    cases = json.loads((folder / "x.json").read_text())["cases"]
    assert [case["outcome"] for case in cases] == ["passed", "skipped"]
    assert cases[1]["instructions"] is None
    assert cases[1]["reason"] == skipped.attrib["message"]


@needs_root
def test_without_kvm_what_requires_it_fails(folder: Path) -> None:
    done = hvlab_command("run", ".", "--kvm=on", "--junit", "x.xml", kvm=False)
    assert done.returncode == 1
    assert "required by --kvm=on, but KVM is not available: " in done.stdout
    assert "1 failed, 1 passed" in done.stdout
    failure = ElementTree.parse(folder / "x.xml").getroot().find("testsuite/testcase/failure")
    assert failure is not None
    assert "it is not KVM" in failure.attrib["message"]


@needs_root
def test_without_kvm_and_with_nothing_else(folder: Path) -> None:
    assert hvlab_command("run", ".", "--backend=kvm", kvm=False).returncode == 5
    assert hvlab_command("run", ".", "--backend=kvm", "--kvm=on", kvm=False).returncode == 1
    done = hvlab_command("check", ".", kvm=False)
    assert done.stdout == "1 scenario, 2 cases, 1 of them skipped on this host: no errors\n"
    assert "skipped: KVM is not available" in hvlab_command("list", "-v", ".", kvm=False).stdout


@needs_root
def test_doctor_without_kvm(folder: Path) -> None:
    del folder
    done = hvlab_command("doctor", kvm=False)
    assert done.returncode == 0
    assert "KVM: not available: " in done.stdout
    assert "user mode, instructions/s" in done.stdout
    assert "kvm: not measured" in done.stdout


def test_selection_by_backend(folder: Path) -> None:
    del folder
    done = hvlab_command("run", ".", "--backend", "unicorn")
    assert done.returncode == 0
    assert "1 passed in" in done.stdout
    assert hvlab_command("list", ".", "--backend", "kvm").stdout == (
        "both.hvlab.yaml::t[backend=kvm]\n"
    )


def test_turned_off(folder: Path) -> None:
    del folder
    done = hvlab_command("run", ".", "--kvm=off")
    assert done.returncode == 0
    assert "(kvm, turned off by --kvm=off)" in done.stdout
    assert hvlab_command("run", ".", "--kvm=off", "--backend=kvm").returncode == 5


@needs_kvm
def test_with_kvm_the_reports_have_no_instructions(folder: Path) -> None:
    done = hvlab_command("run", ".", "--kvm=on", "--junit", "x.xml", "--json", "x.json", "-v")
    assert done.returncode == 0
    lines = [line for line in done.stdout.split("\n") if line.startswith("PASSED")]
    assert "instructions" in lines[0]
    assert "instructions" not in lines[1]
    case = json.loads((folder / "x.json").read_text())["cases"][1]
    assert case["instructions"] is None
    assert case["machines"][0]["stop"]["instructions"] is None
    assert case["measures"] == []
    assert case["kvm"].startswith(kvm_status().flavour)
    names = [
        [p.attrib["name"] for p in each.iter("property")]
        for each in ElementTree.parse(folder / "x.xml").getroot().iter("testcase")
    ]
    assert "instructions" in names[0]
    assert "instructions" not in names[1]
    assert "kvm" in names[1]
