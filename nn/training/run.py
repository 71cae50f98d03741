"""A training run: its parts and options, checked together; its progress, saved to a folder and resumed exactly."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, Literal, TypeGuard

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import xp
from tinygrad_lecture.errors import brief, warn
from tinygrad_lecture.files import check_writable, hold, make_folder, sweep

from .. import weights
from ..container import Sequential
from ..data.loader import DataLoader, Epoch, differences
from ..errors import explained
from ..module import Module
from ..optim import Optimizer
from ..optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from ..parallel.distribute import shares
from ..parallel.group import group, rank
from . import saved_state
from .evaluation import Batches, RunningMetrics, not_batches
from .history import History, HistoryRow

KINDS: tuple[tuple[str, str, Any], ...] = (
    ("model", "a Module", Module),
    ("optimizer", "an Optimizer", Optimizer),
    ("schedule", "an LRScheduler", LRScheduler | None),
    ("on_record", "a function of the trainer", Callable | None),
)
TWICE = ("CrossEntropyLoss", "Softmax"), ("BCEWithLogitsLoss", "Sigmoid")  # a loss, and the layer that it has in itself
LEAST = {"epochs": 0, "steps": 0, "accumulate": 1, "record_every": 1, "patience": 1}


@dataclass(eq=False, repr=False)
class Run:
    """Base class of `Trainer`, which says what each option is. Raises ValueError that lists all that cannot be."""

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

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise ValueError(f"{type(self).__name__}: {'; '.join(problems)}")
        settings = (self.settings or {}).items()
        self.settings = {name: v.item() if isinstance(v, np.generic) else v for name, v in settings}
        if self.folder is not None:
            weights.require()

        self.step = 0  # optimiser steps done
        self.history = History()
        self._metrics = RunningMetrics(self.accuracy)  # since the last row of the history
        self._seconds = 0.0  # training time since the last row
        self._rate = float(self.optimizer.param_groups[0]["lr"])  # of the last step
        self._partial = False  # whether Ctrl-C cut the last row short
        self._running: Iterator[Any] | None = None  # the rest of the current epoch
        self._optimizer_settings = optimizer_settings(self.optimizer, self.schedule)  # before a step changes them

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in one pass over the batches."""
        return -(-len(self.batches) // self.accumulate)

    @property
    def total_steps(self) -> int:
        """Optimiser steps in the whole training."""
        return self.steps if self.steps is not None else (self.epochs or 0) * self.steps_per_epoch

    @property
    def _finished(self) -> bool:
        return self.step >= self.total_steps or self.history.stopped_early

    @property
    def _out_of_patience(self) -> bool:
        best = len(self.history) - 1 if self.history.best is None else self.history.best
        return self.patience is not None and len(self.history) - 1 - best >= self.patience

    # --- what cannot be ---------------------------------------------------------------------------------

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

    # --- the folder -------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write folder/last.safetensors, from which `fit(resume=True)` continues.

        Raises ValueError without a folder, FloatingPointError if the loss or a weight is NaN or infinite.
        """
        path = self._file("last")
        state = self._state()
        self._check_losses()  # before the last good state is overwritten
        self._check_weights()
        if rank() == 0:
            saved_state.save(path, state)
        self._saved_at = time.perf_counter()

    def load(self, path: str | Path) -> None:
        """Restore the state that a run saved in this file.

        Raises as `fit` does, and ValueError for a checkpoint; the trainer is then unchanged.
        """
        state = saved_state.load(path)
        if "run" not in state:
            raise ValueError(f"{path} is a checkpoint, not the saved state of a Trainer: use nn.load_checkpoint")
        before = self._state()
        positions = [(loader, loader.state_dict()) for loader in (self.test, self.batches) if has_state(loader)]
        try:
            with saved_state.fitting(path):
                check_run(state["settings"], self.settings or {})  # alone: with them other settings may differ
                check_run(state["run"], self._settings_to_match())
                self._restore(state)
        except ValueError:
            self._restore(before)
            for loader, position in positions:
                loader.load_state_dict(position)
            raise

    def load_best(self) -> None:
        """Load the weights with the best scores, folder/best.safetensors, into the model.

        Raises ValueError without a folder or if the file is damaged or another model's, FileNotFoundError before the
        first row of the history.
        """
        tensors = weights.load_file(path := self._file("best"))
        with saved_state.fitting(path):
            self.model.load_state_dict(tensors)

    def _save_best(self, row: HistoryRow) -> None:
        self._check_weights()
        metadata = {"step": str(row.step), "scores": str(row.test or row.train)}
        if rank() == 0:
            weights.save_file(self.model.state_dict(), self._file("best"), metadata)

    def _file(self, name: str) -> Path:
        if self.folder is None:
            raise ValueError("Trainer: there is no folder to save to or load from; make it with folder=...")
        return Path(self.folder) / f"{name}.safetensors"

    def _holding_folder(self) -> AbstractContextManager[None]:
        """Context manager in which no other program trains in the folder, which is made if missing."""
        if self.folder is None or rank():
            return nullcontext()
        make_folder(self.folder)
        return hold(Path(self.folder))

    def _begin(self, resume: bool) -> None:
        """Start `fit`, or continue after an earlier call."""
        if group().broadcast(rank() == 0 and self._open_folder(resume), "fit"):
            self.load(last := self._file("last"))
            if self.show:
                print(f"Resuming after step {self.step:,}, from {last}.")
        elif self.step and group().size > 1:  # the other workers are copies, without an iterator
            position = group().broadcast(self._position(), "fit")
            if has_state(self.batches):
                self.batches.load_state_dict(position)
            self._running = None
        pair = type(self.loss).__name__, type([*self.model.modules()][-1]).__name__
        if isinstance(self.model, Sequential) and pair in TWICE:
            warn("Trainer: {} takes logits: leave {}, which it has in itself, out of the model".format(*pair))
        if self._partial:  # its steps are continued
            self.history.records.pop()
        self.history.interrupted = self._partial = False
        self.history.stopped_early = self._out_of_patience
        self._saved_at = time.perf_counter()

    def _agree(self, stop: bool) -> tuple[bool, bool]:
        """Whether to stop, since a worker was told to, and whether to save, which worker 0's clock decides."""
        due = self.folder is not None and time.perf_counter() - self._saved_at >= self.save_seconds
        said = group().gather(2 * stop + due, "fit")
        return any(number >= 2 for number in said), said[0] % 2 == 1

    def _open_folder(self, resume: bool) -> bool:
        """Remove a finished run from the folder, or return whether to resume the run there."""
        if self.folder is None:
            if resume:
                raise ValueError("Trainer.fit: resume=True needs a folder; make the Trainer with folder=...")
            return False
        last, best = self._file("last"), self._file("best")
        check_writable(last)  # now, not after the first hour
        sweep(last)
        sweep(best)
        if self.step:
            return False
        if resume and last.exists():
            return True
        if last.exists() and not (state := saved_state.peek(last)).get("finished"):
            raise FileExistsError(
                f"{last} is the saved state of an unfinished run: fit(resume=True) resumes it; delete it to start over"
                if state
                else f"{last} exists, but is not the saved state of a training run; delete it to start over"
            )
        for old in (last, best):
            old.unlink(missing_ok=True)
        return False

    def _check_losses(self) -> None:
        if not self._metrics.finite:
            loss, epoch = float(self._metrics.loss), -(-self.step // self.steps_per_epoch)
            where = f"in epoch {epoch}, at or before step {self.step:,}"
            raise FloatingPointError(f"the loss became {loss} {where}; try a smaller learning rate")

    def _check_weights(self) -> None:
        for name, parameter in self.model.named_parameters():
            if not bool(xp(parameter.array).isfinite(parameter.array).all()):
                what = f"{name} has NaN or infinite elements after step {self.step:,} and is not saved"
                raise FloatingPointError(f"{what}; try a smaller learning rate, or clip_norm")

    # --- the state --------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """What a copy gets, which is for another worker: not the iterator, nor the sums, which count once."""
        return {**vars(self), "_running": None, "_metrics": RunningMetrics(self.accuracy)}

    def _parts(self) -> dict[str, Any]:
        return saved_state.parts_of(self.model, self.optimizer, self.schedule)

    def _settings_to_match(self) -> dict[str, Any]:
        """The settings by name that must match to resume."""
        schedule = self.schedule
        return {
            "optimizer": type(self.optimizer).__name__,
            "schedule": None if schedule is None else f"{type(schedule).__name__} by {self.schedule_by}",
            "batches in an epoch": len(self.batches),
            "test": self.test is not None,
            "dtypes": sorted({tensor.dtype.name for tensor in self.model.state_dict().values()}),
            **{name: getattr(self, name) for name in ("accumulate", "clip_norm", "accuracy")},
            **self._optimizer_settings,
        }

    def _state(self) -> dict[str, Any]:
        """Everything the next step depends on, with copies of the tensors.

        All workers call it, since it has the random streams and the running sums of each.
        """
        workers = group().gather({"metrics": self._metrics.state_dict(), "random": tl.get_rng_state()}, "save")
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        parts["model"] = {name: tensor.clone() for name, tensor in parts["model"].items()}
        history = self.history.state_dict()
        history["records"] = history["records"][: len(self.history) - self._partial]
        return {
            **parts,
            "settings": self.settings,
            "run": self._settings_to_match(),
            "finished": self._finished,
            "step": self.step,
            "history": {**history, "interrupted": False},
            "seconds": self._seconds,
            "rate": self._rate,
            "batches": self._position() if self.step else None,
            "test": self.test.state_between() if isinstance(self.test, DataLoader) else None,
            "workers": workers,
        }

    def _position(self) -> dict[str, Any] | None:
        """The position within the current epoch; None for batches without a state, such as a list."""
        if not has_state(self.batches):
            return None
        return self._running.state_dict() if isinstance(self._running, Epoch) else self.batches.state_dict()

    def _restore(self, state: dict[str, Any]) -> None:
        """Restore what `_state` returned."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        for batches, position in ((self.test, state["test"]), (self.batches, state["batches"])):  # may be one loader
            if position is not None and has_state(batches):
                batches.load_state_dict(position)
        self._running = None
        self.step, self.history, self._partial = int(state["step"]), History.from_state(state["history"]), False
        self._seconds, self._rate = float(state["seconds"]), float(state["rate"])
        self._metrics, workers = RunningMetrics(self.accuracy), state["workers"]
        if len(workers) == group().size:
            workers = [workers[rank()]]
        elif rank():  # there were more workers, or fewer: worker 0 has the sums of all
            workers = []
        for worker in workers:
            self._metrics.merge(worker["metrics"])
        if not self._metrics.finite:
            raise ValueError(f"the sum of its losses is {self._metrics.loss}")
        if workers:
            tl.set_rng_state(workers[0]["random"])


Run.__init__ = explained(Run.__init__)  # type: ignore[method-assign]


def _make(value: Any) -> str:
    return f"; make one, with parentheses: {value.__name__}(...)" if isinstance(value, type) else ""


def has_state(batches: Any) -> TypeGuard[DataLoader]:
    """Whether batches know their position, as a DataLoader does and a list does not."""
    return hasattr(batches, "load_state_dict")


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


def check_run(saved: Any, own: Mapping[str, Any]) -> None:
    """Raises ValueError that lists the settings that differ from those saved."""
    if differing := differences(saved, own):
        raise ValueError(f"{differing}; use the same settings to resume, or start a new run in another folder")
