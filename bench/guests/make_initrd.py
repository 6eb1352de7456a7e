#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds the benchmark guest's initrd: `bench/guests/make_initrd.py OUTPUT`.

It is the fixture `busybox` with another `/init` and the program `bench` laid over it; Linux unpacks
archives that follow each other into the same file system. The kernel is the fixture `linux`, the
command line `console=ttyS0`. The console then has, in this order:

    Linux version ..., Run /init as init process      the boot
    bench NAME start, bench NAME end RESULT           for each of LOOPS
    bench done                                        and the machine resets
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import hvlab
from hvlab.errors import HvlabError
from hvlab.fixtures.cpio import Archive

LOOPS = ("load", "alu", "memory", "syscall", "pagefault", "fork", "shell")

_HERE = Path(__file__).resolve().parent
# No library, no host-dependent code generation: the same compiler gives the same program.
_FLAGS = (
    "-O2", "-march=x86-64", "-std=c11", "-Wall", "-Wextra", "-Werror", "-static", "-no-pie",
    "-nostdlib", "-ffreestanding", "-fno-pic", "-fno-stack-protector", "-fcf-protection=none",
    "-fno-asynchronous-unwind-tables", "-Wl,--build-id=none", "-s",
)  # fmt: skip


def compile_bench(output: Path, compiler: str = "gcc") -> None:
    """Compiles bench.c. Raises subprocess.CalledProcessError, its messages on stderr."""
    subprocess.run([compiler, *_FLAGS, "-o", output, _HERE / "bench.c"], check=True)


def make_initrd(output: Path) -> None:
    """Writes the initrd. Raises FixtureError where `busybox` has not been fetched."""
    base = hvlab.fixture("busybox").read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "bench"
        compile_bench(program)
        overlay = Archive()
        overlay.directory("bin")
        overlay.file("bin/bench", program.read_bytes(), 0o755)
        overlay.file("init", (_HERE / "init").read_bytes(), 0o755)
    output.write_bytes(base + overlay.to_bytes())


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: make_initrd.py OUTPUT", file=sys.stderr)
        return 4
    try:
        make_initrd(Path(arguments[0]))
    except HvlabError as error:
        print(f"make_initrd.py: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
