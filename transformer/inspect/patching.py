"""Activation patching: which points of a model carry the difference between two texts.

patched = model.patch(france, italy, lambda logits: logits[-1, paris] - logits[-1, rome], each="token")
print(patched)                          # a row for each point, a column for each token
patched.draw("patch.png", labels)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Array
from tinygrad_lecture.inspect.drawing import drawable, new_figure, save_picture

from .attention_maps import label_axes, visible
from .points import changing, matching

__all__ = ["Patched"]


@dataclass(frozen=True, repr=False)
class Patched:
    """The score of a corrupted text with one point, or a part of one, as it was in the clean text.

    - `scores`: (points, columns). A column is a token or a head; there is one if points are patched whole.
    - `points`: the name of each row.
    - `clean`, `corrupted`: the scores of both texts as they are.
    - `each`: what the columns are, "token", "head" or None.
    """

    scores: Array
    points: Sequence[str]
    clean: float
    corrupted: float
    each: str | None

    def restored(self) -> Array:
        """(score - corrupted) / (clean - corrupted): (points, columns).

        0: the patch changes nothing; 1: it gives the clean score. It is nan if both texts have the same score.
        """
        return (self.scores - self.corrupted) / (self.clean - self.corrupted or np.nan)

    def __repr__(self) -> str:
        longest = max(map(len, self.points))
        head = [str(i) for i in range(self.scores.shape[1])] if self.each else ["score"]
        lines = [" " * longest + "".join(f"{name:>8}" for name in head)]
        for name, row in zip(self.points, self.scores, strict=True):
            lines.append(f"{name:{longest}}" + "".join(f"{score:8.2f}" for score in row))
        return "\n".join([*lines, f"clean {self.clean:.2f}, corrupted {self.corrupted:.2f}"])

    def draw(self, path: str | Path, labels: Sequence[str] | None = None, title: str = "") -> None:
        """Draw the scores: a curve over the points, or a heat map of points and columns.

        - `labels`: the text of each column, by default its number.
        - `path`: its suffix is a format that matplotlib writes. Raises ImportError without matplotlib, ValueError for
          another number of labels.
        """
        columns = list(labels or map(str, range(self.scores.shape[1])))
        if len(columns) != self.scores.shape[1]:
            raise ValueError(f"draw: {len(columns)} labels do not fit {self.scores.shape[1]} columns")
        rows = [drawable(name) for name in self.points]
        figure = new_figure(2.5 + max(0.35 * len(columns), 3), max(0.22 * len(rows) + 1.5, 3.5), title, size=12)
        axes = figure.subplots()
        if self.each is None:
            axes.plot(self.scores[:, 0], range(len(rows)), marker="o")
            for name, score, style in (("clean", self.clean, "-"), ("corrupted", self.corrupted, "--")):
                axes.axvline(score, color="black", linestyle=style, linewidth=0.8, label=name)
            axes.set_yticks(range(len(rows)), rows, fontsize=8)
            axes.set_xlabel("score")
            axes.legend(fontsize=8)
        else:
            low, high = min(self.scores.min(), self.corrupted), max(self.scores.max(), self.clean)
            image = axes.imshow(self.scores, vmin=low, vmax=high, cmap="Blues", aspect="auto", origin="lower")
            label_axes(axes, rows, [drawable(visible(text)) for text in columns], 12)
            axes.set_xlabel(f"{self.each} patched", fontsize=9)
            label = f"score: corrupted {self.corrupted:.2f}, clean {self.clean:.2f}"
            figure.colorbar(image, ax=axes, label=label, pad=0.02)
        save_picture(figure, path)


def patched(
    model: Any,
    clean: Any,
    corrupted: Any,
    score: Callable[[Tensor], Any],
    points: str | Iterable[str],
    each: Literal["token", "head"] | None,
) -> Patched:
    """See `Inspectable.patch`."""
    if each not in (None, "token", "head"):
        raise ValueError(f'patch: each must be "token", "head" or None, got {each!r}')
    texts = [text if isinstance(text, tuple) else (text,) for text in (clean, corrupted)]
    names = matching(model, points)
    if not names or "logits" not in model.points():
        raise ValueError("patch: needs a point, and a model with logits; some BERTs' files have none")

    def number(logits: Any) -> float:
        found = score(tl.tensor(logits))
        try:
            return float(found)
        except (TypeError, ValueError):
            raise ValueError(f"patch: score must return one number, got {found!r}") from None

    clean_trace, corrupted_trace = (model.trace(*text, points=[*names, "logits"]) for text in texts)
    if corrupted_trace.tokens.ndim != 1:
        raise ValueError(f"patch: needs one clean and one corrupted text, got tokens {corrupted_trace.tokens.shape}")
    places: dict[str, list[Any]] = {}  # of each point an index for each column
    for name in names:
        shape, other = clean_trace[name].shape, corrupted_trace[name].shape
        if shape != other:
            raise ValueError(
                f'patch: both texts must have as many tokens, but "{name}" is {shape} of the clean one and {other} of '
                "the corrupted"
            )
        if each == "head" and len(shape) != 3:
            raise ValueError(f'patch: "{name}" of shape {shape} has no heads; leave out each, or name other points')
        axis = len(shape) - 2 if each == "token" else 0
        places[name] = [(slice(None),) * axis + (i,) for i in range(shape[axis])] if each else [...]
    if len(counts := set(map(len, places.values()))) > 1:
        raise ValueError(f"patch: the points have different numbers of {each}s, {counts}; patch them in separate calls")

    def patched_score(name: str, place: Any) -> float:
        def change(x: Tensor) -> Tensor:
            x[place] = tl.as_tensor(clean_trace[name][place], device=x.device)
            return x

        with changing(model, {name: change}):
            return number(model.trace(*texts[1], points="logits")["logits"])

    scores = [[patched_score(name, place) for place in places[name]] for name in names]
    clean_score, corrupted_score = number(clean_trace["logits"]), number(corrupted_trace["logits"])
    return Patched(np.array(scores), names, clean_score, corrupted_score, each)
