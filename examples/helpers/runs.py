"""Runs that are kept in a folder and resumed from it: a folder holds one run at a time.

    trainer = nn.Trainer(..., folder=settings.out)
    if not runs.open_run(settings.out, FILES, settings.resume, settings.again):  # a new run: the folder is clear
        ...                                                                      # write the files that describe it
    history = runs.fit(trainer, settings.resume)

Used by 08_gpt.py and 12_arithmetic.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import nn
from helpers.program import DataError
from nn.training import saved_state
from tinygrad_lecture.files import sweep

STATE, BEST = "last.safetensors", "best.safetensors"  # the Trainer's: its saved state, the weights with the best scores


def open_run(folder: Path, files: Sequence[str], resume: bool, again: bool) -> bool:
    """Return whether a run in the folder is to be continued; else clear the folder for a new one.

    files: the other files of a run, `*` for any letters. They are removed with the run that `again` replaces, its saved
    state first, so that the folder never holds files of two runs.
    Raises DataError if the folder holds a run and neither `resume` nor `again` is given, or one that cannot be resumed.
    """
    last, best = folder / STATE, folder / BEST
    replace = "--again replaces it; or choose another --out"
    if last.exists() and not (resume or again):
        finished = "" if saved_state.peek(last).get("finished") else "not "
        raise DataError(f"{folder} holds a run that is {finished}finished: --resume continues it, {replace}")
    if best.exists() and not last.exists() and not again:
        raise DataError(f"{folder} holds {best.name} of a run that cannot be resumed: {replace}")
    for name in (STATE, BEST, *files):
        sweep(folder / name)  # temporary files of a killed process
    if resume and last.exists():
        return True
    if resume:
        print(f"{folder} holds no run to resume, so a new run begins.")
    for name in (STATE, BEST, *files):
        for leftover in folder.glob(name):
            leftover.unlink()
    return False


def fit(trainer: nn.Trainer, resume: bool) -> nn.History:
    """Train, or continue. Raises DataError if the folder holds a run with other settings, or a damaged one."""
    try:
        return trainer.fit(resume)
    except ValueError as error:
        raise DataError(str(error)) from error
