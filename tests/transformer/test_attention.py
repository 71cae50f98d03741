"""Attention: the formula, masks, heads, rotary positions, and the key/value cache."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tinygrad_lecture as tl
from modules import shuffled
from numeric import assert_close
from transformer import (
    KeyValues,
    MultiHeadAttention,
    RelativeBias,
    Rotary,
    SingleHeadAttention,
    causal_mask,
    scaled_dot_product_attention as formula,
)
from transformer.attention import Attend


def normal(*shape, seed=0, requires_grad=False):
    return tl.tensor(np.random.default_rng(seed).normal(size=shape), requires_grad=requires_grad)


def rotations(*sizes):
    """Rotary positions in float64."""
    return Rotary(*sizes).double()


def qkv(queries=3, keys=4, head_dim=2, batch=(2,), requires_grad=False):
    shapes = [(queries, head_dim), (keys, head_dim), (keys, 5)]
    return [normal(*batch, *shape, seed=i, requires_grad=requires_grad) for i, shape in enumerate(shapes)]


@settings(max_examples=30)
@given(st.data())
def test_a_masked_key_has_no_effect(data):
    q, k, v = qkv()
    seen = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True).map(sorted))
    mask = tl.tensor(np.isin(np.arange(4), seen))
    output, weights = formula(q, k, v, mask)
    alone, its_weights = formula(q, k[:, seen], v[:, seen])
    assert_close(output.numpy(), alone.numpy(), "output", 1e-12)
    assert_close(weights.numpy()[..., seen], its_weights.numpy(), "weights", 1e-12)
    assert not weights.numpy()[..., [i for i in range(4) if i not in seen]].any()


@pytest.mark.parametrize("masked", [False, True])
def test_attend_gives_the_same_output_with_and_without_the_weights(masked):
    attend, inputs = Attend(), qkv(requires_grad=True)
    mask = tl.tensor([[True, True, False, True], [False] * 4, [True] * 4]) if masked else None
    output, seen = attend(*inputs, mask), []
    attend.watched = True
    with attend.softmax.register_forward_hook(lambda module, inputs, weights: seen.append(weights)):
        explicit = attend(*inputs, mask)
    assert seen[0].shape == (2, 3, 4)
    assert_close(output.detach().numpy(), explicit.detach().numpy(), "output", 1e-12)
    found, wanted = (tl.grad((out * out).sum(), inputs) for out in (output, explicit))
    for a, b in zip(found, wanted, strict=True):
        assert_close(a.numpy(), b.numpy(), "gradient", 1e-12)


def test_the_causal_mask_is_true_up_to_the_query():
    assert causal_mask(3, 3).tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert causal_mask(1, 3).tolist() == [[True, True, True]]
    assert causal_mask(2, 3).tolist() == [[True, True, False], [True, True, True]]


def test_a_single_head_has_the_lectures_three_matrices():
    head = shuffled(SingleHeadAttention(6, 2))
    assert {name: p.shape for name, p in head.named_parameters()} == {
        "W_Q.weight": (2, 6),
        "W_K.weight": (2, 6),
        "W_V.weight": (2, 6),
    }
    x = normal(2, 5, 6)
    output, weights = head(x, causal_mask(5, 5))
    assert output.shape == (2, 5, 2) and weights.shape == (2, 5, 5)
    q, k, v = (x.numpy() @ w.weight.detach().numpy().T for w in (head.W_Q, head.W_K, head.W_V))
    wanted, _ = formula(tl.tensor(q), tl.tensor(k), tl.tensor(v), causal_mask(5, 5))
    assert_close(output.detach().numpy(), wanted.numpy(), "output", 1e-12)


def test_multi_head_attention_is_single_heads_in_parallel():
    many = shuffled(MultiHeadAttention(6, 3, bias=False))
    x = normal(2, 5, 6)
    found = []
    for h in range(3):
        head, rows = SingleHeadAttention(6, 2).double(), slice(2 * h, 2 * h + 2)
        head.load_state_dict({f"W_{m}.weight": getattr(many, f"W_{m}").weight.detach()[rows] for m in "QKV"})
        found.append(head(x)[0].detach().numpy())
    wanted = np.concatenate(found, -1) @ many.W_O.weight.detach().numpy().T
    assert_close(many(x).detach().numpy(), wanted, "output", 1e-12)


MASKS = {  # of 2 texts, 4 heads, 3 queries and 3 keys: the mask, and the bias
    "none": (None, None),
    "keys": (np.array([True, False, True]), None),
    "texts, causal": (np.array([[[True] * 3], [[True, True, False]]]) & causal_mask(3, 3).numpy(), None),
    "causal, a bias": (causal_mask(3, 3).numpy(), np.random.default_rng(5).normal(size=(4, 3, 3))),
}


@pytest.mark.parametrize(("mask", "bias"), MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("watched", [False, True])
def test_heads_that_share_keys_are_heads_with_equal_keys(mask, bias, watched):
    """The output, the weights and the gradients, also of a last token with a cache."""
    settings = {"head_dim": 2, "scale": 0.3}
    turns = [rotations(5, 2, 20.0).rotation(at) for at in ([0, 1, 2], [0, 1], [2])]
    shared = shuffled(MultiHeadAttention(6, 4, kv_heads=2, **settings))
    alone = shuffled(MultiHeadAttention(6, 4, **settings))
    rows = np.repeat(np.arange(4).reshape(2, 2), 2, axis=0).ravel()  # two heads after each other have equal keys
    state = {
        name: p.detach()[rows] if "K" in name or "V" in name else p.detach() for name, p in shared.named_parameters()
    }
    alone.load_state_dict(state)
    x, results = normal(2, 3, 6), []
    bias = None if bias is None else tl.tensor(bias)
    for module in (shared, alone):
        module.attend.watched = watched
        output = module(x, mask=mask, bias=bias, rotation=turns[0])
        (output * output).sum().backward()
        with tl.no_grad():
            cache, last = KeyValues(), mask if np.ndim(mask) < 2 else mask[..., 2:, :]
            module(x[:, :2], rotation=turns[1], cache=cache)
            added = None if bias is None else bias[..., 2:, :]
            step = module(x[:, 2:], mask=last, bias=added, rotation=turns[2], cache=cache)
        W_K = module.W_K.weight.grad.numpy()
        W_K = W_K if module is shared else W_K.reshape(2, 2, 2, 6).sum(1).reshape(4, 6)
        results.append([W_K, *(x.detach().numpy() for x in (output, step, module.W_Q.weight.grad))])
    for found, wanted in zip(*results, strict=True):
        assert_close(found, wanted, "with shared keys", 1e-10)


@settings(max_examples=20)
@given(st.integers(0, 20), st.integers(0, 4), st.integers(0, 4))
def test_rotary_products_depend_on_the_distance_alone(shift, i, j):
    rotary = rotations(30, 4)
    q, k = normal(1, 1, 4), normal(1, 1, 4, seed=1)

    def product(a, b):
        return (tl.rotary(q, *rotary.rotation([a])) * tl.rotary(k, *rotary.rotation([b]))).sum().item()

    assert product(i + shift, j + shift) == pytest.approx(product(i, j), abs=1e-6)


def test_short_distances_have_a_bucket_each_and_long_ones_share():
    """Those of T5: 32 buckets up to 128; the widths of the wide ones grow by a constant factor."""
    bias = RelativeBias(1)
    past = bias.bucket(-np.arange(200), bidirectional=False)
    assert past[:17].tolist() == list(range(17)) and past.max() == 31
    first = [int(np.argmax(past == n)) for n in range(16, 32)]  # the shortest distance of each wide bucket
    edges = [int(np.ceil(16 * 8 ** (n / 16) - 1e-9)) for n in range(16)]  # 16 (128 / 16)^(n / 16)
    assert first == edges and past[113:].tolist() == [31] * 87
    assert bias.bucket(np.arange(1, 9), bidirectional=False).tolist() == [0] * 8
    both = bias.bucket(np.arange(-150, 151), bidirectional=True)
    assert both[150:158].tolist() == [0, *range(17, 24)] and both[143:150].tolist() == list(range(7, 0, -1))
    assert (both[:150][::-1] + 16 == both[151:]).all() and both.max() == 31


def test_the_bias_of_relative_positions_depends_on_the_distance():
    bias = shuffled(RelativeBias(3, 8, 20))
    square = bias.score_bias(5, 5, True).detach().numpy()  # (heads, queries, keys)
    assert square.shape == (3, 5, 5)
    for shift in range(-4, 5):
        line = np.diagonal(square, shift, 1, 2)
        assert (line == line[:, :1]).all()
    assert (bias.score_bias(2, 5, True).detach().numpy() == square[:, 3:]).all()


def test_a_cache_of_another_memory_raises():
    module, cache, x = MultiHeadAttention(4, 2), KeyValues(), tl.ones(1, 1, 4)
    with tl.no_grad():
        module(x, tl.ones(1, 3, 4), cache=cache)
        with pytest.raises(ValueError, match="the cache has a memory of 3 tokens, not 2"):
            module(x, tl.ones(1, 2, 4), cache=cache)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: formula(tl.ones(3, 2), tl.ones(4, 3), tl.ones(4, 2)), ValueError, "the inner sizes 2 and 3 differ"),
        (lambda: formula(tl.ones(3, 2), *[tl.ones(4, 2)] * 2, tl.ones(4, 3) > 0), ValueError, r"\(4, 3\)"),
        (lambda: formula(*qkv(), tl.ones(3, 4)), TypeError, "where a query may attend, not float32"),
        (lambda: MultiHeadAttention(6, 4), ValueError, "width 6 cannot be split into 4 heads"),
        (lambda: MultiHeadAttention(8, 2.5), ValueError, "width 8 cannot be split into 2.5 heads"),
        (lambda: TURNING(tl.ones(3, 4)), ValueError, "needs .* cos"),
        (lambda: MultiHeadAttention(4, 2)(tl.ones(4)), IndexError, r"expected \(..., tokens, heads \* d\), got \(4,\)"),
        (lambda: TURNING(tl.ones(2, 4), tl.ones(2, 4)), ValueError, "rotary positions are for self-attention"),
        (lambda: MultiHeadAttention(4, 2)(tl.ones(1, 2, 4), cache=KeyValues()), RuntimeError, r"within tl.no_grad\(\)"),
        (lambda: MultiHeadAttention(8, 4, kv_heads=3), ValueError, "4 heads cannot share the keys and values of 3"),
        (lambda: MultiHeadAttention(4, 2)(tl.ones(2, 4), mask=tl.ones(2, 2)), TypeError, "of bools.* not float32"),
        (lambda: MultiHeadAttention(4, 2)(tl.ones(2, 4), mask=[[1, 0], [1, 1]]), TypeError, "must be of bools.*int64"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


TURNING = partial(MultiHeadAttention(4, 2), rotation=Rotary(6, 2).rotation([0, 1]))
