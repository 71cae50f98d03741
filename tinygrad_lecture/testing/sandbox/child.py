"""What runs in the process of a submission: it loads the files, calls what is asked for, and sends back what comes out.

It knows neither the checks nor the right results, and has neither the engine nor the checker in its memory.
"""

from __future__ import annotations

import atexit
import builtins
import faulthandler
import inspect
import linecache
import os
import random
import signal
import sys
import traceback
import warnings
from collections.abc import Iterable
from contextlib import redirect_stdout, suppress
from dataclasses import asdict
from pathlib import Path
from types import FunctionType, ModuleType, SimpleNamespace
from typing import IO, Any

import numpy as np

from .. import failures
from ..failures import FORM, RAISES, CheckFailed, Printed, because, failure_of, is_own, lines_at, place_of
from . import Ended, Link, wall

ALWAYS = [
    "__future__", "abc", "bisect", "collections", "copy", "dataclasses", "enum", "functools", "heapq", "itertools",
    "math", "numpy", "operator", "random", "re", "statistics", "string", "textwrap", "time", "typing", "unicodedata",
]  # fmt: skip


def main() -> None:
    """Answer requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the checker, which then ends this process
    server = Server(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # nothing is read from a keyboard
    os.dup2(2, 1)  # what a submission prints goes another way
    sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115 - for as long as the process runs
    if sys.platform != "win32":  # when its time is over, it writes where it is, and ends: chain
        faulthandler.register(signal.SIGALRM, file=2, all_threads=False, chain=True)
    np.seterr(all="ignore")
    warnings.simplefilter("ignore")
    sys.dont_write_bytecode = True
    with suppress(Ended):
        while True:
            server.answer()


class Server(Link):
    """Answers requests of the checker. Each kind is a method, `_call` for a "call".

    alone: whether it has a process of its own, which may be walled in, and ends.
    """

    obeys = True

    def __init__(self, read: IO[bytes], write: IO[bytes], alone: bool = True) -> None:
        super().__init__(read, write)
        self._alone = alone
        self._submission: Submission | None = None
        self._printed = Printed()
        self._observers: dict[str, dict[str, Any]] = {}

    def answer(self) -> None:
        """Answer one request. Raises Ended if the other end is closed."""
        (what, *args), arrays = self.receive()
        if what == "begin":
            self._printed = Printed(sys.stderr if self._alone else None)  # an endless loop leaves nothing else behind
        before, start = [array.tobytes() for array in arrays], self._printed.tell()
        try:
            with redirect_stdout(self._printed):
                kind, result = "told", getattr(self, f"_{what}")(*args)
        except BaseException as error:  # also SystemExit: a submission may raise anything
            kind, result = "raised", asdict(failure_of(error))
        changed = [[k, now] for k, now in enumerate(arrays) if now.tobytes() != before[k]]
        printed = self._printed.getvalue()[start:]
        try:
            self.send(kind, result, changed, printed)
        except CheckFailed as failure:
            self.send("ended", asdict(failure), [], printed)
        except (TypeError, ValueError, OverflowError, MemoryError) as error:  # what JSON cannot hold
            self.send("raised", asdict(failure_of(error)), [], printed)

    # --- requests that run a submission's code ----------------------------------------------------------------

    def _get(self, module: str, name: str) -> tuple[list[str] | None, Any]:
        """The names of a function's parameters and None; or None and a value."""
        value = getattr(self._loaded(module), name)
        if isinstance(value, FunctionType):
            return list(inspect.signature(value).parameters), None
        return ([], None) if callable(value) else (None, value)

    def _call(self, module: str, name: str, args: Any, settings: dict[str, Any]) -> Any:
        return getattr(self._loaded(module), name)(*args, **settings)

    def _observe(self, text: str, name: str, module: str, args: Any) -> Any:
        if text not in self._observers:
            exec(text, self._observers.setdefault(text, {"__name__": "observers"}))
        return self._observers[text][name](self._loaded(module), *args)

    # --- requests about an exercise ---------------------------------------------------------------------------

    def _open(self, folder: str, shown: str, imports: list[str], secret: list[str], memory: int) -> None:
        """Keep this process, if it is alone, from what is not in the folder of a submission, for good.

        shown: the folder from which paths are shown.  secret: what it does not read.
        """
        if self._alone:
            for name in [name for name in sys.modules if name.split(".")[0] == "tinygrad_lecture"]:
                del sys.modules[name]  # they are not whole, see START
            wall.limit_memory(memory)
            if not wall.missing():
                wall.enter(wall.readable(Path(folder), imports, [Path(path) for path in secret]), Path.cwd())
            atexit._clear()  # this process is killed at its end, so nobody's but the learner's are missed
        failures.own_folder[:], failures.shown_from[:] = [folder], [Path(shown)]
        self._imports = imports

    def _begin(self, module: str, seconds: float) -> None:
        """Load the module of an exercise. From now on the time is counted."""
        self._submission = Submission(Path(failures.own_folder[0]), self._imports)
        random.seed(0)
        np.random.seed(0)
        if self._alone and sys.platform == "win32":  # which has no signals
            faulthandler.dump_traceback_later(seconds, exit=True, file=2)
        self._loaded(module)

    def _loaded(self, module: str) -> ModuleType:
        assert self._submission is not None
        return self._submission.load(module)

    def _end(self, token: str) -> str:
        """The token, when all is done that the exercise's file left to be done at the end."""
        atexit._run_exitfuncs()
        faulthandler.cancel_dump_traceback_later()
        return token


