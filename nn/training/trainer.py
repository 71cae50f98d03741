"""The training loop: show the network a mini-batch, see how wrong it is, step downhill; again and again.

    trainer = nn.Trainer(model, batches, nn.CrossEntropyLoss(), optimizer, epochs=10, test=test_batches, folder="run")
    history = trainer.fit(resume=True)
    history[-1].test.loss                               # 0.1234
    history.plot("run/curves.png")

The loop itself is `Trainer.fit`, one step of it `Trainer.learn`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeGuard

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import xp
from tinygrad_lecture.files import check_writable, sweep

from ..data.loader import DataLoader, Epoch
from ..files import weights
from ..module import Module
from ..optim import Optimizer
from ..optim.lr_scheduler import LRScheduler
from ..utils import clip_grad_norm_
from . import saved_state as checkpoint
from .evaluation import Batches, Tally, count_of, evaluate
from .history import History, Record
from .interrupt import Interrupt
from .progress import progress
from .settings import read_settings


class Trainer:
    """Trains a model, keeps its history and, in a folder, what is needed to go on after any end.

    batches: tuples (*inputs, targets), as of a DataLoader.  loss: of (outputs, targets), the mean over the rows.
    epochs or steps: how long; passes over all batches, or steps of the optimiser.
    test: batches to evaluate with each record.  accuracy: count how often the largest output is at the target.
    schedule: a learning-rate schedule of the optimiser, which goes on after each step, or epoch: schedule_by.
    accumulate: how many mini-batches a step has, whose gradients add up to those of one batch with all their rows; a
    loss of your own that is not the mean over the rows says with a method `count` what its mean is divided by.
    clip_norm: the most that the gradients' norm may be.
    record_every: steps between records; else there is one per epoch.  on_record: called with the trainer after each.
    best_by: what makes a record the best, its test scores' loss or accuracy (the training scores' without test).
    patience: end after so many records in a row that are not the best so far.
    folder: for last.safetensors, the whole state, written every `save_seconds` and at the end; and for
    best.safetensors, the weights with the best scores, which `model.load_state_dict(nn.weights.load_file(...))` reads.
    settings: numbers and words by name that tell this run from others, such as a program's options or a hash of its
    data; they are kept in the file, and a run with other ones is not gone on with.
    show: progress on the screen.

    Going on is exact: a run that was killed at any moment and is begun again with resume=True ends with the very bits
    of one that was never stopped. Model, optimiser, schedule, the DataLoader's order and the random stream of dropout
    and `tl.manual_seed` are in the file. What a loss or `on_record` keeps elsewhere is not; and batches of another
    kind, such as a list, have to be the same in each epoch. Only epochs or steps, what is recorded and how long to be
    patient may differ from the run before; `settings`, and numbers of the optimiser, the schedule and the loader that
    differ are refused, while the loss, the model's code and what the data says are yours to keep.
    Raises ValueError for settings that make no sense, ImportError for a folder without the safetensors package.
    """

    def __init__(
        self,
        model: Module,
        batches: Batches,
        loss: Callable[..., Tensor],
        optimizer: Optimizer,
        *,
        epochs: int | None = None,
        steps: int | None = None,
        test: Batches | None = None,
        accuracy: bool = False,
        schedule: LRScheduler | None = None,
        schedule_by: Literal["step", "epoch"] = "step",
        accumulate: int = 1,
        clip_norm: float | None = None,
        record_every: int | None = None,
        on_record: Callable[[Trainer], object] | None = None,
        best_by: Literal["loss", "accuracy"] = "loss",
        patience: int | None = None,
        folder: str | Path | None = None,
        save_seconds: float = 30.0,
        settings: Mapping[str, str | float | None] | None = None,
        show: bool = True,
    ) -> None:
        self.model, self.batches, self.loss, self.optimizer = model, batches, loss, optimizer
        self.epochs, self.steps = epochs, steps
        self.test, self.accuracy = test, accuracy
        self.schedule, self.schedule_by = schedule, schedule_by
        self.accumulate, self.clip_norm = accumulate, clip_norm
        self.record_every, self.on_record = record_every, on_record
        self.best_by, self.patience = best_by, patience
        self.folder = None if folder is None else Path(folder)
        self.save_seconds, self.show = save_seconds, show
        self.settings = {name: v.item() if isinstance(v, np.generic) else v for name, v in (settings or {}).items()}
        complaints = list(self._complaints())
        if complaints:
            raise ValueError(f"Trainer: {'; '.join(complaints)}")
        if self.folder is not None:
            weights.require()

        self._of_optimizer = read_settings(optimizer, schedule)  # before the first step
        self.step = 0  # steps done
        self.history = History()
        self._tally = Tally(accuracy)  # of the steps since the last record
        self._seconds = 0.0  # that these took
        self._rate = self._current_rate()  # the learning rate of the last step
        self._partial = False  # whether the last record is of steps that Ctrl-C cut short
        self._not_better = 0  # records since the best one
        self._running: Iterator[Any] | None = None  # the batches left of this epoch

    def _complaints(self) -> Iterator[str]:
        if (self.epochs is None) == (self.steps is None):
            yield "give either epochs or steps"
        for name, least in (("epochs", 0), ("steps", 0), ("accumulate", 1), ("record_every", 1), ("patience", 1)):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int | np.integer) or value < least):
                yield f"{name} must be a whole number, at least {least}, not {value!r}"
        for name, wanted in (("schedule_by", ("step", "epoch")), ("best_by", ("loss", "accuracy"))):
            if getattr(self, name) not in wanted:
                yield f"{name} must be {' or '.join(map(repr, wanted))}, not {getattr(self, name)!r}"
        if self.best_by == "accuracy" and not self.accuracy:
            yield "best_by='accuracy' needs accuracy=True"
        if self.clip_norm is not None and not self.clip_norm > 0:
            yield f"clip_norm must be above 0, not {self.clip_norm}"
        if self.schedule is not None and self.schedule.optimizer is not self.optimizer:
            yield "the schedule is of another optimiser"
        for name, value in self.settings.items():
            plain = value is None or (isinstance(value, str | int | float) and value == value)
            if not plain or not isinstance(name, str):
                yield f"settings are numbers and words by name, and {name!r} is {value!r}"
        if not hasattr(self.batches, "__len__"):
            kind = type(self.batches).__name__
            yield f"batches must have a length, as a DataLoader or a list has, and a {kind} has none"
        elif not len(self.batches):
            yield "there are no batches to learn from"

    # --- the loop ---------------------------------------------------------------------------------------

    def fit(self, resume: bool = False) -> History:
        """Train until the epochs or steps are done, and return the history; called again, it goes on.

        resume: go on from folder/last.safetensors if it is there, else begin. Without it a run that is there and not
        finished raises FileExistsError, so that nothing is lost.
        Ctrl-C ends the training after the current step, with everything saved; pressed again, it aborts.
        Raises FloatingPointError when the loss or a weight is no longer a number, ValueError that says what is wrong
        with a file that is no whole checkpoint or one of another run, and then nothing has been changed.
        """
        self._open_folder(resume)
        history, total = self.history, self.total_steps
        if self._partial:  # the steps that it is about are gone on with
            history.records.pop()
        history.interrupted = self._partial = False
        history.stopped_early = self._out_of_patience
        per_epoch = None if self.epochs is None else self.steps_per_epoch
        if not self.model.training:
            self.model.train()
        quiet = np.errstate(over="ignore", invalid="ignore")  # the loss is checked instead
        saved = time.perf_counter()
        with quiet, Interrupt() as interrupt, progress(total, per_epoch, self.step, self.show) as display:
            while self.step < total and not history.stopped_early:
                began = time.perf_counter()
                self.learn(self._next_batches())
                self._seconds += time.perf_counter() - began
                display.step(self.step, self._scores)
                if self.step % (self.record_every or self.steps_per_epoch) == 0 or self.step == total:
                    self._take_record()
                    display.record(self.step, str(history[-1]))
                    if self.on_record is not None:
                        self.on_record(self)
                if self.schedule and self.schedule_by == "epoch" and self.step % self.steps_per_epoch == 0:
                    self.schedule.step()
                history.interrupted = interrupt.requested
                if history.interrupted:
                    break
                if self.folder is not None and time.perf_counter() - saved >= self.save_seconds:
                    self.save()
                    saved = time.perf_counter()
        if self.folder is not None:
            self.save()
        if history.interrupted and self._tally.batches:
            history.records.append(self._record())
            self._partial = True
        return history

    def learn(self, batches: list[Any]) -> None:
        """One step downhill, on mini-batches as if they were one batch with all their rows."""
        self.optimizer.zero_grad()
        counts = [count_of(self.loss, targets) for *_, targets in batches]
        for (*inputs, targets), count in zip(batches, counts, strict=True):
            outputs = self.model(*inputs)
            cost = self.loss(outputs, targets)
            self._tally.add(outputs, targets, cost, count, self.loss)
            if isinstance(count, int | float) and count == 0:
                continue  # all of it is ignored, and there is no mean
            if len(batches) > 1 and count is not None:
                cost = cost * _share(count, sum(counts), cost)  # the mean of all is the parts' means, each by its share
            cost.backward()
        if self.clip_norm is not None:
            clip_grad_norm_(self.model.parameters(), self.clip_norm)
        self._rate = self._current_rate()
        self.optimizer.step()
        self.step += 1
        if self.schedule is not None and self.schedule_by == "step":
            self.schedule.step()

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.batches) // self.accumulate)

    @property
    def total_steps(self) -> int:
        return self.steps if self.steps is not None else (self.epochs or 0) * self.steps_per_epoch

    def _next_batches(self) -> list[Any]:
        """The mini-batches of the next step; at the end of an epoch they may be fewer than `accumulate`."""
        done = self.step % self.steps_per_epoch  # of this epoch
        if self._running is None or done == 0:
            self._running = iter(self.batches)
            if not _has_state(self.batches):  # a list does not know where it was
                list(islice(self._running, done * self.accumulate))
        batches = list(islice(self._running, self.accumulate))
        if not batches:
            raise ValueError(f"Trainer: there are to be {len(self.batches)} batches in an epoch, but they ended before")
        return batches

    def _current_rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    def _scores(self) -> str:
        return f"{self._tally}   rate {self._rate:.3g}" if self.schedule is not None else str(self._tally)

    # --- records ----------------------------------------------------------------------------------------

    def _take_record(self) -> None:
        record = self._record()
        history = self.history
        history.records.append(record)
        best = None if history.best is None else history[history.best]
        if best is None or self._score(record) < self._score(best):
            history.best, self._not_better = len(history) - 1, 0
            if self.folder is not None:
                self._check_weights()
                words = {"step": str(record.step), "scores": str(record.test or record.train)}
                weights.save_file(self.model.state_dict(), self.folder / "best.safetensors", words)
        else:
            self._not_better += 1
        history.stopped_early = self._out_of_patience
        self._tally, self._seconds = Tally(self.accuracy), 0.0

    def _record(self) -> Record:
        train = self._tally.scores()
        self._check_losses()
        test = None
        if self.test is not None:
            test = evaluate(self.model, self.test, self.loss, accuracy=self.accuracy)
        return Record(self.step, self.step / self.steps_per_epoch, train, test, self._rate, self._seconds)

    @property
    def _out_of_patience(self) -> bool:
        return self.patience is not None and self._not_better >= self.patience

    def _score(self, record: Record) -> float:
        """The less, the better."""
        scores = record.test or record.train
        score = scores.loss if self.best_by == "loss" else -(scores.accuracy or 0.0)
        return math.inf if math.isnan(score) else score

    def _check_weights(self) -> None:
        for name, parameter in self.model.named_parameters():
            if not bool(xp(parameter.array).isfinite(parameter.array).all()):
                raise FloatingPointError(
                    f"{name} has elements that are no numbers after step {self.step:,}, and is not saved; try a "
                    "smaller learning rate, or clip_norm"
                )

    def _check_losses(self) -> None:
        if not self._tally.finite:
            epoch = math.ceil(self.step / self.steps_per_epoch)
            raise FloatingPointError(
                f"the loss became {float(self._tally.loss)} in epoch {epoch}, in the steps up to {self.step:,}, and "
                "from there nothing can be learnt; try a smaller learning rate"
            )

    # --- the folder -------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write folder/last.safetensors, from which a run goes on.

        Raises ValueError without a folder, FloatingPointError when the loss or a weight is no longer a number.
        """
        path, (tensors, state) = self._file("last"), self._state()
        self._check_losses()  # rather the last good state in the file than this one
        self._check_weights()
        checkpoint.save(path, tensors, state)

    def load_best(self) -> None:
        """Give the model the weights that had the best scores, from folder/best.safetensors.

        Raises ValueError without a folder, FileNotFoundError before the first record.
        """
        self.model.load_state_dict(weights.load_file(self._file("best")))

    def _file(self, name: str) -> Path:
        if self.folder is None:
            raise ValueError("Trainer: there is no folder to keep anything in; make the Trainer with folder=...")
        return self.folder / f"{name}.safetensors"

    def _open_folder(self, resume: bool) -> None:
        if self.folder is None:
            if resume:
                raise ValueError("Trainer.fit: resume=True needs a folder to go on from: make it with folder=...")
            return
        last, best = self._file("last"), self._file("best")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise type(error)(f"{self.folder} cannot be a folder: {error.strerror or error}") from error
        check_writable(last)  # now, not after the first hour
        sweep(last)
        sweep(best)
        if self.step:
            return
        if resume and last.exists():
            self.load(last)
            if self.show:
                print(f"Going on after step {self.step:,}, from {last}.")
            return
        if last.exists() and not (there := checkpoint.peek(last)).get("finished"):
            raise FileExistsError(
                f"{last} is of a run that is not finished: fit(resume=True) goes on with it; to begin anew, delete it"
                if there
                else f"{last} is there, and is no whole checkpoint of a training: delete it to begin anew"
            )
        for of_another_run in (last, best):
            of_another_run.unlink(missing_ok=True)

    def load(self, path: str | Path) -> None:
        """Be where a run was when it wrote this file. Raises as `fit` does, and then nothing has been changed."""
        tensors, state = checkpoint.load(path)
        self._check_settings(path, state.get("settings", {}))
        was, own = state["run"], self._run()
        differing = [f"{k} was {was.get(k)!r} and is {own[k]!r}" for k in own if was.get(k) != own[k]]
        if differing:
            raise ValueError(f"{path} is the checkpoint of another run: {'; '.join(differing)}")
        before = self._state()
        loaders = [(loader, loader.state_dict()) for loader in (self.test, self.batches) if _has_state(loader)]
        try:
            self._take_over(tensors, state)
        except Exception as error:
            self._take_over(*before)
            for loader, where in loaders:
                loader.load_state_dict(where)
            raise ValueError(f"{path} is the checkpoint of another run: {error}") from error

    def _check_settings(self, path: str | Path, was: dict[str, Any]) -> None:
        """Of settings that differ all is told; of what follows from them, such as the optimiser's, nothing need be."""
        own = self.settings
        if was.keys() != own.keys():
            names, wanted = (", ".join(settings) or "none" for settings in (was, own))
            raise ValueError(
                f"{path} is of a run of another kind: its settings are {names}, and not {wanted}; begin anew in "
                "another folder"
            )
        if differing := [f"{name} {was[name]}, not {own[name]}" for name in own if was[name] != own[name]]:
            raise ValueError(
                f"{path} is of a run begun with {'; '.join(differing)}: give the same again to go on, or begin anew in "
                "another folder"
            )

    def _run(self) -> dict[str, Any]:
        """What has to be the same for going on to mean anything."""
        return {
            "optimizer": type(self.optimizer).__name__,
            "schedule": None if self.schedule is None else f"{type(self.schedule).__name__} by {self.schedule_by}",
            "batches in an epoch": len(self.batches),
            "accumulate": self.accumulate,
            "clip_norm": self.clip_norm,
            "accuracy": self.accuracy,
            "test": self.test is not None,
            "best_by": self.best_by,
            "dtypes": sorted({tensor.dtype.name for tensor in self.model.state_dict().values()}),
            **self._of_optimizer,
        }

    def _state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that the next step depends on: copies of the tensors, and plain numbers and words."""
        tensors = {f"model.{name}": tensor.clone() for name, tensor in self.model.state_dict().items()}
        held, optimizer = checkpoint.flat(self.optimizer.state_dict())
        tensors |= {f"optimizer.{name}": tensor for name, tensor in held.items()}
        history = self.history.state_dict()
        history["records"] = history["records"][: len(self.history) - self._partial]
        return tensors, {
            "settings": self.settings,
            "run": self._run(),
            "finished": self.step >= self.total_steps or self.history.stopped_early,
            "step": self.step,
            "history": {**history, "interrupted": False},
            "not better": self._not_better,
            "tally": self._tally.state_dict(),
            "seconds": self._seconds,
            "rate": self._rate,
            "optimizer": optimizer,
            "schedule": None if self.schedule is None else self.schedule.state_dict(),
            "batches": self._where() if self.step else None,
            "test": self.test.state_between() if isinstance(self.test, DataLoader) else None,
            "random": tl.get_rng_state(),
        }

    def _where(self) -> dict[str, Any] | None:
        """Where the running epoch is; None of batches that do not know, such as a list."""
        if not _has_state(self.batches):
            return None
        return self._running.state_dict() if isinstance(self._running, Epoch) else self.batches.state_dict()

    def _take_over(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        self.model.load_state_dict(_part("model", tensors))
        self.optimizer.load_state_dict(checkpoint.nested(_part("optimizer", tensors), state["optimizer"]))
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])
        for batches, where in ((self.test, state["test"]), (self.batches, state["batches"])):  # which may be the same
            if where is not None and _has_state(batches):
                batches.load_state_dict(where)
        self._running = None
        self.step, self.history, self._partial = state["step"], History.from_state(state["history"]), False
        self._not_better, self._seconds, self._rate = state["not better"], state["seconds"], state["rate"]
        self._tally = Tally(self.accuracy)
        self._tally.load_state_dict(state["tally"])
        tl.set_rng_state(state["random"])


def _has_state(batches: Any) -> TypeGuard[DataLoader]:
    """Whether batches know where they are, as a DataLoader does, and a list does not."""
    return hasattr(batches, "load_state_dict")


def _part(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with a name and a dot, without these."""
    return {key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items() if key.startswith(f"{name}.")}


def _share(count: Any, total: Any, cost: Tensor) -> Any:
    """count / total, as what a cost may be multiplied by."""
    share = count / total
    return share.to(dtype=cost.dtype) if isinstance(share, Tensor) else share


def fit(
    model: Module,
    batches: Batches,
    loss: Callable[..., Tensor],
    optimizer: Optimizer,
    epochs: int,
    *,
    test: Batches | None = None,
    accuracy: bool = False,
    show: bool = True,
) -> History:
    """Train a model for some epochs, with nothing kept in files: `Trainer(...).fit()`, see there."""
    return Trainer(model, batches, loss, optimizer, epochs=epochs, test=test, accuracy=accuracy, show=show).fit()
