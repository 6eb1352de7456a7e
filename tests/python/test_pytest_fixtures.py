# SPDX-License-Identifier: GPL-2.0-or-later
"""The fixtures of the pytest plugin, used as another repository would use them."""

from __future__ import annotations

import hashlib
import json
import shlex
from types import SimpleNamespace

import pytest

import hvlab
from pytest_runs import HERE, NO_KVM, junit_cases, pretend_kvm, properties, run, run_apart


@pytest.fixture
def no_kvm(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_kvm(monkeypatch, NO_KVM)


# design.md's, as it stands.
ECHO = """
import hvlab

def test_echo(hvlab_machine):                    # one case a backend
    m = hvlab_machine(image=hvlab.fixture("echo"), memory="64MiB")
    m.console.send("hello\\n")
    assert m.console.expect(r"echo: (\\w+)", timeout="1s")[1] == "hello"
"""

FAILS = """
import hvlab
machines = []

def test_fails(hvlab_machine):
    m = hvlab_machine(image=hvlab.fixture("screen"), memory="1MiB")
    machines.append(m)
    stop = m.run(timeout="60ms")
    assert stop.code == 77

def test_closed():
    assert machines[0].closed
"""


def test_the_designs_example_runs_as_it_stands(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(ECHO)
    result = run(pytester, "-v", "--junitxml=x.xml")
    result.assert_outcomes(passed=1 + HERE, skipped=1 - HERE)
    result.stdout.fnmatch_lines(["*::test_echo?unicorn? PASSED (unicorn)*"])
    if HERE:
        result.stdout.fnmatch_lines(["*::test_echo?kvm? PASSED (kvm)*"])


def test_properties(pytester: pytest.Pytester) -> None:
    path = pytester.makepyfile(ECHO)
    run(pytester, "--junitxml=x.xml")
    cases = junit_cases(pytester.path / "x.xml")
    unicorn = properties(cases["test_echo[unicorn]"])
    image = hashlib.sha256(hvlab.fixture("echo").read_bytes()).hexdigest()
    assert unicorn["backend"] == "unicorn"
    assert unicorn["image.flat.sha256"] == image
    assert unicorn["stop"] == "match"
    assert int(unicorn["instructions"]) > 0
    assert "kvm" not in unicorn
    assert "artifacts" not in unicorn
    seed = unicorn["seed"]
    assert unicorn["reproduce"] == f"pytest '{path.name}::test_echo[unicorn]' --hvlab-seed={seed}"
    if HERE:
        kvm = properties(cases["test_echo[kvm]"])
        assert kvm["backend"] == "kvm"
        assert kvm["kvm"]
        assert "instructions" not in kvm


def test_the_command_that_reproduces_does(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(ECHO)
    run(pytester, "--junitxml=x.xml", "--hvlab-seed=12")
    first = properties(junit_cases(pytester.path / "x.xml")["test_echo[unicorn]"])
    assert first["seed"] == "12"
    command = shlex.split(first["reproduce"])
    assert command[0] == "pytest"
    run(pytester, "--junitxml=y.xml", *command[1:]).assert_outcomes(passed=1)
    assert properties(junit_cases(pytester.path / "y.xml")["test_echo[unicorn]"]) == first


def test_a_failure_shows_the_machines_which_are_closed_all_the_same(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(FAILS)
    result = run(pytester, "--hvlab-artifacts=kept", "--junitxml=x.xml", "--hvlab-backend=unicorn")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "E       assert None == 77",
            "*- hvlab: machine on unicorn -*",
            "last stop",
            "    deadline: *",
            "console",
            "*| screen: done",
            "screen",
            "    | *",
            "registers",
            "* rip=*",
            "*- hvlab: artifacts -*",
            f"{pytester.path}/kept/*",
            "*- hvlab: reproduce -*",
            "pytest *::test_fails?unicorn?' --hvlab-seed=*",
        ]
    )
    (folder,) = (pytester.path / "kept").iterdir()
    kept = {path.name for path in folder.iterdir()}
    assert {"console.log", "failure.txt", "registers.txt", "screen.svg", "screen.txt"} <= kept
    assert not [name for name in kept if name.startswith("scenario")]
    assert "pytest 'test_" in (folder / "reproduce.sh").read_text()
    assert "assert None == 77" in (folder / "failure.txt").read_text()
    data = json.loads((folder / "result.json").read_text())
    assert (data["backend"], data["machines"][0]["stop"]["reason"]) == ("unicorn", "deadline")
    found = properties(junit_cases(pytester.path / "x.xml")["test_fails[unicorn]"])
    assert found["artifacts"] == str(folder)


def test_what_a_with_block_closed_is_still_shown(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import hvlab

        def test_inside(hvlab_machine):
            with hvlab_machine(image=hvlab.fixture("hello"), name="inner") as m:
                m.console.expect_text("Hello")
                m.run(timeout="1s")
                assert m.closed

        def test_behind(hvlab_machine):
            with hvlab_machine(image=hvlab.fixture("hello"), name="inner") as m:
                m.run(timeout="1s")
            assert not m.closed
        """
    )
    result = run(pytester, "--hvlab-backend=unicorn")
    result.assert_outcomes(failed=2)
    seen = "\n".join(result.outlines).split("test_behind[unicorn]")
    assert "hvlab: inner on unicorn" in seen[0]
    assert "| Hello from the guest" in seen[0]
    assert "rip=" in seen[0]
    assert "hvlab: inner on unicorn" in seen[1]
    assert "| Hello from the guest" in seen[1]


def test_a_failure_in_another_fixture_shows_the_machines(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import hvlab
        import pytest

        @pytest.fixture
        def ready(hvlab_machine):
            m = hvlab_machine(image=hvlab.fixture("hello"))
            m.console.expect_text("Hello from the guest")
            m.console.expect_text("never", timeout="1ms")

        def test_it(ready):
            pass
        """
    )
    result = run(pytester, "--hvlab-backend=unicorn", "--junitxml=x.xml")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*- hvlab: machine on unicorn -*", "*| Hello from the guest"])
    assert properties(junit_cases(pytester.path / "x.xml")["test_it[unicorn]"])["seed"]


def test_several_machines_have_names_of_their_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import hvlab

        def test_it(hvlab_machine, hvlab_host):
            for _ in range(2):
                hvlab_machine(image=hvlab.fixture("hello")).run(timeout="1s")
            hvlab_host.machine("machine", image=hvlab.fixture("echo"))
            assert False
        """
    )
    result = run(pytester, "--hvlab-backend=unicorn", "--junitxml=x.xml", "--hvlab-artifacts=kept")
    result.stdout.fnmatch_lines(
        [
            "*- hvlab: machine on unicorn -*",
            "*- hvlab: machine-2 on unicorn -*",
            "*- hvlab: machine-3 on unicorn -*",
        ]
    )
    found = properties(junit_cases(pytester.path / "x.xml")["test_it[unicorn]"])
    assert found["machine-2.stop"] == "debug-exit"
    assert "machine-3.stop" not in found
    assert len(list((pytester.path / "kept").glob("*/*.console.log"))) == 3


def test_seeds(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import hvlab
        import pytest

        def show(m):
            print("seed", m.seed)

        def test_own(hvlab_machine):
            show(hvlab_machine())
            assert hvlab_machine(seed=5).seed == 5
            assert hvlab_machine().name == "machine-3"

        @pytest.mark.hvlab(seed=7)
        def test_marked(hvlab_machine):
            show(hvlab_machine())

        @pytest.mark.hvlab(seed=7)
        def test_host(hvlab_host):
            show(hvlab_host.machine("a"))
        """
    )

    def seeds(*arguments: str) -> list[int]:
        lines = run(pytester, "-s", "--hvlab-backend=unicorn", *arguments).outlines
        return [int(line.partition("seed ")[2]) for line in lines if "seed " in line]

    first = seeds()
    assert first == seeds()
    assert first[1] == 7
    assert 0 < first[0] < 2**32
    asked = seeds("--hvlab-seed=7")
    assert asked == [7, 7, first[2]]
    for wrong in ("x", "-1", str(1 << 64)):
        assert run(pytester, f"--hvlab-seed={wrong}").ret == pytest.ExitCode.USAGE_ERROR


# The mark.

MARKED = """
import hvlab
import pytest

pytestmark = pytest.mark.hvlab(backend="kvm", kvm="hardware")

def run(machine):
    with machine:
        assert machine.run(timeout="5s").code == 0

def test_hardware(hvlab_machine):
    run(hvlab_machine(image=hvlab.fixture("hello")))

@pytest.mark.hvlab(kvm="any", backend=["unicorn", "kvm"])
def test_any(hvlab_machine):
    run(hvlab_machine(image=hvlab.fixture("hello")))

@pytest.mark.hvlab(backend="unicorn")
def test_one(hvlab_machine):
    run(hvlab_machine(image=hvlab.fixture("hello")))
"""


def test_without_kvm(pytester: pytest.Pytester, no_kvm: None) -> None:
    pytester.makepyfile(test_it=MARKED)
    result = run(pytester, "-rs", "--strict-markers")
    result.assert_outcomes(passed=2, skipped=2)
    result.stdout.fnmatch_lines(
        ["SKIPPED ?1? test_it.py:10: KVM is not available: open /dev/kvm: no such thing"]
    )
    run(pytester, "--hvlab-kvm=on").assert_outcomes(passed=2, errors=2)
    result = run(pytester, "--hvlab-kvm=off", "-rs")
    result.assert_outcomes(passed=2, skipped=2)
    result.stdout.fnmatch_lines(["SKIPPED * turned off by --hvlab-kvm=off"])
    run(pytester, "--hvlab-backend=unicorn").assert_outcomes(passed=2, deselected=2)


def test_with_a_software_kvm(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_kvm(monkeypatch, SimpleNamespace(available=True, flavour="software", nested=False))
    pytester.makepyfile(MARKED)
    result = run(pytester, "-rs", "--hvlab-backend=kvm", "-k", "test_hardware")
    result.assert_outcomes(skipped=1, deselected=3)
    result.stdout.fnmatch_lines(
        ["SKIPPED * requires VT-x or SVM, and this host's KVM is the soft*"]
    )
    assert run(pytester, "--hvlab-kvm=on", "-k", "test_hardware").ret == 0


WRONG = {
    'kvm="hard"': "kvm='hard': it is 'hardware' or 'any'",
    'backend="kmv"': "unknown backend 'kmv' (did you mean 'kvm'?); known: *",
    'backend=["kvm", "kvm"]': "backend=?'kvm', 'kvm'?: name each backend once",
    "backend=[]": "backend=??: name each backend once",
    "seed=-1": "seed=-1: it is a number from 0 to 2??64 - 1",
    "sede=1": "unknown argument 'sede' (did you mean 'seed'?)",
    '"kvm"': "its arguments have names: *",
}


def test_marks_that_are_wrong(pytester: pytest.Pytester) -> None:
    for number, arguments in enumerate(WRONG):
        text = f"import pytest\n@pytest.mark.hvlab({arguments})\ndef test_it(hvlab_machine): pass\n"
        pytester.makepyfile(**{f"test_{number}": text})
    result = run(pytester)
    result.assert_outcomes(errors=len(WRONG))
    for number, said in enumerate(WRONG.values()):
        result.stdout.fnmatch_lines([f"test_{number}.py::test_it: the mark hvlab: {said}"])
    result.stdout.no_fnmatch_line("*marks.py*")


def test_a_machine_of_another_backend_is_skipped_too(
    pytester: pytest.Pytester, no_kvm: None
) -> None:
    pytester.makepyfile(
        test_it="""
        import pytest

        @pytest.mark.hvlab(backend="unicorn")
        def test_both(hvlab_machine):
            hvlab_machine()
            hvlab_machine(backend="kvm")
        """
    )
    result = run(pytester, "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED ?1? test_it.py:3: KVM is not available: *"])


def test_a_fixture_that_is_asked_for_by_name(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.hvlab(backend="unicorn")
        def test_it(request):
            assert request.getfixturevalue("hvlab_machine")().backend == "unicorn"
        """
    )
    run(pytester, "--junitxml=x.xml").assert_outcomes(passed=1)
    assert properties(junit_cases(pytester.path / "x.xml")["test_it"])["backend"] == "unicorn"
    run(pytester, "--hvlab-backend=kvm").assert_outcomes(skipped=1)


# Hosts.

# design.md's, without the network that is not there yet.
PAIR = """
import hvlab
hosts = []

def test_pair(hvlab_host, hvlab_backend):
    hosts.append(hvlab_host)
    a, b = (hvlab_host.machine(n, image=hvlab.fixture("echo")) for n in "ab")
    assert a.backend == b.backend == hvlab_backend
    b.console.send("pong\\n")
    stop = hvlab_host.run(until=b.console.text("echo: pong"), timeout="2s")
    assert stop.match is not None

def test_closed():
    assert all(host.closed for host in hosts)
    assert all(machine.closed for host in hosts for machine in host.machines.values())
"""


def test_hosts(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(PAIR)
    result = run(pytester, "-v", "--junitxml=x.xml")
    result.assert_outcomes(passed=2 + HERE, skipped=1 - HERE)
    result.stdout.fnmatch_lines(["*::test_pair?unicorn? PASSED (unicorn)*"])
    found = properties(junit_cases(pytester.path / "x.xml")["test_pair[unicorn]"])
    assert found["b.stop"] == "match"
    assert len(found["a.image.flat.sha256"]) == 64


def test_a_failure_shows_each_machine_of_a_host(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(PAIR.replace("echo: pong", "never").replace("2s", "10ms"))
    result = run(pytester, "--hvlab-backend=unicorn")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["*- hvlab: a on unicorn -*", "*| ready*", "*- hvlab: b on unicorn -*", "*| echo: pong*"]
    )


# Many processes.


def test_xdist_runs_each_once(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=ECHO + FAILS.replace("machines.append(m)", ""))
    result = run_apart(pytester, "-n2", "-v", "--hvlab-backend=unicorn", "--deselect=test_it.py::test_closed",
                 "--hvlab-artifacts=kept")  # fmt: skip
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines_random(
        ["*PASSED (unicorn)* test_it.py::test_echo?unicorn?*", "*hvlab: machine on unicorn*"]
    )
    assert len(list((pytester.path / "kept").iterdir())) == 1


def test_a_machine_that_a_thread_still_runs_is_closed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import hvlab, threading
        machines = []

        def test_it(hvlab_machine):
            m = hvlab_machine(image=hvlab.fixture("runaway"))
            machines.append(m)
            threading.Thread(target=lambda: m.run(wall="60s")).start()
            assert m.closed is False

        def test_closed():
            assert all(m.closed for m in machines)
        """
    )
    run(pytester).assert_outcomes(passed=2 + HERE, skipped=1 - HERE)
