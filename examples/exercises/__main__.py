"""`python -m examples.exercises`: the gradient-check exercises, from a neuron to your own GPT.

Without a command it shows where you are, and checks the current file whenever you save it.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

COMMANDS = {
    "watch": "check the current file at every save; the same as no command",
    "list": "show all exercises and what is done",
    "check": "check one exercise",
    "hint": "show the next hint: a question, a pointer, nearly the answer",
    "why": "check one exercise, and tell the likely cause",
    "start": "make an exercise the current one",
    "reset": "start an exercise again; your answer is kept beside it",
    "solution": "show a solution",
}
FLAGS = {
    "check": ("--all", "check all that were begun"),
    "start": ("--take", "put the solutions of what it builds on into your files"),
    "solution": ("--take", "put it into your file; your answer is kept beside it"),
}


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(
        prog="python -m examples.exercises",
        description="Exercises from a neuron to your own GPT. Without a command: watch the current file, check it at "
        "every save, and move on when it is right.",
        epilog="NAME is a number as 3.2, or a file, as ex2_mul.py; mul is enough.",
    )
    main.add_argument("--folder", type=Path, default=Path("exercises"), help="your answers and progress (exercises)")
    commands = main.add_subparsers(dest="command", metavar="COMMAND")
    for name, says in COMMANDS.items():
        command = commands.add_parser(name, help=says, description=says)
        command.add_argument("--folder", type=Path, default=argparse.SUPPRESS, help="your answers and progress")
        if name not in ("watch", "list"):
            command.add_argument("name", nargs="?", metavar="NAME", help="the current one by default")
        if name in FLAGS:
            flag, does = FLAGS[name]
            command.add_argument(flag, dest="flag", action="store_true", help=does)
    return main


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status: 0 if all is well, 1 if an exercise is not right."""
    options = parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal may lack a letter
    try:
        from .commands import Session
        from .course import COURSE
    except ImportError as error:
        print(f'{error}\nInstall what the exercises need: python -m pip install --editable ".[examples]"')
        return 1
    try:
        session = Session(COURSE, options.folder)
        with closing(session.grader):
            flag = [options.flag] if "flag" in options else []
            return session.run(options.command or "watch", getattr(options, "name", None), *flag)
    except KeyError as error:
        print(error.args[0])
        return 2
    except BrokenPipeError:
        raise  # it is no matter of the folder
    except OSError as error:
        print(f"{error}; name another folder with --folder")
        return 2


def end() -> int:
    """Run a command and write out what it printed; return the exit status."""
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:  # what reads the output, as head, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python writes at its end
        return 0
    except KeyboardInterrupt:  # also while it imports
        print()
        return 0
    return status


if __name__ == "__main__":
    sys.exit(end())
