#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks the one-way rule of dependencies between the folders of cpp/ and bindings/.

A file may include what its folder's rule names; interfaces of the operating system and of the
engine stay in the folders that own them. `tools/check_includes.py [ROOT]` prints `file:line: what`
for each breach.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

# Folder -> the folders under cpp/ that it may include besides itself.
_CORE = [
    "base",
    "memory",
    "cpu",
    "hypervisor",
    "bus",
    "block",
    "devices",
    "boot",
    "machine",
    "host",
]
_UPTO: dict[str, list[str]] = {name: _CORE[:index] for index, name in enumerate(_CORE)}
_UPTO["memory"] = ["base"]
_UPTO["cpu"] = ["base"]
_UPTO["hypervisor"] = ["base", "memory", "cpu"]
_UPTO["bus"] = ["base", "memory", "cpu"]
_UPTO["block"] = ["base"]
_UPTO["scenario"] = ["base"]
_UPTO["probe"] = ["base", "memory", "cpu", "hypervisor"]
for _late in ("snapshot", "migration", "fault", "record", "debug"):
    _UPTO[_late] = [*_CORE]

ALLOWED: dict[str, set[str]] = {
    f"core/{name}": {f"core/{other}" for other in others} for name, others in _UPTO.items()
}
_BACKEND = {f"core/{name}" for name in ("base", "memory", "cpu", "hypervisor")}
ALLOWED["backends/unicorn"] = _BACKEND
ALLOWED["backends/kvm"] = _BACKEND
_SIM = ["engine", "model", "workloads", "schedulers", "measures", "hosts", "cluster"]
for _index, _name in enumerate(_SIM):
    ALLOWED[f"sim/{_name}"] = {"core/base", *(f"sim/{other}" for other in _SIM[:_index])}
ALLOWED["sim/schedulers"].remove("sim/workloads")
ALLOWED["sim/measures"] = {"core/base", "sim/engine"}
# The suite for all backends knows none; one file a backend makes it.
CONFORMANCE = "tests/conformance"
ALLOWED[CONFORMANCE] = _BACKEND
_BACKEND_FACTORIES = f"{CONFORMANCE}/backends/"

# Compiled inside the engine's own tree, where ours is not on the include path.
COMPILED_ELSEWHERE = "cpp/backends/unicorn/engine/"

# What only the folders named may mention: (pattern in code, owners, what it is).
OWNED: list[tuple[re.Pattern[str], tuple[str, ...], str]] = [
    # The bench's peer is made of them alone.
    (
        re.compile(r"\bioctl\s*\("),
        ("cpp/backends/kvm", "bench/kvm"),
        "ioctl outside backends/kvm",
    ),
    (
        re.compile(r"\buc_[a-z]\w*|#\s*include\s*[<\"]unicorn/"),
        ("cpp/backends/unicorn",),
        "Unicorn's interface outside backends/unicorn",
    ),
    (
        re.compile(r"#\s*include\s*[<\"](Python\.h|pybind11/)|\bpybind11::"),
        ("bindings",),
        "Python's interface outside bindings",
    ),
    (
        re.compile(r"#\s*include\s*[<\"]yaml-cpp/"),
        ("cpp/core/scenario",),
        "yaml-cpp outside scenario",
    ),
]

_INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')
_COMMENT_OR_STRING = re.compile(
    r"//[^\n]*"
    r"|/\*.*?\*/"
    r'|R"([^ ()\\\t\n]{0,16})\(.*?\)\1"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'(?:\\.|[^'\\\n])'",
    re.DOTALL,
)


def folder_of(path: str) -> str | None:
    """The rule's folder for a path from cpp/ on: "core/base", "backends/kvm", "sim"; or None."""
    parts = path.split("/")
    for depth in (2, 1):
        name = "/".join(parts[:depth])
        if len(parts) > depth and name in ALLOWED:
            return name
    return None


def without_comments_and_strings(text: str) -> str:
    """The code alone, line numbers kept. The text of #include lines stays."""

    def blank(match: re.Match[str]) -> str:
        line_start = text.rfind("\n", 0, match.start()) + 1
        if match[0].startswith('"') and "#" in text[line_start : match.start()]:
            return match[0]
        return re.sub(r"[^\n]", " ", match[0])

    return _COMMENT_OR_STRING.sub(blank, text)


def check_file(root: Path, path: Path) -> Iterator[str]:
    relative = path.relative_to(root).as_posix()
    text = without_comments_and_strings(path.read_text(encoding="utf-8"))
    conformance = relative.startswith(f"{CONFORMANCE}/")
    known = relative.startswith("cpp/") or conformance
    folder = folder_of(relative.removeprefix("cpp/")) if known else None
    if relative.startswith("cpp/") and folder is None:
        yield f"{relative}:1: the folder has no rule in tools/check_includes.py"
    # A test may reach for what it needs: a machine's runs guests on a backend. The suite may not.
    is_test = path.stem.endswith("_test") and not conformance
    local_names = relative.startswith(COMPILED_ELSEWHERE)
    for number, line in enumerate(text.splitlines(), 1):
        include = _INCLUDE.match(line)
        if include and folder is not None:
            target = folder_of(include[1])
            if target is None and not (root / "cpp" / include[1]).exists():
                if local_names or not (path.parent / include[1]).exists():
                    continue  # a header of a library
                yield f'{relative}:{number}: write includes from cpp/ on: "{include[1]}"'
            elif relative.startswith(_BACKEND_FACTORIES) and include[1].startswith("backends/"):
                continue
            elif target not in {folder, *ALLOWED[folder]} and not is_test:
                yield f"{relative}:{number}: {folder} must not include {include[1]}"
        for pattern, owners, what in OWNED:
            if pattern.search(line) and not any(
                relative.startswith(owner + "/") for owner in owners
            ):
                yield f"{relative}:{number}: {what}: {line.strip()}"


def source_files(root: Path) -> Iterator[Path]:
    for top in ("cpp", "bindings", "bench", "fuzz", CONFORMANCE):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in {".h", ".cpp", ".c", ".inc"} and path.is_file():
                yield path


def main(arguments: list[str]) -> int:
    root = Path(arguments[0] if arguments else Path(__file__).parent.parent).resolve()
    files = list(source_files(root))
    if not files:
        print(f"{root}: no source files: nothing was checked", file=sys.stderr)
        return 2
    problems = [problem for path in files for problem in check_file(root, path)]
    print(*problems, sep="\n", end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
