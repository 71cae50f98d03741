"""Values as bytes, between the process that checks and the one that runs a submission. Nothing is ever unpickled.

A message is JSON, and then the memory of its arrays. Numbers, text, lists, tuples, dicts, sets, arrays and
generators of random numbers go as they are. Every other object stays in its process, and a handle goes in its place.
"""

from __future__ import annotations

import inspect
import json
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import lru_cache
from types import FunctionType, ModuleType
from typing import IO, Any

import numpy as np

from ...backend import Array
from ..calls import Printed, failure_of, missing_name
from ..failures import CheckFailed

HEAD = struct.Struct(">4sIQ")  # a mark, the length of the JSON, that of the arrays
MARK = b"tltw"
MOST_TEXT, MOST_NUMBERS = 2**22, 2**28  # bytes of the JSON of a message, and of its arrays
MOST_ENTRIES = 10_000  # of a set or a dict: numbers may be chosen so that each is compared with all others
MOST_TOLD = 2**16  # bytes that are read of what is no message
OPERATORS = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
PLAIN = (type(None), bool, int, float, str)  # what JSON has
CONTAINERS: dict[str, Any] = {"tuple": tuple, "list": list, "set": (set, frozenset), "dict": dict}
MADE: dict[str, Callable[[list[Any]], Any]] = {
    "tuple": tuple,
    "list": list,
    "set": set,
    "dict": dict,
    "complex": lambda parts: complex(*parts),
    "...": lambda parts: ...,
}


class Ended(BaseException):
    """The other process has ended, or sends no messages: it is not used any more. rest: what it wrote instead.

    No `except Exception` may catch this.
    """

    def __init__(self, rest: str = "") -> None:
        super().__init__("the process of the submission has ended")
        self.rest = rest


