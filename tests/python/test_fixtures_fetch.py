# SPDX-License-Identifier: GPL-2.0-or-later
"""Fetching by apt, with an apt of our own that serves small packages and fails as asked."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hvlab import fixtures
from hvlab.errors import FixtureError
from hvlab.fixtures import packaged

pytestmark = pytest.mark.skipif(
    shutil.which("dpkg-deb") is None, reason="packages are built with dpkg-deb"
)

KERNEL = bytes(0x202) + b"HdrS" + b"kernel" * 100
APPLETS = "cttyhack dmesg head hostname mount reboot setsid sh stty wc"
BUSYBOX = f"#!/bin/sh\nprintf '%s\\n' {APPLETS}\n".encode()
VERSIONED = "linux-image-6.1.0-9-cloud-amd64"

# Serves $FAKE_APT: NAME.record (what apt-cache shows), NAME.deb; `mode` makes it misbehave.
APT_CACHE = """\
#!/bin/sh
for name; do :; done
name=${name%:amd64}
[ -f "$FAKE_APT/$name.record" ] || { echo "E: No packages found" >&2; exit 100; }
cat "$FAKE_APT/$name.record"
"""
APT_GET = """\
#!/bin/sh
for wanted; do :; done
name=${wanted%%:amd64=*}
echo "$wanted" >>"$FAKE_APT/downloads"
case $(cat "$FAKE_APT/mode" 2>/dev/null) in
    offline) echo "E: Failed to fetch http://x/$name.deb  Temporary failure resolving 'x'" >&2
             exit 100 ;;
    gone) echo "E: Failed to fetch http://x/$name.deb  404  Not Found [IP: 1.2.3.4 80]" >&2
          exit 100 ;;
    full) echo half >"$name.deb"
          echo "E: Write error - write (28: No space left on device)" >&2; exit 100 ;;
    slow) echo half >"$name.deb"; echo $$ >"$FAKE_APT/pid"; exec sleep 60 ;;
    tampered) echo other >>"$FAKE_APT/$name.deb" ;;
    late) sleep 0.5 ;;
