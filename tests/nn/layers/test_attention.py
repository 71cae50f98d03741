"""Attention and the transformer without PyTorch: masks, what is returned, and what is said of wrong arguments."""

import math
import re

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from modules import bytes_kept, shuffled
from numeric import assert_close
from strict_cupy import no_synchronisation

F = nn.functional


def numbers(*shape, seed=0):
    return tl.tensor(np.random.default_rng(seed).normal(size=shape))


def test_a_query_that_may_attend_to_no_key_gives_zeros_and_no_nan():
    x = numbers(2, 3, 4).requires_grad_()
    mask = tl.tensor([[False, False, False], [True, True, False], [True, True, True]])
    for given in (mask, tl.where(mask, 0.0, -math.inf).double()):
        out = F.scaled_dot_product_attention(x, x, x, given)
        assert out[:, 0].tolist() == [[0] * 4] * 2
        of_two = F.scaled_dot_product_attention(x[:, 1:2], x[:, :2], x[:, :2])
        assert_close(out[:, 1:2].detach(), of_two.detach(), "the query that attends to two keys", 1e-12)
        (gradient,) = tl.grad(out.sum(), x)
        assert np.isfinite(gradient.numpy()).all()
    attention = shuffled(nn.MultiheadAttention(4, 2, batch_first=True))
    out, weights = attention(x, x, x, key_padding_mask=tl.ones(2, 3, dtype=tl.bool))
    assert not weights.detach().numpy().any()
    assert_close(out.detach(), attention.out_proj.bias.detach().expand(2, 3, 4), "only the bias is left", 1e-12)


def test_dropout_drops_weights_and_keeps_their_mean():
    q = tl.zeros(1, 400)
    k, v = tl.zeros(2000, 400), tl.ones(2000, 1)
    out = F.scaled_dot_product_attention(q, k, v, dropout_p=0.5)
    assert out.item() != 1 and abs(out.item() - 1) < 0.1
    attention = nn.MultiheadAttention(4, 2, dropout=1.0)
    x = tl.ones(3, 2, 4)
    assert not attention(x, x, x)[1].detach().numpy().any()
    assert_close(attention.eval()(x, x, x)[1].detach(), tl.full((2, 3, 3), 1 / 3), "weights", 1e-6)


def test_gradients_are_right_twice():
    attention = shuffled(nn.MultiheadAttention(2, 1))
    names = list(dict(attention.named_parameters()))
    mask = tl.ones(2, 2, dtype=tl.bool).triu(1)

    def run(x, *values):
        parameters = dict(zip(names, values, strict=True))
        return nn.functional_call(attention, parameters, (x, x, x), {"attn_mask": mask})

    inputs = [numbers(2, 1, 2), *attention.parameters()]
    assert tl.gradcheck(run, inputs)
    assert tl.gradgradcheck(run, inputs)


@pytest.mark.parametrize("floats", [False, True])
def test_it_runs_on_a_gpus_arrays_without_synchronising(floats):
    def results(device):
        model = shuffled(nn.Transformer(4, 2, 1, 1, 6, dropout=0.0, batch_first=True), tl.float32, device)
        mask = model.generate_square_subsequent_mask(3, device=device)
        padding = tl.tensor([[False, False, True]] * 2, device=device)
        x = tl.tensor(numbers(2, 3, 4), dtype=tl.float32, device=device, requires_grad=True)
        with no_synchronisation():
            out = model(x, x, tgt_mask=mask if floats else mask != 0, src_key_padding_mask=padding)
            return [out, *tl.grad((out * out).sum(), [x, *model.parameters()])]

    for there, here in zip(results("strict"), results("cpu"), strict=True):
        assert_close(there.detach().cpu().numpy(), here.detach().numpy(), "on the device", 1e-4)


x, q = tl.ones(5, 2, 4), tl.ones(3, 4)
attention, block = nn.MultiheadAttention(4, 2), nn.TransformerEncoderLayer(4, 2, 6)
bools = {"dtype": tl.bool}


