"""A learner's files as modules: run from their own folder, with the imports that an exercise allows."""

from __future__ import annotations

import builtins
import linecache
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from ..calls import is_own, place_of, raised, source_around
from ..failures import CheckFailed
from .limits import leads_out

ALWAYS = [
    "__future__", "abc", "bisect", "collections", "copy", "dataclasses", "enum", "functools", "heapq", "itertools",
    "math", "numpy", "operator", "random", "re", "statistics", "string", "textwrap", "time", "typing", "unicodedata",
]  # fmt: skip


class Submission:
    """The modules of one folder. Each file is run once; a file may import the others by their dotted names."""

    def __init__(self, folder: Path, allowed: Iterable[str] = ()) -> None:
        self.folder = folder.resolve()
        self.allowed = {*ALWAYS, *allowed}
        self.modules: dict[str, ModuleType] = {}

    def load(self, name: str) -> ModuleType:
        """The module of a dotted name, as "ch3_rules.ex2_mul".

        Raises CheckFailed, with their line, if its file is missing, is not Python, or raises.
        """
        if name in self.modules:
            return self.modules[name]
        path = self._path(name)
        if leads_out(path, self.folder):
            what = f"The file {place_of(str(path))} is a link, and what it leads to may be somebody else's."
            raise CheckFailed(what, kind="missing", cause="put a copy of your file there", hint="missing")
        try:
            text = path.read_text(encoding="utf-8-sig")  # some editors of Windows write a mark in front
        except FileNotFoundError:
            raise CheckFailed(f"The file {place_of(str(path))} is missing.", kind="missing", hint="missing") from None
        except (UnicodeDecodeError, OSError) as error:
            raise CheckFailed(
                f"The file {place_of(str(path))} cannot be read: {error}.",
                kind="missing",
                cause="save it as UTF-8",
                hint="missing",
            ) from None
        linecache.checkcache(str(path))
        try:
            code = compile(text, str(path), "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            raise _syntax(error, path) from None
        module = self.modules[name] = ModuleType(name)
        module.__file__ = str(path)
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": self._import}
        try:
            exec(code, module.__dict__)
        except CheckFailed:
            self.modules.pop(name, None)
            raise
        except Exception as error:
            self.modules.pop(name, None)
            failure = raised(error, place_of(str(path)))
            failure.what = f"{place_of(str(path))} raises an exception when it is imported."
            raise failure from error
        return module

    def _path(self, name: str) -> Path:
        return self.folder.joinpath(*name.split(".")).with_suffix(".py")

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """Python's `__import__` for a learner's file."""
        if level == 0 and self._path(name).is_file() and name.split(".")[0] not in sys.stdlib_module_names:
            module = self.load(name)
            if fromlist:
                return module
            first, *rest = name.split(".")
            package = outer = ModuleType(first) if rest else module
            for part in rest[:-1]:
                inner = ModuleType(part)
                setattr(outer, part, inner)
                outer = inner
            if rest:
                setattr(outer, rest[-1], module)
            return package
        if level == 0 and name.split(".")[0] in self.allowed:
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        own = [(f.filename, f.lineno or 1) for f in traceback.extract_stack() if is_own(f.filename)]
        where = [f"{place_of(own[-1][0])}:{own[-1][1]}", *source_around(*own[-1])] if own else []
        raise CheckFailed(
            f"`import {name}` is not allowed here.",
            kind="import",
            shown=where,
            cause="this exercise is done with Python, NumPy and your own earlier files alone",
            hint="forbidden-import",
        )


def class_in(module: Any, name: str) -> Any:
    """The class of that name in a module, or in the files of the functions that it imports; or None."""
    waiting, seen = [vars(module)], set()
    while waiting:
        scope = waiting.pop()
        if id(scope) in seen:
            continue
        seen.add(id(scope))
        found = [v for v in scope.values() if isinstance(v, type) and v.__name__ == name]
        if found:
            return found[0]
        waiting += [v.__globals__ for v in scope.values() if isinstance(v, FunctionType)]
    return None


def _syntax(error: SyntaxError | ValueError, path: Path) -> CheckFailed:
    """The failure for a file that is not Python."""
    line = getattr(error, "lineno", None) or 1
    shown = [f"{place_of(str(path))}:{line}", *source_around(str(path), line)]
    offset = getattr(error, "offset", None)
    if offset and isinstance(error, SyntaxError) and error.text:
        shown.append(" " * (offset - 1 + len(f"  > {line:3} | ")) + "^")
    message = getattr(error, "msg", str(error))
    return CheckFailed(
        f"Python cannot read the file: {message}.",
        kind="syntax",
        shown=shown,
        cause="look at this line and the one before it: a bracket, a colon, a quote or the indentation",
        hint="syntax",
    )
