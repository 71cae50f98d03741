"""Traces: what a model computes at every point while it reads a text.

trace = model.trace(tokens)
trace["blocks.0.attention.heads"]           # any point by name: see points.py; here (heads, tokens, head_dim)
trace.attention[0][2]                       # layer 0, head 2: (queries, keys), each row sums to 1
trace.residual[1]                           # the residual stream after the first block: (tokens, width)
trace.logits_at(1)                          # the logit lens: those vectors through the final norm and W_U
trace.shares(" Paris")                      # what each head and FFN adds to the logit of that token
draw_lens(trace, labels, tokenizer.decode, "lens.png")

trace = model.trace(tokens, requires_grad=True)
tl.grad(trace["logits"][-1, token], trace["blocks.3"])      # which way that vector should go to make it likelier
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import tinygrad_lecture as tl
from tinygrad_lecture.backend import Array, to_host
from tinygrad_lecture.inspect.drawing import BOX, as_written, drawable, new_figure, save_picture
from tinygrad_lecture.inspect.notebook import attention_html

from ..generation import probabilities
from .points import matching
from .shares import Shares, shares

__all__ = ["Trace", "draw_lens"]

LONGEST = 8  # characters of a token that the logit lens shows


class Stack(NamedTuple):
    """The names of a stack of blocks in its model, of what comes before it, and of the norm and W_U after it.

    - `text`: which of the model's texts it reads.
    """

    embedding: str = "embedding"
    blocks: str = "blocks"
    norm: str = "norm"
    unembedding: str | None = "unembedding"
    text: int = 0


@dataclass(frozen=True, repr=False, eq=False)
class Trace(Mapping[str, Any]):
    """What a model computed for a text: a mapping from the names of points (see points.py) to their values.

    Arrays on the host; with requires_grad Tensors, as they were recorded.

    - `tokens`: (..., tokens).
    - `held`: the values by name.
    - `source`: the encoder's trace, in an encoder-decoder.
    - `model`, `stack`: the model, and the names of its blocks.
    - `read`: makes the model read the text again, and returns the logits.
    """

    tokens: Array
    held: dict[str, Any]
    model: Any
    stack: Stack
    read: Callable[[], Any]
    source: Trace | None = None

    def __getitem__(self, name: str) -> Any:
        if name not in self.held:
            if len(matching(self.model, name)) > 1:  # raises KeyError for none
                raise KeyError(f'a trace takes the name of one point, got "{name}"; see trace.residual')
            raise KeyError(f'the trace was made without "{name}"; see the argument points of model.trace')
        return self.held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.held)

    def __len__(self) -> int:
        return len(self.held)

    def __repr__(self) -> str:
        parts = [f"tokens {self.tokens.shape}"]
        for name, held in (("residual", self.residual), ("attention", self.attention), ("cross", self.cross)):
            parts += [f"{name} {len(held)} x {held[0].shape}"] if held else []
        return f"Trace({', '.join(parts)})"

    @property
    def layers(self) -> int:
        """How many blocks there are."""
        return len(self.model.get_submodule(self.stack.blocks))

    @property
    def residual(self) -> list[Any]:
        """The residual stream, layers + 1 times (..., tokens, width): after the embedding and after each block."""
        return [self[self.stack.embedding], *(self[f"{self.stack.blocks}.{i}"] for i in range(self.layers))]

    @property
    def attention(self) -> list[Any]:
        """Per layer (..., heads, tokens, tokens), each query's weights for all keys."""
        return self._weights("attention")

    @property
    def cross(self) -> list[Any]:
        """Per layer (..., heads, tokens, source), the weights of the cross-attention; empty without an encoder."""
        return self._weights("cross") if self.source is not None else []

    def _weights(self, part: str) -> list[Any]:
        return [self[f"{self.stack.blocks}.{i}.{part}.weights"] for i in range(self.layers)]

    def maps(self, labels: Sequence[str]) -> AttentionMaps:
        """The attention of every head as maps that a notebook shows; of one text. labels: the text of each token."""
        return AttentionMaps(self.attention, labels)

    def logits_at(self, layer: int) -> Array:
        """The logit lens: the residual stream after `layer` blocks through the final norm and W_U.

        Returns (..., tokens, vocab_size); at the last layer these are the model's own logits (nostalgebraist,
        "interpreting GPT: the logit lens", 2020). Uses the model's current parameters.
        Raises IndexError for a layer that does not exist, ValueError without W_U, as in the encoder of an
        encoder-decoder.
        """
        norm = getattr(self.model, self.stack.norm)
        unembedding = self.stack.unembedding and getattr(self.model, self.stack.unembedding)
        if not unembedding:
            raise ValueError("logits_at: the traced model has no W_U; of an encoder-decoder, use the decoder's trace")
        with tl.no_grad():
            x = tl.as_tensor(self.residual[layer], device=self.model.get_submodule(self.stack.embedding).device)
            return to_host(unembedding(norm(x)).array)

    def best_at(self, layer: int) -> tuple[Array, Array]:
        """The most probable token at each position, by the logit lens, and its probability: (..., tokens) each."""
        p = probabilities(self.logits_at(layer)).numpy()  # (..., tokens, vocab_size)
        return p.argmax(-1), p.max(-1)

    def shares(self, token: int | str, position: int = -1) -> Shares:
        """What each head and each FFN adds to the logit of a token, read at one position: see `Shares`.

        - `token`: an id, or a text that is one token, such as " Paris".

        - `position`: of the token read; its vector gives the logits of the next one.

        Raises ValueError for a batch of texts, a text that is not one token, a model without W_U or with a layer before
        it (a BERT's head), and a logit that the model no longer computes, as after an edit; TypeError for a token of
        another type; IndexError for a token or a position that is not there.
        """
        return shares(self, token, position)


