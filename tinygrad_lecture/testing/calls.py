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
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import numpy as np

from ..backend import Array
from .failures import CheckFailed, missing_name
from .showing import WIDTH, named

_OURS = [str(Path(__file__).parent.parent), sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), "<"]


last_printed: list[str] = [""]  # by the latest call
_own_folder: list[str] = []  # if not empty, only files in it are the learner's


def own_folder(folder: Path) -> None:
    """From now on only files in this folder count as the learner's own."""
    _own_folder[:] = [str(folder)]


@contextmanager
def only_in(folder: Path) -> Iterator[None]:
    """Context: only files in this folder count as the learner's own."""
    before = list(_own_folder)
    own_folder(folder)
    try:
        yield
    finally:
        _own_folder[:] = before


def is_own(filename: str) -> bool:
    """Whether a file is a learner's own, not the checker's, Python's or a package's."""
    return filename.startswith(_own_folder[0] + os.sep) if _own_folder else not filename.startswith(tuple(_OURS))


def positional(args: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The positional arguments and the settings of an example: its last element may be a dict of settings."""
    if args and isinstance(args[-1], dict):
        return tuple(args[:-1]), args[-1]
    return tuple(args), {}


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
    given = copy.deepcopy(tuple(args)) if watch else tuple(args)
    plain, settings = positional(given)
    printed = _Recorder()
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(), redirect_stdout(printed):
            warnings.simplefilter("ignore")
            result = fn(*plain, **settings)
    except CheckFailed:
        raise
    except Exception as error:
        failure = raised(error, name, () if shown else args, names)
        failure.shown = [*shown, *failure.shown]
        raise failure from error
    finally:
        last_printed[:] = [printed.getvalue()]
    if result is Ellipsis or (isinstance(result, tuple) and any(part is Ellipsis for part in result)):
        raise CheckFailed(f"{name} is not finished: it returns `...`.", kind="unfinished", hint="unfinished")
    if not watch:
        return result
    for k, (before, after) in enumerate(zip(positional(args)[0], plain, strict=True)):
        if isinstance(before, np.ndarray) and not same_array(before, after):
            label = names[k] if k < len(names) else f"argument {k}"
            raise CheckFailed(
                f"{name} changes its argument {label} in place.",
                kind="changed",
                shown=[*named(label + " before", before), *named(label + " after", after)],
                cause=f"an assignment such as {label} *= ... or {label}[...] = ... writes to the caller's array; "
                "make a new one",
                hint="input-modified",
            )
    return result


class _Recorder(io.StringIO):
    """Keeps the beginning of what is printed."""

    def write(self, text: str) -> int:
        return super().write(text) if self.tell() < 4000 else len(text)


def note_printed(output: Any, text: str) -> None:
    """Let a call that goes on know what was printed in another process."""
    if isinstance(output, _Recorder):
        output.write(text)


def same_array(a: Array, b: Array) -> bool:
    """Whether arrays have the same shape and numbers; nan equals nan."""
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


@dataclass(frozen=True)
class Told:
    """An exception in a learner's code, as text.

    lines: the frames of their own files, the line marked, and the message.  text: the message alone.
    own: whether there are such frames.  missing: whether it says that an object lacks an attribute.
    """

    lines: list[str]
    text: str
    own: bool
    missing: bool
    cause: str | None
    hint: str | None


class RemoteError(Exception):
    """An exception that was raised in the process of a submission."""

    def __init__(self, told: Told) -> None:
        super().__init__(told.text)
        self.told = told


def tell(error: BaseException) -> Told:
    """An exception as text."""
    if isinstance(error, RemoteError):
        return error.told
    text = f"{type(error).__name__}: {error}".rstrip(": ")
    own = frames(error.__traceback__)
    missing = isinstance(error, AttributeError) and not own
    return Told([*own, *textwrap.wrap(text, WIDTH)], text, bool(own), missing, *_cause(error))


def raised(error: BaseException, name: str, args: Sequence[Any] = (), names: Sequence[str] = ()) -> CheckFailed:
    """The failure for an exception in a learner's function: the frames of their own files, the line marked."""
    told = tell(error)
    shown = [*arguments(args, names), *told.lines]
    return CheckFailed(f"{name} raises an exception.", kind="raises", shown=shown, cause=told.cause, hint=told.hint)


def unexpected(error: Exception, args: Sequence[Any] = ()) -> CheckFailed:
    """The failure for an exception while a check looked at an answer: in the learner's code, or at what it returned."""
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        return missing_name(str(error.name), error.obj.__name__)
    if tell(error).own:
        return raised(error, "The code", args)
    return CheckFailed(
        "The answer has another form than expected.",
        kind="form",
        shown=tell(error).lines,
        cause="look at what each function must return: a number, an array, a tuple, an object",
        hint="form",
    )


def arguments(args: Sequence[Any], names: Sequence[str] = ()) -> list[str]:
    """Lines that show the arguments of a call."""
    plain, settings = positional(args)
    labels = [names[k] if k < len(names) else f"argument {k}" for k in range(len(plain))]
    width = max((len(label) for label in [*labels, *settings]), default=0)
    lines = []
    for label, value in [*zip(labels, plain, strict=True), *settings.items()]:
        lines += named(label.ljust(width), value)
    return lines


def frames(trace: TracebackType | None) -> list[str]:
    """The frames of a traceback that are in the learner's own files: each with its lines, the current one marked."""
    lines = []
    own = [frame for frame in traceback.extract_tb(trace) if is_own(frame.filename)]
    for frame in own[-3:]:
        lines += [f"{place_of(frame.filename)}:{frame.lineno} in {frame.name}"]
        lines += source_around(frame.filename, frame.lineno or 1)
    return lines


def source_around(filename: str, line: int, before: int = 1) -> list[str]:
    """A line of a file, marked, and the one before it."""
    found = [(n, linecache.getline(filename, n).rstrip()) for n in range(max(1, line - before), line + 1)]
    return [f"  {'>' if n == line else ' '} {n:3} | {text}" for n, text in found if text or n == line]


def place_of(filename: str) -> str:
    """A path as short as it can be: relative to the current folder, if it lies in it."""
    try:
        return Path(filename).resolve().relative_to(Path.cwd().resolve()).as_posix()
    except (ValueError, OSError):
        return str(filename)


CAUSES: list[tuple[type[Exception], str, str, str | None]] = [  # of exceptions: type, text, hint, cause
    (RecursionError, "", "recursion", "the function calls itself without an end; is there a case in which it stops?"),
    (NotImplementedError, "", "unfinished", None),
    (TypeError, "(?i)ellipsis", "unfinished", "there is still a `...` to replace in what runs"),
    (ValueError, "matmul|not aligned", "shapes",
     "the inner sizes of a matrix product must be equal; is a transpose missing, or the order wrong?"),
    (ValueError, "cannot reshape", "shapes",
     "a reshape keeps the number of elements; multiply the sizes of both shapes"),
    (ValueError, "broadcast", "shapes",
     "these shapes do not fit; print the shapes and look at which axes must line up"),
    (ValueError, "truth value", "array-truth",
     "`if` asks about one number, but this is an array; use np.where or a mask"),
    (ImportError, r"cannot import name '(\w+)' from '([\w.]+)'", "missing-name",
     "`{0}` must stay in {1}.py as it was given: other files import it"),
    (EOFError, "", "input", "nobody can type while it is checked: leave out input()"),
    (TypeError, "'(?:int|float)' object is not", "number",
     "this is a single number here, where a list or an array is expected"),
    (AttributeError, r"^'(?:int|float)' object has no attribute '(\w+)'", "number",
     "a number has no .{0}; functions as np.{0}(...) take numbers and arrays"),
    (np.exceptions.AxisError, "", "axis", "there is no such axis; axis=-1 is the last one, however many there are"),
    (KeyError, "", "key",
     "the dict has no such entry: is it the right dict? For counting, d.get(key, 0) begins with 0"),
    (IndexError, "out of", "index",
     "an index is too large for its axis: is the right axis indexed, and does the loop end in time?"),
    (NameError, "'(?:np|numpy)'", "name", "write `import numpy as np` above the function; or do without"),
    (NameError, r"'(\w+)'", "name", "{0} has no value here: is it spelled right, imported, and assigned before?"),
    (Exception, "", "raises", None),
]  # fmt: skip
KEEPDIMS = (
    "a sum, mean or maximum over an axis takes this axis away; with keepdims=True it stays, with size 1, "
    "and the shapes fit"
)


def _cause(error: BaseException) -> tuple[str | None, str | None]:
    text = str(error)
    if isinstance(error, ValueError) and "operands" in text and _loses_axis(error.__traceback__):
        return KEEPDIMS, "keepdims"
    for kind, pattern, hint, cause in CAUSES:
        if isinstance(error, kind) and (found := re.search(pattern, text)):
            return cause and cause.format(*(part.replace(".", "/") for part in found.groups())), hint
    return None, "raises"


def _loses_axis(trace: TracebackType | None) -> bool:
    """Whether an array is reduced without keepdims in the learner's function that raised, before it did."""
    lines: list[str] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        if is_own(code.co_filename):
            span = range(code.co_firstlineno, trace.tb_lineno + 1)
            lines = [linecache.getline(code.co_filename, n) for n in span]
        trace = trace.tb_next
    return any(re.search(r"\.(sum|mean|max|min|var|std)\(", line) and "keepdims" not in line for line in lines)


if sys.platform == "win32":  # stdlib and site-packages come in both spellings there
    _OURS += [path.replace("\\", "/") for path in _OURS]
