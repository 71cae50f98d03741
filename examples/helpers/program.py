"""What starts and ends a program: its settings from the command line, its folder, Ctrl-C, errors in one line.

@dataclass
class Settings:
    epochs: int = 30
    \"""how often each picture is seen\"""       # the help text of --epochs
    out: Path = Path("out/digits")
    \"""folder for the pictures\"""

def main(settings: Settings) -> None: ...

if __name__ == "__main__":
    start(main, Settings)
"""

from __future__ import annotations

import inspect
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from nn.training.interrupt import Interrupt

Item = TypeVar("Item")
LEAST = {"seed": 0, "temperature": 0.0}  # of settings; of every other whole number 1


class DataError(ValueError):
    """A file is missing, damaged or of another kind. The message names it, the reason, and the remedy."""


def start(main: Callable[[Any], None], settings: type, arguments: Sequence[str] | None = None) -> None:
    """Run `main` with the settings of the command line, made by tyro from a dataclass and its docstrings.

    The settings are checked, and the folder `out` for the results is made, before the work. Errors that a user can mend
    (a file, a missing extra, a setting, a learning rate too large) end the program with one line, as Ctrl-C does.
    """
    program = Path(inspect.getfile(main)).name
    try:
        import tyro
    except ImportError:
        raise SystemExit(f'{program}: needs tyro; pip install ".[examples]" brings it') from None
    try:
        chosen = tyro.cli(settings, description=inspect.getmodule(main).__doc__, prog=program, args=arguments)
        check(chosen)
        if hasattr(chosen, "out"):
            make_folder(chosen.out)
        main(chosen)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of the output has closed it, as in `... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes what is left into it
        raise SystemExit(1) from None
    except (ValueError, ImportError, OSError, FloatingPointError) as error:
        file, reason = getattr(error, "filename", None), getattr(error, "strerror", None)  # of an OSError
        raise SystemExit(f"{program}: {f'{file}: {reason}' if file and reason else error}") from error


def check(settings: Any) -> None:
    """Raise DataError for a number that no program can use: one that is not finite, or is too small."""
    for name, value in vars(settings).items():
        option, least = f"--{name.replace('_', '-')}", LEAST.get(name, 1)
        numbers = [x for x in (value if isinstance(value, tuple) else (value,)) if isinstance(x, int | float)]
        if not all(map(math.isfinite, numbers)):
            raise DataError(f"{option} needs finite numbers, not nan or inf")
        whole = isinstance(value, int) and not isinstance(value, bool)
        if (whole or (name in LEAST and numbers)) and value < least:
            raise DataError(f"{option} must be {least:g} or more, not {value:g}")


def make_folder(path: Path) -> None:
    """Make a folder. Raises DataError if it, or a file in it, cannot be written: before the work, not after it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise DataError(f"cannot write to the folder {path}: {error.strerror}; name another with --out") from error


def until_ctrl_c(items: Iterable[Item]) -> Iterator[Item]:
    """Yield items until Ctrl-C is pressed, which ends the loop but not the program. A second Ctrl-C aborts."""
    with Interrupt() as interrupt:
        for item in items:
            yield item
            if interrupt.requested:
                return
