# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin's part of pytest's command line."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hvlab.backends import KVM_MODES, NAMES, Barrier, KvmMode, KvmNeed, barrier
from hvlab.errors import HostError
from hvlab.pytest_plugin.marks import DESCRIPTION

# The backend that an item is for; only ours have it.
BACKEND = pytest.StashKey[str]()


@dataclass(frozen=True)
class Options:
    """What was asked for. backend: None for all; seed: None for each case's own."""

    backend: str | None
    kvm: KvmMode
    seed: int | None
    artifacts: Path | None
    isolate: bool
    allow_python: bool

    @classmethod
    def of(cls, config: pytest.Config) -> Options:
        return config.stash[_OPTIONS]

    def barrier(self, backend: str, need: KvmNeed | None) -> Barrier | None:
        """What keeps a case from running on `backend` here."""
        return barrier(backend, need, self.kvm, "--hvlab-kvm")


ALLOW_PYTHON = "--hvlab-allow-python"
_OPTIONS = pytest.StashKey[Options]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("hvlab", "hvlab: guests, in scenarios and by fixtures")
    group.addoption(
        "--hvlab-backend",
        choices=[*NAMES, "all"],
        default="all",
        help="Only the cases of this backend (default: all).",
    )
    group.addoption(
        "--hvlab-kvm",
        choices=KVM_MODES,
        default="auto",
        help="Cases on kvm, where it is not there: skipped with the reason (auto), failed (on); or "
        "all of them skipped (off).",
    )
    group.addoption(
        "--hvlab-seed",
        metavar="N",
        type=_seed,
        help="Of all randomness, for every case (default: a hash of the case's id).",
    )
    group.addoption(
        "--hvlab-artifacts",
        metavar="DIR",
        help="Keep a folder for each case that fails: console, screen, registers.",
    )
    group.addoption(
        "--hvlab-isolate",
        action="store_true",
        help="Run each case of a scenario in a process of its own: a crash is that case's error.",
    )
    group.addoption(
        ALLOW_PYTHON,
        action=argparse.BooleanOptionalAction,
        default=True,
        help="Whether scenarios may have 'python' steps, which run the Python of their folders.",
    )


def _seed(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= number < 1 << 64:
        raise argparse.ArgumentTypeError(f"'{text}' is no seed: a number from 0 to 2**64 - 1")
    return number


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", DESCRIPTION)
    backend, folder = config.getoption("--hvlab-backend"), config.getoption("--hvlab-artifacts")
    options = Options(
        backend=None if backend == "all" else backend,
        kvm=config.getoption("--hvlab-kvm"),
        seed=config.getoption("--hvlab-seed"),
        artifacts=None if folder is None else Path(config.invocation_params.dir, folder),
        isolate=config.getoption("--hvlab-isolate"),
        allow_python=config.getoption(ALLOW_PYTHON),
    )
    if options.artifacts is not None:
        from hvlab.report.files import check_folder

        try:
            check_folder(options.artifacts)
        except HostError as error:
            raise pytest.UsageError(f"--hvlab-artifacts: {error}") from None
    config.stash[_OPTIONS] = options


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = Options.of(config).backend
    if wanted is None:
        return
    other = [item for item in items if backend_of(item) not in (None, wanted)]
    if other:
        config.hook.pytest_deselected(items=other)
        gone = set(other)
        items[:] = [item for item in items if item not in gone]


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Which KVM the cases meet; nothing where none is for kvm. Not before: it loads the core."""
    from hvlab.backends import kvm_status, kvm_text

    if config.get_verbosity() < 0 or Options.of(config).kvm == "off":
        return []
    if not any(backend_of(item) == "kvm" for item in items):
        return []
    return [f"hvlab: kvm: {kvm_text(kvm_status())}"]


def backend_of(item: pytest.Item) -> str | None:
    """The backend that an item is for; None if it is none of ours."""
    found: Any = item.stash.get(BACKEND, None)
    if found is None and (callspec := getattr(item, "callspec", None)) is not None:
        found = callspec.params.get("hvlab_backend")
    return found if found in NAMES else None


def shown(path: Path, config: pytest.Config) -> str:
    """As the user would write the path, where pytest was started."""
    return os.path.relpath(path, config.invocation_params.dir)
