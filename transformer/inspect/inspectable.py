"""Inspectable: what every model offers to try "what if": its points by name, traces, edits, and patches.

model.points()                                          # name -> shape, in the order in which a text passes them
trace = model.trace(tokens)                             # the value at each: see trace.py
with model.edit({"blocks.3": lambda x: x + 4 * direction}):
    model.generate(...)                                 # goes on with the changed residual stream

Activation patching: which points of a model carry the difference between two texts.

patched = model.patch(france, italy, lambda logits: logits[-1, paris] - logits[-1, rome], each="token")
print(patched)                                          # a row for each point, a column for each token
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal, Self

import numpy as np

import nn
import tinygrad_lecture as tl
from nn.module_calls import evaluating
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Array, to_host

from ..config import TransformerConfig
from ..inputs import as_tokens
from .points import changing, matching, points_of, visiting
from .trace import Stack, Trace

__all__ = ["Patched"]


class Inspectable(nn.Module):
    """The base of all models: points that have a name, and changes of what is computed there."""

    config: TransformerConfig
    stack: ClassVar[Stack] = Stack()  # the blocks that end in the logits

    def points(self) -> dict[str, str]:
        """The names of all points, in the order in which a text passes them, and the shape of each for one text.

        points.py says what is computed at each.

            {"embedding": "(tokens, 64)", "blocks.0.attention.queries": "(4, tokens, 16)", ...}

        Texts side by side, and a text that `generate` reads, have an axis (batch, ...) in front.
        """
        return {name: point.shape.format(config=self.config) for name, point in points_of(self).items()}

    @property
    def reads(self) -> Callable[..., Tensor]:
        """What reads a text, up to the logits where the model has some."""
        return self

    def trace(
        self, *text: Any, points: str | Iterable[str] | None = None, requires_grad: bool = False, **more: Any
    ) -> Trace:
        """What the model computes at every point while it reads a text, in evaluation mode: see `Trace`.

            trace = model.trace(tokens)

        - `text`, `more`: tokens, and what else `forward` takes, such as a padding_mask; or, of an encoder, `logits`.
        - `points`: the points to keep, a name or several. * stands for one part, as in "blocks.*.ffn". None keeps all.
        - `requires_grad`: whether the values are recorded, for `tl.grad`; by default they are arrays.

        Raises as these do, and KeyError for a point that is not there.
        """
        values: dict[str, Any] = {}

        def keep(name: str, x: Tensor) -> None:
            if requires_grad and not x.requires_grad:  # the embedding, where W_E does not
                x.requires_grad_()
            values[name] = x if requires_grad else to_host(x.array)

        names = points_of(self) if points is None else matching(self, points)
        recording = tl.enable_grad() if requires_grad else nullcontext()
        read = partial(self.reads, *text, **more)
        with evaluating(self), recording, visiting(self, names, keep):
            read()
        return Trace(to_host(as_tokens(text[self.stack.text]).array), values, self, self.stack, read)

    @contextmanager
    def edit(self, changes: Mapping[str, Any]) -> Iterator[Self]:
        """Context manager: the model with other values at some points; afterwards it is as before.

            with model.edit({"blocks.10": lambda x: x + 4 * direction}):
                model.generate(...)

        - `changes`: by a point's name a value, or a function from what the model computed, a Tensor, to a value. It
          broadcasts to the point's shape: 0 silences. In a name, * stands for one part, as in "blocks.*.ffn". A
          function may change what it is given in place, and return it.

        Count axes from the end: x[..., 7, :, :] = 0 silences head 7, x[..., 2, :] is the vector of token 2. `generate`
        has texts in front, (batch, ...). With a key/value cache only the new tokens pass: the prompt first, then one at
        a time; but the keys and values of all. Scores have the mask in them already: leave -inf where it is.
        Parameters stay as they are. Gradients flow through a change; under `tl.checkpoint` backward must run within the
        edit, too. What `generate` yields is edited while the edit lasts, so take the tokens inside. Not for two threads
        at once: the edit is the model's, for whoever calls it.
        Raises KeyError for a point that is not there. The call within raises ValueError for a value of another shape,
        TypeError for a function that returns None; an error says in which edit it was raised.
        """
        with changing(self, changes):
            yield self

    def patch(
        self,
        clean: Any,
        corrupted: Any,
        score: Callable[[Tensor], Any],
        points: str | Iterable[str] | None = None,
        each: Literal["token", "head"] | None = None,
    ) -> Patched:
        """How much of what a text does is carried by each point: activation patching (Meng et al., arXiv:2202.05262).

            patched = model.patch(france, italy, lambda logits: logits[-1, paris] - logits[-1, rome], each="token")

        The model reads the corrupted text, with one point at a time as it was in the clean one.

        - `clean`, `corrupted`: tokens of two texts of equal length; of an encoder-decoder, pairs (source, target).
        - `score`: from the logits (tokens, vocab_size) to a number.
        - `points`: names, in which * stands for one part; by default the residual stream after each block. With `each`
          they must have equally many tokens, or heads.
        - `each`: "token" patches the tokens one by one; "head" the heads, at points that have some; None a whole point.

        The model reads a text once for each number of the result. Raises KeyError for a point that is not there,
        ValueError for texts of different lengths or more than one, or for heads of a point that has none.
        """
        if each not in (None, "token", "head"):
            raise ValueError(f'patch: each must be "token", "head" or None, got {each!r}')
        texts = [text if isinstance(text, tuple) else (text,) for text in (clean, corrupted)]
        names = matching(self, f"{self.stack.blocks}.*" if points is None else points)
        if not names or "logits" not in self.points():
            raise ValueError("patch: needs a point, and a model with logits; some BERTs' files have none")

        def number(logits: Any) -> float:
            found = score(tl.tensor(logits))
            try:
                return float(found)
            except (TypeError, ValueError):
                raise ValueError(f"patch: score must return one number, got {found!r}") from None

        clean_trace, corrupted_trace = (self.trace(*text, points=[*names, "logits"]) for text in texts)
        if corrupted_trace.tokens.ndim != 1:
            raise ValueError(f"patch: needs a clean and a corrupted text, got {corrupted_trace.tokens.shape} tokens")
        places: dict[str, list[Any]] = {}  # of each point an index for each column
        for name in names:
            shape, other = clean_trace[name].shape, corrupted_trace[name].shape
            if shape != other:
                raise ValueError(f'patch: both texts must have as many tokens, but "{name}" is {shape} and {other}')
            if each == "head" and len(shape) != 3:
                raise ValueError(f'patch: "{name}" of shape {shape} has no heads; leave out each, or name other points')
            axis = len(shape) - 2 if each == "token" else 0
            places[name] = [(slice(None),) * axis + (i,) for i in range(shape[axis])] if each else [...]
        if len(counts := set(map(len, places.values()))) > 1:
            raise ValueError(f"patch: the points have different numbers of {each}s, {counts}; patch them separately")

        def patched_score(name: str, place: Any) -> float:
            def change(x: Tensor) -> Tensor:
                x[place] = tl.as_tensor(clean_trace[name][place], device=x.device)
                return x

            with changing(self, {name: change}):
                return number(self.trace(*texts[1], points="logits")["logits"])

        scores = [[patched_score(name, place) for place in places[name]] for name in names]
        clean_score, corrupted_score = number(clean_trace["logits"]), number(corrupted_trace["logits"])
        return Patched(np.array(scores), names, clean_score, corrupted_score, each)


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

    def __repr__(self) -> str:
        longest = max(map(len, self.points))
        head = [str(i) for i in range(self.scores.shape[1])] if self.each else ["score"]
        lines = [" " * longest + "".join(f"{name:>8}" for name in head)]
        for name, row in zip(self.points, self.scores, strict=True):
            lines.append(f"{name:{longest}}" + "".join(f"{score:8.2f}" for score in row))
        return "\n".join([*lines, f"clean {self.clean:.2f}, corrupted {self.corrupted:.2f}"])
