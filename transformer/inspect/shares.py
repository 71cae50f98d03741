"""Shares: a logit as the sum of what each part of a model added to the residual stream.

This is known as direct logit attribution; it is the lecture's "sum of updates". The last vector is the embedding's plus
what every head and every FFN added. A logit is the product of that vector with a row of W_U, so each addend has a share
of it. The final norm stands between the two. It divides by the vector's size, which is held fixed at its value.

    shares = trace.shares(" Paris")     # prints a bar for each part, the largest first
    shares - trace.shares(" Rome")      # what prefers the one to the other
    shares.heads[3, 7]                  # of block 3's head 7
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

import nn
import tinygrad_lecture as tl
from nn.module_calls import evaluating
from tinygrad_lecture import Tensor
from tinygrad_lecture.backend import Array, to_host

from ..embedding import Unembedding
from .points import changing, matching

__all__ = ["Shares"]

SHOWN = 20  # parts
BAR = 30  # characters


@dataclass(frozen=True, repr=False)
class Shares:
    """The shares of a model's parts in the logit of a token. They add up to it, but for rounding.

    - `token`: the token, as text or id.
    - `logit`: its logit, as the model computed it.
    - `embedding`: the share of the token that was read, with its position.
    - `biases`: the rest of the logit: the biases of W_O, norms and W_U.
    - `heads`, `cross`: (layers, heads), of what each head added through W_O; `cross` is empty without an encoder.
    - `ffns`: (layers,), of what each FFN added.

    The scale of each norm that follows a part is held fixed (Elhage et al., "A Mathematical Framework for Transformer
    Circuits", 2021). A share says what a part adds on the direct way, not what later parts make of it.
    """

    token: int | str
    logit: float
    embedding: float
    biases: float
    heads: Array
    cross: Array
    ffns: Array

    def by_part(self) -> dict[str, float]:
        """The share of each part by its name, such as "block 3 head 7", the largest first, whatever its sign."""
        parts = {"embedding": self.embedding, "biases": self.biases}
        for name, held in (("head", self.heads), ("cross head", self.cross)):
            parts |= {
                f"block {layer} {name} {head}": float(held[layer, head]) for layer, head in np.ndindex(held.shape)
            }
        parts |= {f"block {layer} FFN": float(share) for layer, share in enumerate(self.ffns)}
        return dict(sorted(parts.items(), key=lambda part: -abs(part[1])))

    def __sub__(self, other: Shares) -> Shares:
        """The shares in the difference of two logits of one text: which parts prefer the one token to the other."""
        pairs = [(getattr(self, name), getattr(other, name)) for name in list(vars(self))[1:]]
        return Shares(f"{self.token} - {other.token}", *(a - b for a, b in pairs))

    def __repr__(self) -> str:
        """A bar for each of the largest parts, and one for the sum of all others."""
        parts = list(self.by_part().items())
        rest = {f"{len(parts) - SHOWN} others": sum(share for _, share in parts[SHOWN:])} if len(parts) > SHOWN else {}
        bars = dict(parts[:SHOWN]) | rest
        largest, longest = max(map(abs, bars.values())) or 1.0, max(map(len, bars))
        lines = [
            f"{name:{longest}} {share:+8.3f} {('+' if share > 0 else '-') * round(BAR * abs(share) / largest)}".rstrip()
            for name, share in bars.items()
        ]
        return "\n".join([*lines, f"{'logit of ' + repr(self.token):{longest}} {self.logit:+8.3f}"])


def shares(trace: Any, token: int | str, position: int) -> Shares:
    """The shares of a trace: see `Trace.shares`.

    What the parts added, as recorded, are made the leaves of a graph. From them the model computes its logits anew,
    with the size of each norm's input held fixed. The logit is then linear in the leaves: a share is value x gradient.
    """
    model, stack = trace.model, trace.stack
    unembedding = stack.unembedding and getattr(model, stack.unembedding)
    if type(unembedding) is not Unembedding:
        raise ValueError("shares: needs W_U right after the final norm; a BERT or an encoder has none")
    if trace.tokens.ndim != 1:
        raise ValueError(f"shares: needs the trace of one text, got one of tokens {trace.tokens.shape}")
    id, length = _id(model, token), len(trace.tokens)
    if not -length <= position < length:
        raise IndexError(f"shares: position must be {-length} to {length - 1}, got {position}")
    heads = matching(model, f"{stack.blocks}.*.attention.heads")
    cross = matching(model, f"{stack.blocks}.*.cross.heads") if trace.source is not None else []
    ffns = matching(model, f"{stack.blocks}.*.ffn")
    device = model.get_submodule(stack.embedding).device
    names = [stack.embedding, *heads, *cross, *ffns]
    leaves = {name: tl.tensor(to_host(trace[name]), device=device, requires_grad=True) for name in names}
    with evaluating(model), tl.enable_grad(), _fixed_norms(model), changing(model, leaves):
        logits = trace.read()  # (tokens, vocab_size)
    logit = logits[position, id]
    if "logits" in trace and not np.isclose(logit.item(), to_host(trace["logits"])[position, id], 1e-3, 1e-3):
        raise ValueError("shares: the model computes another logit than the trace has; ask within the same model.edit")
    gradients = tl.grad(logit, list(leaves.values()))
    products = (leaf * gradient for leaf, gradient in zip(leaves.values(), gradients, strict=True))
    each = {name: to_host(x.sum((-2, -1)).array) for name, x in zip(leaves, products, strict=True)}  # of heads (heads,)
    of_parts = [np.array([each[name] for name in part]) for part in (heads, cross, ffns)]
    embedding = float(each[stack.embedding])
    biases = logit.item() - embedding - sum(float(part.sum()) for part in of_parts)
    return Shares(token, logit.item(), embedding, biases, *of_parts)


def _id(model: Any, token: int | str) -> int:
    """The id of a token, which may be given as text. Raises ValueError or IndexError unless it is one."""
    if isinstance(token, str):
        tokenizer = getattr(model, "tokenizer", None)
        if tokenizer is None:
            raise ValueError(f"shares: the model has no tokenizer to read {token!r}; set model.tokenizer or give an id")
        ids = [id for id in tokenizer.encode(token) if id not in tokenizer.special_tokens.values()]
        if len(ids) != 1:
            texts = ", ".join(repr(tokenizer.decode([id])) for id in ids)
            raise ValueError(f"shares: {token!r} is {len(ids)} tokens, {texts}; most words begin with a space")
        return int(ids[0])
    if not isinstance(token, Integral) or isinstance(token, bool):
        raise TypeError(f"shares: the token must be an id or a text, got {token!r}")
    if not 0 <= token < model.config.vocab_size:
        raise IndexError(f"shares: token {token} is not in the vocabulary, 0 to {model.config.vocab_size - 1}")
    return int(token)


@contextmanager
def _fixed_norms(model: nn.Module) -> Iterator[None]:
    """Context manager: each norm divides by the size of its input as if that were a constant."""

    def linear(norm: Any, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        x = inputs[0]  # (..., width)
        centred = x - x.mean(-1, keepdims=True) if isinstance(norm, nn.LayerNorm) else x
        size = tl.sqrt((centred * centred).mean(-1, keepdims=True) + norm.eps).detach()  # (..., 1)
        scaled = centred / size * norm.weight
        bias = getattr(norm, "bias", None)
        return scaled if bias is None else scaled + bias  # type: ignore[no-any-return]

    with ExitStack() as hooks:
        for module in model.modules():
            if isinstance(module, (nn.LayerNorm, nn.RMSNorm)):
                hooks.enter_context(module.register_forward_hook(linear))
        yield
