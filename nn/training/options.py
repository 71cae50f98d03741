"""The options of a Trainer: what is wrong with them, and how they differ from those of a saved run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from tinygrad_lecture.errors import brief

from ..data.loader import differences
from ..module import Module
from ..optim import Optimizer
from ..optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from ..parallel.distribute import shares
from .evaluation import not_batches

KINDS: tuple[tuple[str, str, Any], ...] = (
    ("model", "a Module", Module),
    ("optimizer", "an Optimizer", Optimizer),
    ("schedule", "an LRScheduler", LRScheduler | None),
    ("on_record", "a function of the trainer", Callable | None),
)
LEAST = {"epochs": 0, "steps": 0, "accumulate": 1, "record_every": 1, "patience": 1}


def problems(trainer: Any) -> Iterator[str]:
    """Messages about the options of a Trainer that cannot be."""
    yield from _wrong_parts(trainer)
    if (trainer.epochs is None) == (trainer.steps is None):
        yield "give either epochs or steps"
    for name, least in LEAST.items():
        value = getattr(trainer, name)
        if value is not None and (not isinstance(value, int | np.integer) or value < least):
            yield f"{name} must be a whole number, at least {least}, not {value!r}"
    if trainer.schedule_by not in ("step", "epoch"):
        yield f"schedule_by must be 'step' or 'epoch', not {trainer.schedule_by!r}"
    if trainer.clip_norm is not None and not trainer.clip_norm > 0:
        yield f"clip_norm must be above 0, not {trainer.clip_norm}"
    if isinstance(trainer.schedule, LRScheduler) and trainer.schedule.optimizer is not trainer.optimizer:
        yield "the schedule belongs to another optimiser; make it with the one that the Trainer gets"
    if isinstance(trainer.schedule, ReduceLROnPlateau):
        yield "ReduceLROnPlateau needs scores, which a Trainer does not give; call its step in on_record"
    for name, value in (trainer.settings or {}).items():
        plain = value is None or (isinstance(value, str | int | float | np.generic) and value == value)
        if not plain or not isinstance(name, str):
            yield f"settings must map names to numbers or strings, but {name!r} is {value!r}"


def _wrong_parts(trainer: Any) -> Iterator[str]:
    """What is not a model, batches, a loss or an optimiser, and an optimiser of another model."""
    for name, wanted, kind in KINDS:
        if not isinstance(value := getattr(trainer, name), kind):
            yield f"{name} must be {wanted}, not {brief(value)}{_make(value)}"
    if isinstance(trainer.loss, type) or not callable(trainer.loss):
        yield f"loss must be a function of (outputs, targets), not {brief(trainer.loss)}{_make(trainer.loss)}"
    complaints = {name: not_batches(name, getattr(trainer, name)) for name in ("batches", "test")}
    yield from filter(None, complaints.values())
    if complaints["batches"]:
        pass
    elif isinstance(trainer.batches, shares):
        yield "batches are nn.parallel.shares; give the batches themselves, which a Trainer shares among workers"
    elif not hasattr(trainer.batches, "__len__"):
        yield f"batches must have a length, as a DataLoader or a list has; {type(trainer.batches).__name__} has none"
    elif not len(trainer.batches):
        yield "there are no batches to learn from"
    if isinstance(trainer.model, Module) and isinstance(trainer.optimizer, Optimizer):
        own = set(trainer.model.parameters())
        if own and own.isdisjoint(p for group in trainer.optimizer.param_groups for p in group["params"]):
            yield "the optimizer has none of the model's parameters; make it with model.parameters() of this model"


def _make(value: Any) -> str:
    return f"; make one, with parentheses: {value.__name__}(...)" if isinstance(value, type) else ""


def optimizer_settings(optimizer: Optimizer, schedule: LRScheduler | None) -> dict[str, Any]:
    """The settings by name, {"lr": 0.1, "gamma of the schedule": 0.5, ...}, as JSON returns them."""
    found: dict[str, Any] = {}
    for i, settings in enumerate(optimizer.param_groups):
        where = f" of group {i}" if i else ""
        found |= {f"{name}{where}": value for name, value in settings.items() if name not in ("params", "initial_lr")}
    if schedule is not None:
        state = schedule.state_dict().items()
        found |= {f"{name} of the schedule": value for name, value in state if name[0] != "_" and name != "last_epoch"}
    plain: dict[str, Any] = json.loads(json.dumps(found, default=_plain))
    return plain


def _plain(value: Any) -> Any:
    """A number as Python's, and of anything else its kind."""
    return value.item() if getattr(value, "shape", None) == () else type(value).__name__


def check_same(saved: Any, own: Mapping[str, Any]) -> None:
    """Raises ValueError that lists the settings that differ from those saved."""
    if differing := differences(saved, own):
        raise ValueError(f"{differing}; use the same settings to resume, or start a new run in another folder")
