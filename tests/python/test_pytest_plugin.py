# SPDX-License-Identifier: GPL-2.0-or-later
"""The pytest plugin, used as another repository would use it."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from conftest import BASE
from hvlab.backends import kvm_status

GOOD = BASE.replace("name: t", "name: good\ntags: [quick, boot-sector]") + (
    "- expect: {stop: debug-exit, code: 0}\n"
)
BAD = BASE.replace("name: t", "name: bad").replace("hello", "runaway") + (
    "- expect: {text: never printed, within: 1ms}\n"
)
KVM = GOOD.replace("name: good", "name: both\nmatrix: {backend: [unicorn, kvm]}").replace(
    "machine: {", "requires: {kvm: any}\nmachine: {backend: '${matrix.backend}', "
)


HERE = 1 if kvm_status().available else 0  # how many cases on kvm run here
needs_kvm = pytest.mark.skipif(not HERE, reason=kvm_status().reason)

# A conftest.py of a host without KVM.
NO_KVM = """
from types import SimpleNamespace
import hvlab.backends
hvlab.backends.kvm_status = lambda: SimpleNamespace(
    available=False, reason="open /dev/kvm: no such thing", flavour="", nested=False
)
"""


@pytest.fixture
def no_kvm(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(NO_KVM)


@pytest.fixture
def files(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makefile(".hvlab.yaml", good=GOOD, bad=BAD, both=KVM)
    pytester.makefile(".yaml", other="not: ours")
    return pytester


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """In a process of its own: the plugin's options and marks must not meet this process's."""
    return pytester.runpytest_subprocess(*arguments)


def test_collection(files: pytest.Pytester) -> None:
    result = run(files, "--collect-only", "-q")
    assert result.outlines[:4] == [
        "bad.hvlab.yaml::bad",
        "both.hvlab.yaml::both[backend=unicorn]",
        "both.hvlab.yaml::both[backend=kvm]",
        "good.hvlab.yaml::good",
    ]


@needs_kvm
def test_both_backends(files: pytest.Pytester) -> None:
    result = run(files, "-v", "--junitxml=x.xml", "-k", "both")
    result.assert_outcomes(passed=2, deselected=2)
    result.stdout.fnmatch_lines(
        [
            f"hvlab: kvm: {kvm_status().flavour}*",
            "both.hvlab.yaml::both?backend=unicorn? PASSED (unicorn)*",
            "both.hvlab.yaml::both?backend=kvm? PASSED (kvm)*",
        ]
    )
    cases = ElementTree.parse(files.path / "x.xml").getroot().iter("testcase")
    found = {case.attrib["name"]: {p.attrib["name"]: p.attrib["value"] for p in case.iter("property")}
             for case in cases}  # fmt: skip
    kvm = found["both[backend=kvm]"]
    assert kvm["backend"] == "kvm"
    assert kvm["kvm"].startswith(kvm_status().flavour)
    assert "instructions" not in kvm
    assert "kvm" not in found["both[backend=unicorn]"]


def test_outcomes_without_kvm(files: pytest.Pytester, no_kvm: None) -> None:
    result = run(files, "-v", "-rs", "--junitxml=x.xml")
    result.assert_outcomes(passed=2, failed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "hvlab: kvm: not available: open /dev/kvm: no such thing",
            "bad.hvlab.yaml::bad FAILED (unicorn)*",
            "both.hvlab.yaml::both?backend=unicorn? PASSED (unicorn)*",
            "both.hvlab.yaml::both?backend=kvm? SKIPPED*",
            "good.hvlab.yaml::good PASSED (unicorn)*",
            "SKIPPED *both.hvlab.yaml:2: KVM is not available: open /dev/kvm: no such thing",
        ]
    )
    skipped = ElementTree.parse(files.path / "x.xml").getroot().find("*/testcase/skipped")
    assert skipped is not None
    assert skipped.attrib["message"] == "KVM is not available: open /dev/kvm: no such thing"


def test_kvm_that_is_required(files: pytest.Pytester, no_kvm: None) -> None:
    result = run(files, "--hvlab-kvm=on", "-k", "both")
    result.assert_outcomes(passed=1, failed=1, deselected=2)
    reason = "required by --hvlab-kvm=on, but KVM is not available: open /dev/kvm: no such thing"
    result.stdout.fnmatch_lines([f"both.hvlab.yaml:6:*: failed: {reason}"])


def test_a_failure_points_at_the_yaml_line(files: pytest.Pytester) -> None:
    result = run(files, "bad.hvlab.yaml")
    result.stdout.fnmatch_lines(
        [
            'bad.hvlab.yaml:6:3: failed: "never printed" did not appear*within 1 ms of guest time',
            "    6 | - expect: {text: never printed, within: 1ms}",
            "      |   ^~~~~~",
            'FAILED (unicorn) bad.hvlab.yaml::bad - bad.hvlab.yaml:6: "never*',
        ]
    )
    result.stdout.fnmatch_lines(["console", "*| spinning", "registers", "*rip=*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*runner.py*")


def test_selection(files: pytest.Pytester, no_kvm: None) -> None:
    run(files, "-k", "good").assert_outcomes(passed=1, deselected=3)
    run(files, "-m", "quick").assert_outcomes(passed=2, skipped=1, deselected=1)
    run(files, "-m", "quick and not boot-sector").assert_outcomes(deselected=4)
    run(files, "good.hvlab.yaml::good").assert_outcomes(passed=1)
    run(files, "--strict-markers", "-m", "quick").assert_outcomes(passed=2, skipped=1, deselected=1)


def test_errors_in_documents_are_collection_errors(files: pytest.Pytester) -> None:
    files.makefile(".hvlab.yaml", wrong=GOOD + "- asert: x\n- sned: y\n")
    result = run(files)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        [
            "wrong.hvlab.yaml:8:3: error: unknown step 'asert' (did you mean 'assert'?)",
            "    8 | - asert: x",
            "      |   ^~~~~",
            "wrong.hvlab.yaml:9:3: error: unknown step 'sned' (did you mean 'send'?)",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_backend_options(files: pytest.Pytester) -> None:
    run(files, "--hvlab-backend=unicorn", "-k", "both").assert_outcomes(passed=1, deselected=3)
    run(files, "--hvlab-backend=kvm").assert_outcomes(passed=HERE, skipped=1 - HERE, deselected=3)
    result = run(files, "--hvlab-kvm=off", "-rs", "-k", "both")
    result.assert_outcomes(passed=1, skipped=1, deselected=2)
    result.stdout.fnmatch_lines(["SKIPPED *turned off by --hvlab-kvm=off"])
    result.stdout.no_fnmatch_line("hvlab: kvm:*")
    for option in ("--hvlab-kvm=maybe", "--hvlab-backend=xen"):
        assert run(files, option).ret == pytest.ExitCode.USAGE_ERROR


def test_junit_properties(files: pytest.Pytester) -> None:
    run(files, "--junitxml=x.xml")
    cases = ElementTree.parse(files.path / "x.xml").getroot().iter("testcase")
    by_name = {case.attrib["name"]: case for case in cases}
    properties = {p.attrib["name"]: p.attrib["value"] for p in by_name["good"].iter("property")}
    assert properties["backend"] == "unicorn"
    assert len(properties["image.flat.sha256"]) == 64
    assert int(properties["instructions"]) > 0
    assert properties["reproduce"].startswith("hvlab run good.hvlab.yaml::good --seed ")
    failure = by_name["bad"].find("failure")
    assert failure is not None
    assert failure.attrib["message"].startswith("bad.hvlab.yaml:6: ")
    assert (failure.text or "").startswith("bad.hvlab.yaml:6:3: failed: ")


def test_xdist_collects_the_same(files: pytest.Pytester, no_kvm: None) -> None:
    result = run(files, "-n", "2", "-rf")
    result.assert_outcomes(passed=2, failed=1, skipped=1)
    result.stdout.fnmatch_lines(["*bad.hvlab.yaml:6:3: failed: *"])


def test_messages_are_relative_to_where_pytest_was_started(pytester: pytest.Pytester) -> None:
    folder = pytester.mkdir("sub")
    (folder / "bad.hvlab.yaml").write_text(BAD)
    result = run(pytester, "sub")
    result.stdout.fnmatch_lines(["sub/bad.hvlab.yaml:6:3: failed: *"])


# The fixtures.


def test_the_designs_example_runs_as_it_stands(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import hvlab

        def test_echo(hvlab_machine):                    # one case a backend
            m = hvlab_machine(image=hvlab.fixture("echo"), memory="64MiB")
            m.console.send("hello\\n")
            assert m.console.expect(r"echo: (\\w+)", timeout="1s")[1] == "hello"
        """
    )
    result = run(pytester, "-v", "--junitxml=x.xml")
    result.assert_outcomes(passed=1 + HERE, skipped=1 - HERE)
    result.stdout.fnmatch_lines(["*::test_echo?unicorn? PASSED (unicorn)*"])
    if HERE:
        result.stdout.fnmatch_lines(["*::test_echo?kvm? PASSED (kvm)*"])
    root = ElementTree.parse(pytester.path / "x.xml").getroot()
    first = next(root.iter("testcase"))
    properties = {p.attrib["name"]: p.attrib["value"] for p in first.iter("property")}
    assert properties["backend"] == "unicorn"
    assert int(properties["instructions"]) > 0


