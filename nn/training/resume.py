"""A training run: its progress, saved to its folder, and resumed from there exactly."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture.backend import xp
from tinygrad_lecture.files import check_writable, hold, make_folder, sweep

from ..data.loader import DataLoader, Epoch
from ..files import weights
from ..parallel.distribute import OneOrder
from ..parallel.group import group, rank
from . import saved_state
from .evaluation import RunningMetrics
from .history import History, HistoryRow
from .options import Options, check_run, optimizer_settings, settings_to_match
from .run_page import RunPage


class Run(Options):
    """Base class of `Trainer`: the progress of a training run, saved to its folder and resumed."""

    def __post_init__(self) -> None:
        super().__post_init__()
        settings = (self.settings or {}).items()
        self.settings = {name: v.item() if isinstance(v, np.generic) else v for name, v in settings}
        if self.folder is not None:
            weights.require()
        self._page = None if self.page is None else RunPage(self.page)

        self.step = 0  # optimiser steps done
        self.history = History()
        self._metrics = RunningMetrics(self.accuracy)  # since the last row of the history
        self._seconds = 0.0  # training time since the last row
        self._rate = float(self.optimizer.param_groups[0]["lr"])  # of the last step
        self._partial = False  # whether Ctrl-C cut the last row short
        self._not_better = 0  # rows since the best one
        self._running: Iterator[Any] | None = None  # the rest of the current epoch
        self._optimizer_settings = optimizer_settings(self.optimizer, self.schedule)  # before a step changes them

    @property
    def _finished(self) -> bool:
        return self.step >= self.total_steps or self.history.stopped_early

    @property
    def _out_of_patience(self) -> bool:
        return self.patience is not None and self._not_better >= self.patience

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
        """Restore the state that a run saved in this file. Raises as `fit` does, and changes nothing then."""
        state = saved_state.load(path)
        if "run" not in state:
            raise ValueError(f"{path} is a checkpoint, not the saved state of a Trainer: use nn.load_checkpoint")
        check_run(path, state["settings"], self.settings or {})  # alone: with them other settings may differ
        check_run(path, state["run"], self._settings_to_match())
        before = self._state()
        positions = [(loader, loader.state_dict()) for loader in (self.test, self.batches) if has_state(loader)]
        try:
            self._restore(state)
        except Exception as error:
            self._restore(before)
            for loader, position in positions:
                loader.load_state_dict(position)
            raise ValueError(f"{path} is the saved state of another run: {error}") from error

    def load_best(self) -> None:
        """Load the weights with the best scores, folder/best.safetensors, into the model.

        Raises ValueError without a folder or if the file is damaged or another model's, FileNotFoundError before the
        first row of the history.
        """
        path = self._file("best")
        tensors = weights.load_file(path)
        try:
            self.model.load_state_dict(tensors)
        except ValueError as error:
            raise ValueError(f"{path} has the weights of another model: {error}") from None

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
        elif isinstance(self._running, OneOrder):  # of workers that have ended
            self._running = self._running.batches
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
            epoch = -(-self.step // self.steps_per_epoch)
            raise FloatingPointError(
                f"the loss became {float(self._metrics.loss)} in epoch {epoch}, at or before step {self.step:,}, and "
                "training cannot recover from that; try a smaller learning rate"
            )

    def _check_weights(self) -> None:
        for name, parameter in self.model.named_parameters():
            if not bool(xp(parameter.array).isfinite(parameter.array).all()):
                raise FloatingPointError(
                    f"{name} has NaN or infinite elements after step {self.step:,} and is not saved; try a smaller "
                    "learning rate, or clip_norm"
                )

    # --- the state --------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """What a copy gets, which is for another worker: not the iterator, nor the sums, which count once."""
        return {**vars(self), "_running": None, "_metrics": RunningMetrics(self.accuracy)}

    def _parts(self) -> dict[str, Any]:
        return saved_state.parts_of(self.model, self.optimizer, self.schedule)

    def _settings_to_match(self) -> dict[str, Any]:
        return {**settings_to_match(self), **self._optimizer_settings}

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
            "not better": self._not_better,
            "seconds": self._seconds,
            "rate": self._rate,
            "batches": self._position() if self.step else None,
            "test": self.test.state_between() if isinstance(self.test, DataLoader) else None,
            "page": None if self._page is None else self._page.state_dict(),
            "workers": workers,
        }

    def _position(self) -> dict[str, Any] | None:
        """The position within the current epoch; None for batches without a state, such as a list."""
        if not has_state(self.batches):
            return None
        running = self._running.batches if isinstance(self._running, OneOrder) else self._running
        return running.state_dict() if isinstance(running, Epoch) else self.batches.state_dict()

    def _restore(self, state: dict[str, Any]) -> None:
        """Restore what `_state` returned."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        for batches, position in ((self.test, state["test"]), (self.batches, state["batches"])):  # may be one loader
            if position is not None and has_state(batches):
                batches.load_state_dict(position)
        self._running = None
        self.step, self.history, self._partial = int(state["step"]), History.from_state(state["history"]), False
        self._not_better = int(state["not better"])
        self._seconds, self._rate = float(state["seconds"]), float(state["rate"])
        if self._page is not None and state.get("page") is not None:  # a page may be new, or the state older than it
            self._page.load_state_dict(state["page"])
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


def has_state(batches: Any) -> TypeGuard[DataLoader]:
    """Whether batches know their position, as a DataLoader does and a list does not."""
    return hasattr(batches, "load_state_dict")
