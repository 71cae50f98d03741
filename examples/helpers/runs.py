"""Runs kept in a folder and resumed from it: a folder holds one run at a time, of one program.

    refuse_taken(options)                   # before any work: raises if --out holds a run and no option says what to do
    trainer = nn.Trainer(..., folder=options.out, settings=settings_of(options, ["steps", "seed"]))
    if make_way(options):                   # a new run: the folder is cleared
        ...                                 # write the files that describe the run
    learn_or_go_on(trainer, options)

Used by 08_gpt.py and 12_arithmetic.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nn
from helpers.lecture import DataError, flag
from nn.training import saved_state
from tinygrad_lecture.files import sweep

# Files of a run beside last.safetensors (* for any letters), of both programs, since both may be given the same --out.
FILES = (
    *("best.safetensors", "model.json", "tokenizer.json", "curve.json"),
    *("curves.png", "attention*.png", "lens.png", "learning.png", "surprise.png", "errors.png"),
)


def add_ways_to_begin(group: argparse._ArgumentGroup) -> None:
    """Add --resume and --again; one of them is required if the folder --out holds a run."""
    add = group.add_mutually_exclusive_group().add_argument
    add("--resume", action="store_true", help="continue the run in --out, with the same options")
    add("--again", action="store_true", help="replace the run in --out by a new one")


def settings_of(options: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """Return options as settings of a Trainer: those that must match to resume."""
    return {flag(name): getattr(options, name) for name in names}


def refuse_taken(options: argparse.Namespace) -> None:
    """Check the folder --out before any work.

    Raises DataError if it holds a run and neither --resume nor --again is given, or a run that cannot be resumed.
    """
    last, best = _files_of_a_run(options)
    if options.again or (options.resume and last.exists()):
        return
    replace = "--again replaces it; or choose another --out"
    if last.exists():
        finished = "" if saved_state.peek(last).get("finished") else "not "
        raise DataError(f"{options.out} holds a run that is {finished}finished: --resume continues it, {replace}")
    if best.exists():
        raise DataError(f"{options.out} holds {best.name} of a run that cannot be resumed: {replace}")
    if options.resume:
        print(f"{options.out} holds no run to resume, so a new run begins.")


def make_way(options: argparse.Namespace) -> bool:
    """Clear the folder --out for a new run and return True; return False if --resume continues the run there.

    Files of another run, of either program, are removed, its saved state first: the folder never holds files of two
    runs.
    """
    for name in FILES:
        sweep(options.out / name)  # temporary files of a killed process
    last, _ = _files_of_a_run(options)
    if options.resume and last.exists():
        return False
    last.unlink(missing_ok=True)
    for name in FILES:
        for leftover in options.out.glob(name):
            leftover.unlink()
    return True


def refuse_beside_a_run(options: argparse.Namespace) -> None:
    """Raises DataError if --out holds a run: pictures of another model do not belong beside it."""
    if any(path.exists() for path in _files_of_a_run(options)):
        raise DataError(f"{options.out} holds a run, and these are pictures of another model; choose another --out")


def _files_of_a_run(options: argparse.Namespace) -> tuple[Path, Path]:
    """Return the paths of a run's last saved state and of its best weights."""
    return options.out / "last.safetensors", options.out / "best.safetensors"


def learn_or_go_on(trainer: nn.Trainer, options: argparse.Namespace) -> nn.History:
    """Train, or resume. Raises DataError if the folder holds a run with other options, or is damaged."""
    try:
        return trainer.fit(options.resume)
    except ValueError as error:
        raise DataError(str(error)) from error
