"""The parts and options of a training run, checked together; and the settings that must match to resume."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tinygrad_lecture import Tensor
from tinygrad_lecture.errors import brief, hide_frames

from ..data.loader import differences
from ..errors import explained
from ..module import Module
from ..optim import LBFGS, Optimizer
from ..optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from ..parallel.distribute import shares
from .evaluation import Batches, not_batches

KINDS = (
    ("model", "a Module", Module),
    ("optimizer", "an Optimizer", Optimizer),
    ("schedule", "an LRScheduler", LRScheduler | None),
)
LEAST = {"epochs": 0, "steps": 0, "accumulate": 1, "record_every": 1, "patience": 1}


@dataclass(eq=False, repr=False)
class Options:
    """Base class of `Trainer`, which says what each is. Raises ValueError that lists all values that cannot be."""

    model: Module
    batches: Batches
    loss: Callable[..., Tensor]
    optimizer: Optimizer
    _: KW_ONLY
    epochs: int | None = None
    steps: int | None = None
    test: Batches | None = None
    accuracy: bool = False
    schedule: LRScheduler | None = None
    schedule_by: Literal["step", "epoch"] = "step"
    accumulate: int = 1
    clip_norm: float | None = None
    record_every: int | None = None
    on_record: Callable[[Any], object] | None = None
    patience: int | None = None
    folder: str | Path | None = None
    save_seconds: float = 30.0
    settings: Mapping[str, str | float | None] | None = None
    show: bool = True
    page: str | Path | None = None

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            hide_frames()
            raise ValueError(f"{type(self).__name__}: {'; '.join(problems)}")

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in one pass over the batches."""
        return -(-len(self.batches) // self.accumulate)

    @property
    def total_steps(self) -> int:
        """Optimiser steps in the whole training."""
        return self.steps if self.steps is not None else (self.epochs or 0) * self.steps_per_epoch

    def _problems(self) -> Iterator[str]:
        yield from self._wrong_parts()
        if (self.epochs is None) == (self.steps is None):
            yield "give either epochs or steps"
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int | np.integer) or value < least):
                yield f"{name} must be a whole number, at least {least}, not {value!r}"
        if self.schedule_by not in ("step", "epoch"):
            yield f"schedule_by must be 'step' or 'epoch', not {self.schedule_by!r}"
        if self.clip_norm is not None and not self.clip_norm > 0:
            yield f"clip_norm must be above 0, not {self.clip_norm}"
        if isinstance(self.schedule, LRScheduler) and self.schedule.optimizer is not self.optimizer:
            yield "the schedule belongs to another optimiser; make it with the one that the Trainer gets"
        if isinstance(self.schedule, ReduceLROnPlateau):
            yield "ReduceLROnPlateau needs scores, which a Trainer does not give; call its step in on_record"
        if isinstance(self.optimizer, LBFGS):
            yield "LBFGS needs a closure at each step, which a Trainer does not give; write the loop yourself"
        for name, value in (self.settings or {}).items():
            plain = value is None or (isinstance(value, str | int | float | np.generic) and value == value)
            if not plain or not isinstance(name, str):
                yield f"settings must map names to numbers or strings, but {name!r} is {value!r}"

    def _wrong_parts(self) -> Iterator[str]:
        """What is not a model, batches, a loss or an optimiser, and an optimiser of another model."""
        for name, wanted, kind in KINDS:
            if not isinstance(value := getattr(self, name), kind):
                yield f"{name} must be {wanted}, not {brief(value)}{_make(value)}"
        if isinstance(self.loss, type) or not callable(self.loss):
            yield f"loss must be a function of (outputs, targets), not {brief(self.loss)}{_make(self.loss)}"
        complaints = {name: not_batches(name, getattr(self, name)) for name in ("batches", "test")}
        yield from filter(None, complaints.values())
        if complaints["batches"]:
            pass
        elif isinstance(self.batches, shares):
            yield "batches are nn.parallel.shares; give the batches themselves, which a Trainer shares among workers"
        elif not hasattr(self.batches, "__len__"):
            yield f"batches must have a length, as a DataLoader or a list has; {type(self.batches).__name__} has none"
        elif not len(self.batches):
            yield "there are no batches to learn from"
        if isinstance(self.model, Module) and isinstance(self.optimizer, Optimizer):
            own = set(self.model.parameters())
            if own and own.isdisjoint(p for group in self.optimizer.param_groups for p in group["params"]):
                yield "the optimizer has none of the model's parameters; make it with model.parameters() of this model"


Options.__init__ = explained(Options.__init__)  # type: ignore[method-assign]


def _make(value: Any) -> str:
    return f"; make one, with parentheses: {value.__name__}(...)" if isinstance(value, type) else ""


# --- settings that must match to resume ---------------------------------------------------------------------


def settings_to_match(options: Options) -> dict[str, Any]:
    """The settings of a run by name, without those of its optimiser and schedule."""
    schedule = options.schedule
    return {
        "optimizer": type(options.optimizer).__name__,
        "schedule": None if schedule is None else f"{type(schedule).__name__} by {options.schedule_by}",
        "batches in an epoch": len(options.batches),
        "test": options.test is not None,
        "dtypes": sorted({tensor.dtype.name for tensor in options.model.state_dict().values()}),
        **{name: getattr(options, name) for name in ("accumulate", "clip_norm", "accuracy")},
    }


def optimizer_settings(optimizer: Optimizer, schedule: LRScheduler | None) -> dict[str, Any]:
    """The settings by name, {"lr": 0.1, "gamma of the schedule": 0.5, ...}, as JSON returns them."""
    found: dict[str, Any] = {}
    for i, group in enumerate(optimizer.param_groups):
        where = f" of group {i}" if i else ""
        found |= {f"{name}{where}": value for name, value in group.items() if name not in ("params", "initial_lr")}
    if schedule is not None:
        state = schedule.state_dict().items()
        found |= {f"{name} of the schedule": value for name, value in state if name[0] != "_" and name != "last_epoch"}
    plain: dict[str, Any] = json.loads(json.dumps(found, default=_plain))
    return plain


def _plain(value: Any) -> Any:
    """A number as Python's, and of anything else its kind."""
    return value.item() if getattr(value, "shape", None) == () else type(value).__name__


def check_run(path: str | Path, saved: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Raises ValueError that lists the settings that differ from those saved in the file `path`."""
    if differing := differences(saved, own):
        raise ValueError(
            f"{path} is the saved state of another run: {differing}; use the same settings to resume, or start a new "
            "run in another folder"
        )
