# SPDX-License-Identifier: GPL-2.0-or-later
"""The nearest known name, for every message about an unknown one."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache

# Looking for the nearest takes time, and names come from files: what no person writes gets no hint.
_LONGEST = 64
_MOST = 200

# What other tools and people call it: no spelling is near, but the meaning is.
_MEANT: Mapping[str, tuple[str, ...]] = {
    "accelerator": ("backend",), "accel": ("backend",), "engine": ("backend",),
    "hypervisor": ("backend",),
    "append": ("cmdline",), "args": ("cmdline",), "command_line": ("cmdline",),
    "axes": ("matrix",), "parameters": ("matrix",), "params": ("matrix",), "parametrize": ("matrix",),
    "bzimage": ("linux",), "kernel": ("linux",), "vmlinuz": ("linux",),
    "binary": ("flat", "elf"), "image": ("flat",), "program": ("elf", "micro"), "hdd": ("disk",),
    "initramfs": ("initrd",), "ramdisk": ("initrd",),
    "check": ("assert",), "verify": ("assert",), "condition": ("that",), "expression": ("that",),
    "contains": ("text",), "output": ("text",), "string": ("text",),
    "match": ("regex",), "matches": ("regex",), "pattern": ("regex",),
    "command": ("send",), "input": ("send",), "type": ("send",), "keys": ("send",),
    "cleanup": ("close",), "poweroff": ("close",), "restart": ("reset",), "reboot": ("reset",),
    "deadline": ("within",), "timeout": ("within", "limits"), "time_limit": ("limits",),
    "delay": ("run_for",), "pause": ("run_for",), "sleep": ("run_for",),
    "wait": ("expect", "run_for"), "wait_for": ("expect",), "start": ("boot",), "launch": ("boot",),
    "env": ("vars",), "variables": ("vars",),
    "exit_code": ("code",), "status": ("code",),
    "guest": ("machine",), "vm": ("machine",),
    "id": ("name",), "register": ("as",), "save_as": ("as",), "store": ("as",), "title": ("name",),
    "label": ("tags",), "labels": ("tags",), "marks": ("tags",),
    "maximum": ("limit",), "max": ("limit",),
    "mem": ("memory",), "ram": ("memory",),
    "actions": ("steps",), "commands": ("steps",), "tasks": ("steps",), "test": ("steps",),
    "version": ("schema",),
}  # fmt: skip


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was most likely meant to be, or None if nothing is near."""
    names = tuple(itertools.islice(known, _MOST + 1))
    if len(name) > _LONGEST or len(names) > _MOST:
        return None
    return _nearest(name, names)


@lru_cache(maxsize=1024)  # a mistake is often made again and again
def _nearest(name: str, known: tuple[str, ...]) -> str | None:
    names = sorted(set(known))
    folded = name.casefold().replace("-", "_")
    for candidate in names:
        if candidate.casefold().replace("-", "_") == folded:
            return candidate
    found = difflib.get_close_matches(folded, [n.casefold() for n in names], n=1, cutoff=0.6)
    return next((n for n in names if n.casefold() == found[0]), None) if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)`, or nothing if no known name is near."""
    found = nearest(name, known)
    return f" (did you mean '{found}'?)" if found else ""


def which_key(key: str, known: Collection[str]) -> str:
    """Like did_you_mean, for a key of a mapping: it may also have run into its value."""
    for name in known:
        if key.startswith(f"{name}:"):
            return f" (a space is missing after '{name}:')"
        if key.startswith(f"{name} "):
            return f" (':' is missing after '{name}')"
        if key[:1] in ("-", "–", "—") and key[1:].strip() == name:
            return f" (a list item begins with '-' and a space: '- {name}')"
    names = meant(key, known)
    return f" (did you mean {one_of(names)}?)" if names else ""


def meant(key: str, known: Collection[str]) -> list[str]:
    """The keys that an unknown one was most likely meant to be, by meaning or else by spelling."""
    by_meaning = [
        name for name in _MEANT.get(key.casefold().replace("-", "_"), ()) if name in known
    ]
    by_spelling = None if by_meaning else nearest(key, known)
    return by_meaning or ([by_spelling] if by_spelling else [])


def one_of(known: Iterable[str]) -> str:
    """`'a', 'b' or 'c'`."""
    names = [f"'{name}'" for name in known]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
