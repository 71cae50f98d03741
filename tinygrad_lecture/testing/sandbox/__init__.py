"""A process of its own for a submission. The checks, the right results and the verdict stay outside of it.

grader.py    starts the process, checks what comes back, and ends it when its time is over
child.py     what runs in the process: load the files, call what is asked for
wall.py      what the kernel lets the process do; system_calls.txt has the list

What a submission sends are results, nothing else. So it cannot forge a pass, and changes nothing but itself by
replacing a function of NumPy: to pass, it must return what is right for inputs that it does not know before. Whatever
else it sends ends its process, and is the failure of that exercise alone. In the memory of the process are neither
checks nor solutions, nor the engine.

Where the kernel has such a wall, it keeps it from all files but its own and Python's, from other programs and the
network. Elsewhere nothing does. The guarded import is none: it tells a learner which modules an exercise is done with.

Here is what both sides share: values as bytes, and a submission's functions, called from outside. Nothing is ever
unpickled. A message is JSON, and then the memory of its arrays. Numbers, text, lists, tuples, dicts, sets and arrays go
as they are. Of anything else that a submission returns, the name of its type arrives. To a submission go two things
more: generators of random numbers, and functions that print as a lambda, which are made there from this text.
"""

from __future__ import annotations

import inspect
import json
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from ..failures import CheckFailed

if TYPE_CHECKING:
    from ...backend import Array

HEAD = struct.Struct(">4sIQ")  # a mark, the length of the JSON, that of the arrays
MARK = b"tltw"
MOST_TEXT, MOST_NUMBERS = 2**22, 2**26  # bytes of the JSON of a message, and of its arrays
MOST_DEPTH = 100  # of lists in lists
MOST_ENTRIES = 10_000  # of sets and dicts, and objects of other kinds
MOST_ALIKE = 8  # keys with one hash: values may be chosen so that each is compared with all others
MOST_DTYPE = 8  # letters
PLAIN = (type(None), bool, int, float, str)  # what JSON has
CONTAINERS: dict[str, Any] = {"tuple": tuple, "list": list, "set": set, "dict": dict}


class Ended(BaseException):
    """The other process has ended, or sends no messages: it is not used any more.

    failure: one that no other input changes, if this is why.  No `except Exception` may catch this.
    """

    def __init__(self, failure: CheckFailed | None = None) -> None:
        super().__init__("the process of the submission has ended")
        self.failure = failure