def draw_lens(
    trace: Trace, labels: Sequence[str], decode: Callable[[list[int]], str], path: str | Path, *, title: str = ""
) -> None:
    """Draw the logit lens: per token a column, from bottom to top the predicted next token after each block.

    Darker cells are more probable. Long tokens are cut to 7 characters and an ellipsis.

    - `trace`: of one text.
    - `labels`: the text of each token.
    - `decode`: token ids -> text, such as `tokenizer.decode`.
    - `path`: its suffix is a format that matplotlib writes, such as .png, .svg or .pdf.

    Raises ImportError without matplotlib, ValueError for labels that do not match, a batch of texts, or an unknown
    suffix.
    """
    check_labels("draw_lens", trace.attention, labels)
    best = [trace.best_at(layer) for layer in range(trace.layers + 1)]
    predicted = [[_shorten(drawable(visible(decode([int(token)])))) for token in tokens] for tokens, _ in best]
    read = [_shorten(drawable(visible(str(label)))) for label in labels]
    probability = np.stack([p for _, p in best])  # (layers + 1, tokens)
    longest = max(len(text) for row in predicted for text in [*row, *read])
    figure = new_figure(max(0.5, 0.1 * longest + 0.15) * len(labels) + 2.2, 0.3 * len(predicted) + 1.5, title, size=12)
    axes = figure.subplots()
    image = axes.imshow(probability, vmin=0, vmax=1, cmap="Blues", aspect="auto", origin="lower")
    for layer, row in enumerate(predicted):
        for column, text in enumerate(row):
            colour = "white" if probability[layer, column] > 0.6 else "black"
            axes.text(column, layer, text, ha="center", va="center", fontsize=8, color=colour, **as_written())
    stages = ["embedding", *(f"after {n} block{'s' * (n > 1)}" for n in range(1, trace.layers + 1))]
    for axis, names in ((axes.yaxis, stages), (axes.xaxis, read)):
        axis.set_ticks(list(range(len(names))), names, fontsize=9, **as_written())
    axes.tick_params(length=0)
    axes.set_xlabel("token read; above it, the predicted next token", fontsize=9)
    figure.colorbar(image, ax=axes, label="probability", pad=0.01)
    save_picture(figure, path)


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


# --- attention maps -------------------------------------------------------------------------------------------

SIGNS = {" ": "·", "\n": "↵", "\t": "→"}  # of invisible characters


@dataclass(frozen=True, repr=False)
class AttentionMaps:
    """The attention weights of a text: in a notebook a map for each head, as text the key that each query attends to.

    - `attention`: per layer (heads, queries, keys), as in a trace of one text.
    - `labels`: the text of each token.

    Raises ValueError for labels that do not match.
    """

    attention: Sequence[Array]
    labels: Sequence[str]

    def __post_init__(self) -> None:
        check_labels("AttentionMaps", self.attention, self.labels)

    def __repr__(self) -> str:
        names = list(map(visible, self.labels))
        lines = []
        for layer, heads in enumerate(self.attention):
            for head, weights in enumerate(heads):
                strongest = zip(names, weights.argmax(-1), weights, strict=True)
                pairs = [f"{query}→{names[key]} {row[key]:.2f}" for query, key, row in strongest]
                lines.append(f"layer {layer} head {head}:  {'  '.join(pairs)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        names = list(map(visible, self.labels))
        return attention_html(self.attention, names, names)


def check_labels(name: str, attention: Sequence[Array], labels: Sequence[str]) -> None:
    """Raises ValueError unless there is a label for each query and each key of the attention of one text."""
    n = len(labels)
    if not attention or any(layer.ndim != 3 or layer.shape[1:] != (n, n) for layer in attention):
        shapes = ", ".join(str(layer.shape) for layer in attention) or "nothing"
        raise ValueError(f"{name}: {n} labels need weights (heads, {n}, {n}), not {shapes}; of a batch take one")


def visible(text: str) -> str:
    """A token's text with signs for spaces, tabs and line ends, and a box for other unprintable characters."""
    shown = "".join(SIGNS.get(c, c) for c in text)
    return "".join(c if c.isprintable() else BOX for c in shown) or "∅"
