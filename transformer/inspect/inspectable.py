"""Inspectable: what every model offers to try "what if": its points by name, edits of them, and patches.

model.points()                                          # name -> shape, in the order in which a text passes them
with model.edit({"blocks.3": lambda x: x + 4 * direction}):
    model.generate(...)                                 # goes on with the changed residual stream
model.patch(clean, corrupted, score).draw("patch.png")  # which points carry what makes the difference
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Literal, Self

import nn
from tinygrad_lecture import Tensor

from ..config import TransformerConfig
from .patching import Patched, patched
from .points import changing, points_of


class Inspectable(nn.Module):
    """The base of all models: points that have a name, and changes of what is computed there."""

    config: TransformerConfig
    streams: ClassVar[str] = "blocks.*"  # the points after each block of the stack that ends in the logits

    def points(self) -> dict[str, str]:
        """The names of all points, in the order in which a text passes them, and the shape of each for one text.

        points.py says what is computed at each.

            {"embedding": "(tokens, 64)", "blocks.0.attention.queries": "(4, tokens, 16)", ...}

        Texts side by side, and a text that `generate` reads, have an axis (batch, ...) in front.
        """
        return {name: point.shape.format(config=self.config) for name, point in points_of(self).items()}

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
        Parameters stay as they are. Gradients flow through a change; under `checkpoint` backward must run within the
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
        return patched(self, clean, corrupted, score, self.streams if points is None else points, each)
