# SPDX-License-Identifier: GPL-2.0-or-later
"""hvlab in another repository, after `pip install` into an environment of its own.

The wheel itself takes minutes to build; the quick variant is made of its two halves: what
scikit-build-core packs without CMake, and what CMake's install of the component `hvlab` adds to it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from conftest import BASE
from pytest_runs import HERE, junit_cases, properties

ROOT = Path(__file__).resolve().parents[2]
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]

# design.md's test as it stands; no conftest.py, no settings.
TEST_ECHO = """\
import hvlab

def test_echo(hvlab_machine):                    # one case a backend
    m = hvlab_machine(image=hvlab.fixture("echo"), memory="64MiB")
    m.console.send("hello\\n")
    assert m.console.expect(r"echo: (\\w+)", timeout="1s")[1] == "hello"

def test_where():
    print("hvlab is", hvlab.__file__)
"""
GOOD = BASE.replace("name: t", "name: good\nmatrix: {backend: [unicorn, kvm]}").replace(
    "machine: {", "machine: {backend: '${matrix.backend}', "
) + ("- expect: {text: Hello}\n")
BAD = BASE.replace("name: t", "name: bad\ntags: [slow]").replace("hello", "runaway") + (
    "- expect: {text: never printed, within: 1ms}\n"
)


def command(*arguments: str | Path, cwd: Path = ROOT) -> str:
    """Its output. Fails the test if it fails."""
    done = subprocess.run(arguments, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{arguments}\n{done.stdout}{done.stderr}"
    return done.stdout


def wheel(folder: Path, *settings: str) -> Path:
    """Built without a network, with the tools of this environment."""
    command(*PIP, "wheel", ".", "--no-index", "--no-deps", "--no-build-isolation", "-w", folder,
            *(f"--config-settings={setting}" for setting in settings))  # fmt: skip
    (built,) = folder.glob("hvlab-*.whl")
    return built


@pytest.fixture(scope="module", params=["halves", pytest.param("wheel", marks=pytest.mark.long)])
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that hvlab was installed into."""
    folder = tmp_path_factory.mktemp("elsewhere")
    target = folder / "venv"
    venv.create(target, with_pip=False, symlinks=True)
    interpreter = target / "bin/python"
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(target)}))
    # What hvlab needs is not installed anew, but taken from here, behind the new one's own.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    whole = request.param == "wheel"
    built = wheel(folder, f"build-dir={folder / 'build'}" if whole else "wheel.cmake=false")
    into = ["--python", interpreter, "install", "--ignore-installed"]
    command(*PIP, *into, "--no-index", "--no-deps", built)
    if not whole:
        build = ["--install", ROOT / "build/release", "--component", "hvlab"]
        command("cmake", *build, "--prefix", site)
    return interpreter


def test_another_repository(python: Path, tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    (folder / "guests").mkdir(parents=True)
    (folder / "test_echo.py").write_text(TEST_ECHO)
    (folder / "guests/good.hvlab.yaml").write_text(GOOD)
    (folder / "guests/bad.hvlab.yaml").write_text(BAD)
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [python, "-m", "pytest", "-v", "-rP", "--junitxml=x.xml", "--strict-markers"],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    lines = pytest.LineMatcher(done.stdout.splitlines())
    lines.fnmatch_lines(
        [
            "plugins: *hvlab-*",
            "guests/bad.hvlab.yaml::bad FAILED (unicorn)*",
            "guests/good.hvlab.yaml::good?backend=unicorn? PASSED (unicorn)*",
            "test_echo.py::test_echo?unicorn? PASSED (unicorn)*",
            "____* bad _*",
            'guests/bad.hvlab.yaml:7:3: failed: "never printed" did not appear on the console*',
            "    7 | - expect: {text: never printed, within: 1ms}",
            "      |   ^~~~~~",
            "*| spinning",
            "reproduce",
            "    hvlab run guests/bad.hvlab.yaml::bad --seed *",
            f"hvlab is {python.parent.parent}/lib/*",
            f"*= 1 failed, {3 + 2 * HERE} passed*",
        ]
    )
    lines.no_fnmatch_line("*Traceback*")
    found = properties(junit_cases(folder / "x.xml")["test_echo[unicorn]"])
    assert found["backend"] == "unicorn"
    assert len(found["image.flat.sha256"]) == 64


def test_the_command_is_there(python: Path, tmp_path: Path) -> None:
    (tmp_path / "good.hvlab.yaml").write_text(GOOD)
    said = command(python.parent / "hvlab", "run", "good.hvlab.yaml", "--kvm=off", cwd=tmp_path)
    assert "1 passed, 1 skipped" in said
