"""Activations and dropout: in place, nan, overflow, masks. Values and gradients are held in test_parity_layers.py."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl
from strict_cupy import no_synchronisation

F = nn.functional

X = np.array([[-3.0, -0.5, 0.0, 0.5, 3.0]])


IN_PLACE = "ReLU ReLU6 LeakyReLU ELU SELU SiLU Mish Hardtanh Hardsigmoid Hardswish"


@pytest.mark.parametrize("name", IN_PLACE.split())
@pytest.mark.parametrize("recorded", [False, True])
def test_in_place_the_input_becomes_the_output_with_the_same_gradient(name, recorded):
    kind, leaf = getattr(nn, name), tl.tensor(X, requires_grad=True)
    expected = kind()(leaf)
    (gradient,) = tl.grad((expected**2).sum(), leaf)
    x = leaf * 1 if recorded else tl.tensor(X)
    view = x[0]
    assert kind(inplace=True)(x) is x
    assert x.equal(expected)
    assert view.equal(x[0])
    if recorded:
        (found,) = tl.grad((x**2).sum(), leaf)
        assert found.equal(gradient)


@pytest.mark.parametrize(("name", "settings"), [("relu", ()), ("elu", (0.5,))])
def test_functions_take_inplace_by_name_and_by_position(name, settings):
    x, y = tl.tensor(X), tl.tensor(X)
    expected = getattr(F, name)(x, *settings)
    assert getattr(F, name)(x, *settings, inplace=True) is x and getattr(F, name)(y, *settings, True) is y
    assert x.equal(expected) and y.equal(expected)


def test_a_leaf_that_requires_grad_is_not_overwritten():
    with pytest.raises(RuntimeError, match=r"relu_\(x\) would change a leaf that requires grad in place"):
        nn.ReLU(inplace=True)(tl.tensor(X, requires_grad=True))


@pytest.mark.parametrize("name", ["relu", "relu6", "hardtanh", "elu"])
def test_a_nan_stays_and_passes_the_gradient(name):
    x = tl.tensor(math.nan, requires_grad=True)
    y = getattr(F, name)(x)
    assert math.isnan(y.detach().item())
    assert tl.grad(y, x)[0].item() == 1


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_training_keeps_the_expected_value(p, device):
    x = tl.full((200, 500), 3.0, device=device)
    with no_synchronisation():
        out = nn.Dropout(p)(x)
    values = out.numpy()
    np.testing.assert_allclose(np.unique(values), [0, 3 / (1 - p)], rtol=1e-6)
    assert abs((values == 0).mean() - p) < 0.01
    assert abs(values.mean() / 3 - 1) < 0.03
    for axis in (0, 1):  # no row or column is dropped as a whole
        assert (values.mean(axis) > 0).all()


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
def test_evaluation_returns_the_input(p):
    x = tl.randn(3, 4)
    assert nn.Dropout(p).eval()(x) is x
    assert F.dropout(x, p, training=False) is F.dropout(x, 0.0) is x


@given(st.floats(0, 0.99), st.sampled_from([tl.float16, tl.float32, tl.float64]))
def test_the_gradient_has_the_same_mask(p, dtype):
    x = tl.ones(7, 5, dtype=dtype, requires_grad=True)
    out = F.dropout(x, p)
    out.sum().backward()
    assert out.dtype == x.grad.dtype == dtype
    assert x.grad.tolist() == out.tolist()


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_a_p_outside_0_to_1_is_refused(p):
    with pytest.raises(ValueError, match="Dropout: p must be a probability"):
        nn.Dropout(p)
    with pytest.raises(ValueError, match="dropout: p must be a probability"):
        F.dropout(tl.ones(1), p)


@pytest.mark.parametrize("shape", [(40, 30, 3), (40, 30, 2, 2)])
def test_whole_channels_are_dropped(shape):
    tl.manual_seed(0)
    out = nn.Dropout2d()(tl.ones(shape)).numpy().reshape(*shape[:2], -1)
    assert set(np.unique(out)) == {0, 2}
    assert (out == out[:, :, :1]).all()
    assert abs((out == 0).mean() - 0.5) < 0.05


def test_channels_without_pixels_are_dropped_with_a_warning():
    with pytest.warns(UserWarning, match=r"dropout2d: an input of shape \(50, 4\) has no channels of images"):
        out = nn.Dropout2d()(tl.ones(50, 4)).numpy()
    assert set(np.unique(out)) == {0, 2} and (out != out[:, :1]).any()


def test_in_place_the_input_becomes_the_output():
    x = tl.ones(50)
    assert nn.Dropout(0.5, inplace=True)(x) is x
    assert set(x.tolist()) == {0, 2}
    y = tl.ones(50, requires_grad=True)
    z = y * 1
    F.dropout(z, 0.5, True, True).sum().backward()
    assert y.grad.tolist() == z.tolist()