def test_machines_are_closed_and_a_failure_shows_their_consoles(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import hvlab
        machines = []

        def test_fails(hvlab_machine):
            m = hvlab_machine(image=hvlab.fixture("hello"))
            machines.append(m)
            m.console.expect_text("Hello")
            m.run(timeout="1s")
            assert not m.closed
            assert m.console.expect("never", timeout="1ms")

        def test_closed():
            assert machines[0].closed
        """
    )
    result = run(pytester)
    result.assert_outcomes(passed=1, failed=1 + HERE, skipped=1 - HERE)
    result.stdout.fnmatch_lines(["*hvlab console of machine*", "*| Hello from the guest*"])


def test_seeds_are_of_the_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import hvlab

        def test_seed(hvlab_machine, record_property):
            a = hvlab_machine(image=hvlab.fixture("hello"))
            b = hvlab_machine(image=hvlab.fixture("hello"), seed=5)
            assert (b.seed, b.name) == (5, "machine-2")
            assert 0 < a.seed < 2**32
            print("seed", a.seed)
        """
    )
    seen = {
        line
        for _ in range(2)
        for line in run(pytester, "-s", "--hvlab-backend=unicorn").outlines
        if "seed " in line
    }
    assert len(seen) == 1


ONE = """
    import pytest
    import hvlab

    def run(machine):
        with machine:
            assert machine.run(timeout="5s").code == 0

    @pytest.mark.hvlab_requires(kvm="hardware")
    def test_hardware(hvlab_machine):
        run(hvlab_machine(image=hvlab.fixture("hello")))

    def test_any(hvlab_machine):
        run(hvlab_machine(image=hvlab.fixture("hello")))

    @pytest.mark.parametrize("hvlab_machine", ["unicorn"], indirect=True)
    def test_one(hvlab_machine):
        run(hvlab_machine(image=hvlab.fixture("hello")))
"""


