# SPDX-License-Identifier: GPL-2.0-or-later
"""Workloads that are functions of the user's, asked for many VMs at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hvlab.errors import HvlabError, SimulationError

FED = "fed"  # the core's workload that asks it
FOR_PYTHON = f"the workload '{FED}' is for Python: sim.VM(workload=FUNCTION)"

# Called with (numbers of VMs in their group, how many pairs each of them had before, pairs): gives think
# times and work, in ns, each a row of `pairs` for each of these VMs. Where these hang on the VM and on the
# number of the pair alone, a run is the same each time, and can be resumed.
Function = Callable[
    [NDArray[np.uint32], NDArray[np.uint64], int],
    tuple[ArrayLike, ArrayLike],
]
# Called with the group's name before these.
Feed = Callable[
    [str, NDArray[np.uint32], NDArray[np.uint64], int],
    tuple[NDArray[Any], NDArray[Any]],
]


def feed_of(functions: Mapping[str, Function]) -> Feed:
    """What the core calls, for the functions of these groups."""

    def feed(
        group: str, vms: NDArray[np.uint32], first: NDArray[np.uint64], pairs: int
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        try:
            given = functions[group](vms, first, pairs)
        except HvlabError:
            raise
        except Exception as error:
            message = f"the workload of '{group}' failed: {type(error).__name__}: {error}"
            raise SimulationError(message) from error
        return _checked(given, group, len(vms), pairs)

    return feed


def _checked(given: Any, group: str, vms: int, pairs: int) -> tuple[NDArray[Any], NDArray[Any]]:
    wanted = f"(think times, work), two arrays of {vms} x {pairs} numbers"
    if not isinstance(given, tuple | list) or len(given) != 2:
        got = f"a {type(given).__name__}" + (
            f" of {len(given)}" if hasattr(given, "__len__") else ""
        )
        raise SimulationError(f"the workload of '{group}' gives {wanted}, and gave {got}")
    arrays = []
    for what, values in zip(("think times", "work"), given, strict=True):
        try:
            array = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            message = f"the workload of '{group}' gives {wanted}; its {what} are no numbers"
            raise SimulationError(message) from None
        if array.shape != (vms, pairs):
            shape = " x ".join(map(str, array.shape)) or "one number"
            message = f"the workload of '{group}' gives {wanted}; its {what} are {shape}"
            raise SimulationError(message)
        arrays.append(array)
    return arrays[0], arrays[1]
