"""Gradient clipping, parameters as one vector, padding: results and return values, on the host and on a device."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, strategies as st

import nn
import tinygrad_lecture as tl
from nn.utils import parameters_to_vector, vector_to_parameters
from nn.utils.rnn import pad_sequence
from strict_cupy import no_synchronisation


def parameters(*gradients, dtype=None, device=None):
    """Parameters with these gradients; None for no gradient."""
    made = []
    for gradient in gradients:
        g = None if gradient is None else tl.tensor(np.asarray(gradient), dtype=dtype, device=device)
        p = nn.Parameter(tl.zeros(1) if g is None else tl.zeros_like(g))
        p.data, p.grad = p.detach().to(device=device), g
        made.append(p)
    return made


def gradients(params):
    return [p.grad.numpy() for p in params if p.grad is not None]


def test_short_gradients_are_not_written_to():
    (p,) = parameters([3.0, 4.0])
    w = nn.Parameter(tl.ones(2))
    out = (w * p.grad).sum()
    assert nn.utils.clip_grad_norm_(p, 5.1).item() == 5
    assert p.grad.tolist() == [3, 4]
    out.backward()


def test_backward_through_a_clipped_gradient_raises():
    (p,) = parameters([3.0, 4.0])
    w = nn.Parameter(tl.ones(2))
    clipped = (w * p.grad).sum()
    nn.clip_grad_norm_([p], 1.0)
    with pytest.raises(RuntimeError, match="changed in place"):
        clipped.backward()


def test_parameters_without_gradients():
    assert nn.clip_grad_norm_(parameters(None), 1.0).item() == 0
    assert nn.clip_grad_norm_([], 1.0).item() == 0
    assert nn.clip_grad_norm_(parameters(np.zeros((0, 3))), 1.0).item() == 0


@pytest.mark.parametrize("dtype", [tl.float16, tl.float32, tl.float64])
def test_dtypes_stay_and_float16_does_not_overflow(dtype):
    params = parameters(np.full(100, 200.0), [[1.0, 2.0]], dtype=dtype)
    total = nn.clip_grad_norm_(params, 1.0)
    assert total.dtype == dtype
    assert [g.dtype for g in gradients(params)] == [dtype, dtype]
    wanted = np.linalg.norm(np.array([200.0] * 100 + [1, 2]))
    assert total.item() == pytest.approx(wanted, rel=1e-3)
    assert nn.clip_grad_norm_(params, 1.0).item() == pytest.approx(1, rel=1e-2)


def test_it_runs_on_a_gpus_arrays_without_synchronising():
    grads = [[3.0, -4.0], [[12.0]], np.zeros((0, 2))]
    host, device = parameters(*grads), parameters(*grads, device="strict")
    wanted = nn.clip_grad_norm_(host, tl.tensor(1.0))  # a limit may be a tensor
    with no_synchronisation():
        total = nn.clip_grad_norm_(device, 1.0)
    assert total.device == "strict"
    assert total.item() == pytest.approx(wanted.item())
    for p, q in zip(host, device, strict=True):
        np.testing.assert_allclose(q.grad.cpu().numpy(), p.grad.numpy())


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_a_norm_of_inf_or_nan(bad):
    params = parameters([1.0, bad], [2.0])
    assert not math.isfinite(nn.clip_grad_norm_(params, 1.0).item())
    np.testing.assert_array_equal(gradients(params)[1], [0 if bad == math.inf else math.nan])


def test_it_needs_little_memory():
    params = parameters(np.ones((1000, 1000)), np.ones((1000, 1000)).T)
    tracemalloc.start()
    try:
        nn.clip_grad_norm_(params, 1.0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000


# --- as one vector ------------------------------------------------------------------------------------------


def test_all_parameters_are_one_vector_through_which_gradients_flow():
    model = nn.MLP([2, 3, 1])
    vector = parameters_to_vector(model.parameters())
    assert vector.tolist() == [x for p in model.parameters() for x in p.reshape(-1).tolist()]
    (vector * tl.arange(13).float()).sum().backward()
    assert parameters_to_vector(p.grad for p in model.parameters()).tolist() == list(range(13))
    vector_to_parameters(vector * 2, model.parameters())
    assert parameters_to_vector(model.parameters()).tolist() == (vector * 2).tolist()


def test_a_vector_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"the vector is \(4,\), and the parameters have 3 elements"):
        vector_to_parameters(tl.zeros(4), nn.Linear(2, 1).parameters())
    with pytest.raises(TypeError, match=r"parameters_to_vector: give the parameters, as in model.parameters\(\)"):
        parameters_to_vector(nn.Linear(2, 1))


# --- sequences of different lengths -------------------------------------------------------------------------


@given(st.lists(st.lists(st.integers(1, 99), max_size=7), min_size=1, max_size=5), st.sampled_from(["right", "left"]))
def test_padding_keeps_every_token(rows, side):
    batch = pad_sequence(rows, True, 0, side).tolist()
    assert pad_sequence(rows, padding_side=side).T.tolist() == batch
    longest = max(map(len, rows))
    for row, padded in zip(rows, batch, strict=True):
        padding = [0] * (longest - len(row))
        assert padded == (row + padding if side == "right" else padding + row)


def test_sequences_of_vectors_keep_dtype_and_gradient():
    long, short = tl.ones(3, 2, dtype=tl.float64, requires_grad=True), tl.ones(1, 2, dtype=tl.float64)
    batch = pad_sequence([long, short], True, -1)
    assert (batch.shape, batch.dtype) == ((2, 3, 2), tl.float64)
    assert batch[1].tolist() == [[1, 1], [-1, -1], [-1, -1]]
    batch.sum().backward()
    assert long.grad.tolist() == [[1, 1]] * 3


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        ([], {}, "no sequences"),
        ([np.ones((2, 3)), np.ones((2, 4))], {}, r"cat: shapes \(2, 4\), \(0, 3\)"),
        ([[1]], {"padding_side": "top"}, "'right' or 'left', not 'top'"),
        ([[1, 2]], {"padding_value": 0.5}, "padding_value 0.5 does not fit dtype int64"),
        ([np.uint8([1])], {"padding_value": -1}, "padding_value -1 does not fit dtype uint8"),
    ],
)
def test_sequences_that_cannot_be_padded_are_refused(rows, settings, message):
    with pytest.raises(ValueError, match=message):
        pad_sequence(rows, **settings)
