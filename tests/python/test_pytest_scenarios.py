# SPDX-License-Identifier: GPL-2.0-or-later
"""The pytest plugin, used as another repository would use it."""

from __future__ import annotations

import pytest

from conftest import BASE
from hvlab.backends import kvm_status
from pytest_runs import (
    HERE,
    NO_KVM,
    junit_cases,
    needs_kvm,
    pretend_kvm,
    properties,
    run,
    run_apart,
)

GOOD = BASE.replace("name: t", "name: good\ntags: [quick, boot-sector]") + (
    "- expect: {stop: debug-exit, code: 0}\n"
)
BAD = BASE.replace("name: t", "name: bad").replace("hello", "runaway") + (
    "- expect: {text: never printed, within: 1ms}\n"
)
KVM = GOOD.replace("name: good", "name: both\nmatrix: {backend: [unicorn, kvm]}").replace(
    "machine: {", "requires: {kvm: any}\nmachine: {backend: '${matrix.backend}', "
)


@pytest.fixture
def no_kvm(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_kvm(monkeypatch, NO_KVM)


@pytest.fixture
def files(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makefile(".hvlab.yaml", good=GOOD, bad=BAD, both=KVM)
    pytester.makefile(".yaml", other="not: ours")
    return pytester


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
    cases = junit_cases(files.path / "x.xml")
    kvm = properties(cases["both[backend=kvm]"])
    assert kvm["backend"] == "kvm"
    assert kvm["kvm"].startswith(kvm_status().flavour)
    assert "instructions" not in kvm
    assert "kvm" not in properties(cases["both[backend=unicorn]"])


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
    skipped = junit_cases(files.path / "x.xml")["both[backend=kvm]"].find("skipped")
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
    cases = junit_cases(files.path / "x.xml")
    good = properties(cases["good"])
    assert good["backend"] == "unicorn"
    assert len(good["image.flat.sha256"]) == 64
    assert int(good["instructions"]) > 0
    assert good["reproduce"].startswith("hvlab run good.hvlab.yaml::good --seed ")
    failure = cases["bad"].find("failure")
    assert failure is not None
    assert failure.attrib["message"].startswith("bad.hvlab.yaml:6: ")
    assert (failure.text or "").startswith("bad.hvlab.yaml:6:3: failed: ")


def test_xdist_collects_the_same(files: pytest.Pytester) -> None:
    arguments = ["--hvlab-kvm=off", "-rfs", "--junitxml=x.xml", "--hvlab-artifacts=kept"]
    result = run_apart(files, "-n2", "-v", *arguments)
    result.assert_outcomes(passed=2, failed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "bad.hvlab.yaml:6:3: failed: *",
            'FAILED (unicorn) bad.hvlab.yaml::bad - bad.hvlab.yaml:6: "never*',
            "SKIPPED ?1? both.hvlab.yaml:2: turned off by --hvlab-kvm=off",
        ]
    )
    result.stdout.fnmatch_lines(["*PASSED (unicorn) both.hvlab.yaml::both?backend=unicorn?*"])
    apart = junit_cases(files.path / "x.xml")
    run(files, *arguments)
    alone = junit_cases(files.path / "x.xml")
    assert {name: properties(case) for name, case in apart.items()} == {
        name: properties(case) for name, case in alone.items()
    }
    bad = apart["bad"].find("failure")
    assert bad is not None
    assert bad.attrib["message"].startswith("bad.hvlab.yaml:6: ")


def test_every_way_to_show_a_failure_shows_the_yaml_line(files: pytest.Pytester) -> None:
    place = "bad.hvlab.yaml:6"
    for style in ("long", "short", "native"):
        result = run(files, f"--tb={style}", "bad.hvlab.yaml")
        result.stdout.fnmatch_lines([f"{place}:3: failed: *", f"FAILED * - {place}: *"])
    result = run(files, "--tb=line", "bad.hvlab.yaml")
    result.stdout.fnmatch_lines([f'{place}: "never printed" did not appear*'])
    result = run(files, "--tb=no", "-q", "bad.hvlab.yaml")
    result.stdout.fnmatch_lines([f"FAILED (unicorn) * - {place}: *"])
    result.stdout.no_fnmatch_line("*failed: *")


def test_a_failed_assertion_shows_its_operands(files: pytest.Pytester) -> None:
    text = GOOD + "- assert: 2 * int('2') == len(console.text)\n"
    files.makepyfile("")
    files.makefile(".hvlab.yaml", sum=text)
    result = run(files, "sum.hvlab.yaml")
    result.stdout.fnmatch_lines(
        [
            "sum.hvlab.yaml:8:3: failed: not true: *",
            "    8 | - assert: *",
            "with",
            "    len(console.text) = 21",
            r"    console.text = 'Hello from the guest\n'",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_artifacts(files: pytest.Pytester) -> None:
    result = run(files, "--hvlab-artifacts=out/kept", "--hvlab-kvm=off", "--junitxml=x.xml")
    (folder,) = (files.path / "out/kept").iterdir()
    assert {"console.log", "failure.txt", "registers.txt", "result.json", "scenario.yaml"} <= {
        path.name for path in folder.iterdir()
    }
    result.stdout.fnmatch_lines(["artifacts", f"    {folder}"])
    cases = junit_cases(files.path / "x.xml")
    assert properties(cases["bad"])["artifacts"] == str(folder)
    assert "artifacts" not in properties(cases["good"])


def test_artifacts_that_cannot_be_written(files: pytest.Pytester) -> None:
    folder = files.path / "kept"
    folder.write_text("a file")
    result = run(files, "--hvlab-artifacts=kept")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --hvlab-artifacts: cannot write to {folder}: *"])
    folder.unlink()
    folder.mkdir()
    gets_in_the_way = """
        import pathlib
        from hvlab.report.artifacts import folder_name

        pathlib.Path("kept", folder_name("bad.hvlab.yaml::bad")).write_text("a file")
    """
    files.makeconftest(gets_in_the_way)
    result = run(files, "--hvlab-artifacts=kept", "bad.hvlab.yaml")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["bad.hvlab.yaml:6:3: failed: *", "*- hvlab: artifacts -*", "not kept: cannot make *"]
    )


def test_a_seed_for_all(files: pytest.Pytester) -> None:
    files.makefile(".hvlab.yaml", fixed=GOOD.replace("name: good", "name: fixed\nseed: 3"))
    for option, expected in (((), "3"), (("--hvlab-seed=9",), "9")):
        run(files, "--junitxml=x.xml", "fixed.hvlab.yaml", *option).assert_outcomes(passed=1)
        found = properties(junit_cases(files.path / "x.xml")["fixed"])
        assert found["seed"] == expected
        assert found["reproduce"].endswith(f"--seed {expected}")


def test_ids_name_every_axis(pytester: pytest.Pytester) -> None:
    text = GOOD.replace(
        "name: good",
        "name: sizes\nmatrix: {backend: [unicorn, kvm], memory: [1MiB, 2MiB], path: [a/b, 'c::d']}",
    ).replace("machine: {", "machine: {backend: '${matrix.backend}', memory: '${matrix.memory}', ")
    pytester.makefile(".hvlab.yaml", sizes=text)
    everything = run(pytester, "--collect-only", "-q").outlines[:8]
    assert everything[0] == "sizes.hvlab.yaml::sizes[backend=unicorn-memory=1MiB-path=a/b]"
    assert everything[7] == "sizes.hvlab.yaml::sizes[backend=kvm-memory=2MiB-path=c::d]"
    for name in everything[:4]:
        run(pytester, name).assert_outcomes(passed=1)
    run(pytester, "-k", "unicorn and 2MiB").assert_outcomes(passed=2, deselected=6)


def test_tags_that_pytest_would_act_upon_are_refused(files: pytest.Pytester) -> None:
    files.makefile(".hvlab.yaml", wrong=GOOD.replace("[quick,", "[quick, xfail,"))
    result = run(files, "wrong.hvlab.yaml")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["wrong.hvlab.yaml:3:15: error: 'xfail' can't be a tag: pytest has a meaning for it"]
    )


def test_messages_are_relative_to_where_pytest_was_started(pytester: pytest.Pytester) -> None:
    folder = pytester.mkdir("sub")
    (folder / "bad.hvlab.yaml").write_text(BAD)
    result = run(pytester, "sub")
    result.stdout.fnmatch_lines(["sub/bad.hvlab.yaml:6:3: failed: *"])


CHECKS = """
def greet(context):
    print("said by the folder")
    assert "Hello" in context.console.output

def fails(context):
    assert context.console.output == "other"
"""


@pytest.fixture
def python_steps(pytester: pytest.Pytester) -> pytest.Pytester:
    (pytester.path / "guests").mkdir()
    (pytester.path / "guests/checks.py").write_text(CHECKS)
    for name in ("greet", "fails"):
        text = (
            GOOD.replace("name: good", f"name: {name}") + f"- python: {{call: 'checks:{name}'}}\n"
        )
        (pytester.path / f"guests/{name}.hvlab.yaml").write_text(text)
    return pytester


@pytest.mark.parametrize("options", [(), ("--hvlab-isolate",)])
def test_python_steps_run_and_are_captured(
    python_steps: pytest.Pytester, options: tuple[str, ...]
) -> None:
    result = run_apart(python_steps, "-rP", *options)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "guests/fails.hvlab.yaml:8:3: failed: *",
            "    8 | - python: {call: 'checks:fails'}",
            "*- Captured *out* call -*",
            "said by the folder",
        ]
    )


def test_python_steps_can_be_refused(python_steps: pytest.Pytester) -> None:
    result = run(python_steps, "--no-hvlab-allow-python")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        [
            "guests/fails.hvlab.yaml:8:3: error: this runs Python of the scenario's folder: "
            "give --hvlab-allow-python if you trust it",
            "    8 | - python: {call: 'checks:fails'}",
        ]
    )
