# SPDX-License-Identifier: GPL-2.0-or-later
"""Brings Unicorn's patched source into the build tree: fetch, check, unpack, patch.

Called by CMake at configure time. Writes only files that differ from what is there already, so that an
unchanged file is not compiled again. Needs nothing but Python and, unless the archive is given or
cached, pip. Every failure is one line on standard error and exit status 1.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VERSION = "2.1.4"
ARCHIVE = f"unicorn-{VERSION}.tar.gz"
SHA256 = "00567a70e323f749b419cd86bee4f9115beab7ebba32194581c090cbb7c59cff"

# What the x86 build needs of the archive, below its directory src/.
WANTED = re.compile(
    r"(uc\.c|list\.c|COPYING.*|include/.*|glib_compat/.*"
    r"|qemu/(x86_64\.h|unicorn_common\.h|vl\.h|exec\.c|exec-vary\.c|memory_ldst\.inc\.c|COPYING.*|LICENSE)"
    r"|qemu/(accel|crypto|fpu|hw/core|hw/i386|include|softmmu|tcg/i386|trace|util|target/i386)/.*"
    r"|qemu/tcg/[^/]*\.[ch]|qemu/target/[^/]*/unicorn\.h)"
)


class PrepareError(Exception):
    """What went wrong, in one sentence."""


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check(path: Path) -> None:
    """Refuses an archive that is not exactly the pinned one."""
    found = sha256(path)
    if found != SHA256:
        raise PrepareError(f"{path} is not {ARCHIVE}: its SHA-256 is {found}, expected {SHA256}")


def cache_directory() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or ""
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "hvlab"


def download(into: Path) -> Path:
    """The archive from the package index that pip is configured for."""
    command = [sys.executable, "-m", "pip", "download", f"unicorn=={VERSION}", "--no-deps"]
    command += ["--no-binary", "unicorn", "--disable-pip-version-check", "--quiet"]
    result = subprocess.run(
        [*command, "--dest", str(into)], capture_output=True, text=True, check=False
    )
    path = into / ARCHIVE
    if result.returncode != 0 or not path.is_file():
        lines = [line for line in result.stderr.splitlines() if line.strip()]
        reason = lines[-1].strip() if lines else f"pip ended with status {result.returncode}"
        raise PrepareError(
            f"cannot fetch {ARCHIVE} with pip ({reason}); without a network, give the file with "
            "-DHVLAB_UNICORN_SDIST=PATH or in the environment variable HVLAB_UNICORN_SDIST"
        )
    return path


def find_archive(given: str) -> Path:
    """The checked archive: the given one, else the cached one, else a fresh download (then cached)."""
    if given:
        path = Path(given)
        if not path.is_file():
            raise PrepareError(f"HVLAB_UNICORN_SDIST names {path}, which is not a file")
        check(path)
        return path
    cached = cache_directory() / ARCHIVE
    if cached.is_file() and sha256(cached) == SHA256:
        return cached
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cached.parent) as temporary:
            path = download(Path(temporary))
            check(path)
            path.replace(cached)  # atomic: two builds at once do no harm
    except OSError as error:
        raise PrepareError(f"cannot write the cache {cached.parent}: {error.strerror}") from error
    return cached


def unpack(archive: Path) -> dict[str, bytes]:
    """The wanted files of the archive by their path below src/."""
    prefix = f"unicorn-{VERSION}/src/"
    files: dict[str, bytes] = {}
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            name = member.name.removeprefix(prefix)
            if member.isfile() and member.name.startswith(prefix) and WANTED.fullmatch(name):
                stream = tar.extractfile(member)
                assert stream is not None  # a regular file
                files[name] = stream.read()
    return files


HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@")


def apply_patch(patch: Path, files: dict[str, bytes]) -> None:
    """Applies a unified diff, strictly: every context line must stand exactly where the hunk says."""
    lines = patch.read_text(encoding="utf-8").split("\n")
    name, source, target, taken = "", list[str](), list[str](), 0

    def finish() -> None:
        if name:
            files[name] = "\n".join(target + source[taken:]).encode()

    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith("--- a/") and lines[at].startswith("+++ b/"):
            finish()
            name, target, taken = line[len("--- a/") :], [], 0
            if name not in files:
                raise PrepareError(f"{patch.name}: there is no file {name}")
            source = files[name].decode().split("\n")
            at += 1
        elif (match := HUNK.match(line)) and name:
            start = int(match[1]) - 1
            old, new = int(match[2] or 1), int(match[3] or 1)
            target += source[taken:start]
            taken = start
            while old > 0 or new > 0:
                kind, text = lines[at][:1] or " ", lines[at][1:]
                at += 1
                if kind in " -":
                    if taken >= len(source) or source[taken] != text:
                        raise PrepareError(f"{patch.name}:{at}: does not fit {name}:{taken + 1}")
                    taken += 1
                    old -= 1
                if kind in " +":
                    target.append(text)
                    new -= 1
                if kind not in " -+":
                    raise PrepareError(
                        f"{patch.name}:{at}: not a line of a hunk: {lines[at - 1]!r}"
                    )
    finish()


def write_changed(files: dict[str, bytes], directory: Path) -> None:
    for name, content in files.items():
        path = directory / name
        if path.is_file() and path.read_bytes() == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sdist", default="", help="the archive, for builds without a network")
    parser.add_argument(
        "--patches", type=Path, required=True, nargs="+", help="directories of *.patch"
    )
    parser.add_argument(
        "--output", type=Path, help="where the source goes; none: are they patches of it?"
    )
    options = parser.parse_args()
    try:
        files = unpack(find_archive(options.sdist))
        for directory in options.patches:
            for patch in sorted(directory.glob("*.patch")):
                apply_patch(patch, files)
        if options.output:
            write_changed(files, options.output)
    except PrepareError as error:
        print(f"hvlab engine: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"hvlab engine: cannot prepare {options.output}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
