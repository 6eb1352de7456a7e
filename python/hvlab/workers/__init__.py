# SPDX-License-Identifier: GPL-2.0-or-later
"""Cases in processes of their own: a crash of the core is that case's error and nothing else's.

A zygote has everything imported and forks a fresh process, a worker, for each attempt at a case
(docs/design/runner.md). For one case at a time, as a test runner of its own needs it::

    with Isolation() as isolation:
        result = isolation.run(case)

`run` returns what `hvlab.scenario.runner.run_case` would, and also a result when the process
crashes, hangs beyond its wall limit, or says what cannot be. `retry` of the scenario is heeded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hvlab.closing import Closing

if TYPE_CHECKING:
    from hvlab.scenario.document import Case
    from hvlab.scenario.results import CaseResult
    from hvlab.scenario.schedule import Watcher


class Isolation(Closing):
    """Runs cases in workers, one at a time; the zygote is started by the first one and kept.

    For one thread. `close` ends what runs, and leaves no process.
    """

    def __init__(self) -> None:
        from hvlab.workers.pool import Pool

        self._pool = Pool(1)

    def run(self, case: Case, watcher: Watcher | None = None) -> CaseResult:
        """Runs a case, again if its scenario says so. On Ctrl-C, SIGTERM or SIGHUP the result is
        `interrupted`; on a second one KeyboardInterrupt is raised, and `close` is all that is left to do.
        """
        from hvlab.scenario.schedule import Schedule, Watcher
        from hvlab.workers.interruptions import Interruptions

        schedule = Schedule([case])
        with Interruptions() as interruptions:
            (result,) = self._pool.run(schedule, watcher or Watcher(), interruptions)
        return result

    def close(self) -> None:
        self._pool.close()
