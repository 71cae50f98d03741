"""TensorBoard: the history of a run in the files that the program `tensorboard` draws."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from ..parallel.group import rank


class TensorBoard:
    """Writes each row of the history to a folder, for `tensorboard --logdir runs`.

        nn.Trainer(..., on_record=nn.TensorBoard("runs/first"))

    It writes loss, accuracy and learning rate, a few seconds after each row. A resumed run goes on in the same folder.
    Raises ImportError without the package tensorboardX.
    """

    def __init__(self, folder: str | Path) -> None:
        try:
            self._open = import_module("tensorboardX").SummaryWriter
        except ImportError:
            message = "TensorBoard's files need the package tensorboardX: pip install tensorboardX"
            raise ImportError(message) from None
        self.folder = Path(folder)
        self._writer: Any = None

    def __call__(self, trainer: Any) -> None:
        """Write the last row of the history."""
        if rank():
            return
        row = trainer.history[-1]
        if self._writer is None:
            self._writer = self._open(str(self.folder), flush_secs=5, filename_suffix=f".{row.step}")
        scores = {"training": row.train, "test": row.test}
        for what in ("loss", "accuracy"):
            for data, of_row in scores.items():
                if (value := getattr(of_row, what, None)) is not None:
                    self._writer.add_scalar(f"{what}/{data}", value, row.step)
        self._writer.add_scalar("rate", row.lr, row.step)

    def close(self) -> None:
        """Write what is left, as the end of the program does. A later row begins another file in the folder."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def __getstate__(self) -> dict[str, Any]:
        """A copy, which is for another worker, has no open file."""
        return {**vars(self), "_writer": None}
