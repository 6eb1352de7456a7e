# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line as a user meets it: output, exit codes, reports, signals."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import resource
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from conftest import BASE, enter

HVLAB = (sys.executable, "-m", "hvlab")
GOOD = BASE + "- expect: {stop: debug-exit, code: 0, as: end}\n- assert: end.time > 0\n"
BAD = BASE + "- expect: {text: never printed, within: 1ms}\n"
SPIN = BASE.replace("hello", "runaway") + "- run_for: 100h\n"


def hvlab(*arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [*HVLAB, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **more,  # type: ignore[call-overload]
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(tmp_path, monkeypatch)
    Path("a_folder").mkdir()
    Path("good.hvlab.yaml").write_text(GOOD.replace("name: t", "name: good\ntags: [quick]"))
    Path("bad.hvlab.yaml").write_text(BAD.replace("name: t", "name: bad\ntags: [slow]"))


# What needs no guest.


def test_help_and_version() -> None:
    for arguments in ([], ["--help"], ["-h"]):
        done = hvlab(*arguments)
        assert done.returncode == 0
        assert all(word in done.stdout for word in ("run", "check", "list", "schema", "fixtures"))
    assert re.fullmatch(r"hvlab \d+\.\d+\.\d+\n", hvlab("--version").stdout)
    assert "Exit codes" in hvlab("run", "--help").stdout


def test_help_is_quick() -> None:
    """Process CPU, which other work on the machine does not change much."""
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        hvlab("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.3


def test_help_loads_neither_core_nor_model() -> None:
    code = (
        "import sys; from hvlab.cli import main; main(['--help'])\n"
        "print([m for m in ('hvlab._core', 'pydantic') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rum"], "No such command 'rum'. Did you mean 'run'?"),
        (["run", "--jnit", "x.xml", "."], "--junit"),
        (["fixtures", "lst"], "Did you mean 'list'?"),
        (["run", "nearby/god.hvlab.yaml"], "nearby: no such file or folder"),
        (["run"], "Missing argument"),
        (["run", "--sed", "1", "."], "--sed"),
        (["run", "--seed", "x", "."], "--seed"),
        (["run", "--kvm", "maybe", "."], "--kvm"),
        (["run", "--backend", "xen", "."], "--backend"),
        (["run", "--seed", "-1", "."], "--seed"),
        (["run", "nowhere"], "nowhere: no such file or folder"),
        (["run", "god.hvlab.yaml"], "(did you mean 'good.hvlab.yaml'?)"),
        (
            ["check", "a_foldr/x.hvlab.yaml"],
            "a_foldr: no such file or folder (did you mean 'a_folder'?)",
        ),
        (["run", "good.hvlab.yaml::god"], "no case 'god' (did you mean 'good'?)"),
        (["run", "-k", "a and", "."], "-k 'a and': it ends too early"),
        (["run", "-m", "(", "."], "-m '(': it ends too early"),
        (["run", "--junit", "no/x.xml", "."], "there is no folder"),
        (["run", "--json", ".", "."], "it is a folder"),
        (["run", "--artifacts", "good.hvlab.yaml", "."], "is no folder"),
        (["check", "/dev/zero"], "not a regular file but a character device"),
        (["fixtures", "fetch", "linus"], "did you mean 'linux'"),
    ],
)
def test_bad_usage(arguments: list[str], said: str) -> None:
    done = hvlab(*arguments)
    assert done.returncode == 4
    assert said in re.sub(r"\s+", " ", done.stderr)
    assert done.stdout == ""


def test_check() -> None:
    done = hvlab("check", ".")
    assert (done.returncode, done.stdout) == (0, "2 scenarios, 2 cases: no errors\n")
    Path("wrong.hvlab.yaml").write_text(GOOD + "- asert: x\n- sned: x\n")
    Path("broken.hvlab.yaml").write_text("a: [\n")
    done = hvlab("check", ".")
    assert done.returncode == 4
    assert (
        "wrong.hvlab.yaml:8:3: error: unknown step 'asert' (did you mean 'assert'?)\n"
        in done.stderr
    )
    assert "    8 | - asert: x\n      |   ^~~~~\n" in done.stderr
    assert "broken.hvlab.yaml:" in done.stderr
    assert done.stderr.endswith("3 errors in 2 of 4 scenarios\n")


def test_a_bad_scenario_stops_all_before_anything_runs() -> None:
    Path("wrong.hvlab.yaml").write_text(GOOD + "- asert: x\n")
    done = hvlab("run", ".", "--junit", "x.xml")
    assert done.returncode == 4
    assert "nothing was run" in done.stderr
    assert done.stdout == ""
    assert not Path("x.xml").exists()


