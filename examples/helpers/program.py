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
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from nn.training.interrupt import Interrupt

Item = TypeVar("Item")


class DataError(ValueError):
    """A file is missing, damaged or of another kind. The message names it, the reason, and the remedy."""


def start(main: Callable[[Any], None], settings: type, arguments: Sequence[str] | None = None) -> None:
    """Run `main` with the settings of the command line, made by tyro from a dataclass and its docstrings.

    A setting `out` names the folder for the results, which is made first. Ctrl-C and errors that a user can mend (a
    file, a missing extra, a setting, a learning rate too large) end the program with one line.
    """
    program = Path(inspect.getfile(main)).name
    try:
        import tyro
    except ImportError:
        raise SystemExit(f'{program}: needs tyro; pip install ".[examples]" brings it') from None
    try:
        chosen = tyro.cli(settings, description=inspect.getmodule(main).__doc__, prog=program, args=arguments)
        if hasattr(chosen, "out"):
            make_folder(chosen.out)
        main(chosen)
        sys.stdout.flush()
    except KeyboardInterrupt:
        raise SystemExit(f"\n{program}: aborted") from None
    except BrokenPipeError:  # the reader of the output has closed it, as in `... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes what is left into it
        raise SystemExit(1) from None
    except (ValueError, ImportError, OSError, FloatingPointError) as error:
        raise SystemExit(f"{program}: {error}") from error


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
