"""The parent's end: a submission's functions and objects, used from here while they run in their own process."""

from __future__ import annotations

import sys
from typing import IO, Any

from ..calls import RemoteError, Told, note_printed
from ..failures import CheckFailed
from ..showing import plain_repr
from .loading import class_in
from .outcome import ENDLESS
from .wire import Ended, Link, Remote, only_messages

MOST_CALLS = 5_000  # of the checker's functions and nodes, in one call of a submission's function


class ParentEnd(Link):
    """Asks for what a submission computes. What it is asked for itself: to call a function that it gave away, and to
    read and set an attribute of an object that it gave away, as the nodes of a graph."""

    passes = (Ended, KeyboardInterrupt)

    def __init__(self, read: IO[bytes], write: IO[bytes]) -> None:
        super().__init__(read, write)
        self.printed, self._calls = "", 0

    def ask(self, *request: Any) -> Any:
        self._calls = 0
        told = super().ask(*request)
        with only_messages():
            result, printed = told
            self._print(printed)
        return result

    def _print(self, printed: str) -> None:
        self.printed += printed
        note_printed(sys.stdout, printed)

    def serve(self, what: str, *args: Any) -> Any:
        self._calls += 1
        if self._calls > MOST_CALLS:  # a loop without an end, whose time is mostly spent here
            raise RuntimeError(f"{MOST_CALLS:,} calls, and no end")
        thing, *rest = args
        if what == "call" and callable(thing):
            return thing(*rest[0], **rest[1])
        if what == "repr":
            return plain_repr(thing)
        name = str(rest[0]) if rest else what
        if what not in ("get", "set") or name.startswith("_") or name not in vars(thing):
            raise AttributeError(f"{type(thing).__name__!r} object has no attribute {name!r}")
        if what == "set" and not callable(thing):
            setattr(thing, name, rest[1])
            return None
        return vars(thing)[name]

    def describe(self, value: Any) -> dict[str, Any]:
        return {"type": type(value).__name__, "call": callable(value)}

    def told(self, error: BaseException) -> Any:
        if isinstance(error, RemoteError):  # it came from there
            return error.told.text.split(": ", 1) if ": " in error.told.text else [error.told.text, ""]
        return [type(error).__name__, str(error)]

    def error_of(self, told: Any) -> Exception:
        fields, printed = told
        self._print(printed)
        if "what" in fields:
            failure = CheckFailed(**{k: v for k, v in fields.items() if k != "printed"})
            failure.printed = printed
            return failure
        if self._calls > MOST_CALLS:
            return CheckFailed("It does not end. It was in this line:", kind="time", shown=fields["lines"][:-1],
                               cause=ENDLESS, hint="endless")  # fmt: skip
        return RemoteError(Told(**fields))


def find_class(module: Any, name: str) -> Any:
    """The class of that name in a submission's file, or in the files of the functions that it imports; or None."""
    return module._ask("class", module, name) if isinstance(module, Remote) else class_in(module, name)


def kept(module: Any, array: Any) -> Any:
    """An array that is the same one in every call of the functions of a submission, not a copy each time."""
    return module._ask("keep", array) if isinstance(module, Remote) else array
