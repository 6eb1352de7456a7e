# SPDX-License-Identifier: GPL-2.0-or-later
"""The Python of a scenario's folder: looked at without being run, then imported and called."""

from __future__ import annotations

import ast
import importlib.util
import os
import stat
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from hvlab.errors import HvlabError
from hvlab.scenario.nearest import did_you_mean

MAX_BYTES = 1 << 20


def not_allowed(option: str = "--allow-python") -> str:
    """Why a `python` step is not run; `option` is what would let it."""
    return f"this runs Python of the scenario's folder: give {option} if you trust it"


class CallError(HvlabError):
    """The function of a `python` step is not there, or cannot be called so.

    Attributes:
        field: which field of the step is wrong: `call`, or `with` and a name.
    """

    def __init__(self, message: str, *field: str) -> None:
        super().__init__(message)
        self.field = field or ("call",)


@dataclass(frozen=True)
class _Signature:
    """What a function takes besides the context; `names` without those that have a default are needed."""

    names: tuple[str, ...] = ()
    needed: frozenset[str] = frozenset()
    any_name: bool = False


@dataclass(frozen=True)
class _Module:
    """The top level of a module's text. `open`: it may have names that cannot be seen in the text."""

    functions: Mapping[str, _Signature | None] = field(default_factory=dict)
    open: bool = False


def split(call: str) -> tuple[str, str]:
    """`module:function`. Raises CallError."""
    module, separator, function = call.partition(":")
    parts = module.split(".")
    if not separator or not all(part.isidentifier() for part in (*parts, function)):
        raise CallError(f"'{call}' is not MODULE:FUNCTION, as in checks:no_oops")
    return module, function


def inspect(call: str, given: tuple[str, ...], folder: Path) -> None:
    """Finds what is wrong with a call as far as the module's text tells. Imports nothing. Raises
    CallError.
    """
    module, function = split(call)
    path = file_of(module, folder)
    status = path.stat()
    seen = _read(path, status.st_mtime_ns, status.st_size)
    if function not in seen.functions:
        if seen.open:
            return
        hint = did_you_mean(function, seen.functions)
        raise CallError(f"no function '{function}' in {path.name}{hint}")
    takes = seen.functions[function]
    if takes is None:
        return
    for name in given:
        if name not in takes.names and not takes.any_name:
            hint = (
                did_you_mean(name, takes.names) or f"; it takes {', '.join(takes.names) or 'none'}"
            )
            raise CallError(f"{function}() takes no '{name}'{hint}", "with", name)
    missing = sorted(takes.needed - set(given))
    if missing:
        raise CallError(f"{function}() needs a value for '{missing[0]}': give it under 'with'")


def file_of(module: str, folder: Path) -> Path:
    """The file of a module in the scenario's folder. Raises CallError."""
    base = folder.joinpath(*module.split("."))
    found = next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()), None)
    if found is None:
        try:
            names = [entry.stem for entry in base.parent.iterdir() if entry.suffix == ".py"]
        except OSError:
            names = []
        hint = did_you_mean(base.name, names)
        raise CallError(f"no module '{module}' in the scenario's folder{hint}")
    if not found.resolve().is_relative_to(folder.resolve()):
        raise CallError(f"the module '{module}' is a link out of the scenario's folder")
    return found


@lru_cache(maxsize=256)
def _read(path: Path, modified: int, size: int) -> _Module:
    del modified  # what the cached answer was for
    if size > MAX_BYTES:
        raise CallError(f"{path.name} is too large: {size} bytes, and at most {MAX_BYTES} are read")
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise CallError(f"{path.name} is not a regular file")
        data = file.read(MAX_BYTES)
    try:
        tree = ast.parse(data)
    except SyntaxError as error:
        raise CallError(f"{path.name}:{error.lineno}: {error.msg}") from None
    except (RecursionError, MemoryError):  # so Python's parser says it
        raise CallError(f"{path.name} cannot be parsed: it is nested too deeply") from None
    functions: dict[str, _Signature | None] = {}
    is_open = False
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            # What a decorator makes of it cannot be seen.
            functions[node.name] = None if node.decorator_list else _signature(node.args)
        elif not isinstance(node, ast.Expr | ast.Import):
            is_open |= not _is_plain(node)
            functions |= dict.fromkeys(_bound(node))
    return _Module(functions, is_open)


def _is_plain(node: ast.stmt) -> bool:
    """Whether it binds no names but those that its text shows."""
    if isinstance(node, ast.ImportFrom):
        return all(alias.name != "*" for alias in node.names)
    return isinstance(node, ast.ClassDef | ast.Assign | ast.AnnAssign)


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in node.names)
    elif isinstance(node, ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            yield from (name.id for name in ast.walk(target) if isinstance(name, ast.Name))


def _signature(arguments: ast.arguments) -> _Signature | None:
    """None where it cannot take a context as its first argument: calling it will say why."""
    positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    if not positional:
        return None
    by_name = [argument.arg for argument in arguments.args if argument.arg in positional[1:]]
    with_default = positional[len(positional) - len(arguments.defaults) :]
    needed = {name for name in by_name if name not in with_default}
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        by_name.append(argument.arg)
        if default is None:
            needed.add(argument.arg)
    return _Signature(tuple(by_name), frozenset(needed), arguments.kwarg is not None)


# Importing and calling.

_imported: dict[Path, dict[str, ModuleType]] = {}


@contextmanager
def of_folder(folder: Path) -> Iterator[None]:
    """Lets code import the modules of a folder, for the length of the block.

    Each folder's stay its own: two scenarios may have a `checks.py` each.
    """
    folder = folder.resolve()
    own = _imported.setdefault(folder, {})
    hidden = {name: sys.modules[name] for name in own if name in sys.modules}
    sys.modules.update(own)
    sys.path.insert(0, os.fspath(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(os.fspath(folder))
        for name, module in list(sys.modules.items()):
            if name not in hidden and _is_of(module, folder):
                own[name] = sys.modules.pop(name)
        sys.modules.update(hidden)


def _is_of(module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and Path(file).is_relative_to(folder)


def load(call: str, folder: Path) -> Any:
    """The function; inside `of_folder`. Raises CallError, and what the module raises."""
    name, function = split(call)
    path = file_of(name, folder).resolve()
    module = sys.modules.get(name)
    if module is None or not _is_of(module, folder.resolve()):
        module = _import(name, path)
    found = getattr(module, function, None)
    if not callable(found):
        what = "is not a function" if found is not None else "is not there"
        raise CallError(f"'{function}' in {path.name} {what}")
    return found


def _import(name: str, path: Path) -> ModuleType:
    # By its file: a module of the same name somewhere else must not be taken for it.
    for parent in [name.rsplit(".", n)[0] for n in range(name.count("."), 0, -1)]:
        importlib.import_module(parent)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # it is a .py file
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def own_frames(error: BaseException, folder: Path) -> str:
    """The traceback from the first frame of the folder's code on: none of ours."""
    place: TracebackType | None = error.__traceback__
    top = os.fspath(folder.resolve())
    while place is not None and not place.tb_frame.f_code.co_filename.startswith(top):
        place = place.tb_next
    lines = traceback.format_exception(type(error), error, place)
    return "".join(lines).rstrip()


def failed_line(error: BaseException, folder: Path) -> str:
    """`FILE:LINE: text` of the folder's frame that raised; empty if there is none."""
    top = os.fspath(folder.resolve())
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(top)]
    if not frames:
        return ""
    frame = frames[-1]
    return f"{os.path.relpath(frame.filename, top)}:{frame.lineno}: {frame.line}"
