"""Runs that are kept in a folder, to be gone on with: where one begins, and that it never mixes with another.

    refuse_taken(options)                   # before any work, if --out holds a run and nothing says what to do with it
    trainer = nn.Trainer(..., folder=options.out, settings=settings_of(options, ["steps", "seed"]))
    if make_way(options, FILES):            # whatever was there is gone
        ...                                 # what describes the run, in files of its own
    learn_or_go_on(trainer, options)

Used by 08_gpt.py and 12_arithmetic.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import nn
from lecture import DataError, flag
from nn import checkpoint
from nn.files import sweep


def add_ways_to_begin(group: argparse._ArgumentGroup) -> None:
    """The options --resume and --again, of which one is needed where the folder --out holds a run."""
    add = group.add_mutually_exclusive_group().add_argument
    add("--resume", action="store_true", help="go on with the run in --out, with the same options")
    add("--again", action="store_true", help="begin anew in the place of the run in --out")


def settings_of(options: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """Options as settings of a Trainer: what has to be the same for going on."""
    return {flag(name): getattr(options, name) for name in names}


def refuse_taken(options: argparse.Namespace) -> None:
    """Raises DataError if the folder --out holds a run, and nothing says what is to become of that."""
    last, best = (options.out / f"{name}.safetensors" for name in ("last", "best"))
    if (last.exists() or best.exists()) and not (options.resume or options.again):
        finished = last.exists() and checkpoint.peek(last).get("finished")
        raise DataError(
            f"in {options.out} there is a run that is {'' if finished else 'not '}finished: --resume goes on with it, "
            "--again begins anew in its place; or choose another --out"
        )


def make_way(options: argparse.Namespace, kept: Sequence[str]) -> bool:
    """Whether a run begins now, in a folder --out that it has to itself; else --resume goes on with the one there.

    kept: the names of all that a run leaves behind, with * for any letters. What is there of another run is removed,
    its checkpoint first: at no moment are there files of two runs.
    """
    for name in kept:
        sweep(options.out / name)  # what a kill has left half-written
    last = options.out / "last.safetensors"
    if options.resume and last.exists():
        return False
    last.unlink(missing_ok=True)
    for name in kept:
        for leftover in options.out.glob(name):
            leftover.unlink()
    return True


def learn_or_go_on(trainer: nn.Trainer, options: argparse.Namespace) -> nn.History:
    """Train, or go on. Raises DataError if the folder is of a run with other options, or damaged."""
    try:
        return trainer.fit(options.resume)
    except ValueError as error:
        raise DataError(str(error)) from error
