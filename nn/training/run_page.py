"""The page of a training run, `Trainer(..., page=...)`: curves, gradient norms of layers, dead units, histograms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from tinygrad_lecture.backend import to_host
from tinygrad_lecture.errors import warn
from tinygrad_lecture.files import atomic_write, make_ready
from tinygrad_lecture.inspect.notebook import caption, curves, table
from tinygrad_lecture.inspect.numbers import can_be_parted, number

from ..activation import ReLU
from ..layers.convolution import Filters
from ..linear import Linear
from ..module import Module
from ..notebook import facts, history_html

Curve: TypeAlias = list[tuple[int, float]]  # of (step, value)

SECONDS = 5  # after which a page of a run that goes on loads itself again
LAYERS = 5  # curves in one picture


class RunPage:
    """One file, written anew for each row of the history. A resumed run goes on with the curves that it had.

    norms: per layer the norm of its gradient, before clipping, at the step of each row: [(step, norm), ...].
    dead: per ReLU the share of units that gave 0 for every row of the batch of that step, in the same way. After a
    convolution a unit is a channel.
    """

    def __init__(self, path: str | Path) -> None:
        make_ready(path)
        self.path = Path(path)
        self.norms: dict[str, Curve] = {}
        self.dead: dict[str, Curve] = {}
        self._counts: dict[str, str] = {}  # per ReLU: how many units were dead at the last row, and of how many
        self._warned = False

    @contextmanager
    def watching(self, model: Module, step: int) -> Iterator[None]:
        """Context manager around one training step: notes its dead units."""
        alive: dict[str, Any] = {}  # per ReLU: for each unit whether it was above 0 anywhere
        convolved = (0, 0)  # if a convolution ran last: the axes of its output, and the channels' axis

        def note(path: str, module: Module, inputs: Any, output: Any) -> None:
            nonlocal convolved
            if not isinstance(module, ReLU):
                convolved = (output.ndim, -1 - module.axes) if isinstance(module, Filters) else (0, 0)
                return
            values, (axes, channels) = to_host(output.array), convolved
            axis = channels if values.ndim == axes else -1  # it may be flattened since
            active = (np.moveaxis(values, axis, -1) > 0).reshape(-1, values.shape[axis]).any(0)
            before = alive.get(path, active)
            alive[path] = active | before if before.shape == active.shape else active

        with ExitStack() as hooks:
            for path, module in model.named_modules():
                if isinstance(module, (ReLU, Filters, Linear)):
                    hooks.enter_context(module.register_forward_hook(partial(note, path or "ReLU")))
            yield
        for path, units in alive.items():
            self.dead.setdefault(path, []).append((step, 1 - float(units.mean())))
            self._counts[path] = f"{np.count_nonzero(~units)} of {units.size} gave 0 everywhere"

    def note_gradients(self, model: Module, step: int) -> None:
        """Note the gradients of one training step, before they are clipped."""
        squares: dict[str, float] = {}
        for name, parameter in model.named_parameters():
            if parameter.grad is not None:
                layer = name.rpartition(".")[0] or name
                gradient = to_host(parameter.grad.array).astype(np.float64)
                squares[layer] = squares.get(layer, 0.0) + float((gradient**2).sum())
        for layer, square in squares.items():
            self.norms.setdefault(layer, []).append((step, square**0.5))

    def state_dict(self) -> dict[str, Any]:
        """The curves, as JSON holds them."""
        return {"norms": self.norms, "dead": self.dead}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue the curves that `state_dict` returned."""
        for name in ("norms", "dead"):
            lines = {str(path): [(int(step), float(y)) for step, y in curve] for path, curve in state[name].items()}
            setattr(self, name, lines)

    def write(self, trainer: Any, running: bool, error: BaseException | None = None) -> None:
        """Write the page of a trainer; where that fails, warn once, since training goes on without it.

        running: whether it goes on, so that the page loads itself again.  error: what ended the run.
        """
        try:
            with atomic_write(self.path) as temporary:
                temporary.write_text(self._text(trainer, running, error), encoding="utf-8")
        except OSError as failed:
            if not self._warned:
                self._warned = True
                warn(f"Trainer: training goes on without its page: {failed}")

    def _text(self, trainer: Any, running: bool, error: BaseException | None) -> str:
        from tinygrad_lecture.inspect.page.page import assembled

        ended, history = "", trainer.history
        if error is not None:
            ended = f" The run ended here: {type(error).__name__}{f', {error}' if str(error) else ''}"
        elif history.interrupted:
            ended = " Stopped by Ctrl-C."
        elif history.stopped_early:
            ended = f" Stopped early: no better score in {trainer.patience} rows."
        clipped = "" if trainer.clip_norm is None else f", before clipping all of them together to {trainer.clip_norm}"
        parts = [
            f"<header><h1>{escape(type(trainer.model).__name__)}</h1>"
            f'<p id="summary">step {trainer.step:,} of {trainer.total_steps:,}.{escape(ended)}</p>'
            '<div class="choices"><button type="button" id="theme">Dark</button></div></header>',
            f'<main class="run" {f"data-seconds={SECONDS}" if running else ""}>',
            _section("Loss and accuracy", history_html(history)),
            _section(f"Gradients: the norm in each layer{clipped}", self._pictures(self.norms)),
            _section("Dead units: the share of a ReLU's units that gave only 0", self._dead_units()),
            _section("Parameters", _histograms(trainer.model, trainer.clip_norm is not None)),
            _section("The run", table(["", ""], facts(trainer))),
            "</main>",
        ]
        title, scripts = f"{type(trainer.model).__name__}, a training run", ["numbers", "theme", "run"]
        return assembled(title, "".join(parts), scripts)

    def _dead_units(self) -> str:
        if not self.dead:
            return ""
        note = '<p class="hint">Each point counts over the one batch of its step, not over all data.</p>'
        return note + self._pictures(self.dead, (0, 1), self._counts)

    def _pictures(
        self,
        lines: dict[str, Curve],
        between: tuple[float, float] | None = None,
        notes: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        """Curves over the steps, a few layers in each picture, and a table of the last values, with notes by layer."""
        names, pictures = list(lines), ""
        for start in range(0, len(names), LAYERS):
            group = {n: ([x for x, _ in lines[n]], [y for _, y in lines[n]]) for n in names[start : start + LAYERS]}
            pictures += curves("", group, between)
        last = [[name, number(values[-1][1]), notes.get(name, "")] for name, values in lines.items()]
        return pictures + (table(["layer", "now", ""], last, right=[1]) if last else "")


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def _histograms(model: Module, clipped: bool) -> str:
    """For each parameter a histogram of its numbers, and one of its gradient."""
    parts, gradient = [], "clipped gradient" if clipped else "gradient"
    for name, parameter in model.named_parameters():
        pair = [("values", parameter), *([(gradient, parameter.grad)] if parameter.grad is not None else [])]
        bars = "".join(_histogram(what, to_host(tensor.array)) for what, tensor in pair)
        head = caption(name, str(parameter.shape))
        parts.append(f'<div class="parameter">{head}<div class="pairs">{bars}</div></div>')
    return "".join(parts)


def _histogram(what: str, array: Any) -> str:
    finite = array[np.isfinite(array)].astype(np.float64)
    if not finite.size:
        return ""
    low, high = float(finite.min()), float(finite.max())
    counts, _ = np.histogram(
        finite, bins=24, range=(low, high) if can_be_parted(low, high, 24) else (low - 0.5, low + 0.5)
    )
    bars = "".join(f'<i style="height:{100 * n / counts.max():.0f}%"></i>' for n in counts)
    label = f"{what} from {number(low)} to {number(high)}, mean {number(float(finite.mean()))}"
    ends = f"<span>{number(low)}</span><span>{what}</span><span>{number(high)}</span>"
    picture = f'<div class="bars" role="img" aria-label="{escape(label)}">{bars}</div>'
    return f'<div>{picture}<div class="ends">{ends}</div></div>'
