# SPDX-License-Identifier: GPL-2.0-or-later
"""Steps of other distributions: installed by pip, used in a scenario; and plugins that are broken."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from conftest import BASE

STEP = '''\
from typing import ClassVar

from pydantic import Field

from hvlab.scenario.steps.base import MachineStep


class Press(MachineStep):
    """Types one line into the console."""

    keyword: ClassVar[str] = "press"
    shorthand: ClassVar[str | None] = "line"

    line: str = Field(min_length=1, description="What to type.")

    def title(self):
        return f"press {self.line}"

    def check(self, context):
        context.needs_machine(self.machine)
        if "!" in self.line:
            context.problem("not so loud", "line")

    def run(self, context):
        context.machine(self.machine).console.send(self.line + "\\n")
'''


def install(site: Path, name: str, code: str, points: str) -> None:
    """Makes a wheel of one module and installs it into `site`."""
    wheel = site / f"{name}-1.5-py3-none-any.whl"
    info = f"{name}-1.5.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{name}.py", code)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
        tag = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{info}/WHEEL", tag)
        archive.writestr(f"{info}/entry_points.txt", points)
        archive.writestr(f"{info}/RECORD", "")
    pip = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--quiet"]
    subprocess.run([*pip, "--target", str(site), str(wheel)], check=True)


def hvlab(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hvlab", *arguments],
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=site,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def site(tmp_path: Path) -> Path:
    text = BASE.replace("fixture:hello", "fixture:echo")
    text += "- expect: {text: ready}\n- press: hello\n- expect: {text: 'echo: hello'}\n"
    (tmp_path / "case.hvlab.yaml").write_text(text)
    (tmp_path / "wrong.hvlab.yaml").write_text(BASE + "- press: {lin: x}\n- press: loud!\n")
    return tmp_path


def test_a_step_of_a_plugin_is_a_step(site: Path) -> None:
    install(site, "presser", STEP, "[hvlab.steps]\npress = presser:Press\n")
    done = hvlab(site, "run", "-v", "case.hvlab.yaml")
    assert done.returncode == 0, done.stderr
    assert "press hello" in done.stdout
    wrong = hvlab(site, "check", "wrong.hvlab.yaml")
    assert wrong.returncode == 4
    assert "wrong.hvlab.yaml:6:11: error: unknown key 'lin' in press (did you mean 'line'?)" in (
        wrong.stderr
    )
    assert "wrong.hvlab.yaml:7:10: error: not so loud" in wrong.stderr
    assert '"press"' in hvlab(site, "schema").stdout


@pytest.mark.parametrize(
    ("code", "points", "said"),
    [
        (
            STEP,
            "[hvlab.steps]\nassert = broken:Press\n",
            "the plugin broken 1.5 has a step 'assert', and that is hvlab's own",
        ),
        (
            STEP,
            "[hvlab.steps]\nPress It = broken:Press\n",
            "the plugin broken 1.5 has a step 'Press It', which is no name",
        ),
        (
            "import never_there\n",
            "[hvlab.steps]\npress = broken:Press\n",
            "the plugin broken 1.5 cannot be loaded: 'broken:Press': ModuleNotFoundError: "
            "No module named 'never_there'",
        ),
        (
            STEP,
            "[hvlab.steps]\npress = broken:Pres\n",
            "the plugin broken 1.5 cannot be loaded: 'broken:Pres': AttributeError: ",
        ),
        (
            "class Press: ...\n",
            "[hvlab.steps]\npress = broken:Press\n",
            "the plugin broken 1.5 is wrong: 'broken:Press' is no subclass of StepBody",
        ),
        (
            "from hvlab.scenario.steps.base import StepBody\nclass Press(StepBody): ...\n",
            "[hvlab.steps]\npress = broken:Press\n",
            "the plugin broken 1.5 is wrong: 'broken:Press' has no check, run, title()",
        ),
    ],
)
def test_a_broken_plugin_is_named(site: Path, code: str, points: str, said: str) -> None:
    install(site, "broken", code, points)
    done = hvlab(site, "check", "case.hvlab.yaml")
    assert done.returncode == 4
    assert done.stderr.startswith(f"hvlab: error: {said}")
    assert len(done.stderr.splitlines()) == 1


DICE = """\
import hvlab


class Dice(hvlab.Device):
    size = 1

    def read(self, offset, size):
        return 0x42

    def write(self, offset, size, value):
        self.set_irq(False)
"""


def test_a_device_of_a_plugin(site: Path) -> None:
    install(site, "dice", DICE, "[hvlab.devices]\ndice = dice:Dice\n")
    text = BASE.replace("fixture:hello", "fixture:runaway")
    devices = "devices: [{type: dice, port: 0x300, irq: 5}]"
    # mov dx, 0x300; in al, dx; out 0xf4, al; hlt
    text = text.replace("machine: {", f"machine: {{{devices}, ") + (
        "- expect: {text: spinning}\n"
        '- write: {memory: 0x1000, bytes: "ba 00 03 ec e6 f4 f4"}\n'
        "- write: {register: rip, value: 0x1000}\n- expect: {stop: debug-exit, code: 0x42}\n"
    )
    (site / "dice.hvlab.yaml").write_text(text)
    (site / "dices.hvlab.yaml").write_text(text.replace("type: dice,", "type: dices,"))
    done = hvlab(site, "run", "dice.hvlab.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = hvlab(site, "check", "dices.hvlab.yaml")
    assert wrong.returncode == 4
    assert "dices.hvlab.yaml:3:28: error: unknown device 'dices' (did you mean 'dice'?)" in (
        wrong.stderr
    )


def test_two_plugins_with_one_name(site: Path) -> None:
    install(site, "one", STEP, "[hvlab.steps]\npress = one:Press\n")
    install(site, "two", STEP, "[hvlab.steps]\npress = two:Press\n")
    done = hvlab(site, "check", "case.hvlab.yaml")
    assert done.stderr.strip() == (
        "hvlab: error: the plugin two 1.5 has a step 'press', and so has the plugin one 1.5"
    )