class Link:
    """One end of two pipes. `ask` sends a request and waits for its answer; meanwhile it answers those that come in.

    A subclass says how requests are answered, and which exception one of the other end is here.
    """

    passes: tuple[type[BaseException], ...] = (Ended,)  # exceptions that end this process too, and are not told

    def __init__(self, read: IO[bytes], write: IO[bytes]) -> None:
        self._read, self._write = read, write
        self.forget()

    def forget(self) -> None:
        """Let go of all objects to which the other end has handles."""
        self._objects: list[Any] = []
        self._places: dict[int, int] = {}  # id of an object -> its place in _objects
        self._stubs: dict[int, Any] = {}

    def serve(self, what: str, *args: Any) -> Any:
        """The answer to a request."""
        raise NotImplementedError

    def error_of(self, failure: CheckFailed) -> Exception:
        """The exception here of which the other end has told."""
        raise NotImplementedError

    def printed(self) -> str:
        """What was printed since the last time."""
        return ""

    # --- messages ---------------------------------------------------------------------------------------------

    def ask(self, *request: Any) -> Any:
        """The answer to a request. Arrays that were changed there are changed here as well."""
        given = self._send("ask", *request)
        while True:
            (kind, *body), arrays = self._receive()
            if kind == "ask":
                self._answer(body, arrays)
                continue
            with only_messages():
                result, changed, printed = body
                for k, now in changed:
                    given[k][...] = now
                failure = _received(result) if kind == "raised" else None
                if isinstance(sys.stdout, Printed):  # never on a terminal
                    sys.stdout.write(printed)
            if failure is None:
                return result
            failure.printed = failure.printed or str(printed)
            raise self.error_of(failure)

    def answer_all(self) -> None:
        """Answer requests until the other end is closed."""
        with suppress(Ended):
            while True:
                (_, *request), arrays = self._receive()
                self._answer(request, arrays)

    def _answer(self, request: Sequence[Any], arrays: Sequence[Array]) -> None:
        before = [array.tobytes() for array in arrays]
        try:
            kind, result = "told", self.serve(*request)
        except self.passes:
            raise
        except BaseException as error:  # also SystemExit: a submission may raise anything
            kind, result = "raised", asdict(failure_of(error))
        changed = [[k, now] for k, now in enumerate(arrays) if now.tobytes() != before[k]]
        try:
            self._send(kind, result, changed, self.printed())
        except (TypeError, ValueError, RecursionError, OverflowError) as error:  # what cannot be written as JSON
            self._send("raised", asdict(failure_of(error)), changed, "")

    def _send(self, *message: Any) -> list[Array]:
        arrays: dict[int, Array] = {}
        coded = [self._encoded(value, arrays) for value in message]
        forms = [[name, a.dtype.str, a.shape, a.flags.writeable] for name, a in arrays.items()]
        text, memory = json.dumps([coded, forms]).encode(), [array.tobytes() for array in arrays.values()]
        try:
            self._write.write(b"".join([HEAD.pack(MARK, len(text), sum(map(len, memory))), text, *memory]))
            self._write.flush()
        except (OSError, ValueError):  # closed, or broken
            raise Ended(self._rest()) from None
        return list(arrays.values())

    def _receive(self) -> tuple[list[Any], list[Array]]:
        head = self._read.read(HEAD.size)
        if head[:4] != MARK:
            raise Ended(self._rest(head))
        with only_messages():
            _, length, size = HEAD.unpack(head)
            if length > MOST_TEXT or size > MOST_NUMBERS:
                raise ValueError("too large")
            (coded, forms), memory = json.loads(self._read.read(length)), self._read.read(size)
            arrays: dict[int, Array] = {}
            start = 0
            for name, dtype, shape, writeable in forms:
                if np.dtype(dtype).kind not in "biufc":
                    raise ValueError(f"{dtype} is no dtype of numbers")
                arrays[name] = np.ndarray(shape, dtype, memory, start).copy()
                arrays[name].flags.writeable = writeable
                start += arrays[name].nbytes
            return [self._decoded(value, arrays) for value in coded], list(arrays.values())

    def _rest(self, begun: bytes = b"") -> str:
        """What comes in place of a message."""
        with suppress(OSError, ValueError):  # closed
            begun += self._read.read(MOST_TOLD)
        return begun.decode("utf-8", "replace")

    # --- values -----------------------------------------------------------------------------------------------

    def _encoded(self, value: Any, arrays: dict[int, Array]) -> Any:
        """A value for JSON: itself, or a list that begins with its kind. Arrays are named by their id."""
        if type(value) in PLAIN:
            return value
        if isinstance(value, Remote) and vars(value)["_link"] is self:
            return ["yours", vars(value)["_place"]]
        is_array = type(value) is np.ndarray or isinstance(value, np.generic)
        if is_array and value.dtype.kind in "biufc" and id(value) not in self._places:
            array = np.asarray(value)
            arrays[id(array)] = array
            return ["array" if array is value else "scalar", id(array)]
        if isinstance(value, complex):
            return ["complex", value.real, value.imag]
        if value is Ellipsis:
            return ["..."]
        for kind, of in CONTAINERS.items():
            if isinstance(value, of):
                items = value.items() if kind == "dict" else value
                return [kind, *(self._encoded(item, arrays) for item in items)]
        place = self.keep(value)
        if isinstance(value, np.random.Generator):
            return ["generator", place, self._encoded(value.bit_generator.state, arrays)]
        return ["mine", place, _described(value)]

    def keep(self, value: Any) -> int:
        """From now on a handle goes in the place of this object."""
        if id(value) not in self._places:
            self._places[id(value)] = len(self._objects)
            self._objects.append(value)
        return self._places[id(value)]

    def _decoded(self, value: Any, arrays: dict[int, Array]) -> Any:
        if not isinstance(value, list):
            return value
        kind, *parts = value
        if kind in MADE:
            if kind in ("set", "dict") and len(parts) > MOST_ENTRIES:
                raise ValueError("too large")
            return MADE[kind]([self._decoded(part, arrays) for part in parts])
        place = parts[0]
        if kind in ("array", "scalar"):
            return arrays[place] if kind == "array" else arrays[place][()]
        if kind == "yours":
            return self._objects[place]
        if kind == "generator":
            if place not in self._stubs:
                self._stubs[place] = np.random.Generator(np.random.PCG64())
                self._stubs[place].bit_generator.state = self._decoded(parts[1], arrays)
        elif kind != "mine":
            raise ValueError("a value of an unknown kind")
        elif place not in self._stubs:
            self._stubs[place] = _type_of(str(parts[1]["type"]))(self, place, parts[1])
        return self._stubs[place]


