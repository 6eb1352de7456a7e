# SPDX-License-Identifier: GPL-2.0-or-later
"""The text screen from Python, with the fixture guest that draws on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

import hvlab
from hvlab.errors import GuestStopped, GuestTimeout, PatternError

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def machine() -> Iterator[hvlab.Machine]:
    with hvlab.Machine(image=hvlab.fixture("screen"), memory="1MiB", name="m") as made:
        yield made


def done(machine: hvlab.Machine) -> None:
    machine.console.expect_text("screen: done")


def test_it_is_empty_at_power_on(machine: hvlab.Machine) -> None:
    assert machine.screen.empty
    assert machine.screen.text() == "\n" * 24
    assert (machine.screen.rows, machine.screen.columns) == (25, 80)
    assert machine.screen.cell(24, 79) == hvlab.screen.Cell(" ", 0x20, 0x07, 7, 0, False)
    assert machine.screen.palette[:3] == (0x000000, 0x0000AA, 0x00AA00)


def test_text_cells_and_cursor_are_what_the_guest_made(machine: hvlab.Machine) -> None:
    done(machine)
    lines = machine.screen.lines
    assert lines[0] == " " * 18 + "║" + " " * 11 + "The screen guest" + " " * 15 + "║"
    assert lines[8][20:].startswith("step 3 of 3")
    assert lines[21] == " " * 18 + "╚" + "═" * 42 + "╝"
    assert lines[22:] == ["", "", "done"]
    assert machine.screen.text() == "\n".join(lines)
    waiting = machine.screen.cell(20, 34)
    assert (waiting.character, waiting.attribute) == ("w", 0xCF)
    assert (waiting.foreground, waiting.background, waiting.blinking) == (15, 4, True)
    assert machine.screen.cell(10, 40).character == "¢"
    cursor = machine.screen.cursor
    assert (cursor.row, cursor.column, cursor.visible) == (24, 4, True)
    assert (cursor.first_line, cursor.last_line) == (13, 14)
    for place in ((25, 0), (0, 80), (-1, 0)):
        with pytest.raises(IndexError):
            machine.screen.cell(*place)


def test_expect_stops_right_after_the_write(machine: hvlab.Machine) -> None:
    match = machine.screen.expect(r"step (?P<n>[1-9]) of 3")
    assert (match["n"], match.row, match.column) == ("1", 10, 20)
    assert machine.time == match.time + 1  # the instruction itself
    assert machine.screen.lines[10][20:31] == "step 1 of 3"
    assert machine.screen.expect_text("step 1").time == machine.time, "it is still there"
    assert machine.screen.expect_text("step 2 ").text == "step 2 "
    stop = machine.run(until=machine.screen.contains("done"), timeout="1s")
    assert (stop.reason, stop.match and stop.match.row) == ("match", 24)
    assert str(machine.screen.regex("a+")) == "regex 'a+' on the screen of m"


def test_a_match_does_not_depend_on_slices() -> None:
    def run(slices: int | None) -> tuple[int, int, str, str]:
        with hvlab.Machine(image=hvlab.fixture("screen"), memory="1MiB") as machine:
            while slices is not None and not machine.screen.lines[10][20:].startswith("step 1"):
                machine.run(instructions=slices)
            match = machine.screen.expect("step 2 of 3")
            done(machine)
            return match.time, machine.time, machine.record.hash, machine.record.state_hash()

    assert run(None) == run(7_777)


def test_failures_show_the_screen(machine: hvlab.Machine) -> None:
    with pytest.raises(
        GuestTimeout, match=r"waited for text \"no\" on the screen for 1 s"
    ) as raised:
        machine.screen.expect_text("no", timeout="1s")
    assert "\nscreen:\n" in str(raised.value)
    assert "║           The screen guest" in str(raised.value)
    machine.console.send("x")
    with pytest.raises(GuestStopped, match="debug-exit"):
        machine.screen.expect("never")
    with pytest.raises(PatternError, match="within a row"):
        machine.screen.contains("a\nb")
    with pytest.raises(PatternError):
        machine.screen.regex("(")


def test_the_record_has_every_write(machine: hvlab.Machine) -> None:
    machine.screen.expect_text("step 1 of 3")
    entries = machine.record.entries
    before = machine.record.hash
    machine.screen.expect_text("step 2 of 3")
    assert machine.record.entries == entries + 1
    assert machine.record.hash != before


def test_the_picture_has_text_colours_and_cursor(machine: hvlab.Machine) -> None:
    done(machine)
    root = ElementTree.fromstring(machine.screen.svg())
    assert root.get("viewBox") == "0 0 640 400"
    texts = {element.text: element for element in root.iter(f"{SVG}text")}
    waiting = texts["waiting"]
    assert (waiting.get("x"), waiting.get("y")) == (str(34 * 8), str(20 * 16 + 12))
    assert (waiting.get("fill"), waiting.get("textLength")) == ("#ffffff", str(7 * 8))
    boxes = [element.attrib for element in root.iter(f"{SVG}rect")]
    assert {"x": "272", "y": "320", "width": "56", "height": "16", "fill": "#aa0000"} in boxes
    assert boxes[-1] == {"x": "32", "y": "397", "width": "8", "height": "2", "fill": "#ffffff"}


def test_a_picture_escapes_what_the_guest_wrote(tmp_path: Path) -> None:
    # mov ax,B800h; mov ds,ax; then '<', '&' and character 1 to the first cells; out F4h
    code = bytes.fromhex("b800b88ed8 c60600003c c606020026 c606040001 e6f4".replace(" ", ""))
    (tmp_path / "guest.bin").write_bytes(code)
    with hvlab.Machine(image=tmp_path / "guest.bin", memory="1MiB") as machine:
        machine.run(timeout="1ms")
        root = ElementTree.fromstring(machine.screen.svg())
        assert [element.text for element in root.iter(f"{SVG}text")] == ["<&☺"]


def test_state_moves_with_the_machine(machine: hvlab.Machine) -> None:
    before = machine.record.state_hash()
    machine.run(timeout="1us")
    machine.screen.expect_text("step 1 of 3")
    assert machine.record.state_hash() != before
    with pytest.raises(hvlab.HvlabError, match="not all RAM"):
        machine.memory.read(0xB8000, 2)


@pytest.mark.long
def test_linux_uses_it_as_its_console() -> None:
    """vgacon finds the screen by screen_info, clears it, and scrolls by the start address."""
    kernel, initrd = hvlab.fixture("linux"), hvlab.fixture("busybox")
    boot = hvlab.LinuxBoot(kernel, initrd=initrd, cmdline="console=ttyS0 console=tty0")
    with hvlab.Machine(memory="128MiB", boot=boot) as machine:
        match = machine.screen.expect("Run /init as init process", timeout="20s")
        assert match.row == 24
        assert all(machine.screen.lines), "every row is in use"
        assert "x86/mm: Checked W+X mappings: passed" in machine.console.output
