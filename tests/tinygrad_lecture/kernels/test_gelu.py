"""GELU's kernel in float32: how far it and its derivative are from the exact values."""

import math

import numpy as np
import pytest

import tinygrad_lecture as tl
from tinygrad_lecture.kernels.gelu import gelu

X = np.linspace(-9, 9, 40_001, dtype=np.float32)


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_value_and_derivative_are_as_exact_as_float32_allows(approximate):
    """PyTorch's error is up to 1.2e-6."""
    x = tl.tensor(X.astype(float), requires_grad=True)
    with tl.reference():
        exact = tl.gelu(x, approximate)
        exact.sum().backward()
    value, slope = gelu(X, approximate, keep=True)
    assert value.dtype == slope.dtype == np.float32
    assert np.abs(value - exact.detach().numpy()).max() < 1e-6
    assert np.abs(slope - x.grad.numpy()).max() < 5e-7


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_far_from_0_gelu_is_x_or_0(approximate, dtype):
    largest = np.finfo(dtype).max
    x = np.array([-largest, -math.sqrt(largest), -1e6, -40, 40, 1e6, math.sqrt(largest), largest], dtype)
    value, slope = gelu(x, approximate, keep=True)
    np.testing.assert_allclose(value, np.maximum(x, 0), atol=1e-100)
    np.testing.assert_allclose(slope, x > 0, atol=1e-100)
    x = tl.tensor(x, requires_grad=True)
    with tl.reference(), np.errstate(over="ignore"):
        tl.gelu(x, approximate).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), x.detach().numpy() > 0, atol=1e-100)
