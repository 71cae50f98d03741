"""Traces: the attention weights and the residual stream of a model while it reads a text, and pictures of them.

    trace = model.trace(tokens)
    trace.attention[0][2]                       # layer 0, head 2: (queries, keys), each row sums to 1
    trace.residual[1]                           # the residual stream after the first block: (tokens, width)
    trace.logits_at(1)                          # the logit lens: those vectors through the final norm and W_U
    labels = [tokenizer.decode([token]) for token in tokens]
    trace.maps(labels)                          # in a notebook a map for each head, with the text of each token
    draw_attention(trace.attention, labels, "attention.png")
    draw_lens(trace, labels, tokenizer.decode, "lens.png")

A trace reads the modules by forward hooks, which are registered only while it is made. Pictures need matplotlib:
`pip install ".[examples]"`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import nn
import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Array, to_host
from tinygrad_lecture.inspect.figures import BOX, as_written, drawable, new_figure, save_picture
from tinygrad_lecture.inspect.notebook import attention_html, plain

from .generation import probabilities
from .inputs import as_tokens

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Trace", "draw_attention", "draw_lens"]

ReadOut = Callable[[Tensor], Tensor]
SIGNS = {" ": "·", "\n": "↵", "\t": "→"}  # of invisible characters
MOST = 64  # tokens in a picture
LONGEST = 8  # characters of a token that the logit lens shows


@dataclass(frozen=True, repr=False)
class Trace:
    """Values that a stack of blocks computed for a text. All arrays are on the host.

    - `tokens`: (..., tokens).
    - `residual`: layers + 1 arrays (..., tokens, width), after the embedding and after each block.
    - `attention`: per layer (..., heads, tokens, tokens), each query's weights for all keys.
    - `cross`: per layer (..., heads, tokens, source), the weights of the cross-attention; empty without an encoder.
    - `source`: the encoder's trace, in an encoder-decoder.
    - `read_out`: the final norm and the unembedding, for the logit lens.
    """

    tokens: Array
    residual: list[Array]
    attention: list[Array]
    cross: list[Array] = field(default_factory=list)
    source: Trace | None = None
    read_out: ReadOut | None = None

    def __repr__(self) -> str:
        parts = [f"tokens {self.tokens.shape}", f"residual {len(self.residual)} x {self.residual[0].shape}"]
        for name, weights in (("attention", self.attention), ("cross", self.cross)):
            parts += [f"{name} {len(weights)} x {weights[0].shape}"] if weights else []
        return f"Trace({', '.join(parts)})"

    def maps(self, labels: Sequence[str]) -> AttentionMaps:
        """The attention of every head as maps that a notebook shows; of one text. labels: the text of each token."""
        return AttentionMaps(self.attention, labels)

    def _repr_html_(self) -> str:
        """What a notebook shows: the attention maps of one text, with the tokens' ids; `maps` has their texts."""
        if self.tokens.ndim != 1:
            return plain(repr(self))
        return self.maps(list(map(str, self.tokens.tolist())))._repr_html_()

    @property
    def layers(self) -> int:
        """How many blocks there are."""
        return len(self.attention)

    def logits_at(self, layer: int) -> Array:
        """The logit lens: the residual stream after `layer` blocks through the final norm and W_U.

        Returns (..., tokens, vocab_size); at the last layer these are the model's own logits (nostalgebraist,
        "interpreting GPT: the logit lens", 2020). Uses the model's current parameters.
        Raises IndexError for a layer that does not exist, ValueError without W_U, as in the encoder of an
        encoder-decoder.
        """
        if not 0 <= layer <= self.layers:
            raise IndexError(f"logits_at: layer must be 0 to {self.layers}, got {layer}")
        if self.read_out is None:
            raise ValueError("logits_at: the traced model has no W_U; of an encoder-decoder, use the decoder's trace")
        with tl.no_grad():
            return to_host(self.read_out(tl.tensor(self.residual[layer])).array)

    def best_at(self, layer: int) -> tuple[Array, Array]:
        """The most probable token at each position, by the logit lens, and its probability: (..., tokens) each."""
        p = probabilities(self.logits_at(layer)).numpy()  # (..., tokens, vocab_size)
        return p.argmax(-1), p.max(-1)


