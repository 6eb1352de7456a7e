# SPDX-License-Identifier: GPL-2.0-or-later
"""The runs of a validation: how many and how long, and what every one of them must keep."""

from __future__ import annotations

from dataclasses import dataclass, field

from hvlab.sim.cluster import Cluster
from hvlab.sim.model import kinds
from hvlab.sim.model.description import Fidelity
from hvlab.sim.result import Result


@dataclass
class Runs:
    """Makes runs, and checks the identities of each.

    Attributes:
        replications: of each random model; scale: of their lengths, 1 for a full validation.
        identities: the worst that was found of each identity, with its bound and where; count: runs made.
    """

    replications: int = 10
    scale: float = 1.0
    fidelities: tuple[Fidelity, ...] = ("fluid", "quantum")
    identities: dict[str, tuple[float, float, str]] = field(default_factory=dict)
    count: int = 0

    @property
    def work_conserving(self) -> list[str]:
        """The schedulers that promise it."""
        return [k.name for k in kinds.schedulers().values() if "work_conserving" in k.promises]

    def promising(self, promise: str) -> list[str]:
        """The schedulers that promise that."""
        return [k.name for k in kinds.schedulers().values() if promise in k.promises]

    def run(
        self, cluster: Cluster, duration: int, *, warmup: int = 0, resolution: int = 0
    ) -> Result:
        """One run, in ns. Raises SimulationError, and KeyboardInterrupt if it was interrupted."""
        result = cluster.run(duration, warmup=warmup, resolution=resolution or None)
        if result.outcome == "interrupted":
            raise KeyboardInterrupt
        self.count += 1
        frame = result.frame("identities")
        for name, worst, bound, where in zip(
            frame["identity"], frame["worst"], frame["bound"], frame["where"], strict=True
        ):
            seen = self.identities.get(name)
            if seen is None or worst - bound > seen[0] - seen[1]:
                self.identities[name] = (float(worst), float(bound), f"{cluster!r}: {where}")
        return result
