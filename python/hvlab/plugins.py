# SPDX-License-Identifier: GPL-2.0-or-later
"""What other packages add by entry points: devices (group `hvlab.devices`), each by its name."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from hvlab.errors import PluginError
from hvlab.scenario.nearest import did_you_mean

if TYPE_CHECKING:
    from hvlab.device import Device

DEVICES = "hvlab.devices"


def names(group: str) -> list[str]:
    """The names that installed packages have in a group, sorted. Imports nothing of theirs."""
    return sorted({entry.name for entry in entry_points(group=group)})


def load(group: str, name: str) -> object:
    """The object of that name. Raises PluginError: unknown, there twice, or its import fails."""
    found = list(entry_points(group=group, name=name))
    if not found:
        known = names(group)
        there = f"there are: {', '.join(known)}" if known else "no package adds any"
        raise PluginError(
            f"no '{name}' in {group}{did_you_mean(name, known)}; {there}", group, name
        )
    if len({entry.value for entry in found}) > 1:
        by = " and ".join(sorted(_package(entry) for entry in found))
        raise PluginError(f"'{name}' in {group} is there twice, by {by}", group, name)
    try:
        return found[0].load()
    except Exception as error:
        message = f"'{name}' in {group}, of {_package(found[0])}, cannot be loaded: {error!r}"
        raise PluginError(message, group, name) from error


def load_device(name: str) -> type[Device]:
    """The Device subclass of that name. Raises PluginError as `load` does, or if it is none."""
    from hvlab.device import Device

    found = load(DEVICES, name)
    if not (isinstance(found, type) and issubclass(found, Device)):
        message = f"'{name}' in {DEVICES} is {found!r}, which is no subclass of hvlab.Device"
        raise PluginError(message, DEVICES, name)
    return found


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value