@contextmanager
def watch(
    tokens: Any, embedding: Any, blocks: Iterable[Any], read_out: ReadOut | None = None, source: Trace | None = None
) -> Iterator[Trace]:
    """Context manager: the Trace of an embedding and its blocks, filled by the calls within.

    - `tokens`: those that are read within.
    - `read_out`, `source`: see `Trace`.
    """
    device, blocks = embedding.device, list(blocks)
    on_device = None if read_out is None else lambda x: read_out(x.to(device=device))
    trace = Trace(to_host(as_tokens(tokens).array), [], [], [], source, on_device)
    held = dict.fromkeys((embedding, *blocks), trace.residual)  # a module -> where its outputs go
    held |= {block.attention.attend: trace.attention for block in blocks}
    held |= {block.cross.attend: trace.cross for block in blocks if hasattr(block, "cross")}

    def collect(module: nn.Module, inputs: Any, output: Any) -> None:
        held[module].append(to_host((output[1] if isinstance(output, tuple) else output).array))

    with ExitStack() as hooks:
        for module in held:  # a module used twice is hooked once and called twice
            hooks.enter_context(module.register_forward_hook(collect))
        yield trace


# --- attention as text and in a notebook ----------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class AttentionMaps:
    """The attention weights of a text: in a notebook a map for each head, as text the key that each query attends to.

    - `attention`: per layer (heads, queries, keys), as in a trace of one text.
    - `labels`: the text of each query; `keys`: of each key, by default the same.

    Raises ValueError for labels that do not match.
    """

    attention: Sequence[Array]
    labels: Sequence[str]
    keys: Sequence[str] | None = None

    def __post_init__(self) -> None:
        _check_labels("AttentionMaps", self.attention, self.labels, self.keys)

    @property
    def _names(self) -> tuple[list[str], list[str]]:
        return [visible(text) for text in self.labels], [visible(text) for text in self.keys or self.labels]

    def __repr__(self) -> str:
        rows, columns = self._names
        lines = []
        for layer, heads in enumerate(self.attention):
            for head, weights in enumerate(heads):
                strongest = zip(rows, weights.argmax(-1), weights, strict=True)
                pairs = [f"{query}→{columns[key]} {row[key]:.2f}" for query, key, row in strongest]
                lines.append(f"layer {layer} head {head}:  {'  '.join(pairs)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return attention_html(self.attention, *self._names)


def _check_labels(
    name: str,
    attention: Sequence[Array],
    labels: Sequence[str],
    keys: Sequence[str] | None = None,
    most: float = math.inf,
) -> None:
    """Raises ValueError unless there is a label for each query and each key of the attention of one text."""
    wanted = (len(labels), len(labels if keys is None else keys))
    if not attention or any(layer.ndim != 3 or layer.shape[1:] != wanted for layer in attention):
        shapes = ", ".join(str(layer.shape) for layer in attention) or "nothing"
        raise ValueError(
            f"{name}: {wanted} labels need weights of shape (heads, {wanted[0]}, {wanted[1]}), got {shapes}; take one "
            "text of a batch, as in weights[0]"
        )
    if max(wanted) > most:
        raise ValueError(f"{name}: a picture holds up to {most} tokens, got {max(wanted)}; draw a part of them")


def visible(text: str) -> str:
    """A token's text with signs for spaces, tabs and line ends, and a box for other unprintable characters."""
    shown = "".join(SIGNS.get(c, c) for c in text)
    return "".join(c if c.isprintable() else BOX for c in shown) or "∅"


# --- pictures ---------------------------------------------------------------------------------------------------


def draw_attention(
    attention: Sequence[Array],
    labels: Sequence[str],
    path: str | Path,
    *,
    keys: Sequence[str] | None = None,
    first: int = 0,
    title: str = "",
) -> None:
    """Draw a heat map of attention weights for every head of every layer, queries as rows and keys as columns.

    - `attention`: per layer (heads, queries, keys), as in a trace of one text; slice it to draw some of the heads.
    - `labels`: the text of each query.
    - `keys`: the text of each key, by default the same.
    - `first`: number of the first layer.
    - `path`: its suffix is a format that matplotlib writes, such as .png, .svg or .pdf.

    Raises ImportError without matplotlib, ValueError for labels that do not match, a batch of texts, more than 64
    tokens, or an unknown suffix.
    """
    maps, keys = [np.asarray(layer) for layer in attention], labels if keys is None else keys
    _check_labels("draw_attention", maps, labels, keys, MOST)
    rows, columns = ([drawable(visible(str(label))) for label in texts] for texts in (labels, keys))
    heads = max(map(len, maps))
    cell = min(0.27, max(0.09, 16 / (heads * len(keys))))  # inches per token
    size = max(1.1, cell * len(keys)), max(1.1, cell * len(labels))
    figure = new_figure(size[0] * heads + 1.9, size[1] * len(maps) + 1.6, title, size=12)
    grid = figure.subplots(len(maps), heads, squeeze=False)
    for layer, head in np.ndindex(grid.shape):
        axes: Any = grid[layer, head]
        if head >= len(maps[layer]):
            axes.axis("off")
            continue
        image = axes.imshow(maps[layer][head], vmin=0, vmax=1, cmap="Blues", aspect="auto")
        _label(axes, rows if head == 0 else (), columns if layer == len(maps) - 1 else (), 72 * cell)
        axes.set_title(f"head {head}" if layer == 0 else "", fontsize=9)
        axes.set_ylabel(f"layer {first + layer}" if head == 0 else "", fontsize=9)
    figure.supxlabel("key (attended to)", fontsize=9)
    figure.supylabel("query (attends)", fontsize=9)
    figure.colorbar(image, ax=grid, label="attention weight", shrink=min(1.0, 2.5 / (size[1] * len(maps))), pad=0.01)
    save_picture(figure, path)


def draw_lens(
    trace: Trace, labels: Sequence[str], decode: Callable[[list[int]], str], path: str | Path, *, title: str = ""
) -> None:
    """Draw the logit lens: per token a column, from bottom to top the predicted next token after each block.

    Darker cells are more probable. Long tokens are cut to 7 characters and an ellipsis.

    - `trace`: of one text.
    - `labels`: the text of each token.
    - `decode`: token ids -> text, such as `tokenizer.decode`.
    - `path`: see `draw_attention`.

    Raises ImportError without matplotlib, ValueError for labels that do not match, a batch of texts, more than 64
    tokens, or an unknown suffix.
    """
    _check_labels("draw_lens", trace.attention, labels, most=MOST)
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
    _label(axes, stages, read, 20, turned=False)
    axes.set_xlabel("token read; above it, the predicted next token", fontsize=9)
    figure.colorbar(image, ax=axes, label="probability", pad=0.01)
    save_picture(figure, path)


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _label(axes: Axes, rows: Sequence[str], columns: Sequence[str], room: float, turned: bool = True) -> None:
    """Label rows and columns. room: points per label.  turned: column labels of several letters are vertical."""
    size = min(9.0, 0.75 * room)
    for axis, names in ((axes.yaxis, rows), (axes.xaxis, columns)):
        rotation = 90 if turned and axis is axes.xaxis and max(map(len, names), default=0) > 2 else 0
        axis.set_ticks(list(range(len(names))), list(names), fontsize=size, rotation=rotation, **as_written())
    axes.tick_params(length=0)
