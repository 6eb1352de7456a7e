# SPDX-License-Identifier: GPL-2.0-or-later
"""Files made to hurt: each is refused with a typed error, at a place, in a text that a terminal can
show. What refusing them costs is measured by bench/scenario_bench.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from hostile_documents import DOCUMENTS
from hvlab.errors import ScenarioError
from hvlab.scenario.document import load
from hvlab.scenario.problems import printable


@pytest.mark.parametrize("name", DOCUMENTS)
def test_refused_with_a_typed_error(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    document = DOCUMENTS[name]
    data = document.encode() if isinstance(document, str) else document
    Path("case.hvlab.yaml").write_bytes(data)
    with pytest.raises(ScenarioError) as caught:
        load("case.hvlab.yaml")
    assert caught.value.file == "case.hvlab.yaml"
    assert caught.value.message
    text = str(caught.value)
    assert printable(text) == text
    assert len(text) < 100_000


def test_there_are_enough_of_them() -> None:
    assert len(DOCUMENTS) >= 100
