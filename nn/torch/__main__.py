"""The command `python -m nn.torch script.py [arguments]`: run a script that says `import torch` on this engine.

As Python does, it also takes `-` for a script from the standard input, and `-c` with the script's text.
"""

from __future__ import annotations

import importlib.util
import linecache
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

TEXTS = {"-": "<stdin>", "-c": "<script>"}  # an argument that stands for a script's text -> its name in tracebacks


def main(arguments: list[str]) -> int:
    """Run the script, the first of the arguments. Returns the exit code."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: python -m nn.torch script.py [arguments]", file=sys.stderr if not arguments else sys.stdout)
        return 0 if arguments else 2
    script = Path(arguments[0]).absolute()
    text = arguments[0] in TEXTS
    if not text and (script.is_dir() or not script.exists()):
        print(f"python -m nn.torch: there is no file {arguments[0]}", file=sys.stderr)
        return 2
    name = TEXTS.get(arguments[0], str(script))
    source = _source(arguments, script)
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
    sys.argv, sys.path[0] = arguments, "" if text else str(script.resolve().parent)
    module = sys.modules["__main__"] = ModuleType("__main__")
    if text:
        lines = source.decode(errors="replace").splitlines(keepends=True)
        linecache.cache[name] = len(source), None, lines, name  # for tracebacks
    else:
        module.__file__ = name
    try:
        exec(compile(source, name, "exec"), module.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        print(report(error), end="", file=sys.stderr)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _source(arguments: list[str], script: Path) -> bytes:
    """The text of the script; after `-c`, it is the second argument, which is then no argument of the script."""
    if arguments[0] == "-c":
        return arguments.pop(1).encode() if len(arguments) > 1 else b""
    return sys.stdin.buffer.read() if arguments[0] == "-" else script.read_bytes()


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
        below = ours or (below and frame.filename.startswith((numpy, "<")) and frame.filename not in TEXTS.values())
        if not below and not frame.filename.startswith("<frozen importlib"):
            kept.append(frame)
    return traceback.StackSummary.from_list(kept)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
