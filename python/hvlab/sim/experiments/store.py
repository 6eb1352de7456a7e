# SPDX-License-Identifier: GPL-2.0-or-later
"""Results of jobs in a folder, a file each, so that a sweep can go on where it was interrupted."""

from __future__ import annotations

import json
from pathlib import Path

from hvlab.errors import HostError
from hvlab.report import files
from hvlab.sim.experiments.jobs import Job, JobResult

_FOLDER = "jobs"
_MOST = 1 << 30  # bytes of one result


class Store:
    """The results of jobs that are done. Files are there whole or not at all."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder. Raises HostError."""
        self._folder = folder / _FOLDER
        files.make_folder(self._folder)

    def get(self, job: Job) -> JobResult | None:
        """What came of it, if it was done; a file that is no result is as none."""
        path = self._path(job)
        if not path.exists():
            return None
        try:
            found = JobResult.from_plain(json.loads(files.read_regular(path, _MOST)))
        except (HostError, ValueError, KeyError, TypeError):
            return None
        return found if found.complete else None

    def put(self, job: Job, result: JobResult) -> None:
        """Keeps it. Raises HostError: a full disk, among others."""
        files.write_whole(self._path(job), json.dumps(result.plain(), separators=(",", ":")))

    def _path(self, job: Job) -> Path:
        return self._folder / f"{job.key()}.json"
