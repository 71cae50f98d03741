"""The page of a training run, `Trainer(..., page=...)`: curves, gradient norms of layers, dead units, histograms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from html import escape
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from tinygrad_lecture.backend import to_host
from tinygrad_lecture.errors.users_line import warn
from tinygrad_lecture.files import atomic_write, check_writable
from tinygrad_lecture.inspect.formulas.numbers import number
from tinygrad_lecture.inspect.html.curves import curves
from tinygrad_lecture.inspect.html.parts import caption, table
from tinygrad_lecture.inspect.page.assemble import assembled

from ..activation import ReLU
from ..module import Module
from ..shown import facts, history_html

Curve: TypeAlias = list[tuple[int, float]]  # of (step, value)

SECONDS = 5  # after which a page of a run that goes on loads itself again
LAYERS = 5  # curves in one picture


class RunPage:
    """One file, written anew for each row of the history. A resumed run goes on with the curves that it had.

    norms: per layer the norm of its gradient, as the optimiser got it, at the step of each row: [(step, norm), ...].
    dead: per ReLU the share of units that gave 0 for every row of the batch of that step, in the same way.
    """

    def __init__(self, path: str | Path) -> None:
        check_writable(path)
        self.path = Path(path)
        self.norms: dict[str, Curve] = {}
        self.dead: dict[str, Curve] = {}
        self._warned = False

    @contextmanager
    def watching(self, model: Module, step: int) -> Iterator[None]:
        """Context manager around one training step: notes its gradients and dead units."""
        alive: dict[str, Any] = {}
        with ExitStack() as hooks:
            for path, module in model.named_modules():
                if isinstance(module, ReLU):
                    hooks.enter_context(module.register_forward_hook(_note_alive(alive, path or "ReLU")))
            yield
        for path, units in alive.items():
            self.dead.setdefault(path, []).append((step, 1 - float(units.mean())))
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
            curves = {
                str(path): [(int(step), float(value)) for step, value in curve] for path, curve in state[name].items()
            }
            setattr(self, name, curves)

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
                warn(f"Trainer: the page {self.path} could not be written, and training goes on: {failed}")

    def _text(self, trainer: Any, running: bool, error: BaseException | None) -> str:
        ended = (
            "" if error is None else f" The run ended here: {type(error).__name__}{f', {error}' if str(error) else ''}"
        )
        parts = [
            f"<header><h1>{escape(type(trainer.model).__name__)}</h1>"
            f'<p id="summary">step {trainer.step:,} of {trainer.total_steps:,}.{escape(ended)}</p>'
            '<div class="choices"><button type="button" id="theme">Dark</button></div></header>',
            f'<main class="run" {f"data-seconds={SECONDS}" if running else ""}>',
            _section("Loss and accuracy", history_html(trainer.history.records, trainer.history.best)),
            _section("Gradients: the norm in each layer", self._pictures(self.norms)),
            _section("Dead units: the share of each ReLU that gave only 0", self._pictures(self.dead)),
            _section("Parameters", _histograms(trainer.model)),
            _section("The run", table(["", ""], facts(trainer))),
            "</main>",
        ]
        title, scripts = f"{type(trainer.model).__name__}, a training run", ["numbers.js", "theme.js", "run.js"]
        return assembled(title, "".join(parts), scripts)

    def _pictures(self, lines: dict[str, Curve]) -> str:
        """Curves over the steps, a few layers in each picture, and a table of the last values."""
        names = list(lines)
        groups = [names[start : start + LAYERS] for start in range(0, len(names), LAYERS)]
        pictures = [
            curves("", {name: ([step for step, _ in lines[name]], [y for _, y in lines[name]]) for name in group})
            for group in groups
        ]
        last = [[name, number(values[-1][1])] for name, values in lines.items()]
        return "".join(pictures) + (table(["layer", "now"], last, right=[1]) if last else "")


def _note_alive(alive: dict[str, Any], path: str) -> Any:
    """A hook that notes which units of an output (..., units) are above 0 anywhere."""

    def hook(module: Module, inputs: Any, output: Any) -> None:
        values = to_host(output.array)
        active = (values > 0).reshape(-1, values.shape[-1]).any(0)
        alive[path] = active | alive[path] if path in alive and alive[path].shape == active.shape else active

    return hook


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def _histograms(model: Module) -> str:
    """For each parameter a histogram of its numbers, and one of its gradient."""
    parts = []
    for name, parameter in model.named_parameters():
        pair = [("values", parameter), *([("gradient", parameter.grad)] if parameter.grad is not None else [])]
        bars = "".join(_histogram(what, to_host(tensor.array)) for what, tensor in pair)
        head = caption(name, str(parameter.shape))
        parts.append(f'<div class="parameter">{head}<div class="pairs">{bars}</div></div>')
    return "".join(parts)


def _histogram(what: str, array: Any) -> str:
    finite = array[np.isfinite(array)].astype(np.float64)
    if not finite.size:
        return ""
    low, high = float(finite.min()), float(finite.max())
    counts, _ = np.histogram(finite, bins=24, range=(low, high) if high > low else (low - 0.5, low + 0.5))
    bars = "".join(f'<i style="height:{100 * n / counts.max():.0f}%"></i>' for n in counts)
    label = f"{what} from {number(low)} to {number(high)}, mean {number(float(finite.mean()))}"
    ends = f"<span>{number(low)}</span><span>{what}</span><span>{number(high)}</span>"
    picture = f'<div class="bars" role="img" aria-label="{escape(label)}">{bars}</div>'
    return f'<div>{picture}<div class="ends">{ends}</div></div>'
