# SPDX-License-Identifier: GPL-2.0-or-later
"""Hosts on which switching costs nothing, as theory has them."""

from __future__ import annotations

from hvlab.sim.cluster import Choice, Host


def free_host(name: str, *, cores: int, scheduler: Choice) -> Host:
    return Host(
        name,
        cores=cores,
        scheduler=scheduler,
        context_switch="0ns",
        migration="0ns",
        remote_migration="0ns",
    )