def test_list() -> None:
    assert hvlab("list", ".").stdout == "bad.hvlab.yaml::bad\ngood.hvlab.yaml::good\n"
    assert hvlab("list", ".", "-m", "not slow").stdout == "good.hvlab.yaml::good\n"
    assert hvlab("list", ".", "-k", "GOOD").stdout == "good.hvlab.yaml::good\n"
    assert "tags slow" in hvlab("list", ".", "-k", "bad", "-v").stdout
    assert hvlab("list", ".", "-k", "neither").returncode == 5


def test_schema_is_json() -> None:
    done = hvlab("schema")
    assert done.returncode == 0
    assert json.loads(done.stdout)["title"] == "hvlab scenario"


def test_fixtures_list() -> None:
    done = hvlab("fixtures", "list")
    assert done.returncode == 0
    assert "hello" in done.stdout
    assert "linux" in done.stdout


def test_nothing_selected() -> None:
    done = hvlab("run", ".", "-k", "neither", "--junit", "x.xml")
    assert done.returncode == 5
    assert "of 2 cases none was selected" in done.stderr
    assert ElementTree.parse("x.xml").getroot().attrib["tests"] == "0"
    Path("empty").mkdir()
    for command in ("run", "check", "list"):
        done = hvlab(command, "empty")
        assert done.returncode == 5
        assert "empty: holds no NAME.hvlab.yaml\n" in done.stderr


def test_every_case_skipped() -> None:
    Path("kvm.hvlab.yaml").write_text(
        GOOD.replace("machine: {", "requires: {kvm: any}\nmachine: {backend: kvm, ")
    )
    done = hvlab("run", "--kvm=off", "kvm.hvlab.yaml")
    assert done.returncode == 5
    assert "SKIPPED kvm.hvlab.yaml::t  (kvm, turned off by --kvm=off)\n" in done.stdout