def test_fixture_without_kvm(pytester: pytest.Pytester, no_kvm: None) -> None:
    pytester.makepyfile(ONE)
    result = run(pytester, "-rs")
    result.assert_outcomes(passed=3, skipped=2)
    result.stdout.fnmatch_lines(["SKIPPED * KVM is not available: open /dev/kvm: no such thing"])
    run(pytester, "--hvlab-kvm=on").assert_outcomes(passed=3, errors=2)
    result = run(pytester, "--hvlab-kvm=off", "-rs")
    result.assert_outcomes(passed=3, skipped=2)
    result.stdout.fnmatch_lines(["SKIPPED * turned off by --hvlab-kvm=off"])
    run(pytester, "--hvlab-backend=unicorn").assert_outcomes(passed=3, deselected=2)


def test_fixture_with_a_software_kvm(pytester: pytest.Pytester) -> None:
    flavour = NO_KVM.replace("False, reason", "True, reason").replace(
        'flavour=""', "flavour='software'"
    )
    pytester.makeconftest(flavour)
    pytester.makepyfile(ONE)
    result = run(pytester, "-rs", "--hvlab-backend=kvm", "-k", "test_hardware")
    result.assert_outcomes(skipped=1, deselected=4)
    result.stdout.fnmatch_lines(
        ["SKIPPED * requires VT-x or SVM, and this host's KVM is the soft*"]
    )
    assert run(pytester, "--hvlab-kvm=on", "-k", "test_hardware").ret == 0


def test_a_mark_that_is_wrong(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(ONE.replace('kvm="hardware"', 'kvm="hard"'))
    result = run(pytester, "-k", "hardware", "--strict-markers")
    result.assert_outcomes(errors=2, deselected=3)
    result.stdout.fnmatch_lines(["*hvlab_requires takes kvm='hardware' or kvm='any'*"])


def test_hosts(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import hvlab
        hosts = []

        def test_two(hvlab_host):
            hosts.append(hvlab_host)
            a, b = (hvlab_host.machine(n, image=hvlab.fixture("echo")) for n in "ab")
            b.console.send("hi\\n")
            stop = hvlab_host.run(until=b.console.text("echo: hi"), timeout="1s")
            assert stop.match is not None

        def test_closed():
            assert hosts[0].closed
        """
    )
    run(pytester).assert_outcomes(passed=2)
