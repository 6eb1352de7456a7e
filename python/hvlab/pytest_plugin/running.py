# SPDX-License-Identifier: GPL-2.0-or-later
"""How a scenario's case is run: in pytest's process, or with --hvlab-isolate in one of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hvlab.pytest_plugin.options import Options

if TYPE_CHECKING:
    from hvlab.scenario.document import Case
    from hvlab.scenario.results import CaseResult
    from hvlab.workers import Isolation

_ISOLATION = pytest.StashKey["Isolation"]()


def run(case: Case, config: pytest.Config) -> CaseResult:
    """Runs a case, again if its scenario has a `retry`. Never raises for what the case does."""
    from hvlab.scenario.runner import barred, run_in_process
    from hvlab.scenario.schedule import Schedule, Watcher

    if case.barrier is not None:
        return barred(case, case.barrier)
    if Options.of(config).isolate:
        return _isolation(config).run(case)
    (result,) = run_in_process(Schedule([case]), Watcher())
    return result


def _isolation(config: pytest.Config) -> Isolation:
    from hvlab.workers import Isolation

    if _ISOLATION not in config.stash:
        config.stash[_ISOLATION] = Isolation()
        config.add_cleanup(config.stash[_ISOLATION].close)
    return config.stash[_ISOLATION]
