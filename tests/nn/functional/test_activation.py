"""Activations as functions: gradients at kinks, and no overflow."""

import math

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl

F = nn.functional


def test_gradients_at_kinks_are_pytorchs():
    x = tl.tensor([-1.0, 0.0, 1.0, 6.0], requires_grad=True)
    for f, slopes in ((F.hardtanh, [0, 1, 0, 0]), (F.relu6, [0, 0, 1, 0]), (F.elu, [math.exp(-1), 1, 1, 1])):
        np.testing.assert_allclose(tl.grad(f(x).sum(), x)[0].numpy(), slopes, rtol=1e-6)


@pytest.mark.parametrize("name", ["relu", "relu6", "hardtanh", "elu", "celu", "hardshrink", "softshrink", "threshold"])
def test_a_nan_stays_and_passes_the_gradient(name):
    x = tl.tensor(math.nan, requires_grad=True)
    y = getattr(F, name)(x, *((0.1, 7.0) if name == "threshold" else ()))
    assert math.isnan(y.item())
    assert tl.grad(y, x)[0].item() == 1


@pytest.mark.parametrize("dtype", [tl.float16, tl.float32, tl.float64])
def test_softplus_never_overflows_and_is_smooth_at_0(dtype):
    x = tl.tensor([-6e4, -50.0, 0.0, 11.5, 50.0, 6e4], dtype=dtype, requires_grad=True)
    for threshold in (20, math.inf):
        y = F.softplus(x, threshold=threshold)
        np.testing.assert_allclose(y.detach().numpy(), np.logaddexp(0, x.detach().numpy()), rtol=2e-3, atol=1e-4)
        (slope,) = tl.grad(y.sum(), x, create_graph=True)
        np.testing.assert_allclose(slope.detach().numpy(), tl.sigmoid(x).detach().numpy(), rtol=2e-3, atol=1e-4)
        (curvature,) = tl.grad(slope.sum(), x)
        assert curvature[2].item() == 0.25
        assert np.isfinite(curvature.numpy()).all()
    assert F.logsigmoid(x)[0].item() == pytest.approx(-6e4, rel=1e-3)


def test_celu_of_a_negative_alpha_is_the_input_where_that_is_positive():
    assert F.celu(tl.tensor([2.0, -2.0]), -1.0).tolist() == pytest.approx([2, 1 - np.exp(2)])
