"""Probes: what goes on inside a model while it reads a text, as arrays. Pictures of them: pictures.py.

    trace = model.trace(tokens)
    trace.attention[0][2]                       # layer 0, head 2: (queries, keys), each row sums to 1
    trace.residual[1]                           # the vectors after the first block: (tokens, width)
    trace.logits_at(1)                          # the logit lens: those vectors through the last norm and W_U

They hang on forward hooks, only while a trace is made; otherwise they cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import nn
import tinygrad_lecture as tl
from nn.stateless import evaluating
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import to_host

from ..attention import MultiHeadAttention
from ..generation.sampling import probabilities
from ..tokens import as_tokens

if TYPE_CHECKING:
    from ..encoder import Encoder
    from ..encoder_decoder import EncoderDecoder
    from ..gpt import GPT

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, repr=False)
class Trace:
    """What a stack of blocks computed of a text. All arrays are on the host; leading axes are those of tokens.

    tokens: (..., tokens).  residual: layers + 1 arrays (..., tokens, width), after the embedding and after each block.
    attention: an array (..., heads, tokens, tokens) for each layer, of each query's weights for all keys.
    cross: the same to the tokens of the source, (..., heads, tokens, source), of an encoder-decoder; otherwise empty.
    source: the trace of the encoder, of an encoder-decoder.
    """

    tokens: Array
    residual: list[Array]
    attention: list[Array]
    cross: list[Array] = field(default_factory=list)
    source: Trace | None = None
    read_out: Callable[[Tensor], Tensor] | None = None

    def __repr__(self) -> str:
        parts = [f"tokens {self.tokens.shape}", f"residual {len(self.residual)} x {self.residual[0].shape}"]
        for name, weights in (("attention", self.attention), ("cross", self.cross)):
            parts += [f"{name} {len(weights)} x {weights[0].shape}"] if weights else []
        return f"Trace({', '.join(parts)})"

    @property
    def layers(self) -> int:
        """How many blocks there are."""
        return len(self.attention)

    def logits_at(self, layer: int) -> Array:
        """The logit lens: the residual stream after `layer` blocks read through the last norm and W_U.

        (..., tokens, vocab_size); at the last layer they are the model's own logits (nostalgebraist, "interpreting GPT:
        the logit lens", 2020), as long as its weights are what they were. Raises IndexError for a layer that is not
        there, ValueError for a trace of an encoder whose text no W_U reads.
        """
        if not 0 <= layer <= self.layers:
            raise IndexError(f"the residual stream can be read after 0 to {self.layers} blocks, not after {layer}")
        if self.read_out is None:
            raise ValueError("the encoder of an encoder-decoder has no W_U to be read through")
        with tl.no_grad():
            return _array(self.read_out(tl.tensor(self.residual[layer])))

    def best_at(self, layer: int) -> tuple[Array, Array]:
        """The most probable token of each place, by the logit lens, and its probability: (..., tokens) both."""
        p = probabilities(self.logits_at(layer)).numpy()
        return p.argmax(-1), p.max(-1)


def trace_stack(model: GPT | Encoder, tokens: Any, padding_mask: Any = None) -> Trace:
    """See `GPT.trace` and `Encoder.trace`."""
    blocks: list[Any] = list(model.blocks)
    with evaluating(model), ExitStack() as hooks:
        residual = _outputs([model.embedding, *blocks], hooks)
        attention = _weights([block.attention for block in blocks], hooks)
        model(tokens, padding_mask)
    return Trace(
        _array(as_tokens(tokens)), _arrays(residual), _arrays(attention), read_out=_read_out(model, model.norm)
    )


def trace_both(model: EncoderDecoder, source: Any, target: Any, source_padding: Any, target_padding: Any) -> Trace:
    """See `EncoderDecoder.trace`."""
    encoder: list[Any] = list(model.encoder)
    decoder: list[Any] = list(model.decoder)
    with evaluating(model), ExitStack() as hooks:
        source_residual = _outputs([model.source_embedding, *encoder], hooks)
        target_residual = _outputs([model.target_embedding, *decoder], hooks)
        source_attention = _weights([block.attention for block in encoder], hooks)
        target_attention = _weights([block.attention for block in decoder], hooks)
        cross = _weights([block.cross for block in decoder], hooks)
        model(source, target, source_padding, target_padding)
    return Trace(
        _array(as_tokens(target)),
        _arrays(target_residual),
        _arrays(target_attention),
        _arrays(cross),
        source=Trace(_array(as_tokens(source)), _arrays(source_residual), _arrays(source_attention)),
        read_out=_read_out(model, model.decoder_norm),
    )


def _outputs(modules: Iterable[Any], hooks: ExitStack) -> list[Tensor]:
    """A list that fills with the modules' outputs."""
    found: list[Tensor] = []
    for module in dict.fromkeys(modules):  # one that stands twice is called twice
        hooks.enter_context(module.register_forward_hook(lambda module, inputs, output: found.append(output)))
    return found


def _weights(attentions: Iterable[MultiHeadAttention], hooks: ExitStack) -> list[Tensor]:
    """A list that fills with the attentions' weights."""
    found: list[Tensor] = []
    for attention in dict.fromkeys(attentions):
        hooks.enter_context(
            attention.attend.register_forward_hook(lambda module, inputs, output: found.append(output[1]))
        )
    return found


def _arrays(tensors: Iterable[Tensor]) -> list[Array]:
    return [_array(tensor) for tensor in tensors]


def _array(tensor: Tensor) -> Array:
    return to_host(tensor.array)


def _read_out(model: Any, norm: nn.Module) -> Callable[[Tensor], Tensor]:
    device = model.unembedding.W_U.weight.device
    return lambda x: model.unembedding(norm(x.to(device=device)))
