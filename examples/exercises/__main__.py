"""`python -m examples.exercises`: the gradient-check exercises, from a neuron to your own GPT.

Without a command it shows where you are, and checks the current file whenever you save it.
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from . import COMMANDS, TEXTS

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(
        prog="python -m examples.exercises", description=TEXTS["description"], epilog=TEXTS["names"]
    )
    main.add_argument("--folder", type=Path, default=Path("exercises"), help="your answers and progress (exercises)")
    commands = main.add_subparsers(dest="command", metavar="COMMAND")
    for name, (says, *flag) in COMMANDS.items():
        command = commands.add_parser(name, help=says, description=says)
        command.add_argument("--folder", type=Path, default=argparse.SUPPRESS, help="your answers and progress")
        if name not in ("watch", "list"):
            command.add_argument("name", nargs="?", metavar="NAME", help=TEXTS["name"])
        if flag:
            command.add_argument(flag[0], dest="flag", action="store_true", help=flag[1])
    return main


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status: 0 if all is well, 1 if an exercise is not right."""
    options = parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal may lack a letter
    try:
        from .classroom import report
        from .commands import Session
        from .course import COURSE
    except ImportError as error:
        print(f'{error}\nInstall what the exercises need: python -m pip install --editable ".[examples]"')
        return 1
    try:
        if options.command == "class":
            return report(Path(options.name or "submissions"))
        session = Session(COURSE, options.folder)
        with closing(session.grader):
            flag = [options.flag] if "flag" in options else []
            status = session.run(options.command or "watch", getattr(options, "name", None), *flag)
        sys.stdout.flush()
        return status
    except KeyError as error:
        print(error.args[0])
        return 2
    except BrokenPipeError:  # what reads the output, as head, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python writes at its end
        return 0
    except OSError as error:
        print(error if options.command == "class" else f"{error}; name another folder with --folder")
        return 2


def end() -> int:
    """Run a command; return the exit status, also after Ctrl-C."""
    try:
        return main()
    except KeyboardInterrupt:  # also while it imports
        print()
        return 0


if __name__ == "__main__":
    sys.exit(end())