class Other:
    """What stands for an object of the other process: nothing but the name of its type."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class Link:
    """One end of two pipes, which sends and receives messages. obeys: whether it makes functions of what comes."""

    obeys = False

    def __init__(self, read: IO[bytes], write: IO[bytes]) -> None:
        self._read, self._write = read, write

    def send(self, *message: Any) -> list[Array]:
        """Send values; return their arrays. Raises CheckFailed if they are too large, or too deep."""
        arrays: dict[int, Array] = {}
        coded = [_encoded(value, arrays) for value in message]
        forms = [[name, a.dtype.str, a.shape, a.flags.writeable] for name, a in arrays.items()]
        text = json.dumps([coded, forms]).encode()
        size = sum(array.nbytes for array in arrays.values())
        for has, most, what in ((len(text), MOST_TEXT, "text and lists"), (size, MOST_NUMBERS, "arrays")):
            if has > most:
                said = f"It returns {has / 2**20:,.0f} MB of {what}, and {most // 2**20} MB are the most."
                raise CheckFailed(said, kind="form", hint="form")
        memory = [array.tobytes() for array in arrays.values()]
        try:
            self._write.write(b"".join([HEAD.pack(MARK, len(text), size), text, *memory]))
            self._write.flush()
        except (OSError, ValueError):  # closed, or broken
            raise Ended from None
        return list(arrays.values())

    def receive(self) -> tuple[list[Any], list[Array]]:
        """The values of the next message, and their arrays."""
        head = self._read.read(HEAD.size)
        if head[:4] != MARK:
            raise Ended
        with only_messages():
            _, length, size = HEAD.unpack(head)
            if length > MOST_TEXT or size > MOST_NUMBERS:
                raise ValueError("too large")
            (coded, forms), memory = json.loads(self._read.read(length)), self._read.read(size)
            arrays: dict[int, Array] = {}
            start = self._entries = 0
            for name, dtype, shape, writeable in forms:
                if len(dtype) > MOST_DTYPE or np.dtype(dtype).kind not in "biufc":
                    raise ValueError("no dtype of numbers")
                arrays[name] = np.ndarray(shape, dtype, memory, start).copy()
                arrays[name].flags.writeable = writeable
                start += arrays[name].nbytes
            return [self._decoded(value, arrays) for value in coded], list(arrays.values())

    def _decoded(self, value: Any, arrays: dict[int, Array]) -> Any:
        if not isinstance(value, list):
            return value
        kind, *parts = value
        if kind in ("array", "scalar"):
            return arrays[parts[0]] if kind == "array" else arrays[parts[0]][()]
        if self.obeys and kind == "lambda":
            return eval(parts[0], {"np": np})
        if self.obeys and kind == "generator":
            generator = np.random.Generator(np.random.PCG64())
            generator.bit_generator.state = self._decoded(parts[0], arrays)
            return generator
        if kind == "...":
            return ...
        if kind in ("set", "dict", "other"):
            self._entries += len(parts)
            if self._entries > MOST_ENTRIES:
                raise ValueError("too large")
        if kind == "other":
            return type(parts[0] if parts[0].isidentifier() else "object", (Other,), {})()
        items = [self._decoded(part, arrays) for part in parts]
        if kind in ("set", "dict"):
            hashes = Counter(hash(item[0] if kind == "dict" else item) for item in items)
            if max(hashes.values(), default=0) > MOST_ALIKE:
                raise ValueError("too many to be compared with each other")
        return CONTAINERS[kind](items)


def _encoded(value: Any, arrays: dict[int, Array], depth: int = 0) -> Any:
    """A value for JSON: itself, or a list that begins with its kind. Arrays are named by their id."""
    if depth > MOST_DEPTH:
        raise CheckFailed(f"It returns lists in lists, more than {MOST_DEPTH} deep.", kind="form", hint="form")
    if type(value) in PLAIN:
        return value
    is_array = type(value) is np.ndarray or isinstance(value, np.generic)
    if is_array and value.dtype.kind in "biufc":
        array = np.asarray(value)
        arrays[id(array)] = array
        return ["array" if array is value else "scalar", id(array)]
    if value is Ellipsis:
        return ["..."]
    for kind, of in CONTAINERS.items():
        if isinstance(value, of):
            items = value.items() if kind == "dict" else value
            return [kind, *(_encoded(item, arrays, depth + 1) for item in items)]
    if isinstance(value, np.random.Generator):
        return ["generator", _encoded(value.bit_generator.state, arrays)]
    if callable(value) and repr(value).startswith("lambda "):
        return ["lambda", repr(value)]
    return ["other", type(value).__name__]


@contextmanager
def only_messages() -> Iterator[None]:
    """Context: whatever goes wrong while a message is taken apart, it was none, and its sender is done with."""
    try:
        yield
    except Exception as error:
        raise Ended from error


# --- a submission's file, used from outside -----------------------------------------------------------------


class RemoteModule:
    """A submission's file, in its process: its functions and classes are called there, its other values come as copies.

    ask: sends a request to the process, and returns the answer.
    """

    def __init__(self, ask: Callable[..., Any], name: str) -> None:
        self._ask, self._name = ask, name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        parameters, value = self._ask("get", self._name, name)
        return value if parameters is None else RemoteFunction(self._ask, self._name, name, parameters)


class RemoteFunction:
    """A function of a submission's file."""

    def __init__(self, ask: Callable[..., Any], module: str, name: str, parameters: Sequence[str]) -> None:
        self._ask, self._module, self.__name__ = ask, module, name
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        names = [n for n in dict.fromkeys(map(str, parameters)) if n.isidentifier()]
        self.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in names])

    def __call__(self, *args: Any, **settings: Any) -> Any:
        return self._ask("call", self._module, self.__name__, args, settings)

    def __deepcopy__(self, memo: Any) -> RemoteFunction:
        return self


def observed(module: Any, function: FunctionType, *args: Any) -> Any:
    """function(module, *args); for a submission's file computed in its process, where its objects are.

    The text of the function's file is run there, so this may use NumPy and nothing else.
    """
    if not isinstance(module, RemoteModule):
        return function(module, *args)
    text = Path(inspect.getfile(function)).read_text(encoding="utf-8")
    return module._ask("observe", text, function.__name__, module._name, args)
