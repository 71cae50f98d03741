"""Attention and blocks against PyTorch's with equal weights: outputs, attention weights and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl
from modules import shuffled
from transformer import (
    Block,
    CrossBlock,
    EncoderConfig,
    EncoderDecoderConfig,
    MultiHeadAttention,
    causal_mask,
    scaled_dot_product_attention,
)

torch = pytest.importorskip("torch")

from torch_parity import close  # noqa: E402 - it needs torch

pytestmark = pytest.mark.parity
BATCH, TOKENS, KEYS, WIDTH, HEADS = 2, 4, 3, 6, 3
few = settings(max_examples=20)
dtypes = st.sampled_from(["float64", "float32"])


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


def pair(array: Any, dtype: str) -> tuple[tl.Tensor, Any]:
    """The same numbers as our Tensor and PyTorch's, both with requires_grad."""
    array = array.astype(dtype)
    return tl.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)


def same_gradients(ours: Any, theirs: Any, inputs: list[tuple[tl.Tensor, Any]], dtype: str) -> None:
    """Compares the inputs' gradients for the same upstream gradient."""
    upstream = normal(*ours.shape, seed=9).astype(dtype)
    ours.backward(tl.tensor(upstream))
    theirs.backward(torch.tensor(upstream))
    for i, (a, b) in enumerate(inputs):
        close(a.grad, b.grad, f"gradient of input {i}", dtype)


def copy_weights(theirs: Any, *ours: nn.Module) -> None:
    """Copies the weights of our Linears (stacked) or norm to a layer of PyTorch's."""
    theirs.weight.data = torch.tensor(np.concatenate([m.weight.detach().numpy() for m in ours]))  # type: ignore[union-attr]
    theirs.bias.data = torch.tensor(np.concatenate([m.bias.detach().numpy() for m in ours]))  # type: ignore[union-attr]


def copy_attention(theirs: Any, ours: MultiHeadAttention) -> None:
    heads = [ours.W_Q, ours.W_K, ours.W_V]
    theirs.in_proj_bias.data = torch.tensor(np.concatenate([m.bias.detach().numpy() for m in heads]))  # type: ignore[union-attr]
    if theirs.in_proj_weight is not None:
        theirs.in_proj_weight.data = torch.tensor(np.concatenate([m.weight.detach().numpy() for m in heads]))
    else:  # key_width differs from width
        for name, m in zip("qkv", heads, strict=True):
            getattr(theirs, f"{name}_proj_weight").data = torch.tensor(m.weight.detach().numpy())
    copy_weights(theirs.out_proj, ours.W_O)


@few
@given(dtypes, st.booleans())
def test_attention_is_scaled_dot_product_attention(dtype: str, causal: bool) -> None:
    shapes = [(BATCH, HEADS, n, 2) for n in ((TOKENS, TOKENS, TOKENS) if causal else (TOKENS, KEYS, KEYS))]
    inputs = [pair(normal(*shape, seed=i), dtype) for i, shape in enumerate(shapes)]
    mask = causal_mask(TOKENS, TOKENS) if causal else None
    output, _ = scaled_dot_product_attention(*(a for a, _ in inputs), mask)
    wanted = torch.nn.functional.scaled_dot_product_attention(*(b for _, b in inputs), is_causal=causal)
    close(output, wanted, "output", dtype)
    same_gradients(output, wanted, inputs, dtype)


@few
@given(st.data(), dtypes, st.sampled_from(["own text", "another text", "another width"]))
def test_multi_head_attention(data: st.DataObject, dtype: str, kind: str) -> None:
    key_width = 5 if kind == "another width" else WIDTH
    keys = TOKENS if kind == "own text" else KEYS
    ours = shuffled(MultiHeadAttention(WIDTH, HEADS, key_width=key_width), dtype)
    theirs = torch.nn.MultiheadAttention(WIDTH, HEADS, batch_first=True, kdim=key_width, vdim=key_width)
    copy_attention(theirs.to(getattr(torch, dtype)), ours)
    may_attend = normal(BATCH, 1, keys, seed=data.draw(st.integers(0, 99))) > -0.5
    may_attend[..., 0] = True  # PyTorch gives nan for a fully masked query
    inputs = [pair(normal(BATCH, TOKENS, WIDTH), dtype)]
    if kind != "own text":
        inputs.append(pair(normal(BATCH, keys, key_width, seed=1), dtype))
    found: list[Any] = []
    with ours.attend.register_forward_hook(lambda module, given, output: found.append(output[1])):
        output = ours(*(a for a, _ in inputs), mask=tl.tensor(may_attend))
    x, memory = inputs[0][1], inputs[-1][1]
    wanted, weights = theirs(
        x, memory, memory, key_padding_mask=torch.tensor(~may_attend[:, 0]), average_attn_weights=False
    )
    close(output, wanted, "output", dtype)
    close(found[0], weights, "weights", dtype)
    same_gradients(output, wanted, inputs, dtype)


