"""Calling a learner's function: its arguments are copied and watched, its exceptions become sentences."""

from __future__ import annotations

import copy
import io
import linecache
import os
import re
import sys
import sysconfig
import textwrap
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import numpy as np

from .failures import CAUSES, WIDTH, CheckFailed, because, named

PACKAGES = [str(Path(__file__).parent.parent), sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), "<"]
MAX_PRINTED = 4000  # characters
MAX_SAID = 1000  # characters of an exception

RAISES, FORM = "The code raises an exception.", "The answer has another form than expected."

last_printed: list[str] = [""]  # by the latest call
own_folder: list[str] = []  # if not empty, only files in it are the learner's
shown_from: list[Path] = []  # the folder from which paths are shown, if it is not the current one


@contextmanager
def only_in(folder: Path) -> Iterator[None]:
    """Context: only files in this folder count as the learner's own."""
    before = list(own_folder)
    own_folder[:] = [str(folder)]
    try:
        yield
    finally:
        own_folder[:] = before


def is_own(filename: str) -> bool:
    """Whether a file is a learner's own, not the checker's, Python's or a package's."""
    if own_folder:
        return filename.startswith(own_folder[0] + os.sep)
    return not os.path.normpath(filename).startswith(tuple(PACKAGES))  # Windows writes paths in two ways


