"""An answer is called, and what is wrong with it becomes words: `CheckFailed`, on which input, and why.

The arguments of a call are copied and watched, and its exceptions become sentences. What a failure shows, numbers and
arrays as lines of text, is small enough for a terminal of 80 columns.
"""

from __future__ import annotations

import copy
import io
import linecache
import os
import re
import sys
import sysconfig
import textwrap
import tomllib
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import numpy as np

__all__ = ["CheckFailed"]

WIDTH = 74  # columns of a line
MAX_TEXT = 20_000  # characters
MAX_SHOWN = 40  # elements; of a larger array only the shape is shown
CAUSES: dict[str, Any] = tomllib.loads(Path(__file__).with_name("causes.toml").read_text("utf-8"))
PACKAGES = [str(Path(__file__).parent.parent), sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), "<"]
MAX_PRINTED = 4000  # characters
MAX_SAID = 1000  # characters of an exception

RAISES, FORM = "The code raises an exception.", "The answer has another form than expected."

last_printed: list[str] = [""]  # by the latest call
own_folder: list[str] = []  # if not empty, only files in it are the learner's
shown_from: list[Path] = []  # the folder from which paths are shown, if it is not the current one


@dataclass(eq=False)
class Facts:
    """What is known of a wrong answer: as a text for people, as fields for programs.

    what: the first sentence: what is wrong.  shown: lines with the input, what was expected and what was got.
    cause: the likely cause, a sentence, or None.  hint: a short name of the cause, as "swapped", or None.
    kind: what differs: "value", "shape", "dtype", "raises", "unfinished", "changed", "gradient of x", ...
    only: "square matrices" if the answer is right for these alone, or None.
    printed: what the answer printed for this input.
    """

    what: str = ""
    _: KW_ONLY
    kind: str = "value"
    shown: Sequence[str] = ()
    cause: str | None = None
    hint: str | None = None
    only: str | None = None
    printed: str = ""

    def __str__(self) -> str:
        lines = [self.what, *(f"    {line}" for line in self.shown)]
        if self.only:
            lines.append(f"  It is right for {self.only} only.")
        if self.cause:
            lines.append(f"  likely cause: {self.cause}")
        return "\n".join(lines)


class CheckFailed(Facts, AssertionError):
    """An answer is wrong. `Facts` says what its fields are."""


def said(cause: str, /, **fields: object) -> tuple[str, str]:
    """The name of a hint, which is what stands before the dot, and its sentence in causes.toml."""
    hint, _, kind = cause.partition(".")
    sentence: str = CAUSES[hint][kind] if kind else CAUSES[hint]
    return hint, sentence.format(**fields)


def because(cause: str, /, **fields: object) -> dict[str, Any]:
    """The same as fields of a CheckFailed."""
    return dict(zip(("hint", "cause"), said(cause, **fields), strict=True))


def text_of(value: Any) -> str:
    """A value as text: an array on one or more lines, other values as Python writes them."""
    if isinstance(value, np.ndarray):
        if value.size > MAX_SHOWN:
            return f"array of shape {value.shape}"
        value = value + 0.0 if value.dtype.kind == "f" else value  # no -0
        return np.array2string(value, precision=6, separator=", ", max_line_width=58)
    if isinstance(value, (float, np.floating)):
        text = f"{float(value) + 0.0:.6g}"
        return text if set(text) & set(".einf") else f"{text}.0"
    if isinstance(value, np.generic):
        return str(value.item())
    if isinstance(value, (tuple, list)) and any(isinstance(part, (float, np.ndarray, np.generic)) for part in value):
        inner = ", ".join(text_of(part) for part in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' if len(value) == 1 else ''})"
    text = plain_repr(value)
    return text if len(text) <= 300 else text[:297] + "..."


def plain_repr(value: Any) -> str:
    """The beginning of a value as Python writes it, without addresses: <Value>."""
    return re.sub(r"<(?:[\w<>]+\.)*(\w+) object at 0x\w+>", r"<\1>", repr(value)[:1000])


def printable(text: object, kept: str = "\t\n") -> str:
    """A text that others wrote, without characters that steer a terminal: escape codes, marks of direction.

    kept: those of them that stay. Of a very long text the beginning is returned.
    """
    return "".join(c if c.isprintable() or c in kept else repr(c)[1:-1] for c in str(text)[:MAX_TEXT])


def pair(expected: Any, got: Any) -> list[str]:
    """Lines with what was expected and what was got."""
    found = []
    for label, value in (("expected ", expected), ("got ", got)):
        lines = text_of(value).split("\n")
        lines = lines if len(lines) > 1 else textwrap.wrap(lines[0], WIDTH - 9, break_on_hyphens=False) or [""]
        found += [f"{label if k == 0 else '':9}{line}" for k, line in enumerate(lines)]
    return found


def named(label: str, value: Any) -> list[str]:
    """Lines `label = value`; for an array with more than one element also its shape."""
    first, *more = text_of(value).split("\n")
    after = f"   shape {value.shape}" if isinstance(value, np.ndarray) and 1 < value.size <= MAX_SHOWN else ""
    margin = " " * (len(label) + 3)
    lines = [f"{label} = {first}", *(margin + line for line in more)]
    if len(lines[-1] + after) > WIDTH:
        return [*lines, margin + after.strip()]
    lines[-1] += after
    return lines


# --- the call of an answer -------------------------------------------------------------------------------------


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


@contextmanager
def quietly(outer: Printed | None = None) -> Iterator[Printed]:
    """Context: nothing is printed, but to `outer`, and there are no warnings: a learner would take them for answers."""
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"), redirect_stdout(Printed(outer)) as text:
        yield text


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
        with quietly(outer) as printed:
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
    kinds = {kind.__name__ for kind in type(error).__mro__}
    for kind, pattern, hint, cause in CAUSES["exceptions"]:
        if kind in kinds and (found := re.search(pattern, str(error))):
            names = (part.replace(".", "/") for part in found.groups())
            return {"hint": hint, "cause": cause.format(*names) or None}
    return {"hint": "raises"}
