# SPDX-License-Identifier: GPL-2.0-or-later
"""What every step is: a mapping with one key. The key's name finds the body's model in the
registry.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from hvlab.scenario.context import CheckContext, RunContext
from hvlab.scenario.fields import Shortened


class StepBody(Shortened):
    """The body of a step. A subclass's docstring is the step's documentation.

    Attributes:
        keyword: the step's key; example: entries of `steps` that show it, with the guest `echo`;
        example_files: what they need beside the scenario, by name.
    """

    keyword: ClassVar[str]
    example: ClassVar[str] = ""
    example_files: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def title(self) -> str:
        """The step in one line, for reports and progress."""

    @abstractmethod
    def check(self, context: CheckContext) -> None:
        """Finds what is wrong with the step where it stands; touches no guest and imports nothing
        of it.
        """

    @abstractmethod
    def run(self, context: RunContext) -> None:
        """Does it. What did not happen as expected is `context.fail`."""


class MachineStep(StepBody):
    """The body of a step about one machine."""

    machine: str | None = Field(
        default=None,
        min_length=1,
        description="Which machine; needed where there are several.",
    )

    def of_machine(self) -> str:
        """For titles: which one it is, where it is said."""
        return "" if self.machine is None else f"{self.machine}: "


def quote(text: str, most: int = 60) -> str:
    """`text` in double quotes on one line, shortened."""
    shown = text if len(text) <= most else text[: most - 3] + "..."
    escaped = (
        shown.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    )
    return f'"{escaped}"'
