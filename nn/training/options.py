"""A Trainer's options: every problem is reported at once; and the settings that must match to resume."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_lecture.errors import brief, hide_frames

from ..module import Module
from ..optim import LBFGS, Optimizer
from ..optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from ..parallel.shares import shares
from .evaluation import not_batches

LEAST = {"epochs": 0, "steps": 0, "accumulate": 1, "record_every": 1, "patience": 1}
CHOICES = {"schedule_by": ("step", "epoch"), "best_by": ("loss", "accuracy")}


def check_options(options: Mapping[str, Any]) -> None:
    """Raises ValueError that lists every option of `Trainer` with a value it cannot have."""
    if problems := list(_problems(options)):
        hide_frames()
        raise ValueError(f"Trainer: {'; '.join(problems)}")


def _problems(options: Mapping[str, Any]) -> Iterator[str]:
    yield from _wrong_parts(options)
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
    if isinstance(options["schedule"], LRScheduler) and options["schedule"].optimizer is not options["optimizer"]:
        yield "the schedule belongs to another optimiser; make it with the one that the Trainer gets"
    if isinstance(options["schedule"], ReduceLROnPlateau):
        yield "ReduceLROnPlateau needs a score at each step, which a Trainer does not give; call its step in on_record"
    if isinstance(options["optimizer"], LBFGS):
        yield "LBFGS needs a closure at each step, which a Trainer does not give; write the loop yourself"
    for name, value in options["settings"].items():
        plain = value is None or (isinstance(value, str | int | float) and value == value)
        if not plain or not isinstance(name, str):
            yield f"settings must map names to numbers or strings, but {name!r} is {value!r}"
    if not_batches("batches", options["batches"]) is not None:
        pass  # said already
    elif isinstance(options["batches"], shares):
        yield "batches are nn.parallel.shares; give the batches themselves, which a Trainer shares among workers"
    elif not hasattr(options["batches"], "__len__"):
        yield f"batches must have a length, as a DataLoader or a list has; {type(options['batches']).__name__} has none"
    elif not len(options["batches"]):
        yield "there are no batches to learn from"


def _wrong_parts(options: Mapping[str, Any]) -> Iterator[str]:
    """What is not a model, batches, a loss or an optimiser, and an optimiser of another model."""
    kinds = (("model", "a", Module), ("optimizer", "an", Optimizer), ("schedule", "an", LRScheduler))
    for name, article, kind in kinds:
        if not isinstance(options[name], kind) and not (name == "schedule" and options[name] is None):
            yield f"{name} must be {article} {kind.__name__}, not {brief(options[name])}{_make(options[name])}"
    if isinstance(options["loss"], type) or not callable(options["loss"]):
        yield f"loss must be a function of (outputs, targets), not {brief(options['loss'])}{_make(options['loss'])}"
    for name in ("batches", "test"):
        if complaint := not_batches(name, options[name]):
            yield complaint
    if isinstance(options["model"], Module) and isinstance(options["optimizer"], Optimizer):
        own = set(options["model"].parameters())
        trained = {p for group in options["optimizer"].param_groups for p in group["params"]}
        if own and own.isdisjoint(trained):
            yield "the optimizer has none of the model's parameters; make it with model.parameters() of this model"


def _make(value: Any) -> str:
    return f"; make one, with parentheses: {value.__name__}(...)" if isinstance(value, type) else ""


# --- settings that must match to resume ---------------------------------------------------------------------


def read_settings(optimizer: Optimizer, schedule: LRScheduler | None) -> dict[str, Any]:
    """The settings by name, {"lr": 0.1, "gamma of the schedule": 0.5, ...}, as JSON returns them."""
    found: dict[str, Any] = {}
    for i, group in enumerate(optimizer.param_groups):
        where = f" of group {i}" if i else ""
        found |= {f"{name}{where}": value for name, value in group.items() if name not in ("params", "initial_lr")}
    if schedule is not None:
        found |= {f"{name} of the schedule": value for name, value in _attributes(schedule).items()}
    plain: dict[str, Any] = json.loads(json.dumps(found, default=_plain))
    return plain


def _plain(value: Any) -> Any:
    """A schedule within a schedule as its settings, a number as Python's, and of anything else its kind."""
    if isinstance(value, LRScheduler):
        return {"kind": type(value).__name__, **_attributes(value)}
    return value.item() if getattr(value, "shape", None) == () else type(value).__name__


def _attributes(schedule: LRScheduler) -> dict[str, Any]:
    hidden = ("last_epoch", "optimizer")
    return {name: value for name, value in vars(schedule).items() if name[0] != "_" and name not in hidden}


def check_own_settings(path: str | Path, saved: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Raises ValueError if a run's own settings (`Trainer(settings=...)`) differ from those saved in the file `path`.

    They are checked first, so that the error does not also list an optimiser that differs because of them.
    """
    if saved.keys() != own.keys():
        names, wanted = (", ".join(settings) or "none" for settings in (saved, own))
        raise ValueError(
            f"{path} was saved by another kind of run: its settings are {names}, not {wanted}; start a new run in "
            "another folder"
        )
    if differing := [f"{name} {saved[name]}, not {own[name]}" for name in own if saved[name] != own[name]]:
        raise ValueError(
            f"{path} was saved with {'; '.join(differing)}: use the same settings to resume, or start a new run in "
            "another folder"
        )


def check_run(path: str | Path, saved: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Raises ValueError that lists the settings that differ from those saved in the file `path`."""
    differing = [f"{name} was {saved.get(name)!r}, is {v!r}" for name, v in own.items() if saved.get(name) != v]
    if differing:
        raise ValueError(f"{path} is the saved state of another run: {'; '.join(differing)}")