@pytest.mark.parametrize("arguments", [["schema"], ["--help"], ["run", "--help"]])
def test_a_reader_that_goes_away_is_no_traceback(arguments: list[str]) -> None:
    with subprocess.Popen(
        [*HVLAB, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 128 + signal.SIGPIPE


@pytest.mark.parametrize("arguments", ["schema", "--help", "--version", "check .", "list ."])
def test_output_that_cannot_be_written_is_not_success(arguments: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*HVLAB, *arguments.split()],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.stderr == "hvlab: error: cannot write the output: No space left on device\n"
    assert done.returncode == 3


@pytest.mark.parametrize(
    ("arguments", "code"),
    [("--help", 0), ("check good.hvlab.yaml", 0), ("check nowhere", 4), ("run bad.hvlab.yaml", 1)],
)
@pytest.mark.parametrize("streams", [">&-", "2>&-", ">&- 2>&- <&-", "2>/dev/full"])
def test_the_exit_code_stands_when_nobody_listens(arguments: str, code: int, streams: str) -> None:
    command = f"{shlex.join(HVLAB)} {arguments} {streams}"
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr


def test_an_encoding_that_lacks_a_character_is_no_error() -> None:
    Path("\u00e9.hvlab.yaml").write_text(GOOD)
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = hvlab("list", "\u00e9.hvlab.yaml", env=environment)
    assert (done.returncode, done.stdout) == (0, "\\xe9.hvlab.yaml::t\n")


def test_ctrl_c_before_a_run_begins() -> None:
    code = (
        "import sys, hvlab.cli.listing as l\n"
        "def interrupted(*_): raise KeyboardInterrupt\n"
        "l.check = interrupted\n"
        "from hvlab.cli import main\n"
        "sys.exit(main(['check', '.']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "interrupted\n")


def test_an_internal_error_is_short_and_says_where_its_traceback_is(tmp_path: Path) -> None:
    code = (
        "import sys, hvlab.cli.listing as l\n"
        "def fail(*_): raise ZeroDivisionError('oops')\n"
        "l.check = fail\n"
        "from hvlab.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        [*command, "check", "."],
        capture_output=True, text=True, check=False, timeout=60, env=environment,
    )  # fmt: skip
    assert done.returncode == 3
    assert "internal error: ZeroDivisionError: oops" in done.stderr
    assert "Traceback" not in done.stderr
    found = re.search(r"report it with (\S+);", done.stderr)
    assert found is not None
    assert "ZeroDivisionError" in Path(found[1]).read_text()
    done = subprocess.run(
        [*command, "--debug", "check", "."],
        capture_output=True, text=True, check=False, timeout=60, env=environment,
    )  # fmt: skip
    assert done.returncode == 3
    assert "Traceback" in done.stderr


# With guests.


def test_a_run_that_passes() -> None:
    done = hvlab("run", "good.hvlab.yaml", "-v")
    assert done.returncode == 0
    assert done.stderr == ""
    assert re.match(
        r"PASSED  good.hvlab.yaml::good  \(unicorn, guest .*s, .*instructions, ", done.stdout
    )
    assert "expect stop debug-exit with code 0 within 10 s" in done.stdout
    assert re.search(r"\n1 passed in \d+\.\d\d s\n$", done.stdout)


def test_a_run_that_fails_says_where_and_how_to_repeat_it() -> None:
    done = hvlab("run", ".", "--junit", "x.xml", "--json", "x.json", "--artifacts", "out")
    assert done.returncode == 1
    assert "bad.hvlab.yaml:8:3: failed: " in done.stdout.replace(":7:", ":8:")
    assert "1 failed, 1 passed" in done.stdout
    command = re.search(r"reproduce\n    (hvlab run .*)\n", done.stdout)
    assert command is not None
    again = hvlab(*command[1].split()[1:])
    assert again.returncode == 1
    root = ElementTree.parse("x.xml").getroot()
    assert root.attrib["failures"] == "1"
    data = json.loads(Path("x.json").read_text())
    failed = next(case for case in data["cases"] if case["outcome"] == "failed")
    assert (Path(failed["artifacts"]) / "failure.txt").is_file()
    assert len(failed["machines"][0]["images"][0]["sha256"]) == 64


def test_the_same_seed_gives_the_same_run() -> None:
    facts = []
    for _ in range(2):
        hvlab("run", "good.hvlab.yaml", "--seed", "5", "--json", "x.json")
        case = json.loads(Path("x.json").read_text())["cases"][0]
        facts.append(
            (case["seed"], case["instructions"], case["guest_time"], case["machines"][0]["log"])
        )
    assert facts[0] == facts[1]
    assert facts[0][0] == 5


def test_an_image_that_cannot_be_booted_is_an_error() -> None:
    Path("empty.bin").touch()
    Path("empty.hvlab.yaml").write_text(GOOD.replace("fixture:hello", "empty.bin"))
    done = hvlab("run", "empty.hvlab.yaml")
    assert done.returncode == 1
    assert "ERROR   empty.hvlab.yaml::t" in done.stdout
    assert "empty.hvlab.yaml:3:" in done.stdout


def test_memory_that_the_host_has_not_is_an_error_at_its_line() -> None:
    Path("m.hvlab.yaml").write_text(GOOD.replace("machine: {", "machine: {memory: 1TiB, "))
    began = time.monotonic()
    done = hvlab("run", "m.hvlab.yaml")
    assert time.monotonic() - began < 10
    assert done.returncode == 1
    assert re.search(r"m\.hvlab\.yaml:3:11: error: .*memory", done.stdout)


def test_a_report_that_cannot_be_written_is_not_success() -> None:
    done = hvlab("run", "good.hvlab.yaml", "--junit", "/dev/full")
    assert done.returncode == 3
    assert "cannot write /dev/full: No space left on device" in done.stderr
    assert "1 passed" in done.stdout


def cpu_seconds(process: subprocess.Popen[str]) -> float:
    """User time so far (proc_pid_stat(5), field 14)."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / os.sysconf("SC_CLK_TCK")


def wait_until_busy(process: subprocess.Popen[str], seconds: float = 0.2) -> None:
    """Until the process, which waits for nothing but its guest now, has used that much CPU time."""
    end = cpu_seconds(process) + seconds
    for _ in range(6000):
        assert process.poll() is None
        if cpu_seconds(process) >= end:
            return
        time.sleep(0.01)
    pytest.fail("the guest does not run")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_in_process_with_a_partial_report(number: signal.Signals) -> None:
    Path("a.hvlab.yaml").write_text(SPIN)
    Path("other.hvlab.yaml").write_text(GOOD)
    with subprocess.Popen(
        [*HVLAB, "run", "--in-process", "good.hvlab.yaml", "a.hvlab.yaml", "other.hvlab.yaml",
         "--junit", "x.xml"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("PASSED")
            wait_until_busy(process)
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 2
    assert "Traceback" not in out + err
    assert "interrupted: 1 error, 1 passed, 1 skipped" in out
    root = ElementTree.parse("x.xml").getroot()
    assert (root.attrib["errors"], root.attrib["skipped"]) == ("1", "1")


def test_a_terminal_sees_progress() -> None:
    Path("a.hvlab.yaml").write_text(SPIN.replace("100h", "10ms") + "limits: {wall: 1s}\n")
    Path("b.hvlab.yaml").write_text(SPIN + "limits: {wall: 1s}\n")
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 160, 0, 0))
    with subprocess.Popen(
        [*HVLAB, "run", "a.hvlab.yaml", "b.hvlab.yaml"],
        stdout=child, stderr=child, env={**os.environ, "TERM": "xterm-256color"},
    ) as process:  # fmt: skip
        os.close(child)
        seen = b""
        while select.select([parent], [], [], 20)[0]:
            try:
                data = os.read(parent, 65536)
            except OSError:  # Linux: the other side is closed
                break
            if not data:
                break
            seen += data
        assert process.wait(30) == 1
    os.close(parent)
    text = seen.decode()
    assert "2/2 run_for 100 h" in text
    assert " MIPS" in text
    assert "1 failed, 1 passed" in text
