# SPDX-License-Identifier: GPL-2.0-or-later
"""The pytest plugin: collects `*.hvlab.yaml`, and gives tests machines that clean up after
themselves. docs/pytest.md is its manual.

    options     the command line, the mark's registration, what is deselected
    marks       what @pytest.mark.hvlab says of a test
    scenarios   files, and their cases as items; a failure at its YAML line
    running     a case, in this process or isolated
    fixtures    hvlab_machine, hvlab_host, hvlab_backend
    watch       the machines of a test: looked at before they close
    reporting   what reports say of both kinds of items

Loaded at every start of pytest, so nothing here imports the core before there is something to run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import os

    from hvlab.machine import Boot, Machine, Unhandled

pytest_plugins = [
    f"hvlab.pytest_plugin.{name}" for name in ("options", "scenarios", "fixtures", "reporting")
]


class MachineFactory(Protocol):
    """What the fixture `hvlab_machine` gives: arguments as `hvlab.Machine` has them."""

    def __call__(
        self,
        *,
        memory: str | int = ...,
        backend: str = ...,
        image: str | os.PathLike[str] | None = None,
        boot: Boot | None = None,
        seed: int = ...,
        cpu: str = ...,
        name: str = ...,
        unhandled: Unhandled = ...,
    ) -> Machine: ...