def positional(args: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The positional arguments and the settings of an example: its last element may be a dict of settings."""
    if args and isinstance(args[-1], dict):
        return tuple(args[:-1]), args[-1]
    return tuple(args), {}


class Printed(io.StringIO):
    """Keeps the beginning of what is printed, and hands it on at once."""

    def __init__(self, to: Any = None) -> None:
        super().__init__()
        self.to = to

    def write(self, text: str) -> int:
        kept = text[: max(0, MAX_PRINTED - self.tell())]
        if kept and self.to is not None:
            self.to.write(kept)
            self.to.flush()
        return super().write(kept)


def call(
    fn: Callable[..., Any],
    args: Sequence[Any],
    name: str | None = None,
    names: Sequence[str] = (),
    *,
    watch: bool = True,
    shown: Sequence[str] = (),
) -> Any:
    """What fn returns for copies of args.

    watch=False: for args themselves, which fn may change.  shown: lines that stand for the arguments in a message.

    Raises CheckFailed if it raises, if it returns nothing or `...`, or if it changes an argument in place.
    """
    name = name or str(getattr(fn, "__name__", "the function"))
    plain, settings = positional(copy.deepcopy(tuple(args)) if watch else args)
    outer = sys.stdout if isinstance(sys.stdout, Printed) else None
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(), redirect_stdout(Printed(outer)) as printed:
            warnings.simplefilter("ignore")
            result = fn(*plain, **settings)
    except Exception as error:
        failure = failure_of(error)
        if failure.what == FORM:
            failure.cause, failure.hint = None, "raises"
        if failure.what in (RAISES, FORM):
            failure.what, failure.kind = f"{name} raises an exception.", "raises"
            failure.shown = [*(shown or arguments(args, names)), *failure.shown]
        raise failure from error
    finally:
        last_printed[:] = [printed.getvalue()]
    if result is Ellipsis or (isinstance(result, tuple) and any(part is Ellipsis for part in result)):
        raise CheckFailed(f"{name} is not finished: it returns `...`.", kind="unfinished", hint="unfinished")
    for k, (before, after) in enumerate(zip(positional(args)[0], plain, strict=True) if watch else ()):
        if isinstance(before, np.ndarray) and not np.array_equal(before, after, equal_nan=before.dtype.kind in "fc"):
            label = names[k] if k < len(names) else f"argument {k}"
            what = f"{name} changes its argument {label} in place."
            shown = [*named(label + " before", before), *named(label + " after", after)]
            raise CheckFailed(what, kind="changed", shown=shown, **because("input-modified", name=label))
    return result


# --- exceptions -----------------------------------------------------------------------------------------------


def failure_of(error: BaseException) -> CheckFailed:
    """The failure for whatever came out of a check: raised in the learner's code, or at what it returned."""
    if isinstance(error, CheckFailed):
        return error
    if isinstance(error, MemoryError):
        return CheckFailed("The memory is full.", kind="memory", **because("memory"))
    if not isinstance(error, Exception):
        what = f"The file ends the program ({type(error).__name__})."
        return CheckFailed(what, kind="exit", **because("exit.called"))
    own = frames(error.__traceback__)
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    if len(said) > MAX_SAID:
        said = f"{said[:MAX_SAID]}... ({len(said):,} characters)"
    shown = [*own, *textwrap.wrap(said, WIDTH)]
    if own:
        return CheckFailed(RAISES, kind="raises", shown=shown, **_cause(error))
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        return missing_name(str(error.name), error.obj.__name__)
    kind = "attribute" if isinstance(error, AttributeError) else "form"
    return CheckFailed(FORM, kind=kind, shown=shown, **because("form"))


def missing_name(name: str, module: str) -> CheckFailed:
    """The failure for a function, or whatever a check asks for, that is not in a file any more."""
    what = f"There is no `{name}` in {module.replace('.', '/')}.py."
    return CheckFailed(what, kind="missing-name", **because("missing-name", name=name))


def arguments(args: Sequence[Any], names: Sequence[str] = ()) -> list[str]:
    """Lines that show the arguments of a call."""
    plain, settings = positional(args)
    labels = [*names[: len(plain)], *(f"argument {k}" for k in range(len(names), len(plain))), *settings]
    width = max(map(len, labels), default=0)
    pairs = zip(labels, [*plain, *settings.values()], strict=True)
    return [line for label, value in pairs for line in named(label.ljust(width), value)]


def frames(trace: TracebackType | None) -> list[str]:
    """The frames of a traceback that are in the learner's own files: each with its lines, the current one marked."""
    lines = []
    own = [frame for frame in traceback.extract_tb(trace) if is_own(frame.filename)]
    for frame in own[-3:]:
        place, *source = lines_at(frame.filename, frame.lineno or 1)
        lines += [f"{place} in {frame.name}", *source]
    return lines


def lines_at(filename: str, line: int) -> list[str]:
    """A place, as "ex1.py:12", and below it that line, marked, and the one before it."""
    found = [(n, linecache.getline(filename, n).rstrip()) for n in range(max(1, line - 1), line + 1)]
    marked = [f"  {'>' if n == line else ' '} {n:3} | {text}" for n, text in found if text or n == line]
    return [f"{place_of(filename)}:{line}", *marked]


def place_of(filename: str | Path) -> str:
    """A path as short as it can be: relative to the folder it is shown from, if it lies in it."""
    try:
        return Path(filename).resolve().relative_to((*shown_from, Path.cwd())[0].resolve()).as_posix()
    except (ValueError, OSError):
        return str(filename)


def _cause(error: BaseException) -> dict[str, Any]:
    """The likely cause of an exception, or None, and its short name."""
    if isinstance(error, ValueError) and "operands" in str(error) and _loses_axis(error.__traceback__):
        return because("keepdims.lost")
    kinds = {kind.__name__ for kind in type(error).__mro__}
    for kind, pattern, hint, cause in CAUSES["exceptions"]:
        if kind in kinds and (found := re.search(pattern, str(error))):
            names = (part.replace(".", "/") for part in found.groups())
            return {"hint": hint, "cause": cause.format(*names) or None}
    return {"hint": "raises"}


def _loses_axis(trace: TracebackType | None) -> bool:
    """Whether an array is reduced without keepdims in the learner's function that raised, before it did."""
    own = [(f.f_code, line) for f, line in traceback.walk_tb(trace) if is_own(f.f_code.co_filename)]
    code, last = own[-1] if own else (None, 0)
    lines = [linecache.getline(code.co_filename, n) for n in range(code.co_firstlineno, last + 1)] if code else []
    return any(re.search(r"\.(sum|mean|max|min|var|std)\(", line) and "keepdims" not in line for line in lines)