esac
cp "$FAKE_APT/$name.deb" .
"""


@dataclass
class FakeApt:
    """The apt of a test."""

    folder: Path
    cache: Path
    environment: dict[str, str] = field(default_factory=dict)

    def package(
        self, name: str, files: dict[str, bytes], *, depends: str = "", version: str = "1:2.0-1"
    ) -> None:
        root = self.folder / "root"
        shutil.rmtree(root, ignore_errors=True)
        (root / "DEBIAN").mkdir(parents=True)
        control = f"Package: {name}\nVersion: {version}\nArchitecture: amd64\n"
        control += "Maintainer: nobody <nobody@example.org>\nDescription: none\n"
        (root / "DEBIAN" / "control").write_text(control, encoding="utf-8")
        for path, content in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        deb = self.folder / f"{name}.deb"
        subprocess.run(
            ["dpkg-deb", "--build", "--root-owner-group", root, deb],
            check=True,
            capture_output=True,
        )
        self.record(name, deb.read_bytes(), depends=depends, version=version)

    def record(self, name: str, deb: bytes, *, depends: str = "", version: str = "1:2.0-1") -> None:
        (self.folder / f"{name}.deb").write_bytes(deb)
        text = f"Package: {name}\nVersion: {version}\nDepends: {depends}\n"
        text += f"SHA256: {hashlib.sha256(deb).hexdigest()}\nDescription: none\n more: lines\n"
        (self.folder / f"{name}.record").write_text(text, encoding="utf-8")

    def misbehave(self, mode: str) -> None:
        (self.folder / "mode").write_text(mode, encoding="utf-8")

    def downloads(self) -> list[str]:
        path = self.folder / "downloads"
        return path.read_text(encoding="utf-8").split() if path.exists() else []

    def cached(self) -> list[str]:
        return sorted(path.name for path in self.cache.iterdir() if path.name != ".lock")


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeApt:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in (("apt-cache", APT_CACHE), ("apt-get", APT_GET)):
        (tools / name).write_text(text, encoding="utf-8")
        (tools / name).chmod(0o755)
    folder = tmp_path / "apt"
    folder.mkdir()
    settings = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "FAKE_APT": str(folder),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HVLAB_FIXTURES_DIR", raising=False)
    fake = FakeApt(folder, tmp_path / "cache" / "hvlab" / "fixtures", settings)
    fake.package("linux-image-cloud-amd64", {}, depends=f"{VERSIONED} (= 6.1.9-1)")
    modules = {"lib/modules/6.1/a.ko": b"module", "boot/config-6.1.0-9": b"config"}
    fake.package(VERSIONED, {"boot/vmlinuz-6.1.0-9": KERNEL, **modules}, version="6.1.9-1")
    fake.package("busybox-static", {"bin/busybox": BUSYBOX, "usr/share/doc/x": b"doc"})
    return fake


# ---- what works -----------------------------------------------------------------------------


def test_the_kernel_comes_out_of_the_package_that_the_metapackage_names(apt: FakeApt) -> None:
    said: list[str] = []
    info = fixtures.fetch("linux", progress=said.append)
    digest = hashlib.sha256(KERNEL).hexdigest()
    assert info.path == fixtures.fixture("linux")
    assert info.path.read_bytes() == KERNEL
    assert (info.package, info.version, info.sha256) == (VERSIONED, "6.1.9-1", digest)
    assert apt.downloads() == [f"{VERSIONED}:amd64=6.1.9-1"]
    assert apt.cached() == [f"linux-{digest[:16]}.bzImage", "linux.json"]
    assert any(VERSIONED in line for line in said)
    metadata = json.loads((apt.cache / "linux.json").read_text(encoding="utf-8"))
    package = (apt.folder / f"{VERSIONED}.deb").read_bytes()
    assert metadata["package_sha256"] == hashlib.sha256(package).hexdigest()
    assert metadata["version"] == "6.1.9-1"


def test_ubuntu_names_it_otherwise(apt: FakeApt) -> None:
    (apt.folder / "linux-image-cloud-amd64.record").unlink()
    name = "linux-image-6.8.0-31-generic"
    apt.package("linux-image-virtual", {}, depends="linux-image-generic (= 6.8), linux-firmware")
    apt.package("linux-image-generic", {}, depends=f"{name} | linux-image-unsigned-6.8.0")
    apt.package(name, {"boot/vmlinuz-6.8.0-31-generic": KERNEL})
    assert fixtures.fetch("linux").package == name


def test_the_initrd_is_built_from_the_package(apt: FakeApt) -> None:
    info = fixtures.fetch("busybox")
    assert info.path is not None
    content = info.path.read_bytes()
    assert BUSYBOX in content
    assert b"bin/wc\0" in content
    assert info.package == "busybox-static"


@pytest.mark.parametrize(
    ("name", "file"), [("seabios", "bios.bin"), ("seavgabios", "vgabios-isavga.bin")]
)
def test_the_firmware_comes_out_of_its_package(apt: FakeApt, name: str, file: str) -> None:
    files = ("bios.bin", "bios-256k.bin", "vgabios-isavga.bin", "vgabios.bin")
    apt.package("seabios", {f"usr/share/seabios/{other}": other.encode() for other in files})
    info = fixtures.fetch(name)
    assert info.path is not None
    assert info.path.read_bytes() == file.encode()
    assert (info.kind, info.package) == ("firmware", "seabios")


def test_what_is_there_is_not_fetched_again_unless_forced(apt: FakeApt) -> None:
    first = fixtures.fetch("linux")
    said: list[str] = []
    assert fixtures.fetch("linux", progress=said.append) == first
    assert said == ["linux: already there"]
    assert len(apt.downloads()) == 1

    apt.package(VERSIONED, {"boot/vmlinuz-6.1.0-9": KERNEL + b"newer"}, version="6.1.9-2")
    newer = fixtures.fetch("linux", force=True)
    assert newer.version == "6.1.9-2"
    assert newer.path != first.path
    assert apt.cached() == [newer.path.name if newer.path else "", "linux.json"]


def test_another_edition_of_the_recipe_counts_as_missing(
    apt: FakeApt, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixtures.fetch("linux")
    old = packaged.PACKAGED["linux"]
    newer = packaged.Recipe(old.kind, old.description, old.file_name, "other", old.make)
    monkeypatch.setitem(packaged.PACKAGED, "linux", newer)
    with pytest.raises(FixtureError, match=r"another version of hvlab.*fetch linux"):
        fixtures.fixture("linux")
    fixtures.fetch("linux")
    assert len(apt.downloads()) == 2
    fixtures.fixture("linux")


def test_two_processes_fetch_once(apt: FakeApt) -> None:
    apt.misbehave("late")
    code = "from hvlab import fixtures; print(fixtures.fetch('linux').path)"
    both = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert outputs[0] == outputs[1] == f"{fixtures.fixture('linux')}\n"
    assert len(apt.downloads()) == 1


# ---- what does not --------------------------------------------------------------------------


def _fails(apt: FakeApt, name: str, message: str) -> None:
    with pytest.raises(FixtureError, match=message):
        fixtures.fetch(name)
    if apt.cache.exists():
        assert apt.cached() == []
    with pytest.raises(FixtureError, match="fixtures fetch"):
        fixtures.fixture(name)


def test_a_built_fixture_cannot_be_fetched() -> None:
    with pytest.raises(FixtureError, match="'hello' is part of hvlab"):
        fixtures.fetch("hello")


def test_no_apt(apt: FakeApt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    _fails(apt, "linux", r"no apt-get, apt-cache, dpkg-deb on this system.*HVLAB_FIXTURES_DIR")


@pytest.mark.parametrize("name", ["linux", "busybox"])
def test_empty_package_lists(apt: FakeApt, name: str) -> None:
    for record in apt.folder.glob("*.record"):
        record.unlink()
    _fails(apt, name, "apt-get update")


def test_a_package_in_no_list_has_no_checksum(apt: FakeApt) -> None:
    record = apt.folder / "busybox-static.record"
    lines = record.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("SHA256")]
    record.write_text("\n".join(kept) + "\n", encoding="utf-8")
    _fails(apt, "busybox", r"no checksum for busybox-static.*apt-get update")


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("offline", r"could not download busybox-static.*Temporary failure resolving 'x'$"),
        ("gone", r"404  Not Found.*apt-get update"),
        ("full", "No space left on device"),
        ("tampered", "is not what apt's lists promise"),
    ],
)
def test_a_download_that_fails(apt: FakeApt, mode: str, message: str) -> None:
    apt.misbehave(mode)
    _fails(apt, "busybox", message)


def test_a_metapackage_that_names_no_kernel(apt: FakeApt) -> None:
    apt.package("linux-image-cloud-amd64", {}, depends="linux-base")
    _fails(apt, "linux", "linux-image-cloud-amd64 depends on no kernel: linux-base")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"boot/config": b""}, "holds 0 files"),
        ({"boot/vmlinuz-1": KERNEL, "boot/vmlinuz-2": KERNEL}, "holds 2 files"),
        ({"boot/vmlinuz-1": b"MZ arm64"}, "no x86 bzImage"),
        ({"boot/vmlinuz-1": bytes(65 << 20)}, "68157440 bytes; 67108864 are allowed"),
    ],
)
def test_a_package_without_a_usable_kernel(
    apt: FakeApt, files: dict[str, bytes], message: str
) -> None:
    apt.package(VERSIONED, files)
    _fails(apt, "linux", message)


def test_a_package_that_is_none(apt: FakeApt) -> None:
    apt.record("busybox-static", b"no package at all")
    _fails(apt, "busybox", "is no intact package")


def test_a_truncated_package(apt: FakeApt) -> None:
    whole = (apt.folder / f"{VERSIONED}.deb").read_bytes()
    apt.record(VERSIONED, whole[: len(whole) // 2])
    _fails(apt, "linux", "is no intact package|holds 0 files")


def test_a_busybox_that_does_not_run(apt: FakeApt) -> None:
    apt.package("busybox-static", {"bin/busybox": b"\x7fELF but no more"})
    _fails(apt, "busybox", "busybox cannot be run on this host")


def test_a_full_disk(apt: FakeApt, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    _fails(apt, "linux", r"fixture cache: .*No space left on device; make room")


def test_a_cache_that_cannot_be_made(apt: FakeApt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/cache")
    with pytest.raises(FixtureError, match=r"/dev/null/cache.*: Not a directory"):
        fixtures.fetch("linux")


def test_the_cache_is_in_the_home_folder_by_default(
    apt: FakeApt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    path = fixtures.fetch("linux").path
    assert path is not None
    assert path.parent == tmp_path / "home" / ".cache" / "hvlab" / "fixtures"


def test_what_was_damaged_in_the_cache_is_not_used_but_fetched_again(apt: FakeApt) -> None:
    path = fixtures.fetch("linux").path
    assert path is not None
    damages = {
        "has 10 bytes instead of": lambda: path.write_bytes(KERNEL[:10]),
        "SHA-256 is not the one recorded": lambda: path.write_bytes(KERNEL[:-1] + b"X"),
        "missing from the cache": path.unlink,
        "no fixture 'linux' here yet": lambda: (apt.cache / "linux.json").write_text("{"),
    }
    for message, damage in damages.items():
        damage()
        with pytest.raises(FixtureError, match=rf"{message}.*`hvlab fixtures fetch linux`"):
            fixtures.fixture("linux")
        assert {info.name: info.path for info in fixtures.list_fixtures()}["linux"] is None
        fixtures.fetch("linux")
        assert fixtures.fixture("linux").read_bytes() == KERNEL


def test_metadata_that_points_elsewhere_is_not_followed(apt: FakeApt) -> None:
    fixtures.fetch("linux")
    note = apt.cache / "linux.json"
    metadata = json.loads(note.read_text(encoding="utf-8"))
    note.write_text(json.dumps(metadata | {"file": "../../../etc/passwd"}), encoding="utf-8")
    with pytest.raises(FixtureError, match="no fixture 'linux' here yet"):
        fixtures.fixture("linux")


def test_ctrl_c_leaves_nothing_behind(apt: FakeApt) -> None:
    apt.misbehave("slow")
    code = textwrap.dedent("""
        from hvlab import fixtures
        try:
            fixtures.fetch("busybox")
        except KeyboardInterrupt:
            print("interrupted")
    """)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    note = apt.folder / "pid"
    deadline = time.monotonic() + 30
    while not (note.exists() and note.read_text(encoding="utf-8").strip()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=10)
    assert (output, process.returncode) == ("interrupted\n", 0)
    assert apt.cached() == []
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text(encoding="utf-8")), 0)


def test_what_a_killed_process_left_is_swept_away(apt: FakeApt) -> None:
    left = apt.cache / "tmp-killed" / "package"
    left.mkdir(parents=True)
    (left / "half.deb").write_bytes(b"half")
    fixtures.fetch("busybox")
    assert not (apt.cache / "tmp-killed").exists()
