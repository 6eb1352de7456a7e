#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""All linters: `tools/lint.py [NAME...]`, a line for each, and the output of those with findings.

Run by `make lint`, in .venv with the pinned tools of the `dev` extra and after the build in
build/release: clang-tidy reads its compile commands, the stub check imports the extension. What
clang-tidy found clean is
remembered in .cache/lint by content, so that only what changed is looked at again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/release"
CACHE = ROOT / ".cache/lint"
TOOLS = Path(sys.executable).parent
CPP_FOLDERS = ("cpp", "bindings", "bench", "fuzz", "tests")

Result = tuple[bool, str]  # clean, what to show


def run(command: Iterable[str | Path]) -> Result:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode == 0, done.stdout


def tracked(folders: Iterable[str], suffixes: Iterable[str]) -> list[Path]:
    """Files of the project, not what a build or a tool left behind: those of git, and new ones."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *folders],
        cwd=ROOT,
        text=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0:
        names = [ROOT / name for name in listing.stdout.split("\0") if name]
    else:  # an unpacked archive
        names = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    wanted = set(suffixes)
    return sorted(path for path in names if path.suffix in wanted and path.is_file())


# --- the linters -------------------------------------------------------------------------------


def ruff_check() -> Result:
    return run([TOOLS / "ruff", "check", "--no-cache", "--quiet", "."])


def ruff_format() -> Result:
    return run([TOOLS / "ruff", "format", "--check", "--diff", "--quiet", "."])


def mypy() -> Result:
    return run([TOOLS / "mypy", "--strict", "--no-error-summary", "python/hvlab"])


def clang_format() -> Result:
    files = tracked(CPP_FOLDERS, {".h", ".cpp"})
    return run([TOOLS / "clang-format", "--dry-run", "-Werror", "--style=file", *files])


def includes() -> Result:
    return run([sys.executable, "tools/check_includes.py"])


def stubs() -> Result:
    return run([sys.executable, "tools/stubs.py", "--check"])


def shell() -> Result:
    scripts = [*tracked(["tools", "bench", "fixtures"], {".sh"}), ROOT / ".ci/run"]
    results = [run(["bash", "-n", script]) for script in scripts]
    return all(clean for clean, _ in results), "".join(text for _, text in results)


# --- clang-tidy --------------------------------------------------------------------------------

_INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


@cache
def own_includes(path: Path) -> frozenset[Path]:
    """The project's headers that a file includes, directly."""
    found = set()
    for name in _INCLUDE.findall(path.read_text(encoding="utf-8")):
        for base in (ROOT / "cpp", path.parent, ROOT):
            if (base / name).is_file():
                found.add((base / name).resolve())
                break
    return frozenset(found)


@cache
def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tidy_key(path: Path, command: str, version: str) -> str:
    """Changes with whatever could change the verdict on a file."""
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file not in seen:
            seen.add(file)
            waiting.extend(own_includes(file))
    configs = [folder / ".clang-tidy" for folder in path.parents if folder.is_relative_to(ROOT)]
    rules = [digest(config) for config in configs if config.is_file()]
    parts = [version, command, *rules, *sorted(digest(file) for file in seen)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def tidy_file(path: Path) -> Result:
    # The compile commands are GCC's: warnings that clang does not know are not findings.
    clean, text = run(
        [
            TOOLS / "clang-tidy",
            "--quiet",
            "-p",
            BUILD,
            "--extra-arg=-Wno-unknown-warning-option",
            "--extra-arg=-Wno-everything",
            path,
        ]
    )
    kept = [
        line
        for line in text.splitlines()
        if not re.match(r"\d+ warnings? (treated|generated)", line)
    ]
    return clean, "\n".join(kept) + "\n"


def clang_tidy() -> Result:
    """Over all sources but the tests: GoogleTest's macros cost more time than they show defects."""
    database = BUILD / "compile_commands.json"
    if not database.is_file():
        return False, f"{database.relative_to(ROOT)} is missing: build first (make build)\n"
    commands = {Path(entry["file"]): entry["command"] for entry in json.loads(database.read_text())}
    version = run([TOOLS / "clang-tidy", "--version"])[1]
    waiting: dict[Path, Path] = {}
    for path in tracked(CPP_FOLDERS, {".cpp"}):
        if path in commands and not path.stem.endswith("_test"):
            stamp = CACHE / tidy_key(path, commands[path], version)
            if not stamp.exists():
                waiting[path] = stamp
    output = ""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for (path, stamp), (clean, text) in zip(
            waiting.items(), pool.map(tidy_file, waiting), strict=True
        ):
            if clean:
                stamp.write_text(f"{path.relative_to(ROOT)}\n", encoding="utf-8")
            else:
                output += text
    return not output, output


CHECKS: dict[str, Callable[[], Result]] = {
    "ruff": ruff_check,
    "ruff-format": ruff_format,
    "mypy": mypy,
    "clang-format": clang_format,
    "includes": includes,
    "shell": shell,
    "stubs": stubs,
    "clang-tidy": clang_tidy,
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        print(f"no linter {', '.join(unknown)}; there are {', '.join(CHECKS)}", file=sys.stderr)
        return 2
    CACHE.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in names or CHECKS:
        start = time.monotonic()
        clean, text = CHECKS[name]()
        seconds = time.monotonic() - start
        print(f"lint: {name:<12} {'ok' if clean else 'FAILED'} ({seconds:.1f} s)", flush=True)
        if not clean:
            failed.append(name)
            print(text, end="" if text.endswith("\n") else "\n", flush=True)
    print(f"lint: {'FAILED: ' + ', '.join(failed) if failed else 'all clean'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
