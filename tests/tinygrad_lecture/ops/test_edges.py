"""Ops at the edges: no axes or empty ones, ties and nan, numbers that are nearly equal, singular matrices."""

import math
from contextlib import nullcontext

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl

nan, inf = math.nan, math.inf

# --- rounding ------------------------------------------------------------------------------------------------

NORMALISED = {
    "layer_norm": lambda x: tl.layer_norm(x, eps=1e-12),
    "its definition": tl.reference()(lambda x: tl.layer_norm(x, eps=1e-12)),
    "batch_norm": lambda x: nn.functional.batch_norm(x.T, None, None, training=True, eps=1e-12).T,
    "group_norm": lambda x: nn.functional.group_norm(x[:, None], 1, eps=1e-12)[:, 0],
    "std": lambda x: tl.std(x, -1),
    "var": lambda x: tl.var(x, -1),
}


@pytest.mark.parametrize("level", [1234.567, 0.1, -1e10])
@pytest.mark.parametrize("name", NORMALISED)
def test_normalised_rows_of_about_equal_numbers_are_right(name, level):
    """A mean of float32 is rounded, and where all numbers are about as large nothing but its rounding would remain."""
    row = np.full((2, 768), level, "float32")
    assert not NORMALISED[name](tl.tensor(row)).numpy().any()
    row += np.spacing(row[0, 0]) * np.random.default_rng(0).integers(0, 4, row.shape).astype("float32")
    exact = NORMALISED[name](tl.tensor(row.astype("float64"))).numpy()
    np.testing.assert_allclose(NORMALISED[name](tl.tensor(row)).numpy(), exact, rtol=1e-4, atol=1e-4 * abs(exact).max())


@pytest.mark.parametrize("size", [1e-18, 1e-21, 1e-22])
def test_a_tiny_norm_has_the_gradient_of_any_other(size):
    x = tl.tensor([3 * size, -4 * size], requires_grad=True)
    tl.norm(x).log().backward()
    np.testing.assert_allclose(x.grad.numpy(), [0.12 / size, -0.16 / size], rtol=1e-2)  # its square has few digits


# --- windows, convolutions and pooling ------------------------------------------------------------------------


@pytest.mark.parametrize("plainly", [False, True], ids=["kernel", "definition"])
@pytest.mark.parametrize(
    ("values", "largest", "gradient"),
    [
        ([2.0, 2.0, 1.0, -inf, -inf], [2, 2, 1, -inf], [1, 10, 100, 1000, 0]),  # of equal ones the first gets all
        ([1.0, nan, 3.0, 2.0], [nan, nan, 3], [0, 11, 100, 0]),
    ],
)
def test_max_pool(values, largest, gradient, plainly):
    x = tl.tensor(values, requires_grad=True)
    with tl.reference() if plainly else nullcontext():
        y = tl.max_pool(x, (2,))
        y.backward(tl.tensor([1.0, 10.0, 100.0, 1000.0][: len(y)]))
    np.testing.assert_array_equal(y.tolist(), largest)
    assert x.grad.tolist() == gradient


# --- tl.linalg ------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:invalid value")
def test_slogdet_is_a_named_pair_that_does_not_overflow():
    sign, logabsdet = tl.linalg.slogdet(tl.eye(3, dtype=tl.float64) * -1e200)
    assert sign.item() == -1
    assert logabsdet.item() == pytest.approx(3 * math.log(1e200))
    assert tl.linalg.slogdet(tl.zeros(2, 2)).logabsdet.item() == -math.inf
    undefined = tl.tensor([[math.nan, 1], [1, 1]])  # LAPACK finds it singular
    found = tl.linalg.det(undefined), tl.linalg.slogdet(undefined).logabsdet
    assert all(map(tl.isnan, found))


def test_the_gradient_of_det_where_it_is_zero_is_refused():
    x = tl.tensor([[1, 2], [2, 4]], dtype=tl.float64, requires_grad=True)
    with pytest.raises(ValueError, match="Singular matrix"):
        tl.linalg.det(x).backward()


# --- statistics -----------------------------------------------------------------------------------------------


def test_distances_of_many_points_come_from_a_product_and_are_those_of_few():
    tl.manual_seed(0)
    x, y = (tl.randn(2, 30, 3, dtype=tl.float64).requires_grad_() for _ in range(2))
    direct = tl.norm(x[:, :, None] - y[:, None], axis=-1)
    by_product = tl.cdist(x, y)
    assert tl.allclose(by_product, direct)
    for wanted, found in zip(tl.grad(direct.sum(), [x, y]), tl.grad(by_product.sum(), [x, y]), strict=True):
        assert tl.allclose(wanted, found)
    same = tl.cdist(x, x)
    same.sum().backward()
    assert x.grad.isfinite().all()


# --- 0-d tensors and empty axes, forward and backward: as in PyTorch ----------------------------------------------


