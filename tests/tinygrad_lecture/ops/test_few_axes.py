"""0-d tensors and empty axes, forward and backward: as in PyTorch."""

from contextlib import nullcontext

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl

LONE = {  # for a 0-d tensor of value 2: the call, its value, and its gradient
    "sum": (lambda x, axis: x.sum(axis), 2, 1),
    "sum, keepdims": (lambda x, axis: x.sum(axis, keepdims=True), 2, 1),
    "mean": (lambda x, axis: x.mean(axis), 2, 1),
    "prod": (lambda x, axis: x.prod(axis), 2, 1),
    "max": (lambda x, axis: x.max(axis).values, 2, 1),
    "min": (lambda x, axis: x.min(axis).values, 2, 1),
    "amax": (lambda x, axis: x.amax(axis), 2, 1),
    "amin": (lambda x, axis: x.amin(axis), 2, 1),
    "median": (lambda x, axis: x.median(axis).values, 2, 1),
    "var": (lambda x, axis: x.var(axis, correction=0), 0, 0),
    "std": (lambda x, axis: x.std(axis, correction=0), 0, 0),
    "norm": (lambda x, axis: x.norm(axis=axis), 2, 1),
    "norm of order 3": (lambda x, axis: x.norm(3, axis), 2, 1),
    "norm of order inf": (lambda x, axis: x.norm(np.inf, axis), 2, 1),
    "logsumexp": (lambda x, axis: x.logsumexp(axis), 2, 1),
    "softmax": (lambda x, axis: x.softmax(axis), 1, 0),
    "log_softmax": (lambda x, axis: x.log_softmax(axis), 0, 0),
    "cumsum": (lambda x, axis: x.cumsum(axis), 2, 1),
    "flip": (lambda x, axis: x.flip(axis), 2, 1),
    "gather": (lambda x, axis: x.gather(axis, tl.tensor(0, device=x.device)), 2, 1),
    "gather twice": (lambda x, axis: x.gather(axis, tl.tensor([0, 0], device=x.device)).sum(), 4, 2),
    "index_select": (lambda x, axis: x.index_select(axis, tl.tensor([0], device=x.device)), 2, 1),
    "scatter": (lambda x, axis: (x * x).scatter(axis, tl.tensor(0, device=x.device), x), 2, 1),
    "scatter a number": (lambda x, axis: x.scatter(axis, tl.tensor([0], device=x.device), 3.0), 3, 0),
    "scatter_add": (lambda x, axis: x.scatter_add(axis, tl.tensor(0, device=x.device), x), 4, 2),
    "scatter_reduce": (lambda x, axis: x.scatter_reduce(axis, tl.tensor(0, device=x.device), x, "prod"), 4, 4),
    "topk": (lambda x, axis: x.topk(1, axis).values, 2, 1),
    "transpose": (lambda x, axis: x.transpose(axis, 0), 2, 1),
    "swapaxes": (lambda x, axis: x.swapaxes(axis, axis), 2, 1),
    "moveaxis": (lambda x, axis: x.moveaxis(axis, 0), 2, 1),
    "squeeze": (lambda x, axis: x.squeeze(axis), 2, 1),
    "sort": (lambda x, axis: x.sort(axis).values, 2, 1),
    "argsort": (lambda x, axis: x.argsort(axis), 0, None),
    "argmax": (lambda x, axis: x.argmax(axis), 0, None),
    "argmin": (lambda x, axis: x.argmin(axis), 0, None),
    "any": (lambda x, axis: (x > 0).any(axis), True, None),
    "all": (lambda x, axis: (x > 0).all(axis), True, None),
}


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("name", LONE)
def test_0_and_minus_1_are_axes_of_a_0d_tensor(name, axis, device):
    call, value, slope = LONE[name]
    x = tl.tensor(2.0, dtype=tl.float64, device=device, requires_grad=True)
    y = call(x, axis)
    assert y.shape == ()
    assert y.item() == pytest.approx(value)
    if slope is not None:
        y.backward()
        assert x.grad.shape == ()
        assert x.grad.item() == pytest.approx(slope)


@pytest.mark.parametrize("name", LONE)
def test_a_0d_tensor_has_no_axis_1(name):
    with pytest.raises((IndexError, ValueError), match="axis 1 is out of"):
        LONE[name][0](tl.tensor(2.0), 1)


def test_axis_may_be_a_tuple_for_a_0d_tensor_too():
    x = tl.tensor(2.0, requires_grad=True)
    (x.sum((0,)) + x.logsumexp((-1,))).backward()
    assert x.grad.item() == 2


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
