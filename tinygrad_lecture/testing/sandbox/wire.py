"""Values as bytes, between the process that checks and the one that runs a submission. Nothing is ever unpickled.

A message is JSON, and then the memory of its arrays. Numbers, text, lists, tuples, dicts, sets, arrays and generators
of random numbers go as they are. Every other object stays in its process, and a handle goes in its place.
"""

from __future__ import annotations

import inspect
import json
import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any

import numpy as np

from ...backend import Array
from ..calls import RemoteError
from ..failures import missing_name

HEAD = struct.Struct(">4sIQ")  # a mark, the length of the JSON, that of the arrays
MARK = b"tltw"
MOST_TEXT, MOST_NUMBERS = 2**22, 2**28  # bytes of the JSON of a message, and of its arrays
MOST_ENTRIES = 10_000  # of a set or a dict: numbers may be chosen so that each is compared with all others
OPERATORS = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
MOST_TOLD = 2**16  # bytes that are read of what is no message
PLAIN = (type(None), bool, int, float, str)
DTYPE = re.compile(r"[<>|=]?[biufc]\d+")


class Ended(BaseException):
    """The other process has ended, or sends no messages: it is not used any more. rest: what it wrote instead.

    No `except Exception` may catch this.
    """

    def __init__(self, rest: str = "") -> None:
        super().__init__("the process of the submission has ended")
        self.rest = rest