def config(kind: Any, norm: str, activation: str) -> Any:
    return kind(width=WIDTH, heads=HEADS, hidden=7, norm=norm, activation=activation, eps=1e-5, embedding_norm=False)


norms = pytest.mark.parametrize("norm", ["pre", "post"])
activations = pytest.mark.parametrize("activation", ["relu", "gelu"])


def theirs_of(kind: Any, norm: str, activation: str, dtype: str) -> Any:
    layer = kind(WIDTH, HEADS, 7, dropout=0.0, activation=activation, batch_first=True, norm_first=norm == "pre")
    return layer.to(getattr(torch, dtype))


def copy_block(theirs: Any, ours: Any, norms: int) -> None:
    """Copies the weights of our block to a layer of PyTorch's."""
    copy_attention(theirs.self_attn, ours.attention)
    copy_weights(theirs.linear1, ours.ffn.up)
    copy_weights(theirs.linear2, ours.ffn.down)
    for n in range(1, norms + 1):
        copy_weights(getattr(theirs, f"norm{n}"), getattr(ours, f"norm_{n}"))


@norms
@activations
@few
@given(dtypes)
def test_a_block_is_an_encoder_layer(norm: str, activation: str, dtype: str) -> None:
    ours = shuffled(Block(config(EncoderConfig, norm, activation)), dtype)
    theirs = theirs_of(torch.nn.TransformerEncoderLayer, norm, activation, dtype)
    copy_block(theirs, ours, 2)
    inputs = [pair(normal(BATCH, TOKENS, WIDTH), dtype)]
    blocked = torch.triu(torch.ones(TOKENS, TOKENS, dtype=torch.bool), 1)
    output, wanted = ours(inputs[0][0], causal_mask(TOKENS, TOKENS)), theirs(inputs[0][1], src_mask=blocked)
    close(output, wanted, "output", dtype)
    same_gradients(output, wanted, inputs, dtype)
    close(ours.ffn.up.weight.grad, theirs.linear1.weight.grad, "gradient of the FFN", dtype)
    W_Q = theirs.self_attn.in_proj_weight.grad[:WIDTH]
    close(ours.attention.W_Q.weight.grad, W_Q, "gradient of W_Q", dtype)


@norms
@activations
@few
@given(dtypes)
def test_a_cross_block_is_a_decoder_layer(norm: str, activation: str, dtype: str) -> None:
    ours = shuffled(CrossBlock(config(EncoderDecoderConfig, norm, activation)), dtype)
    theirs = theirs_of(torch.nn.TransformerDecoderLayer, norm, activation, dtype)
    copy_block(theirs, ours, 3)
    copy_attention(theirs.multihead_attn, ours.cross)
    inputs = [pair(normal(BATCH, TOKENS, WIDTH), dtype), pair(normal(BATCH, KEYS, WIDTH, seed=1), dtype)]
    padding = np.array([[True, True, False], [True, True, True]])
    output = ours(*(a for a, _ in inputs), mask=causal_mask(TOKENS, TOKENS), memory_mask=tl.tensor(padding[:, None]))
    blocked = torch.triu(torch.ones(TOKENS, TOKENS, dtype=torch.bool), 1)
    wanted = theirs(*(b for _, b in inputs), tgt_mask=blocked, memory_key_padding_mask=torch.tensor(~padding))
    close(output, wanted, "output", dtype)
    same_gradients(output, wanted, inputs, dtype)
    close(ours.cross.W_O.weight.grad, theirs.multihead_attn.out_proj.weight.grad, "gradient of W_O", dtype)