class Submission:
    """A learner's files as modules, run from their own folder, with the imports that an exercise allows.

    Each file is run once; a file may import the others by their dotted names.
    """

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
        place = place_of(path)
        if not wall.is_own(path, self.folder):
            what = f"The file {place} is a link, and what it leads to may be somebody else's."
            raise CheckFailed(what, kind="missing", **because("missing.link"))
        linecache.checkcache(str(path))
        try:
            text = path.read_text(encoding="utf-8-sig")  # some editors of Windows write a mark in front
            code = compile(text, str(path), "exec", dont_inherit=True)
        except FileNotFoundError:
            raise CheckFailed(f"The file {place} is missing.", kind="missing", hint="missing") from None
        except (UnicodeDecodeError, OSError) as error:
            what = f"The file {place} cannot be read: {error}."
            raise CheckFailed(what, kind="missing", **because("missing.text")) from None
        except (SyntaxError, ValueError) as error:
            raise _syntax(error, path) from None
        module = self.modules[name] = ModuleType(name)
        vars(module).update(__file__=str(path), __builtins__={**vars(builtins), "__import__": self._import})
        try:
            exec(code, vars(module))
        except Exception as error:
            self.modules.pop(name, None)
            failure = failure_of(error)
            if failure.what in (RAISES, FORM):
                failure.what, failure.kind = f"{place} raises an exception when it is imported.", "raises"
            raise failure from error
        return module

    def _path(self, name: str) -> Path:
        return self.folder.joinpath(*name.split(".")).with_suffix(".py")

    def _import(self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        """Python's `__import__` for a learner's file."""
        first, *rest = name.split(".")
        if level == 0 and self._path(name).is_file() and first not in sys.stdlib_module_names:
            found: Any = self.load(name)
            for part in () if fromlist else reversed(rest):  # import a.b binds a, in which b is
                found = SimpleNamespace(**{part: found})
            return found
        if level == 0 and first in self.allowed:
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        own = [(f.filename, f.lineno or 1) for f in traceback.extract_stack() if is_own(f.filename)]
        shown = lines_at(*own[-1]) if own else []
        raise CheckFailed(f"`import {name}` is not allowed.", kind="import", shown=shown, **because("forbidden-import"))


def _syntax(error: SyntaxError | ValueError, path: Path) -> CheckFailed:
    """The failure for a file that is not Python."""
    line, offset = getattr(error, "lineno", None) or 1, getattr(error, "offset", None)
    shown = lines_at(str(path), line)
    if offset and getattr(error, "text", None):
        shown.append(" " * (offset - 1 + len(f"  > {line:3} | ")) + "^")
    what = f"Python cannot read the file: {getattr(error, 'msg', error)}."
    return CheckFailed(what, kind="syntax", shown=shown, **because("syntax"))
