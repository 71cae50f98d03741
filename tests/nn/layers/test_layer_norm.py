"""LayerNorm and RMSNorm: the statistics of the output, parameters, bad sizes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tinygrad_lecture as tl
from strategies import distinct, shapes

F = nn.functional
normalized = shapes(min_dims=1, max_dims=2, min_side=2)


@given(st.data(), normalized, st.floats(-100, 100), st.floats(0.1, 100))
def test_layer_norm_has_mean_0_and_variance_1(data, shape, shift, scale):
    x = data.draw(distinct((*data.draw(shapes(max_dims=2)), *shape))) * scale + shift
    out = nn.LayerNorm(shape, eps=0, dtype=tl.float64)(tl.tensor(x)).detach().numpy()
    axes = tuple(range(-len(shape), 0))
    np.testing.assert_allclose(out.mean(axes), 0, atol=1e-9)
    np.testing.assert_allclose(out.var(axes), 1, rtol=1e-6)


@given(st.data(), normalized, st.floats(-3, 3), st.floats(0.5, 3))
def test_layer_norm_is_invariant_to_shift_and_scale(data, shape, shift, scale):
    x = tl.tensor(data.draw(distinct((2, *shape))))
    norm = nn.LayerNorm(shape, eps=0, dtype=tl.float64)
    for parameter in norm.parameters():
        nn.init.normal_(parameter)
    np.testing.assert_allclose(norm(x * scale + shift).detach().numpy(), norm(x).detach().numpy(), atol=1e-8)


@given(st.data(), normalized, st.floats(0.1, 100))
def test_rms_norm_has_mean_square_1(data, shape, scale):
    x = data.draw(distinct((*data.draw(shapes(max_dims=2)), *shape), start=-1.1)) * scale
    out = nn.RMSNorm(shape, eps=0, dtype=tl.float64)(tl.tensor(x)).detach().numpy()
    np.testing.assert_allclose((out**2).mean(tuple(range(-len(shape), 0))), 1, rtol=1e-9)


def test_a_constant_input_gives_0_and_no_nan():
    x = tl.full((2, 3), 5.0, requires_grad=True)
    out = nn.LayerNorm(3)(x)
    assert out.tolist() == [[0, 0, 0]] * 2
    (out * out).sum().backward()
    assert np.isfinite(x.grad.numpy()).all()
    assert nn.RMSNorm(3)(tl.zeros(2, 3)).tolist() == [[0, 0, 0]] * 2


def test_the_parameters_that_the_arguments_ask_for():
    assert list(nn.LayerNorm((2, 3)).state_dict()) == ["weight", "bias"]
    assert nn.LayerNorm((2, 3)).weight.shape == (2, 3)
    assert list(nn.LayerNorm(3, bias=False).state_dict()) == ["weight"]
    assert list(nn.LayerNorm(3, elementwise_affine=False).state_dict()) == []
    assert list(nn.RMSNorm(3).state_dict()) == ["weight"]
    assert list(nn.RMSNorm(3, elementwise_affine=False).state_dict()) == []
    assert repr(nn.LayerNorm(3)) == "LayerNorm((3,), eps=1e-05, elementwise_affine=True)"
    assert repr(nn.RMSNorm([2, 3])) == "RMSNorm((2, 3), eps=None, elementwise_affine=True)"


@pytest.mark.parametrize("shape", [0, (), (2, 0), -1])
def test_sizes_below_1_are_refused(shape):
    for layer in (nn.LayerNorm, nn.RMSNorm):
        with pytest.raises(ValueError, match=f"{layer.__name__}: normalized_shape must"):
            layer(shape)
