"""The command `python -m nn.torch script.py [arguments]`: run a script that says `import torch` on this engine."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from types import ModuleType

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture.errors.users_line import is_ours

from . import __name__ as package
from .absent import sentence
from .dialect import speak
from .modules import install


def main(arguments: list[str]) -> int:
    """Run the script, the first of the arguments. Returns the exit code."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: python -m nn.torch script.py [arguments]", file=sys.stderr if not arguments else sys.stdout)
        return 0 if arguments else 2
    script = Path(arguments[0])
    if not script.is_file():
        print(f"python -m nn.torch: there is no file {script}", file=sys.stderr)
        return 2
    install(sys.modules[package])
    speak(sys.modules[package])
    sys.argv, sys.path[0] = arguments, str(script.resolve().parent)
    module = sys.modules["__main__"] = ModuleType("__main__")
    module.__file__ = str(script)
    try:
        exec(compile(script.read_bytes(), str(script), "exec"), module.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        print(report(error), end="", file=sys.stderr)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


def report(error: BaseException) -> str:
    """The traceback of an error without the calls within these packages: it ends in the user's line."""
    if isinstance(error, AttributeError) and isinstance(error.obj, tl.Tensor) and error.name:
        error.args = (sentence(f"torch.Tensor.{error.name}", dir(tl.Tensor)),)
    if isinstance(error, ValueError) and "read-only" in str(error):
        error.add_note("x.numpy() shares the memory of x and is read-only here; to change the array, x.numpy().copy()")
    told: traceback.TracebackException | None = traceback.TracebackException.from_exception(error)
    whole, seen = told, 0
    while told is not None and seen < 20:
        told.stack = _users(told.stack)
        cause = told.__cause__ or (None if told.__suppress_context__ else told.__context__)
        if cause is not None and not _users(cause.stack):  # within these packages alone
            told.__cause__ = told.__context__ = cause = None
        told, seen = cause, seen + 1
    assert whole is not None
    return "".join(whole.format())


def _users(frames: traceback.StackSummary) -> traceback.StackSummary:
    """The frames of the user's files and of what they call, without these packages and what those call."""
    kept, below = [], False
    numpy = str(Path(np.__file__).parent)
    for frame in frames:
        ours = is_ours(frame.filename)
        below = ours or (below and frame.filename.startswith((numpy, "<")))
        if not below and not frame.filename.startswith("<frozen importlib"):
            kept.append(frame)
    return traceback.StackSummary.from_list(kept)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
