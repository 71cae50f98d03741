"""Runs that are kept in a folder, to be gone on with: where one begins, and that it never mixes with another.

    refuse_taken(options)                   # before any work, if --out holds a run and nothing says what to do with it
    trainer = nn.Trainer(..., folder=options.out, settings=settings_of(options, ["steps", "seed"]))
    if make_way(options):                   # whatever was there is gone
        ...                                 # what describes the run, in files of its own
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
from nn.training import saved_state as checkpoint
from tinygrad_lecture.files import sweep

# What runs leave behind beside last.safetensors, with * for any letters; of both programs, since --out is one's choice.
FILES = (
    *("best.safetensors", "model.json", "tokenizer.json", "curve.json"),
    *("curves.png", "attention*.png", "lens.png", "learning.png", "surprise.png", "errors.png"),
)


def add_ways_to_begin(group: argparse._ArgumentGroup) -> None:
    """The options --resume and --again, of which one is needed where the folder --out holds a run."""
    add = group.add_mutually_exclusive_group().add_argument
    add("--resume", action="store_true", help="go on with the run in --out, with the same options")
    add("--again", action="store_true", help="begin anew in the place of the run in --out")


def settings_of(options: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """Options as settings of a Trainer: what has to be the same for going on."""
    return {flag(name): getattr(options, name) for name in names}


def refuse_taken(options: argparse.Namespace) -> None:
    """Say what becomes of a folder --out, before any work.

    Raises DataError if it holds a run, and nothing says what is to become of that, or if it cannot be gone on with.
    """
    last, best = _checkpoints(options)
    if options.again or (options.resume and last.exists()):
        return
    anew = "--again begins anew in its place; or choose another --out"
    if last.exists():
        finished = "" if checkpoint.peek(last).get("finished") else "not "
        raise DataError(f"in {options.out} there is a run that is {finished}finished: --resume goes on with it, {anew}")
    if best.exists():
        raise DataError(f"in {options.out} there is {best.name} of a run that cannot be gone on with: {anew}")
    if options.resume:
        print(f"In {options.out} there is nothing to go on with, so a new run begins.")


def make_way(options: argparse.Namespace) -> bool:
    """Whether a run begins now, in a folder --out that it has to itself; else --resume goes on with the one there.

    What is there of another run, of either program, is removed, its checkpoint first: at no moment are there files of
    two runs.
    """
    for name in FILES:
        sweep(options.out / name)  # what a kill has left half-written
    last, _ = _checkpoints(options)
    if options.resume and last.exists():
        return False
    last.unlink(missing_ok=True)
    for name in FILES:
        for leftover in options.out.glob(name):
            leftover.unlink()
    return True


def refuse_beside_a_run(options: argparse.Namespace) -> None:
    """Raises DataError if --out holds a run, beside which pictures of another model would come to lie."""
    if any(path.exists() for path in _checkpoints(options)):
        raise DataError(
            f"in {options.out} there is a run, and these would be another model's pictures; give another --out"
        )


def _checkpoints(options: argparse.Namespace) -> tuple[Path, Path]:
    """The last state of a run, and its best weights."""
    return options.out / "last.safetensors", options.out / "best.safetensors"


def learn_or_go_on(trainer: nn.Trainer, options: argparse.Namespace) -> nn.History:
    """Train, or go on. Raises DataError if the folder is of a run with other options, or damaged."""
    try:
        return trainer.fit(options.resume)
    except ValueError as error:
        raise DataError(str(error)) from error
