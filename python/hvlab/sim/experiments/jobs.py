# SPDX-License-Identifier: GPL-2.0-or-later
"""One run of one cell as plain data, what comes of it, and the function that does it.

A job says everything that its result hangs on, so that it can be done anywhere, by any executor, and be
found again by its key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from hvlab.sim.measures import Percentiles

FORMAT = 2  # of jobs and their results; goes into the key


@dataclass(frozen=True)
class Job:
    """A run.

    Attributes:
        cluster: as ClusterSpec.plain gives it; seed: 0 to 2^63 - 1; duration, warmup, resolution: ns,
        simulated; resolution 0: no time series; percentiles: as of Cluster.run.
    """

    cluster: Mapping[str, Any]
    seed: int
    duration: int
    warmup: int = 0
    resolution: int = 0
    percentiles: Percentiles = "groups"

    def key(self) -> str:
        """The same for the same job, in hex; another one where the simulator is another version."""
        import hvlab

        told = {"format": FORMAT, "hvlab": hvlab.__version__, **asdict(self)}
        text = json.dumps(told, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


# Columns by name, all of one length, in order.
Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class JobResult:
    """What came of a job, as plain data.

    Attributes:
        measures: by name (`ready`, `web.ready`), None where there is no value; complete: whether it came
        to its end; end: simulated ns that it came to; events: how many it took; wall: seconds;
        series, latency: the frames of the cluster of that name, empty without one.
    """

    measures: Mapping[str, float | None]
    complete: bool
    end: int
    events: int
    wall: float
    series: Columns = field(default_factory=dict)
    latency: Columns = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> JobResult:
        """Raises KeyError, TypeError or ValueError for what `plain` did not make."""
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']}, not {FORMAT}")
        return cls(
            dict(data["measures"]),
            bool(data["complete"]),
            int(data["end"]),
            int(data["events"]),
            float(data["wall"]),
            dict(data["series"]),
            dict(data["latency"]),
        )


def replication_seed(seed: int, replication: int | str) -> int:
    """Of one replication: the same in all cells, so that they see the same random numbers.

    `replication`: from 0, or the name of another run (`pilot`).
    """
    text = f"{seed}/{replication}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
