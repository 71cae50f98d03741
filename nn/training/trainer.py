"""The training loop: forward, loss, backward, optimiser step, for every mini-batch of every epoch.

    trainer = nn.Trainer(model, batches, nn.CrossEntropyLoss(), optimizer, epochs=10, test=test_batches, folder="run")
    history = trainer.fit(resume=True)
    history[-1].test.loss                               # 0.1234
    history.plot("run/curves.png")

`Trainer.fit` is the loop, `Trainer.learn` one optimiser step. Its options, saving and resuming are in `run.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np

from tinygrad_lecture import Tensor
from tinygrad_lecture.errors import aligned

from ..module import Module
from ..notebook import facts, trainer_html
from ..optim import Optimizer
from ..parallel.distribute import distribute, drawing_alike, of_own_rows
from ..parallel.group import group
from ..utils import clip_grad_norm_
from .evaluation import Batches, RunningMetrics, check_batch, count_of, evaluate, is_empty, share_of
from .history import History, HistoryRow
from .progress import advice, choose_display, noting_ctrl_c
from .run import Run, has_state


class Trainer(Run):
    """Trains a model, keeps its history and, given a folder, can resume after any interruption.

    - `batches`: tuples (*inputs, targets), such as a DataLoader.
    - `loss`: a function of (outputs, targets) that returns the mean over the rows. If yours returns another mean, give
      it a method `count(targets)` that returns the divisor of that mean.
    - `epochs` or `steps`: how long to train, in passes over all batches or in optimiser steps.
    - `test`: batches to evaluate for each row of the history.
    - `accuracy`: also compare the argmax of the outputs with the targets.
    - `schedule`: a learning-rate schedule of the optimiser; `schedule_by`: whether it advances each step or each epoch.
    - `accumulate`: mini-batches per optimiser step. Their gradients add up to those of one batch with all their rows.
    - `clip_norm`: maximum norm of all gradients together.
    - `record_every`: steps per row of the history (default: one row per epoch).
    - `on_record`: called with the trainer after each row, such as `nn.TensorBoard(folder)`.
    - `patience`: stop after that many rows without a new best: a lower loss on the test data, or else in training.
    - `folder`: where to write last.safetensors, the saved state, every `save_seconds` and at the end, and
      best.safetensors, the weights with the best scores; `nn.weights.load_file` reads them.
    - `settings`: numbers and strings by name that identify the run, such as a program's options or a hash of its data.
      A run with other settings is not resumed.
    - `show`: display progress.

    Resuming is exact: a run that is killed at any time and started again with resume=True ends with the same bits as
    one that was never interrupted. The saved state covers model, optimiser, schedule, the DataLoader's order and the
    random stream of dropout and `tl.manual_seed`. It does not cover state inside a loss or `on_record`; other batches,
    such as a list, must be the same in every epoch. Only epochs or steps, record_every, patience and the like may
    change between runs. Other `settings`, optimiser, schedule or loader settings raise; changes of the loss, the
    model's code or the data are not detected.

    Several processes share the rows of each batch with nn.parallel.run(trainer.fit, workers=2), to the same result but
    for rounding, dropout, and statistics of a batch, as in BatchNorm. A run may be resumed with another number of
    workers, and is exact with the same.
    Raises ValueError for invalid options, ImportError for a folder without the safetensors package.
    """

    def __repr__(self) -> str:
        return "\n".join(["Trainer", *(f"  {line}" for line in aligned(facts(self)))])

    def _repr_html_(self) -> str:
        return trainer_html(self)

    # --- the loop ---------------------------------------------------------------------------------------

    def fit(self, resume: bool = False) -> History:
        """Train until the epochs or steps are done, and return the history; a second call continues.

        - `resume`: continue from folder/last.safetensors if it exists. Without `resume`, an unfinished run in the
          folder raises FileExistsError, so that it is not lost.

        Ctrl-C stops after the current step and saves; pressed again, it aborts.
        Raises FloatingPointError if the loss or a weight becomes NaN or infinite; ValueError if the file is damaged or
        another run's, before anything is changed; BlockingIOError while another program trains in the folder.
        """
        with self._holding_folder(), distribute(self.model, self.optimizer) as self._distributed:
            self._begin(resume)
            return self._fit()

    def _fit(self) -> History:
        history = self.history
        if not self.model.training:
            self.model.train()
        epoch = self.steps_per_epoch
        display = choose_display(self.total_steps, None if self.epochs is None else epoch, self.step, self.show)
        display.advice = advice(self.model.parameters())
        quiet = np.errstate(over="ignore", invalid="ignore")  # the loss is checked instead
        with quiet, noting_ctrl_c() as pressed, display:
            while not self._finished:
                began = time.perf_counter()
                self.learn(self._next_batches())
                self._seconds += time.perf_counter() - began
                display.step(self.step, self._scores)
                if self._is_row(self.step):
                    self._record()  # evaluates
                    display.record(self.step, str(history[-1]))
                    if self.on_record is not None:
                        self.on_record(self)
                if self.schedule is not None and self.schedule_by == "epoch" and self.step % epoch == 0:
                    self.schedule.step()
                history.interrupted, save = self._agree(pressed.is_set())
                if history.interrupted:
                    break
                if save:
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
        if group().size > 1:
            self._backward_of_own_rows(batches, counts)
        else:
            self._backward(batches, counts, counts)
        if self.clip_norm is not None:
            clip_grad_norm_(self.model.parameters(), self.clip_norm)
        self._rate = float(self.optimizer.param_groups[0]["lr"])
        if not all(map(is_empty, counts)):
            self.optimizer.step()
        self.step += 1
        if self.schedule is not None and self.schedule_by == "step":
            self.schedule.step()

    def _backward(self, batches: list[Any], counts: list[Any], all_counts: list[Any]) -> None:
        """Add up the gradients of mini-batches, each by its share in `all_counts`."""
        for (*inputs, targets), count in zip(batches, counts, strict=True):
            outputs = self.model(*inputs)
            loss = self.loss(outputs, targets)
            self._metrics.add(outputs, targets, loss, count, self.loss)
            if is_empty(count):
                continue
            if (len(all_counts) > 1 or group().size > 1) and count is not None:
                loss = loss * share_of(count, all_counts, loss)  # these sum to the mean over all rows
            loss.backward()

    def _backward_of_own_rows(self, batches: list[Any], counts: list[Any]) -> None:
        """The same for the rows of this worker, and then the sum over all workers."""
        own = list(of_own_rows(batches, group()))
        own_counts = [count_of(self.loss, targets) for *_, targets in own]
        with self._distributed.no_sync():
            self._backward(own[:-1], own_counts[:-1], counts)
        with self._distributed.summing():
            self._backward(own[-1:], own_counts[-1:], counts)

    def _next_batches(self) -> list[Any]:
        """The mini-batches of the next step; the last step of an epoch may have fewer than `accumulate`."""
        done = self.step % self.steps_per_epoch  # in this epoch
        with drawing_alike(group()):
            if self._running is None or done == 0:
                self._running = iter(self.batches)
                if not has_state(self.batches):  # a list always starts at its beginning
                    list(islice(self._running, done * self.accumulate))
            batches = list(islice(self._running, self.accumulate))
        if not batches:
            raise ValueError(f"Trainer: batches ended early; its length promises {len(self.batches)} per epoch")
        for batch in batches:
            check_batch("Trainer", batch)
        return batches

    # --- the history ------------------------------------------------------------------------------------

    def _is_row(self, step: int) -> bool:
        """Whether a row of the history follows a step."""
        return step % (self.record_every or self.steps_per_epoch) == 0 or step == self.total_steps

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
        self._distributed.copy_buffers()
        if self.test is not None:
            test = evaluate(self.model, self.test, self.loss, accuracy=self.accuracy, workers=group())
        return HistoryRow(self.step, self.step / self.steps_per_epoch, train, test, self._rate, self._seconds)

    def _scores(self) -> str:
        return f"{self._metrics}   rate {self._rate:.3g}" if self.schedule is not None else str(self._metrics)


def fit(
    model: Module, batches: Batches, loss: Callable[..., Tensor], optimizer: Optimizer, epochs: int, **options: Any
) -> History:
    """Train a model for some epochs: the same as `Trainer(..., epochs=epochs, **options).fit()`."""
    return Trainer(model, batches, loss, optimizer, epochs=epochs, **options).fit()
