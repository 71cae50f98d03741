"""The parent's end: a submission's functions and objects, used from here while they run in their own process."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import IO, Any

from ..calls import RemoteError, Told, note_printed
from ..failures import CheckFailed, missing_name
from .loading import class_in
from .outcome import ENDLESS
from .wire import Ended, Link, only_messages

MOST_CALLS = 5_000  # of the checker's functions and nodes, in one call of a submission's function
OPERATORS = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")


class Remote:
    """An object of a submission, in its process. The same object there is the same object here."""

    def __init__(self, link: ParentEnd, place: int, about: dict[str, Any]) -> None:
        vars(self).update(_remote=(link, place))
        if "name" in about:
            vars(self).update(__name__=str(about["name"]))
        if "parameters" in about:
            kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
            names = [n for n in dict.fromkeys(map(str, about["parameters"])) if n.isidentifier()]
            vars(self).update(__signature__=inspect.Signature([inspect.Parameter(n, kind) for n in names]))

    def _ask(self, what: str, *args: Any) -> Any:
        return vars(self)["_remote"][0].ask(what, *args)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self._ask("get", self, name)
        except RemoteError as error:
            if error.told.missing:
                raise AttributeError(str(error)) from None
            raise

    def __setattr__(self, name: str, value: Any) -> None:
        self._ask("set", self, name, value)

    def __instancecheck__(self, value: Any) -> bool:
        return isinstance(value, Remote) and bool(self._ask("isinstance", value, self))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._ask("list", self))

    def __deepcopy__(self, memo: Any) -> Remote:
        return self

    def __repr__(self) -> str:
        return str(self._ask("repr", self))


class RemoteFunction(Remote):
    """One that can be called: a function, a class, an object with `__call__`."""

    def __call__(self, *args: Any, **settings: Any) -> Any:
        return self._ask("call", self, args, settings)


class RemoteModule(Remote):
    """A submission's file. A name that is asked for and missing is told to the learner."""

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name.startswith("__"):
                raise
            raise missing_name(name, vars(self)["__name__"]) from None


def _forward(name: str) -> None:
    def left(self: Remote, other: Any) -> Any:
        return self._ask("operator", name, self, other)

    def right(self: Remote, other: Any) -> Any:
        return self._ask("operator", name, other, self)

    setattr(Remote, f"__{name}__", left)
    setattr(Remote, f"__r{name}__", right)


for _name in OPERATORS:
    _forward(_name)


class ParentEnd(Link):
    """Asks for what a submission computes. What it is asked for itself: to call a function that it gave away, and to
    read and set an attribute of an object that it gave away, as the nodes of a graph."""

    passes = (Ended, KeyboardInterrupt)

    def __init__(self, read: IO[bytes], write: IO[bytes]) -> None:
        super().__init__(read, write)
        self.printed, self._calls = "", 0
        self._types: dict[tuple[str, type], type] = {}

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
        name = str(rest[0])
        if name.startswith("_") or name not in vars(thing):
            raise AttributeError(f"{type(thing).__name__!r} object has no attribute {name!r}")
        if what == "set" and not callable(thing):
            setattr(thing, name, rest[1])
            return None
        return vars(thing)[name]

    def describe(self, value: Any) -> dict[str, Any]:
        return {"type": type(value).__name__, "call": callable(value)}

    def stub(self, place: int, about: dict[str, Any]) -> Any:
        base = RemoteModule if about.get("module") else RemoteFunction if about.get("call") else Remote
        name = str(about.get("type"))
        key = (name if name.isidentifier() else "object", base)
        if key not in self._types:
            self._types[key] = type(key[0], (base,), {})  # so that a message names its type
        return self._types[key](self, place, about)

    def place_of_stub(self, value: Any) -> int | None:
        if not isinstance(value, Remote):
            return None
        link, place = vars(value)["_remote"]
        return int(place) if link is self else None

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