def attend(x=x, **masks):
    return attention(x, x, x, **masks)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.scaled_dot_product_attention(q, q[:, :2], q), ValueError, "that broadcast, not (3, 4), (3, 2) and"),
        (lambda: F.scaled_dot_product_attention(q, q, q[:2]), ValueError, "q must be (..., queries, d), k (..., keys"),
        (lambda: F.scaled_dot_product_attention(q, q, q, tl.ones(2, 3)), ValueError, "the mask must broadcast to (3"),
        (lambda: F.scaled_dot_product_attention(q, q, q, tl.ones(3, 3).long()), TypeError, "not int64; write mask !="),
        (lambda: F.scaled_dot_product_attention(q, q, q, tl.ones(3, 3), is_causal=True), ValueError, "give it or att"),
        (lambda: F.scaled_dot_product_attention(q, q, q, enable_gqa=True), ValueError, "enable_gqa needs query (...,"),
        (lambda: nn.MultiheadAttention(4, 3), ValueError, "embed_dim 4 cannot be split into 3 heads"),
        (lambda: nn.MultiheadAttention(4, 2, kdim=3), NotImplementedError, "other kdim or vdim, add_bias_kv, add_zer"),
        (lambda: nn.MultiheadAttention(4, 2, add_bias_kv=True), NotImplementedError, "add_zero_attn are not here"),
        (lambda: attend(tl.ones(4)), ValueError, "must have shape (tokens, batch, features) or, for one sequence, (to"),
        (lambda: attend(tl.ones(5, 2, 3)), ValueError, "query must have 4 features on its last axis, not shape (5, 2"),
        (lambda: attention(x, x[:3], x), ValueError, "key (3, 2, 4) and value (5, 2, 4) must have as many tokens, an"),
        (lambda: attention(x, x[:, :1], x[:, :1]), ValueError, "query (5, 2, 4), which is axis 1 with batch_first=Fa"),
        (lambda: attend(attn_mask=tl.ones(5, 2)), ValueError, "attn_mask must have shape (5, 5) or (4, 5, 5), (queri"),
        (lambda: attend(attn_mask=tl.ones(5, 5).long()), TypeError, "not int64; write attn_mask.bool()"),
        (lambda: attend(key_padding_mask=tl.ones(5, 2, **bools)), ValueError, "key_padding_mask must have shape (2,"),
        (lambda: attend(is_causal=True), ValueError, "is_causal needs attn_mask: nn.Transformer.generate_squ"),
        (lambda: block(x, src_key_padding_mask=tl.ones(5, 5)), ValueError, "in layer self_attn (MultiheadAttention):"),
        (lambda: nn.TransformerEncoderLayer(4, 2, activation="silu"), ValueError, 'activation must be "relu", "gelu"'),
        (lambda: nn.Transformer(4, 2, 1, 1, 6)(x, x[:, :1]), ValueError, "the batch of query (5, 1, 4), which is axis"),
        (lambda: nn.TransformerEncoder(block, 0), ValueError, "TransformerEncoder: num_layers must be at least 1, no"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


@pytest.mark.parametrize(
    "attended",
    [
        lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True),
        lambda x: F.scaled_dot_product_attention(x, x, x, tl.ones(1, x.shape[1], dtype=tl.bool)),
        lambda x: nn.MultiheadAttention(8, 2, batch_first=True)(x, x, x, need_weights=False)[0],
        lambda x: nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)(x),
    ],
    ids=["causal", "a mask", "heads", "a layer of an encoder"],
)
def test_memory_grows_linearly_with_the_tokens_where_nobody_asks_for_weights(attended):
    small, middle, large = (bytes_kept(attended(tl.zeros(1, n, 8, requires_grad=True))) for n in (320, 640, 960))
    assert large - middle == middle - small
