"""Validation of a Trainer's options: every problem is reported at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

LEAST = {"epochs": 0, "steps": 0, "accumulate": 1, "record_every": 1, "patience": 1}
CHOICES = {"schedule_by": ("step", "epoch"), "best_by": ("loss", "accuracy")}


def check_options(options: Mapping[str, Any]) -> None:
    """Raises ValueError that lists every option of `Trainer` with a value it cannot have."""
    if problems := list(_problems(options)):
        raise ValueError(f"Trainer: {'; '.join(problems)}")


def _problems(options: Mapping[str, Any]) -> Iterator[str]:
    if (options["epochs"] is None) == (options["steps"] is None):
        yield "give either epochs or steps"
    for name, least in LEAST.items():
        value = options[name]
        if value is not None and (not isinstance(value, int | np.integer) or value < least):
            yield f"{name} must be a whole number, at least {least}, not {value!r}"
    for name, choices in CHOICES.items():
        if options[name] not in choices:
            yield f"{name} must be {' or '.join(map(repr, choices))}, not {options[name]!r}"
    if options["best_by"] == "accuracy" and not options["accuracy"]:
        yield "best_by='accuracy' needs accuracy=True"
    if options["clip_norm"] is not None and not options["clip_norm"] > 0:
        yield f"clip_norm must be above 0, not {options['clip_norm']}"
    if options["schedule"] is not None and options["schedule"].optimizer is not options["optimizer"]:
        yield "the schedule belongs to another optimiser; make it with the one that the Trainer gets"
    for name, value in options["settings"].items():
        plain = value is None or (isinstance(value, str | int | float) and value == value)
        if not plain or not isinstance(name, str):
            yield f"settings must map names to numbers or strings, but {name!r} is {value!r}"
    if not hasattr(options["batches"], "__len__"):
        yield f"batches must have a length, as a DataLoader or a list has; {type(options['batches']).__name__} has none"
    elif not len(options["batches"]):
        yield "there are no batches to learn from"
