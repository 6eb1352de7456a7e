# SPDX-License-Identifier: GPL-2.0-or-later
"""What a scenario's `python` step hands to its function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NoReturn

from hvlab.errors import ExpectationFailed, HvlabError

if TYPE_CHECKING:
    from hvlab.console import Console
    from hvlab.machine import Machine

Scalar = None | bool | int | float | str


class NamedValue(Mapping[str | int, Scalar]):
    """What a step named by `as`: its fields by name, the groups of a regular expression by number too."""

    def __init__(self, fields: Mapping[str, Scalar], items: tuple[Scalar, ...] = ()) -> None:
        self._values: dict[str | int, Scalar] = {}
        self._values.update(fields)
        self._values.update(enumerate(items))

    def __getitem__(self, key: str | int) -> Scalar:
        return self._values[key]

    def __iter__(self) -> Iterator[str | int]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"NamedValue({self._values!r})"


class CaseContext:
    """The running case, for the function of a `python` step.

        def no_oops(context: hvlab.CaseContext) -> None:
            assert "Oops" not in context.console.output

    An AssertionError is a failure of the case, every other exception an error. What the function
    returns, a single value or a mapping of names to values, is named by the step's `as`.

    Attributes:
        machines: those that are up, by name; a lone one is called "machine".
        values: what steps before have named, and `matrix` and `vars`: `values["digest"]["sum"]`.
        seed: of the case, for a random generator of the function's own.
        case: the case's id; folder: the scenario's.
    """

    def __init__(
        self,
        machines: Mapping[str, Machine],
        values: Mapping[str, NamedValue],
        seed: int,
        case: str,
        folder: Path,
    ) -> None:
        self.machines: Mapping[str, Machine] = MappingProxyType(dict(machines))
        self.values: Mapping[str, NamedValue] = MappingProxyType(dict(values))
        self.seed = seed
        self.case = case
        self.folder = folder

    @property
    def machine(self) -> Machine:
        """The only machine. Raises HvlabError where there are several, or none is up."""
        if len(self.machines) != 1:
            known = ", ".join(self.machines) or "none"
            raise HvlabError(f"which machine? up are: {known}; use context.machines[NAME]")
        return next(iter(self.machines.values()))

    @property
    def console(self) -> Console:
        """The console of the only machine. Raises as `machine` does."""
        return self.machine.console

    def fail(self, message: str) -> NoReturn:
        """Ends the case: what was expected did not happen."""
        raise ExpectationFailed(message)

    def __repr__(self) -> str:
        return f"<CaseContext of {self.case}>"
