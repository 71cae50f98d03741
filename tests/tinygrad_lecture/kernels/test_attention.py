"""The attention kernel: blocks of any size, with any mask and layout, compute what the definition does."""

from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tinygrad_lecture as tl
from numeric import assert_close
from strategies import LAYOUTS
from tinygrad_lecture.kernels import attention as kernel


def normal(*shape, seed=0, dtype="float64"):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def results(inputs, mask=None, plainly=False, **settings):
    """The output and the gradients by q, k and v, from the kernel or, plainly, from the definition."""
    tensors = [tl.tensor(x).requires_grad_() for x in inputs]
    with tl.reference() if plainly else nullcontext():
        out = tl.attention(*tensors, mask if mask is None else tl.tensor(mask), **settings)
        out.backward(tl.tensor(normal(*out.shape, seed=9, dtype=out.dtype)))
    return [out.detach().numpy(), *(x.grad.numpy() for x in tensors)]


def assert_same(found, wanted, rtol=1e-11):
    for what, a, b in zip(("output", "gradient by q", "gradient by k", "gradient by v"), found, wanted, strict=True):
        assert a.dtype == b.dtype
        assert_close(a, b, what, rtol, 5 * rtol)


MASKS = {
    "none": lambda rng, q, k: None,
    "causal": lambda rng, q, k: np.tri(q, k, k - q, dtype=bool),
    "future": lambda rng, q, k: ~np.tri(q, k, dtype=bool),
    "last keys are padding": lambda rng, q, k: np.arange(k) < rng.integers(0, k + 1),
    "first keys are padding": lambda rng, q, k: np.arange(k) >= rng.integers(0, k + 1, (2, 1, 1, 1)),
    "band": lambda rng, q, k: abs(np.arange(q)[:, None] - np.arange(k)) < 2,
    "some queries": lambda rng, q, k: rng.random((q, 1)) < 0.7,
    "any": lambda rng, q, k: rng.random((2, 3, q, k)) < 0.4,
}


@pytest.mark.parametrize("few", [True, False], ids=["weights kept", "weights recomputed"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@settings(max_examples=40)
@given(data=st.data())
def test_attention_in_blocks_is_its_definition(few, dtype, data):
    queries, keys = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    seed, layout = data.draw(st.integers(0, 99)), LAYOUTS[data.draw(st.sampled_from(sorted(LAYOUTS)))]
    mask = MASKS[data.draw(st.sampled_from(sorted(MASKS)))](np.random.default_rng(seed), queries, keys)
    shapes = (queries, 2), (keys, 2), (keys, 3)
    inputs = [layout(normal(2, 3, *shape, seed=seed + i, dtype=dtype)) for i, shape in enumerate(shapes)]
    chosen = {"causal": data.draw(st.booleans()), "scale": data.draw(st.sampled_from([None, 0.3]))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "QUERIES", data.draw(st.integers(1, 5)))
        patch.setattr(kernel, "SCORES", data.draw(st.sampled_from([1, 20, 1000])))
        patch.setattr(kernel, "KEPT_KEYS", 9 if few else 0)
        patch.setattr(kernel, "SHARED", data.draw(st.sampled_from([0, 2**20])))
        found = results(inputs, mask, **chosen)
    assert_same(found, results(inputs, mask, plainly=True, **chosen), 1e-11 if dtype == "float64" else 2e-5)


@pytest.mark.parametrize("mask", [None, True], ids=["no mask", "a mask for each text"])
def test_threads_that_share_the_texts_change_no_bit(monkeypatch, mask):
    inputs = [normal(5, 2, 70, 4, seed=i) for i in range(3)]
    mask = mask and np.random.default_rng(0).random((5, 1, 70, 70)) < 0.5
    monkeypatch.setattr(kernel, "SHARED", 0)
    found = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(kernel, "get_num_threads", lambda threads=threads: threads)
        found.append(results(inputs, mask))
    assert_same(found[0], results(inputs, mask, plainly=True))
    for other in found[1:]:
        assert all(map(np.array_equal, other, found[0]))


def test_a_mask_for_more_texts_than_there_are_is_refused_also_in_parts(monkeypatch):
    monkeypatch.setattr(kernel, "SHARED", 0)
    with pytest.raises(ValueError, match=r"broadcast to \(2, 3, 3\), and has shape \(4, 3, 3\)"):
        results([normal(2, 3, 4)] * 3, np.ones((4, 3, 3), bool))


def test_second_derivatives_where_only_values_and_mask_differ_between_texts():
    q, k, v = normal(1, 3, 4), normal(1, 5, 4, seed=1), normal(2, 5, 4, seed=2)
    mask = tl.tensor(np.random.default_rng(3).random((2, 3, 5)) < 0.7)
    tl.gradgradcheck(lambda q, k, v: tl.attention(q, k, v, mask), [tl.tensor(x, requires_grad=True) for x in (q, k, v)])


@pytest.mark.parametrize("keys", [200, 300])
def test_attention_of_a_long_text_is_its_definition(keys):
    inputs = [normal(2, 150, 4), *(normal(2, keys, 4, seed=i) for i in (1, 2))]
    for chosen in ({}, {"causal": True}):
        assert_same(results(inputs, **chosen), results(inputs, plainly=True, **chosen))


@pytest.mark.parametrize("size", [1, 30, 1e4])
def test_attention_with_large_scores_is_its_definition(size):
    """Rows are shifted by their largest score where exp would overflow."""
    q, k, v = normal(3, 4), normal(6, 4, seed=1), normal(6, 4, seed=2)
    mask = np.tri(3, 6, 3, dtype=bool)
    mask[1] = False
    assert_same(results([size * q, k, v], mask), results([size * q, k, v], mask, plainly=True), 1e-9)
    out, dq, *_ = results([size * q, k, v], mask)
    assert not out[1].any()
    assert not dq[1].any()


def test_attention_keeps_a_nan_to_its_query_and_to_blocks_that_may_see_it():
    inputs = [normal(130, 4, seed=i) for i in range(3)]
    inputs[0][3] = np.nan
    out = results(inputs)[0]
    assert np.isnan(out[3]).all()
    assert not np.isnan(np.delete(out, 3, 0)).any()
    inputs[0][3] = 0
    inputs[1][100] = np.nan
    out = results(inputs, causal=True)[0]
    assert np.isnan(out[100:]).all()
    assert not np.isnan(out[:64]).any()  # of their block no query may attend to key 100