class Link:
    """One end of two pipes. `ask` sends a request and waits for its answer; meanwhile it answers those that come in.

    A subclass says how requests are answered, how its objects are described, and how errors are told.
    """

    passes: tuple[type[BaseException], ...] = (Ended,)  # exceptions that end this process too, and are not told

    def __init__(self, read: IO[bytes], write: IO[bytes]) -> None:
        self._read, self._write = read, write
        self._types: dict[tuple[str, type], type[Remote]] = {}
        self.forget()

    def close(self) -> None:
        """Close both pipes."""
        for stream in (self._read, self._write):
            with suppress(OSError):
                stream.close()

    def forget(self) -> None:
        """Let go of all objects to which the other end has handles."""
        self._objects: list[Any] = []
        self._places: dict[int, int] = {}  # id of an object -> its place in _objects
        self._stubs: dict[int, Any] = {}
        self._generators: dict[int, Any] = {}

    # --- for subclasses ---------------------------------------------------------------------------------------

    def serve(self, what: str, *args: Any) -> Any:
        """The answer to a request."""
        raise NotImplementedError

    def describe(self, value: Any) -> dict[str, Any]:
        """What the other end is told about an object that stays here."""
        raise NotImplementedError

    def told(self, error: BaseException) -> Any:
        """An exception, for the other end."""
        raise NotImplementedError

    def error_of(self, told: Any) -> Exception:
        """The exception of which the other end has told."""
        raise NotImplementedError

    # --- messages ---------------------------------------------------------------------------------------------

    def ask(self, *request: Any) -> Any:
        """The answer to a request. Arrays that were changed there are changed here as well."""
        given = self._send("ask", list(request))
        while True:
            kind, body, arrays = self._receive()
            if kind == "ask":
                self._answer(body, arrays)
                continue
            with only_messages():
                result, changed = body
                for k, now in changed:
                    given[k][...] = now
                error = self.error_of(result) if kind == "raised" else None
            if error is not None:
                raise error
            return result

    def answer_all(self) -> None:
        """Answer requests until the other end is closed."""
        while True:
            try:
                _, body, arrays = self._receive()
            except Ended:
                return
            self._answer(body, arrays)

    def _answer(self, request: list[Any], arrays: Sequence[tuple[Array, bytes]]) -> None:
        try:
            kind, result = "told", self.serve(*request)
        except self.passes:
            raise
        except BaseException as error:  # also SystemExit: a submission may raise anything
            kind, result = "raised", self.told(error)
        changed = [[k, array] for k, (array, before) in enumerate(arrays) if array.tobytes() != before]
        try:
            self._send(kind, (result, changed))
        except (TypeError, ValueError, RecursionError, OverflowError) as error:  # what cannot be written as JSON
            self._send("raised", (self.told(error), changed))

    def _send(self, kind: str, body: Any) -> list[Array]:
        arrays: list[Array] = []
        coded = self._encoded(body, arrays, {})
        text = json.dumps([kind, coded, [[a.dtype.str, a.shape, a.flags.writeable] for a in arrays]])
        memory = [np.ascontiguousarray(a).tobytes() for a in arrays]
        head = HEAD.pack(MARK, len(text), sum(map(len, memory)))
        try:
            self._write.write(b"".join([head, text.encode(), *memory]))
            self._write.flush()
        except (OSError, ValueError):  # closed, or broken
            raise Ended(self._rest()) from None
        return arrays

    def _receive(self) -> tuple[str, Any, list[tuple[Array, bytes]]]:
        head = self._read.read(HEAD.size)
        if head[:4] != MARK:
            raise Ended(self._rest(head))
        with only_messages():
            _, length, size = HEAD.unpack(head)
            if length > MOST_TEXT or size > MOST_NUMBERS:
                raise ValueError("too large")
            text, memory = self._read.read(length), self._read.read(size)
            kind, body, forms = json.loads(text)
            arrays, start = [], 0
            for dtype, shape, writeable in forms:
                if not DTYPE.fullmatch(dtype):
                    raise ValueError(f"{dtype} is no dtype of numbers")
                end = start + np.dtype(dtype).itemsize * int(np.prod(shape))
                array = np.frombuffer(memory[start:end], dtype=dtype).reshape(shape).copy()
                array.flags.writeable = writeable
                arrays.append((array, memory[start:end]))
                start = end
            return kind, self._decoded(body, [a for a, _ in arrays]), arrays

    def _rest(self, begun: bytes = b"") -> str:
        """What comes in place of a message."""
        with suppress(OSError, ValueError):  # closed
            begun += self._read.read(MOST_TOLD)
        return begun.decode("utf-8", "replace")

    # --- values -----------------------------------------------------------------------------------------------

    def _encoded(self, value: Any, arrays: list[Array], seen: dict[int, int]) -> Any:
        """A value for JSON: itself, or a list that begins with its kind. The same array twice is one array."""

        def each(values: Any) -> list[Any]:
            return [self._encoded(v, arrays, seen) for v in values]

        if type(value) in PLAIN:
            return value
        if isinstance(value, np.ndarray) and id(value) in self._places:
            return ["mine", self._places[id(value)], self.describe(value)]
        if type(value) is np.ndarray and value.dtype.kind in "biufc":
            if id(value) not in seen:
                seen[id(value)] = len(arrays)
                arrays.append(value)
            return ["array", seen[id(value)]]
        if isinstance(value, np.generic) and value.dtype.kind in "biufc":
            arrays.append(np.asarray(value))
            return ["scalar", len(arrays) - 1]
        if isinstance(value, complex):
            return ["complex", value.real, value.imag]
        if value is Ellipsis:
            return ["..."]
        for kind, name in ((tuple, "tuple"), (list, "list"), (set, "set"), (frozenset, "set")):
            if isinstance(value, kind):
                return [name, each(value)]
        if isinstance(value, dict):
            return ["dict", each(value.items())]
        if isinstance(value, Remote) and vars(value)["_remote"][0] is self:
            return ["yours", vars(value)["_remote"][1]]
        if isinstance(value, np.random.Generator):
            self.keep(value)
            return ["generator", self._places[id(value)], self._encoded(value.bit_generator.state, arrays, seen)]
        self.keep(value)
        return ["mine", self._places[id(value)], self.describe(value)]

    def _stub(self, place: int, about: dict[str, Any]) -> Remote:
        """What stands here for an object of the other process. A message of Python may name its type."""
        base = RemoteModule if about.get("module") else RemoteFunction if about.get("call") else Remote
        name = str(about.get("type"))
        key = (name if name.isidentifier() else "object", base)
        if key not in self._types:
            self._types[key] = type(key[0], (base,), {})
        return self._types[key](self, place, about)

    def keep(self, value: Any) -> None:
        """From now on a handle goes in the place of this object."""
        if id(value) not in self._places:
            self._places[id(value)] = len(self._objects)
            self._objects.append(value)

    def _decoded(self, value: Any, arrays: list[Array]) -> Any:
        if not isinstance(value, list):
            return value
        kind, *parts = value
        if kind in ("list", "tuple", "set", "dict"):
            items = [self._decoded(v, arrays) for v in parts[0]]
            if kind in ("set", "dict") and len(items) > MOST_ENTRIES:
                raise ValueError("too large")
            make: Any = {"list": list, "tuple": tuple, "set": set, "dict": dict}[kind]
            return make(items)
        if kind == "array":
            return arrays[parts[0]]
        if kind == "scalar":
            return arrays[parts[0]][()]
        if kind == "complex":
            return complex(*parts)
        if kind == "...":
            return ...
        if kind == "yours":
            return self._objects[parts[0]]
        if kind == "generator":
            if parts[0] not in self._generators:
                self._generators[parts[0]] = np.random.Generator(np.random.PCG64())
                self._generators[parts[0]].bit_generator.state = self._decoded(parts[1], arrays)
            return self._generators[parts[0]]
        if kind == "mine":
            if parts[0] not in self._stubs:
                self._stubs[parts[0]] = self._stub(*parts)
            return self._stubs[parts[0]]
        raise ValueError("a value of an unknown kind")


class Remote:
    """An object of the other process. The same object there is the same object here."""

    def __init__(self, link: Link, place: int, about: dict[str, Any]) -> None:
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


@contextmanager
def only_messages() -> Iterator[None]:
    """Context: whatever goes wrong while a message is taken apart, it was none, and its sender is done with."""
    try:
        yield
    except Exception as error:
        raise Ended from error
