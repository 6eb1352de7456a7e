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


def load(point: EntryPoint, base: type) -> Any:
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


def load_device(name: str) -> type[Device]:
    """The device of that name. Raises PluginError: unknown, or as `find` and `load` do."""
    from hvlab.device import Device

    known = find(DEVICES, taken=())
    if name not in known:
        there = f"there are: {', '.join(sorted(known))}" if known else "no plugin has any"
        hint = did_you_mean(name, known)
        raise PluginError(f"unknown device '{name}'{hint}; {there}", "", DEVICES, name)
    device: type[Device] = load(known[name], Device)
    return device


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
