"""The training loop: forward, loss, backward, optimiser step, for every mini-batch of every epoch.

    trainer = nn.Trainer(model, batches, nn.CrossEntropyLoss(), optimizer, epochs=10, test=test_batches, folder="run")
    history = trainer.fit(resume=True)
    history[-1].test.loss                               # 0.1234

`Trainer.fit` is the loop, `Trainer.learn` one optimiser step; then come the history, and saving and resuming.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import KW_ONLY, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import xp
from tinygrad_lecture.errors import brief, warn
from tinygrad_lecture.files import hold, make_folder

from .. import weights
from ..container import Sequential
from ..data.loader import DataLoader, Epoch
from ..errors import explained
from ..module import Module
from ..optim import Optimizer
from ..optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from ..parallel.sharing import add_up_gradients, begin_alike, copy_buffers, drawing_alike, of_own_rows
from ..parallel.workers import group, rank
from ..utils import clip_grad_norm_
from . import saved_state
from .evaluation import Batches, RunningMetrics, check_batch, count_of, evaluate, is_empty, not_batches, share_of
from .history import History, HistoryRow, Progress

TWICE = ("CrossEntropyLoss", "Softmax"), ("BCEWithLogitsLoss", "Sigmoid")  # a loss, and the layer that it has in itself
KINDS: tuple[tuple[str, str, Any], ...] = (
    ("model", "a Module", Module),
    ("loss", "a function of (outputs, targets)", Callable),
    ("optimizer", "an Optimizer", Optimizer),
    ("schedule", "an LRScheduler", LRScheduler | None),
    ("on_record", "a function of the trainer", Callable | None),
)
LEAST = {"epochs": 0, "steps": 0, "accumulate": 1, "record_every": 1, "patience": 1}


@dataclass(eq=False, repr=False)
class Trainer:
    """Trains a model, keeps its history and, given a folder, can resume after any interruption.

    - `batches`: tuples (*inputs, targets), such as a DataLoader.
    - `loss`: a function of (outputs, targets) that returns the mean over the rows. If yours returns another mean, give
      it a method `count(targets)` that returns the divisor of that mean.
    - `epochs` or `steps`: how long to train, in passes over all batches or in optimiser steps.
    - `test`: batches to evaluate for each row of the history.
    - `accuracy`: also compare the argmax of the outputs with the targets.
    - `schedule`: a learning-rate schedule of the optimiser, which advances after each step.
    - `accumulate`: mini-batches per optimiser step. Their gradients add up to those of one batch with all their rows.
    - `clip_norm`: maximum norm of all gradients together.
    - `record_every`: steps per row of the history (default: one row per epoch).
    - `on_record`: called with the trainer after each row.
    - `patience`: stop after that many rows without a new best: a lower loss on the test data, or else in training.
    - `folder`: where to write last.safetensors, the saved state, every `save_seconds` and at the end, and
      best.safetensors, the weights with the best scores; `nn.weights.load_file` reads them.
    - `settings`: numbers and strings by name that identify the run, such as a program's options or a hash of its data.
      A run with other settings is not resumed.
    - `show`: print progress.

    Resuming is exact: a run that is killed at any time and started again with resume=True ends with the same bits as
    one that was never interrupted. The saved state covers model, optimiser, schedule, the DataLoader's order and the
    random stream of dropout and `tl.manual_seed`. It does not cover state inside a loss or `on_record`; other batches,
    such as a list, must be the same in every epoch. Only epochs or steps, record_every, patience and the like may
    change between runs. Other `settings`, optimiser, schedule or loader settings raise; changes of the loss, the
    model's code or the data are not detected.

    Several processes share the rows of each batch with nn.parallel.run(trainer.fit, workers=2), to the same result but
    for rounding, dropout, and statistics of a batch, as in BatchNorm. Such a run is resumed with as many workers.
    Raises ValueError that lists all invalid options, ImportError for a folder without the safetensors package.
    """

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
        if found := list(self._problems()):
            raise ValueError(f"{type(self).__name__}: {'; '.join(found)}")
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
        # now, before a step changes them:
        self._optimizer_settings = saved_state.optimizer_settings(self.optimizer, self.schedule)

    def _problems(self) -> Iterator[str]:
        """Messages about options that cannot be."""
        yield from self._wrong_parts()
        if (self.epochs is None) == (self.steps is None):
            yield "give either epochs or steps"
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int | np.integer) or value < least):
                yield f"{name} must be a whole number, at least {least}, not {value!r}"
        if self.clip_norm is not None and not self.clip_norm > 0:
            yield f"clip_norm must be above 0, not {self.clip_norm}"
        if isinstance(self.schedule, LRScheduler) and self.schedule.optimizer is not self.optimizer:
            yield "the schedule belongs to another optimiser; make it with the one that the Trainer gets"
        if isinstance(self.schedule, ReduceLROnPlateau):
            yield "ReduceLROnPlateau needs scores, which a Trainer does not give; call its step in on_record"

    def _wrong_parts(self) -> Iterator[str]:
        """What is not a model, batches, a loss or an optimiser, and an optimiser of another model."""
        for name, wanted, kind in KINDS:
            value: Any = getattr(self, name)
            if not isinstance(value, kind) or (name == "loss" and isinstance(value, type)):
                make = f"; make one, with parentheses: {value.__name__}(...)" if isinstance(value, type) else ""
                yield f"{name} must be {wanted}, not {brief(value)}{make}"
        complaints = [not_batches(name, given) for name, given in (("batches", self.batches), ("test", self.test))]
        yield from filter(None, complaints)
        if not hasattr(self.batches, "__len__"):
            yield f"batches must have a length, as a DataLoader or a list has; {type(self.batches).__name__} has none"
        elif not complaints[0] and not len(self.batches):
            yield "there are no batches to learn from"
        if isinstance(self.model, Module) and isinstance(self.optimizer, Optimizer):
            own = set(self.model.parameters())
            if own and own.isdisjoint(p for group in self.optimizer.param_groups for p in group["params"]):
                yield "the optimizer has none of the model's parameters; make it with model.parameters() of this model"

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

    # --- the loop ---------------------------------------------------------------------------------------

    def fit(self, resume: bool = False) -> History:
        """Train until the epochs or steps are done, and return the history; a second call continues.

        - `resume`: continue from folder/last.safetensors if it exists. Without `resume`, an unfinished run in the
          folder raises FileExistsError, so that it is not lost.

        Ctrl-C stops after the current step and saves; pressed again, it aborts.
        Raises FloatingPointError if the loss or a weight becomes NaN or infinite; ValueError if the file is damaged or
        another run's, before anything is changed; BlockingIOError while another program trains in the folder.
        """
        with self._holding_folder():
            begin_alike(self.model, self.optimizer)
            self._begin(resume)
            return self._fit()

    def _begin(self, resume: bool) -> None:
        """Start `fit`, or continue after an earlier call."""
        if group().broadcast(rank() == 0 and self._open_folder(resume), "fit"):
            self.load(last := self._file("last"))
            if self.show:
                print(f"Resuming after step {self.step:,}, from {last}.")
        pair = type(self.loss).__name__, type([*self.model.modules()][-1]).__name__
        if isinstance(self.model, Sequential) and pair in TWICE:
            warn("Trainer: {} takes logits: leave {}, which it has in itself, out of the model".format(*pair))
        if self._partial:  # its steps are continued
            self.history.records.pop()
        self.history.interrupted = self._partial = False
        self.history.stopped_early = self._out_of_patience
        self._saved_at = time.perf_counter()

    def _fit(self) -> History:
        history = self.history
        if not self.model.training:
            self.model.train()
        per_epoch = None if self.epochs is None else self.steps_per_epoch
        progress = Progress(self.total_steps, per_epoch, self.step, self.show)
        quiet = np.errstate(over="ignore", invalid="ignore")  # the loss is checked instead
        with quiet, noting_ctrl_c() as pressed:
            while not self._finished:
                began = time.perf_counter()
                self.learn(self._next_batches())
                self._seconds += time.perf_counter() - began
                progress.step(self.step, self._scores)
                if self.step % (self.record_every or self.steps_per_epoch) == 0 or self.step == self.total_steps:
                    self._record()  # evaluates
                    progress.record(self.step, str(history[-1]))
                    if self.on_record is not None:
                        self.on_record(self)
                due = self.folder is not None and time.perf_counter() - self._saved_at >= self.save_seconds
                told = group().gather((pressed.is_set(), due), "fit")  # of each worker
                history.interrupted = any(stop for stop, _ in told)
                if history.interrupted:
                    break
                if told[0][1]:  # worker 0's clock decides for all
                    self.save()
        if self.folder is not None:
            self.save()
        if history.interrupted and self._metrics.batches:
            history.records.append(self._row())
            self._partial = True
        return history

    def learn(self, batches: list[Any]) -> None:
        """One optimiser step on mini-batches, the same as on one batch with all their rows."""
        self.optimizer.zero_grad()
        counts = [count_of(self.loss, targets) for *_, targets in batches]
        own = list(of_own_rows(batches, group()))
        own_counts = counts if group().size == 1 else [count_of(self.loss, targets) for *_, targets in own]
        for (*inputs, targets), count in zip(own, own_counts, strict=True):
            outputs = self.model(*inputs)
            loss = self.loss(outputs, targets)
            self._metrics.add(outputs, targets, loss, count, self.loss)
            if is_empty(count):
                continue
            if (len(counts) > 1 or group().size > 1) and count is not None:
                loss = loss * share_of(count, counts, loss)  # these sum to the mean over all rows
            loss.backward()
        if group().size > 1:
            add_up_gradients(self.model, self.optimizer)
        if self.clip_norm is not None:
            clip_grad_norm_(self.model.parameters(), self.clip_norm)
        self._rate = float(self.optimizer.param_groups[0]["lr"])
        if not all(map(is_empty, counts)):
            self.optimizer.step()
        self.step += 1
        if self.schedule is not None:
            self.schedule.step()

    def _next_batches(self) -> list[Any]:
        """The mini-batches of the next step; the last step of an epoch may have fewer than `accumulate`."""
        done = self.step % self.steps_per_epoch  # in this epoch
        with drawing_alike(group()):
            if self._running is None or done == 0:
                self._running = iter(self.batches)
                if not _has_state(self.batches):  # a list always starts at its beginning
                    list(islice(self._running, done * self.accumulate))
            batches = list(islice(self._running, self.accumulate))
        if not batches:
            raise ValueError(f"Trainer: batches ended early; its length promises {len(self.batches)} per epoch")
        for batch in batches:
            check_batch("Trainer", batch)
        return batches

    # --- the history ------------------------------------------------------------------------------------

    def _record(self) -> None:
        """Add a row to the history, evaluate, and keep the best weights."""
        row = self._row()
        if self.history.add(row) and self.folder is not None:
            self._save_best(row)
        self.history.stopped_early = self._out_of_patience
        self._metrics, self._seconds = RunningMetrics(self.accuracy), 0.0

    def _row(self) -> HistoryRow:
        """The scores since the last row, and an evaluation on the test data."""
        self._check_losses()
        train, test = self._metrics.of_all(group()).scores(), None
        copy_buffers(self.model)
        if self.test is not None:
            test = evaluate(self.model, self.test, self.loss, accuracy=self.accuracy, workers=group())
        return HistoryRow(self.step, self.step / self.steps_per_epoch, train, test, self._rate, self._seconds)

    def _scores(self) -> str:
        scores = self._metrics.scores()
        return f"{scores}   rate {self._rate:.3g}" if self.schedule is not None else str(scores)

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
        positions = [(loader, loader.state_dict()) for loader in (self.test, self.batches) if _has_state(loader)]
        try:
            with saved_state.fitting(path):
                saved_state.check_same(state["settings"], self.settings or {})  # first: they explain what else differs
                saved_state.check_same(state["run"], self._settings_to_match(), known_alone=True)
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

    def _open_folder(self, resume: bool) -> bool:
        """Remove a finished run from the folder, or return whether to resume the run there."""
        if self.folder is None:
            if resume:
                raise ValueError("Trainer.fit: resume=True needs a folder; make the Trainer with folder=...")
            return False
        return saved_state.prepare(self._file("last"), self._file("best"), resume, begun=self.step > 0)

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

    def _settings_to_match(self) -> dict[str, Any]:
        """The settings by name that must match to resume."""
        schedule = self.schedule
        return {
            "optimizer": type(self.optimizer).__name__,
            "schedule": None if schedule is None else f"{type(schedule).__name__} by step",
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
        if not _has_state(self.batches):
            return None
        return self._running.state_dict() if isinstance(self._running, Epoch) else self.batches.state_dict()

    def _restore(self, state: dict[str, Any]) -> None:
        """Restore what `_state` returned."""
        workers = state["workers"]
        if len(workers) != group().size:
            raise ValueError(f"it has {len(workers)} workers, and now there are {group().size}; resume with as many")
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        for batches, position in ((self.test, state["test"]), (self.batches, state["batches"])):  # may be one loader
            if position is not None and _has_state(batches):
                batches.load_state_dict(position)
        self._running = None
        self.step, self.history, self._partial = int(state["step"]), History.from_state(state["history"]), False
        self._seconds, self._rate = float(state["seconds"]), float(state["rate"])
        self._metrics = RunningMetrics(self.accuracy)
        self._metrics.merge(workers[rank()]["metrics"])
        if not self._metrics.finite:
            raise ValueError(f"the sum of its losses is {self._metrics.loss}")
        tl.set_rng_state(workers[rank()]["random"])

    def _parts(self) -> dict[str, Any]:
        return saved_state.parts_of(self.model, self.optimizer, self.schedule)


Trainer.__init__ = explained(Trainer.__init__)  # type: ignore[method-assign]


def _has_state(batches: Any) -> TypeGuard[DataLoader]:
    """Whether batches know their position, as a DataLoader does and a list does not."""
    return hasattr(batches, "load_state_dict")


@contextmanager
def noting_ctrl_c() -> Iterator[threading.Event]:
    """Context manager in which the first Ctrl-C only sets an event; the second raises KeyboardInterrupt.

        with noting_ctrl_c() as pressed:
            while not pressed.is_set():
                step()

    It changes nothing outside the main thread, where Python allows no signal handlers, and where Ctrl-C is ignored
    already (nohup).
    """
    pressed = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield pressed
        return

    def note(number: int, frame: Any) -> None:
        pressed.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def fit(
    model: Module, batches: Batches, loss: Callable[..., Tensor], optimizer: Optimizer, epochs: int, **options: Any
) -> History:
    """Train a model for some epochs: the same as `Trainer(..., epochs=epochs, **options).fit()`."""
    return Trainer(model, batches, loss, optimizer, epochs=epochs, **options).fit()