def place(x):
    """The index of the only element along an axis."""
    return tl.zeros(*x.shape, dtype=tl.int64, device=x.device)


PLAIN = (
    *("sum", "mean", "prod", "amax", "amin", "logsumexp", "softmax", "log_softmax", "cumsum", "flip", "squeeze"),
    *("argsort", "argmax", "argmin", "any", "all"),
)
LONE = {  # calls for a tensor of one element, without axes or with one
    **{name: lambda x, axis, name=name: getattr(x, name)(axis) for name in PLAIN},
    **{name: lambda x, axis, name=name: getattr(x, name)(axis).values for name in ("max", "min", "median", "sort")},
    "sum, keepdims": lambda x, axis: x.sum(axis, keepdims=True).reshape(()),
    "var": lambda x, axis: x.var(axis, correction=0),
    "std": lambda x, axis: x.std(axis, correction=0),
    "norm": lambda x, axis: x.norm(axis=axis),
    "norm of order 3": lambda x, axis: x.norm(3, axis),
    "norm of order inf": lambda x, axis: x.norm(np.inf, axis),
    "gather": lambda x, axis: x.gather(axis, place(x)),
    "gather twice": lambda x, axis: x.gather(axis, tl.tensor([0, 0], device=x.device)).sum(),
    "scatter": lambda x, axis: (x * x).scatter(axis, place(x), x),
    "scatter a number": lambda x, axis: x.scatter(axis, tl.tensor([0], device=x.device), 3.0),
    "scatter_add": lambda x, axis: x.scatter_add(axis, place(x), x),
    "topk": lambda x, axis: x.topk(1, axis).values,
    "transpose": lambda x, axis: x.transpose(axis, 0),
    "swapaxes": lambda x, axis: x.swapaxes(axis, axis),
    "moveaxis": lambda x, axis: x.moveaxis(axis, 0),
}


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("call", LONE.values(), ids=LONE)
def test_0_and_minus_1_are_axes_of_a_0d_tensor(call, axis, device):
    """The result and the gradient are those of a vector of one element."""
    x, vector = (tl.tensor(v, dtype=tl.float64, device=device, requires_grad=True) for v in (2.0, [2.0]))
    y, wanted = call(x, axis), call(vector, axis)
    assert (y.shape, y.dtype, y.requires_grad) == ((), wanted.dtype, wanted.requires_grad)
    assert y.item() == pytest.approx(wanted.item())
    if y.requires_grad:
        y.backward()
        wanted.sum().backward()
        assert x.grad.shape == ()
        assert x.grad.item() == pytest.approx(vector.grad.item())


@pytest.mark.parametrize("call", LONE.values(), ids=LONE)
def test_a_0d_tensor_has_no_axis_1(call):
    with pytest.raises((IndexError, ValueError), match="axis 1 is out of"):
        call(tl.tensor(2.0), 1)


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3), (2, 0, 3)])
def test_softmax_of_nothing_is_nothing(shape, reference):
    for function in (tl.softmax, tl.log_softmax):
        for axis in range(len(shape)):
            x = tl.zeros(*shape, requires_grad=True)
            with tl.reference() if reference else tl.enable_grad():
                y = function(x, axis)
                y.sum().backward()
            assert (y.shape, x.grad.shape, y.dtype) == (shape, shape, tl.float32)


def test_logsumexp_of_nothing_is_minus_inf():
    for shape, axis, shape_out in [((0,), 0, ()), ((3, 0), 1, (3,)), ((3, 0), 0, (0,)), ((3, 0), (0, 1), ())]:
        x = tl.zeros(*shape, requires_grad=True)
        y = x.logsumexp(axis)
        y.sum().backward()
        assert (y.shape, x.grad.shape, y.dtype) == (shape_out, shape, tl.float32)
        assert (y == -np.inf).all()


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize("function", [tl.attention, nn.functional.scaled_dot_product_attention])
def test_attention_by_no_features_weighs_all_keys_alike(function, reference):
    q, k = tl.ones(2, 0, requires_grad=True), tl.ones(4, 0)
    v = tl.tensor([[1.0], [2.0], [3.0], [6.0]], requires_grad=True)
    with tl.reference() if reference else nullcontext():
        y = function(q, k, v)
        y.sum().backward()
    assert y.tolist() == [[3.0], [3.0]]
    assert q.grad.shape == (2, 0)
    assert v.grad.tolist() == [[0.5]] * 4


def test_attention_to_no_keys_gives_no_weights():
    q, k = tl.ones(2, 3, requires_grad=True), tl.ones(0, 3, requires_grad=True)
    weights = tl.attention_weights(q, k)
    assert weights.shape == (2, 0)
    (weights @ tl.ones(0, 4)).sum().backward()
    assert q.grad.tolist() == [[0, 0, 0]] * 2
    assert k.grad.shape == (0, 3)
