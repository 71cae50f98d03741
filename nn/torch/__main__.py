"""The command `python -m nn.torch script.py [arguments]`: run a script that says `import torch` on this engine."""

from __future__ import annotations

import importlib.util
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture.errors import in_library

from . import __name__ as package
from .dialect import in_torchs_words, speak
from .missing_names import sentence
from .modules import install


def main(arguments: list[str]) -> int:
    """Run the script, the first of the arguments. Returns the exit code."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: python -m nn.torch script.py [arguments]", file=sys.stderr if not arguments else sys.stdout)
        return 0 if arguments else 2
    script = Path(arguments[0]).absolute()
    if script.is_dir() or not script.exists():
        print(f"python -m nn.torch: there is no file {arguments[0]}", file=sys.stderr)
        return 2
    source = script.read_bytes()
    if (call := re.search(rb"\btorch\.(save|load)\(", source)) and importlib.util.find_spec("safetensors") is None:
        what = call.group().decode()
        print(
            f"python -m nn.torch: {arguments[0]} calls {what}), which needs the package safetensors: "
            "python -m pip install safetensors",
            file=sys.stderr,
        )
        return 2
    install(sys.modules[package])
    speak(sys.modules[package])
    sys.argv, sys.path[0] = arguments, str(script.resolve().parent)
    module = sys.modules["__main__"] = ModuleType("__main__")
    module.__file__ = str(script)
    try:
        exec(compile(source, str(script), "exec"), module.__dict__)
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
    elif len(error.args) == 1 and isinstance(error.args[0], str):
        error.args = (in_torchs_words(error.args[0]),)
    if isinstance(error, ValueError) and "read-only" in str(error):
        error.add_note("x.numpy() shares the memory of x and is read-only here; to change the array, x.numpy().copy()")
    shown = traceback.TracebackException.from_exception(error)
    _hide_packages(shown)
    return "".join(shown.format())


def _hide_packages(shown: traceback.TracebackException) -> None:
    """Leave out the calls within these packages from a traceback, its cause, and what was raised before."""
    shown.stack = _users(shown.stack)
    for earlier in filter(None, (shown.__cause__, shown.__context__)):
        _hide_packages(earlier)
        if not earlier.stack:  # within these packages alone
            shown.__cause__ = shown.__context__ = None


def _users(frames: traceback.StackSummary) -> traceback.StackSummary:
    """The frames of the user's files and of what they call, without these packages and what those call."""
    kept, below = [], False
    numpy = str(Path(np.__file__).parent)
    for frame in frames:
        ours = in_library(frame.filename)
        below = ours or (below and frame.filename.startswith((numpy, "<")))
        if not below and not frame.filename.startswith("<frozen importlib"):
            kept.append(frame)
    return traceback.StackSummary.from_list(kept)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
