# SPDX-License-Identifier: GPL-2.0-or-later
"""Every mistake of the corpus is refused with exactly the message that the corpus has."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import BASE
from hvlab.errors import ScenarioError
from hvlab.scenario.document import Document

FOLDER = Path(__file__).parent / "corpus"
CORPORA = tuple(FOLDER / f"{name}.txt" for name in ("mistakes", "first-hour", "experiments"))


@dataclass(frozen=True)
class Mistake:
    title: str
    document: str
    expected: str


def corpus(file: Path) -> tuple[str, list[Mistake]]:
    preface, *parts = file.read_text(encoding="utf-8").split("=== ")
    mistakes = []
    for part in parts:
        title, _, rest = part.partition("\n")
        document, _, expected = rest.partition("---\n")
        mistakes.append(Mistake(title, document, expected))
    return preface, mistakes


MISTAKES = [mistake for file in CORPORA for mistake in corpus(file)[1]]


def message(read: Callable[[str], Document], mistake: Mistake) -> str:
    with pytest.raises(ScenarioError) as caught:
        read(mistake.document.replace("%base\n", BASE))
    assert caught.value.file == "case.hvlab.yaml"
    assert caught.value.line > 0
    return f"{caught.value}\n"


def test_titles_are_unique() -> None:
    assert len({mistake.title for mistake in MISTAKES}) == len(MISTAKES) > 200


# Either what is written is checked, or it is written.
if "HVLAB_UPDATE_GOLDEN" not in os.environ:

    @pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.title)
    def test_message(mistake: Mistake, read: Callable[[str], Document]) -> None:
        assert message(read, mistake) == mistake.expected

else:

    @pytest.mark.parametrize("file", CORPORA, ids=lambda file: file.stem)
    def test_update(file: Path, read: Callable[[str], Document]) -> None:
        preface, mistakes = corpus(file)
        parts = [
            f"=== {mistake.title}\n{mistake.document}---\n{message(read, mistake)}"
            for mistake in mistakes
        ]
        file.write_text(preface + "".join(parts), encoding="utf-8")
