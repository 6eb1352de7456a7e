# SPDX-License-Identifier: GPL-2.0-or-later
"""What other distributions add to hvlab, by entry points.

    [project.entry-points."hvlab.steps"]
    press = "my_package.steps:Press"        # keyword = a subclass of hvlab.scenario.steps.base.StepBody

    [project.entry-points."hvlab.devices"]
    my-card = "my_package.card:Card"        # name = a subclass of hvlab.Device

A plugin that cannot be used is an error with its name: a scenario must not run without what it was
written for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, NoReturn

from hvlab.errors import PluginError
from hvlab.scenario.nearest import did_you_mean

if TYPE_CHECKING:
    from hvlab.device import Device

STEPS = "hvlab.steps"
DEVICES = "hvlab.devices"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")


def find(group: str, taken: Collection[str]) -> Mapping[str, EntryPoint]:
    """The entry points of a group by name. Imports nothing. Raises PluginError.

    Args:
        taken: names that are hvlab's own.
    """
    found: dict[str, EntryPoint] = {}
    for point in _points(group):
        what = group.removeprefix("hvlab.").removesuffix("s")
        if not _NAME.fullmatch(point.name):
            fault = "which is no name: lower-case letters, digits, '_' and '-'"
            _refuse(point, f"has a {what} '{point.name[:64]}', {fault}")
        if point.name in taken:
            _refuse(point, f"has a {what} '{point.name}', and that is hvlab's own")
        if point.name in found:
            other = _plugin(found[point.name])
            _refuse(point, f"has a {what} '{point.name}', and so has the plugin {other}")
        found[point.name] = point
    return found


def load_class(point: EntryPoint, base: type) -> Any:
    """The class that an entry point names, a subclass of `base`. Raises PluginError."""
    try:
        loaded = point.load()
    except Exception as error:
        kind = type(error).__name__
        fault = f"cannot be loaded: '{point.value}': {kind}: {error}"
        raise PluginError(*_about(point, fault)) from error
    if not isinstance(loaded, type) or not issubclass(loaded, base):
        _refuse(point, f"is wrong: '{point.value}' is no subclass of {base.__qualname__}")
    missing = sorted(getattr(loaded, "__abstractmethods__", ()))
    if missing:
        _refuse(point, f"is wrong: '{point.value}' has no {', '.join(missing)}()")
    return loaded


def _points(group: str) -> Iterator[EntryPoint]:
    # The same distribution may be on the path twice, as with an editable installation.
    seen: set[tuple[str, str, str]] = set()
    for point in sorted(entry_points(group=group), key=lambda point: (point.name, point.value)):
        key = (_plugin(point), point.name, point.value)
        if key not in seen:
            seen.add(key)
            yield point


def _refuse(point: EntryPoint, fault: str) -> NoReturn:
    raise PluginError(*_about(point, fault))


def _about(point: EntryPoint, fault: str) -> tuple[str, str, str, str]:
    plugin = _plugin(point)
    return f"the plugin {plugin} {fault}", plugin, point.group, point.name


def _plugin(point: EntryPoint) -> str:
    distribution = point.dist
    return f"{distribution.name} {distribution.version}" if distribution else "of unknown origin"


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
            f"no '{name}' in {group}{did_you_mean(name, known)}; {there}", group=group, name=name
        )
    if len({entry.value for entry in found}) > 1:
        by = " and ".join(sorted(_package(entry) for entry in found))
        raise PluginError(f"'{name}' in {group} is there twice, by {by}", group=group, name=name)
    try:
        return found[0].load()
    except Exception as error:
        message = f"'{name}' in {group}, of {_package(found[0])}, cannot be loaded: {error!r}"
        raise PluginError(message, group=group, name=name) from error


def load_device(name: str) -> type[Device]:
    """The Device subclass of that name. Raises PluginError as `load` does, or if it is none."""
    from hvlab.device import Device

    found = load(DEVICES, name)
    if not (isinstance(found, type) and issubclass(found, Device)):
        message = f"'{name}' in {DEVICES} is {found!r}, which is no subclass of hvlab.Device"
        raise PluginError(message, group=DEVICES, name=name)
    return found


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value
