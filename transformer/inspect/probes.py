"""Probes: the attention weights and the residual stream of a model while it reads a text.

    trace = model.trace(tokens)
    trace.attention[0][2]                       # layer 0, head 2: (queries, keys), each row sums to 1
    trace.residual[1]                           # the residual stream after the first block: (tokens, width)
    trace.logits_at(1)                          # the logit lens: those vectors through the final norm and W_U
    trace.maps(labels)                          # in a notebook a map for each head, with the text of each token

They are forward hooks, registered only while a trace is made; otherwise they cost nothing. pictures.py draws them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import nn
import tinygrad_lecture as tl
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Array, to_host
from tinygrad_lecture.inspect.notebook import plain

from ..generation.sampling import probabilities
from ..inputs import as_tokens

__all__ = ["Trace"]

ReadOut = Callable[[Tensor], Tensor]
SIGNS = {" ": "·", "\n": "↵", "\t": "→"}  # of invisible characters
BOX = "□"  # of what is not printable


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
        Raises IndexError for a layer that does not exist, ValueError for the encoder of an encoder-decoder.
        """
        if not 0 <= layer <= self.layers:
            raise IndexError(f"logits_at: layer must be 0 to {self.layers}, got {layer}")
        if self.read_out is None:
            raise ValueError("logits_at: the encoder of an encoder-decoder has no W_U; use the decoder's trace")
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
    device, blocks = embedding.W_E.weight.device, list(blocks)
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
        check_labels("AttentionMaps", self.attention, self.labels, self.keys)

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
        from tinygrad_lecture.inspect.notebook import attention_html

        return attention_html(self.attention, *self._names)


def check_labels(
    name: str, attention: Sequence[Array], labels: Sequence[str], keys: Sequence[str] | None = None
) -> None:
    """Raises ValueError unless there is a label for each query and each key of the attention of one text."""
    wanted = (len(labels), len(labels if keys is None else keys))
    if not attention or any(layer.ndim != 3 or layer.shape[1:] != wanted for layer in attention):
        shapes = ", ".join(str(layer.shape) for layer in attention) or "nothing"
        raise ValueError(
            f"{name}: {wanted} labels need weights of shape (heads, {wanted[0]}, {wanted[1]}), got {shapes}; take one "
            "text of a batch, as in weights[0]"
        )


def visible(text: str) -> str:
    """A token's text with signs for spaces, tabs and line ends, and a box for other unprintable characters."""
    shown = "".join(SIGNS.get(c, c) for c in text)
    return "".join(c if c.isprintable() else BOX for c in shown) or "∅"
