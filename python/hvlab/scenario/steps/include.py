# SPDX-License-Identifier: GPL-2.0-or-later
"""The step `include`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from hvlab.scenario.context import CheckContext, RunContext
from hvlab.scenario.fields import Identifier, ScalarValue
from hvlab.scenario.source import STEPS_SUFFIX
from hvlab.scenario.steps.base import StepBody


class Include(StepBody):
    """Puts the steps of another file in its place, as `include: login.steps.yaml`. The file has
    `schema: 1`, `steps`, and `vars` where it takes any.
    """

    keyword: ClassVar[str] = "include"
    example: ClassVar[str] = "- include: {file: greet.steps.yaml, vars: {word: hello}}\n"
    example_files: ClassVar[Mapping[str, str]] = {
        "greet.steps.yaml": r"""
schema: 1
vars: {word: world}
steps:
- expect: {text: "ready", within: 1s}
- send: "${word}\n"
- expect: {text: "echo: ${word}", within: 1s}
""".lstrip()
    }
    shorthand: ClassVar[str | None] = "file"

    file: str = Field(
        min_length=1,
        json_schema_extra={"pattern": f"{re.escape(STEPS_SUFFIX)}$"},
        description=f"A file NAME{STEPS_SUFFIX}, from the folder of the file that includes it, inside "
        "the scenario's folder.",
        examples=["login.steps.yaml"],
    )
    vars: dict[Identifier, ScalarValue] = Field(
        default_factory=dict,
        description="Values for the file's `vars`; what is not given is as the file says.",
    )

    def title(self) -> str:
        return f"include {self.file}"

    def check(self, context: CheckContext) -> None:
        raise AssertionError("the steps are in its place before anything is checked")

    def run(self, context: RunContext) -> None:
        raise AssertionError("the steps are in its place before anything is run")
