# SPDX-License-Identifier: GPL-2.0-or-later
"""The fixtures' registry, the numbers that guests must print, and the archives of the initrd."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from hvlab import fixtures
from hvlab.errors import FixtureError, HvlabError
from hvlab.fixtures import images, initrd
from hvlab.fixtures.cpio import Archive

SOURCES = Path(__file__).resolve().parents[2] / "fixtures"


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "hvlab" / "fixtures"


# ---- registry -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(images.IMAGES))
def test_a_built_image_is_there_whole_and_bootable(name: str) -> None:
    content = fixtures.fixture(name).read_bytes()
    kind = images.info(name).kind
    if kind in ("elf", "micro", "multiboot", "pvh"):
        assert content[:4] == b"\x7fELF"
        return
    assert len(content) % 512 == 0
    assert content[510:512] == b"\x55\xaa"
    if len(content) > 512 and kind == "flat":
        assert content[-4:] == (0x6E456748).to_bytes(4, "little")


def test_every_image_of_the_build_is_listed_and_documented() -> None:
    build = (SOURCES / "CMakeLists.txt").read_text(encoding="utf-8")
    built = {
        line.split("(")[1].split()[0].rstrip(")")
        for line in build.splitlines()
        if line.startswith(("hvlab_add_guest(", "hvlab_add_elf_guest(", "hvlab_add_micro_guest("))
    }
    assert built == set(images.IMAGES)
    documented = (SOURCES.parent / "docs" / "guests.md").read_text(encoding="utf-8")
    assert [name for name in fixtures.fixture_names() if f"`{name}`" not in documented] == []


@pytest.mark.parametrize("source", sorted((SOURCES / "guests").glob("*.S")), ids=lambda p: p.stem)
def test_every_source_says_what_it_shows_and_how_it_ends(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    header = text[: text.index("\n\n")]
    for heading in ("# Shows:", "# Output:", "# Ports:", "# Exit:", "# Memory:"):
        assert heading in header


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(FixtureError, match=r"unknown fixture 'helo' \(did you mean 'hello'\?\)"):
        fixtures.fixture("helo")
    with pytest.raises(
        HvlabError, match=r"unknown fixture '\?\?'; there are: hello, echo, .*busybox"
    ):
        fixtures.fixture("??")
    with pytest.raises(FixtureError, match="unknown fixture ''"):
        fixtures.fetch("")


def test_what_was_not_fetched_says_how_to(empty_cache: Path) -> None:
    for name in ("linux", "busybox", "memtest32", "memtest64"):
        with pytest.raises(FixtureError, match=f"`hvlab fixtures fetch {name}`"):
            fixtures.fixture(name)
    assert not empty_cache.exists()


def test_listing_has_every_fixture_in_order(empty_cache: Path) -> None:
    listed = fixtures.list_fixtures()
    assert tuple(info.name for info in listed) == fixtures.fixture_names()
    by_name = {info.name: info for info in listed}
    assert by_name["hello"].kind == "flat"
    assert by_name["hello"].path == fixtures.fixture("hello")
    digest = by_name["hello"].sha256
    assert digest is not None
    assert len(digest) == 64
    assert (by_name["linux"].kind, by_name["linux"].path) == ("linux", None)
    assert (by_name["busybox"].kind, by_name["busybox"].sha256) == ("initrd", None)


def test_a_folder_of_ones_own_goes_first(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "hello.bin").write_bytes(b"mine")
    (folder / "linux.bzImage").write_bytes(b"my kernel")
    monkeypatch.setenv("HVLAB_FIXTURES_DIR", str(folder))
    assert fixtures.fixture("hello") == folder / "hello.bin"
    assert fixtures.fixture("linux") == folder / "linux.bzImage"
    listed = {info.name: info.path for info in fixtures.list_fixtures()}
    assert listed["linux"] == folder / "linux.bzImage"


def test_an_image_that_was_not_built_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HVLAB_FIXTURES_DIR", raising=False)
    monkeypatch.setattr(images, "__file__", str(tmp_path / "images.py"))
    monkeypatch.setattr(images, "_ROOT", tmp_path)
    with pytest.raises(FixtureError, match="'hello' has not been built"):
        fixtures.fixture("hello")


# ---- what guests must print -----------------------------------------------------------------


def _stepwise(steps: int) -> tuple[int, int]:
    mask = (1 << 64) - 1
    lcg, xorshift = 1, 88172645463325252
    for _ in range(steps):
        lcg = (lcg * 6364136223846793005 + 1442695040888963407) & mask
        xorshift ^= (xorshift << 13) & mask
        xorshift ^= xorshift >> 7
        xorshift ^= (xorshift << 17) & mask
    return lcg, xorshift


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 64, 65, 1000, 10_000])
def test_the_reference_is_what_a_loop_gives(steps: int) -> None:
    assert fixtures.compute_reference(steps) == _stepwise(steps)


def test_a_negative_number_of_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        fixtures.compute_reference(-1)


# ---- archives -------------------------------------------------------------------------------


def unpack(archive: bytes) -> dict[str, tuple[int, int, int, bytes]]:
    """Name -> mode, major, minor, content; checks everything else that a header has."""
    entries: dict[str, tuple[int, int, int, bytes]] = {}
    offset = 0
    while True:
        assert offset % 4 == 0
        assert archive[offset : offset + 6] == b"070701"
        values = [int(archive[offset + 6 + 8 * i : offset + 14 + 8 * i], 16) for i in range(13)]
        inode, mode, uid, gid, links, time, size, *_, major, minor, name_size, check = values
        assert (uid, gid, time, check) == (0, 0, 0, 0)
        name = archive[offset + 110 : offset + 110 + name_size]
        assert name.endswith(b"\0")
        start = (offset + 110 + name_size + 3) & ~3
        if name == b"TRAILER!!!\0":
            assert set(archive[start:]) <= {0}
            return entries
        assert inode == len(entries) + 1
        assert links == (2 if stat.S_ISDIR(mode) else 1)
        entries[name[:-1].decode()] = (mode, major, minor, archive[start : start + size])
        offset = (start + size + 3) & ~3


def test_an_archive_reads_back_as_it_was_written() -> None:
    archive = Archive()
    archive.directory("etc")
    archive.file("etc/empty", b"")
    archive.file("etc/odd", b"12345", 0o600)
    archive.symlink("link", "etc/odd")
    archive.character_device("null", 1, 3, 0o666)
    content = archive.to_bytes()
    assert len(content) % 512 == 0
    assert unpack(content) == {
        "etc": (stat.S_IFDIR | 0o755, 0, 0, b""),
        "etc/empty": (stat.S_IFREG | 0o644, 0, 0, b""),
        "etc/odd": (stat.S_IFREG | 0o600, 0, 0, b"12345"),
        "link": (stat.S_IFLNK | 0o777, 0, 0, b"etc/odd"),
        "null": (stat.S_IFCHR | 0o666, 1, 3, b""),
    }


def test_the_order_of_adding_does_not_show() -> None:
    one, other = Archive(), Archive()
    one.file("a", b"1")
    one.file("b", b"2")
    other.file("b", b"2")
    other.file("a", b"1")
    assert one.to_bytes() == other.to_bytes()


@pytest.mark.parametrize("name", ["", "/etc", "a//b", "../x", "a/./b", "a/", "nul\0"])
def test_a_name_that_would_leave_the_archive_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a plain relative name"):
        Archive().file(name, b"")


def test_an_entry_twice_or_without_its_folder_is_refused() -> None:
    archive = Archive()
    archive.file("a", b"")
    with pytest.raises(ValueError, match="'a' is there twice"):
        archive.directory("a")
    with pytest.raises(ValueError, match="'b/c' comes before its folder"):
        archive.file("b/c", b"")
    with pytest.raises(ValueError, match="'a/c' comes before its folder"):
        archive.file("a/c", b"")


APPLETS = ["[", "cttyhack", "dmesg", "head", "hostname", "mount", "reboot", "setsid", "sh", "stty"]


def test_the_initrd_has_busybox_its_links_and_init() -> None:
    entries = unpack(initrd.build(b"\x7fELF busybox", APPLETS))
    assert entries["bin/busybox"] == (stat.S_IFREG | 0o755, 0, 0, b"\x7fELF busybox")
    for applet in APPLETS:
        assert entries[f"bin/{applet}"] == (stat.S_IFLNK | 0o777, 0, 0, b"busybox")
    assert entries["dev/console"][:3] == (stat.S_IFCHR | 0o600, 5, 1)
    assert entries["init"][0] == stat.S_IFREG | 0o755
    assert entries["init"][3].startswith(b"#!/bin/sh\n")


def test_the_initrd_depends_on_nothing_but_its_parts() -> None:
    assert initrd.build(b"x", APPLETS) == initrd.build(b"x", list(reversed(APPLETS)))


def test_a_busybox_without_what_init_calls_is_refused() -> None:
    with pytest.raises(FixtureError, match="lacks what the guest needs: cttyhack, stty"):
        initrd.build(b"x", [name for name in APPLETS if name not in ("cttyhack", "stty")])


def test_an_applet_with_a_hostile_name_makes_no_link() -> None:
    entries = unpack(initrd.build(b"x", [*APPLETS, "../evil", "a/b", "busybox"]))
    assert not any("evil" in name or name.endswith("a/b") for name in entries)
    assert stat.S_ISREG(entries["bin/busybox"][0])
