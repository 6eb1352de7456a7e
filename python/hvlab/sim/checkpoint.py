# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs on disk: written where they stand, and gone on with later, to the same bits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hvlab import _core
from hvlab.errors import SimulationError

if TYPE_CHECKING:
    from hvlab.sim.result import Progress, Result

FORMAT = 2


def told(cluster: dict[str, Any], seed: int, options: Mapping[str, Any]) -> str:
    """What is written into the file: all that it takes to build the cluster again."""
    names = ("until", "warmup", "resolution", "percentiles")
    kept = {name: options[name] for name in names if name in options}
    return json.dumps({"format": FORMAT, "cluster": cluster, "seed": seed, "options": kept})


def resume(
    path: str | Path,
    *,
    threads: int = 1,
    memory: int = 0,
    progress: Progress | None = None,
) -> Result:
    """Goes on with a run that `Result.save` wrote, to its end: its result is the same as if it had never
    stopped, whatever the number of threads.

    Args:
        threads, progress: as of Cluster.run; memory: in bytes, 0: what the host has.

    Raises HostError: the file can't be read. SimulationError: it is no such file, is damaged, or was
    written by another version.
    """
    from hvlab.sim.result import finish

    text = _core.SimCluster.saved_description(str(path))
    try:
        saved = json.loads(text)
        if saved["format"] != FORMAT:
            raise ValueError(f"format {saved['format']}, not {FORMAT}")
        cluster, seed, options = saved["cluster"], saved["seed"], saved["options"]
        core = _core.SimCluster(cluster, seed=seed, threads=threads, memory=memory, **options)
    except (KeyError, TypeError, ValueError) as error:
        raise SimulationError(f"{path}: what is described in it can't be read: {error}") from None
    core.restore(str(path))
    return finish(core, text, progress, None)
