# SPDX-License-Identifier: GPL-2.0-or-later
"""The fixtures. A test that uses one is run once for each backend."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hvlab.pytest_plugin import MachineFactory
from hvlab.pytest_plugin.marks import wanted
from hvlab.pytest_plugin.options import BACKEND, Options

if TYPE_CHECKING:
    from hvlab.host import Host
    from hvlab.pytest_plugin.watch import Watch

# Why a test was not run: reported at its own line, not where the plugin noticed.
BARRED = pytest.StashKey[str]()
WATCH = pytest.StashKey["Watch"]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "hvlab_backend" in metafunc.fixturenames:
        metafunc.parametrize("hvlab_backend", wanted(metafunc.definition).backends, indirect=True)


@pytest.fixture
def hvlab_backend(request: pytest.FixtureRequest) -> str:
    """The name of the backend that this run of the test is for.

    The test is run once for each (the mark hvlab names fewer), and skipped with the reason where the
    host lacks it (--hvlab-kvm).
    """
    node: pytest.Item = request.node
    backend = str(getattr(request, "param", "")) or _unasked(node)
    pass_barrier(node, backend)
    node.stash[BACKEND] = backend
    return backend


@pytest.fixture
def hvlab_machine(request: pytest.FixtureRequest, hvlab_backend: str) -> MachineFactory:
    """Makes machines: `hvlab_machine(image=..., memory="64MiB")`, arguments as `hvlab.Machine`.

    On the backend of this run of the test, with a seed that is a hash of the test's id (--hvlab-seed,
    the mark hvlab). They are closed when the test ends; of one that fails, the report has their
    consoles, screens and registers.
    """
    from hvlab.pytest_plugin.watch import LoneMachines

    return LoneMachines(_watch(request, hvlab_backend))


@pytest.fixture
def hvlab_host(request: pytest.FixtureRequest, hvlab_backend: str) -> Host:
    """A host for several machines: `hvlab_host.machine("a", image=...)`; otherwise as
    `hvlab_machine`.
    """
    return _watch(request, hvlab_backend).host()


def _watch(request: pytest.FixtureRequest, backend: str) -> Watch:
    from hvlab.pytest_plugin.watch import Watch

    node: pytest.Item = request.node
    if WATCH not in node.stash:
        watch = Watch(backend, seed_of(node), lambda name: pass_barrier(node, name))
        node.stash[WATCH] = watch
        request.addfinalizer(watch.close)
    return node.stash[WATCH]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if WATCH in item.stash:  # it is run again (pytest-rerunfailures and the like)
        del item.stash[WATCH]


def _unasked(node: pytest.Item) -> str:
    """The backend of a test that asks for a fixture only while it runs (`getfixturevalue`)."""
    chosen = Options.of(node.config).backend
    names = [name for name in wanted(node).backends if chosen in (None, name)]
    if not names:
        _bar(node, f"not for the backend {chosen}, which --hvlab-backend asks for")
    return names[0]


def pass_barrier(node: pytest.Item, backend: str) -> None:
    """Skips or fails the test where the host lacks the backend."""
    barrier = Options.of(node.config).barrier(backend, wanted(node).kvm)
    if barrier is not None and barrier.failed:
        pytest.fail(barrier.reason, pytrace=False)
    if barrier is not None:
        _bar(node, barrier.reason)


def _bar(node: pytest.Item, reason: str) -> None:
    node.stash[BARRED] = reason
    pytest.skip(reason)


def seed_of(node: pytest.Item) -> int:
    """--hvlab-seed, or the mark's, or else a hash of the test's id. There the file counts by its
    name alone, so it is the same everywhere.
    """
    for given in (Options.of(node.config).seed, wanted(node).seed):
        if given is not None:
            return given
    file, _, rest = node.nodeid.partition("::")
    text = f"{Path(file).name}::{rest}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
