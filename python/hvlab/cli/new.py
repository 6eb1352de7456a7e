# SPDX-License-Identifier: GPL-2.0-or-later
"""`hvlab new`: a first scenario, and beside it the JSON Schema that an editor reads."""

from __future__ import annotations

import json
import re
from pathlib import Path

from hvlab.cli import OK
from hvlab.errors import HostError, HvlabError
from hvlab.fixtures import fixture_names, list_fixtures
from hvlab.scenario.document import load
from hvlab.scenario.problems import printable
from hvlab.scenario.schema import json_schema
from hvlab.scenario.source import SUFFIX

SCHEMA = "hvlab.schema.json"
_TEMPLATES = Path(__file__).parent / "templates"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}")
_FIXTURE = re.compile(r'"fixture:([\w-]+)"')


class NewError(HvlabError):
    """A first scenario cannot be written there, or by that name."""


def new(target: str, kind: str) -> int:
    """Writes NAME.hvlab.yaml and the schema beside it. Raises NewError, HostError."""
    path = Path(target.removesuffix(SUFFIX) + SUFFIX)
    name = path.name.removesuffix(SUFFIX)
    if not _NAME.fullmatch(name):
        raise NewError(
            f"'{printable(name)}' can't be a scenario's name: letters, digits, '_', '-' and '.', "
            "beginning with a letter or a digit"
        )
    if not path.parent.is_dir():
        raise NewError(f"there is no folder '{printable(str(path.parent))}'")
    text = (_TEMPLATES / f"{kind}.yaml").read_text(encoding="utf-8")
    text = text.replace("NAME", name, 1).replace("SCHEMA", f"./{SCHEMA}", 1)
    _write(path, text)
    print(f"{path}: written")
    print(_schema(path.parent / SCHEMA))
    load(path)  # what is written is right, or this says why it is not
    for fixture in sorted(set(_FIXTURE.findall(text)) & set(fixture_names())):
        if all(info.path is None for info in list_fixtures() if info.name == fixture):
            print(f"its guest is not here yet; to fetch it: hvlab fixtures fetch {fixture}")
    print(f"\nto run it: hvlab run -v {path}")
    return OK


def _schema(path: Path) -> str:
    """Writes the schema unless another one is there; returns what to say of it."""
    text = json.dumps(json_schema(), indent=2) + "\n"
    try:
        _write(path, text)
    except NewError:
        if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text:
            return f"{path}: is there already"
        return f"{path}: another one is there, and stays; to bring it up to date: hvlab schema > {path}"
    return f"{path}: the language, for editors"


def _write(path: Path, text: str) -> None:
    """Makes a file that was not there. Raises NewError if it is there, HostError if it cannot."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise NewError(f"{path}: is there already, and is not overwritten") from None
    except OSError as error:
        raise HostError(
            f"cannot write {path}: {error.strerror}", "write", error.errno or 0
        ) from None