@contextmanager
def only_messages() -> Iterator[None]:
    """Context: whatever goes wrong while a message is taken apart, it was none, and its sender is done with."""
    try:
        yield
    except Exception as error:
        raise Ended from error


def _received(fields: dict[str, Any]) -> CheckFailed:
    """A failure of which the other end has told."""
    texts: dict[str, Any] = {name: value and str(value) for name, value in fields.items()}
    return CheckFailed(**{**texts, "shown": list(map(str, fields["shown"]))})


def _described(value: Any) -> dict[str, Any]:
    """What the other end is told about an object that stays here."""
    about: dict[str, Any] = {"type": type(value).__name__}
    if isinstance(value, (FunctionType, type)):
        about["name"] = value.__name__
    if isinstance(value, FunctionType):
        about["parameters"] = list(inspect.signature(value).parameters)
    if isinstance(value, ModuleType):
        about["module"] = value.__name__
    return about


@lru_cache(100)
def _type_of(name: str) -> type[Remote]:
    """The class of objects of the other process whose class has this name. A message of Python may name it."""
    return type(name if name.isidentifier() else "object", (Remote,), {})


class Remote:
    """An object of the other process. The same object there is the same object here."""

    def __init__(self, link: Link, place: int, about: dict[str, Any]) -> None:
        vars(self).update(_link=link, _place=place, _module=about.get("module"))
        if "name" in about:
            vars(self).update(__name__=str(about["name"]))
        if "parameters" in about:
            kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
            names = [n for n in dict.fromkeys(map(str, about["parameters"])) if n.isidentifier()]
            vars(self).update(__signature__=inspect.Signature([inspect.Parameter(n, kind) for n in names]))

    def _ask(self, what: str, *args: Any) -> Any:
        return vars(self)["_link"].ask(what, *args)

    def __call__(self, *args: Any, **settings: Any) -> Any:
        return self._ask("call", self, args, settings)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self._ask("get", self, name)
        except CheckFailed as failure:
            if failure.kind != "attribute":
                raise
            module = vars(self)["_module"]  # a learner's file, to whom it is told
            text = " ".join(failure.shown).removeprefix("AttributeError: ")
            raise (missing_name(name, str(module)) if module else AttributeError(text)) from None

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


def _forward(name: str) -> None:
    """Let an operator of remote objects be computed there."""
    setattr(Remote, f"__{name}__", lambda self, other: self._ask("operator", name, self, other))
    setattr(Remote, f"__r{name}__", lambda self, other: self._ask("operator", name, other, self))


for _name in OPERATORS:
    _forward(_name)


def find_class(module: Any, name: str) -> Any:
    """The class of that name in a submission's file, or in the files of the functions that it imports; or None."""
    if isinstance(module, Remote):
        return module._ask("class", module, name)
    scopes = [vars(module)]
    for scope in scopes:
        for value in scope.values():
            if isinstance(value, type) and value.__name__ == name:
                return value
        around = [value.__globals__ for value in scope.values() if isinstance(value, FunctionType)]
        scopes += [other for other in around if not any(other is known for known in scopes)]
    return None


def kept(module: Any, array: Any) -> Any:
    """An array that is the same one in every call of the functions of a submission, not a copy each time."""
    return module._ask("keep", array) if isinstance(module, Remote) else array
