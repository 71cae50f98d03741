"""Shared by all programs: the command line, how a program ends, how its pictures look."""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nn.training.interrupt import Interrupt
from tinygrad_lecture.inspect.picture import new_figure as new_figure  # for all programs
from tinygrad_lecture.inspect.picture import save_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colours that colour-blind readers can tell apart (Okabe & Ito, 2008).
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#AA4499",
    "#56B4E9",
    "#808080",
)


Item = TypeVar("Item")


class DataError(ValueError):
    """A file is missing, damaged or of another kind. The message names it, the reason, and the remedy."""


# --- the command line ---------------------------------------------------------------------------------------


def command_line(prog: str, docstring: str | None, out: str) -> argparse.ArgumentParser:
    """Return a parser whose help is the program's docstring, with the options of all programs: --seed and --out."""
    summary, _, details = (docstring or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog=prog, description=summary, epilog=details, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=whole(0), default=0, metavar="N", help="random seed (0)")
    parser.add_argument("--out", type=Path, default=Path(out), metavar="DIR", help=f"folder for the results ({out})")
    return parser


def whole(least: int) -> Callable[[str], int]:
    """Return an argparse type: a whole number, at least `least`."""

    def convert(text: str) -> int:
        number = int(text) if text.isascii() and text.isdigit() else least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} up")
        return number

    return convert


def number(text: str) -> float:
    """An argparse type: a finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return value


def positive(text: str) -> float:
    """An argparse type: a number above 0."""
    value = number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def not_negative(text: str) -> float:
    """An argparse type: a number from 0 up."""
    value = number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 on")
    return value


def share(text: str) -> float:
    """An argparse type: a number from 0 to 1."""
    value = number(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return value


def some_share(text: str) -> float:
    """An argparse type: a number above 0 and at most 1."""
    value = number(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0 and at most 1")
    return value


def given(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> set[str]:
    """Return the names of the options typed on the command line, also those typed with their default value."""
    names = vars(parser.parse_args(arguments))
    options = parser.parse_args(arguments, argparse.Namespace(**dict.fromkeys(names)))  # None stays for those not given
    return {name for name, value in vars(options).items() if value is not None}


def flag(name: str) -> str:
    """Return an option as it is typed: "fit_steps" -> "--fit-steps"."""
    return f"--{name.replace('_', '-')}"


def refuse_idle(parser: argparse.ArgumentParser, said: set[str], idle: Sequence[str], why: str) -> None:
    """Exit with a message if `said` has options that have no effect here."""
    if found := [name for name in idle if name in said]:
        names = ", ".join(map(flag, found))
        parser.error(f"{names}: without effect {why}; leave {'it' if len(found) == 1 else 'them'} out")


def make_folder(path: Path) -> None:
    """Make the folder for the results. Raises DataError if it, or a file in it, cannot be written."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass  # fail before the work, not after it
    except OSError as error:
        raise DataError(f"cannot write to the folder {path}: {error.strerror}; name another with --out") from error


def tell_leftover(path: Path, written: Sequence[Path]) -> None:
    """Print a line if a file exists that this run has not written."""
    if path.exists() and path not in written:
        print(f"{path} is from an earlier run.")


def until_ctrl_c(items: Iterable[Item]) -> Iterator[Item]:
    """Yield items until Ctrl-C is pressed, which ends the loop but not the program. A second Ctrl-C aborts."""
    with Interrupt() as interrupt:
        for item in items:
            yield item
            if interrupt.requested:
                return


@contextmanager
def while_it_is_read() -> Iterator[None]:
    """Context: exit silently when the reader of the output closes it, as in `... | head`."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:  # Python flushes what is left into it
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        raise SystemExit(1) from None


def carry_out(run: Callable[[argparse.Namespace], None], parser: argparse.ArgumentParser, options: Any) -> None:
    """Run a program with its options.

    Ctrl-C, DataError, a missing extra, OSError and FloatingPointError (a learning rate too large) exit with one line.
    """
    try:
        make_folder(options.out)
        with while_it_is_read():
            run(options)
    except KeyboardInterrupt:
        raise SystemExit(f"\n{parser.prog}: aborted") from None
    except (DataError, ImportError, OSError, FloatingPointError) as error:
        raise SystemExit(f"{parser.prog}: {error}") from error


# --- numbers and pictures -----------------------------------------------------------------------------------


def short(value: float, decimals: int = 3) -> str:
    """Format a number with `decimals` decimals, or with a power of ten if it is too small or too large for that."""
    plain_enough = value == 0 or not math.isfinite(value) or 10.0**-decimals <= abs(value) < 1e6
    return f"{value:.{decimals}f}" if plain_enough else f"{value:.{max(decimals - 2, 1)}e}"


def plain(axes: Axes, grid: bool = True) -> Axes:
    """Hide the upper and right line of the frame, add a faint grid, and return the axes."""
    axes.spines[["top", "right"]].set_visible(False)
    if grid:
        axes.grid(alpha=0.25)
    return axes


def principal_axes(rows: np.ndarray) -> tuple[np.ndarray, float]:
    """Project rows (n, dim) onto their first two principal components: (n, 2), and the share of the variance kept.

    By singular value decomposition of the centred rows.
    """
    centred = rows - rows.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    return centred @ axes[:2].T, float((sizes[:2] ** 2).sum() / ((sizes**2).sum() or 1))


def save(figure: Figure, path: Path) -> None:
    """Write a figure to a file, atomically, and print its path, with a note if no font has some of its characters."""
    from matplotlib.text import Text

    from tinygrad_lecture.inspect.fonts import BOX

    save_picture(figure, path)
    boxes = any(BOX in text.get_text() for text in figure.findobj(Text))
    print(f"  {path}{', where a box is a character that no font of this machine can draw' if boxes else ''}")
