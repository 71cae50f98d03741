"""Dropout: expected value, masks, evaluation mode."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import strict_device  # noqa: F401 - makes device="strict" work
import tinygrad_lecture as tl
from strict_cupy import no_synchronisation

F = nn.functional


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
    assert F.dropout(x, p, training=False) is x


def test_p_of_0_and_1():
    x = tl.randn(3, 4, requires_grad=True)
    assert F.dropout(x, 0.0) is x
    out = F.dropout(x, 1.0)
    out.sum().backward()
    assert not out.detach().numpy().any()
    assert not x.grad.numpy().any()


@given(st.floats(0, 0.99), st.sampled_from([tl.float16, tl.float32, tl.float64]))
def test_the_gradient_has_the_same_mask(p, dtype):
    x = tl.ones(7, 5, dtype=dtype, requires_grad=True)
    out = F.dropout(x, p)
    out.sum().backward()
    assert out.dtype == x.grad.dtype == dtype
    assert x.grad.tolist() == out.tolist()


def test_the_seed_decides_the_masks():
    x, drop = tl.ones(100), nn.Dropout()

    def drawn(seed):
        tl.manual_seed(seed)
        return [drop(x).tolist(), drop(x).tolist()]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert drawn(1)[0] != drawn(1)[1]


def test_recomputation_draws_the_same_mask():
    x = tl.ones(50, requires_grad=True)
    out = tl.checkpoint(nn.Dropout(), x)
    out.sum().backward()
    assert x.grad.tolist() == out.tolist()


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_a_p_outside_0_to_1_is_refused(p):
    with pytest.raises(ValueError, match="Dropout: p must be a probability"):
        nn.Dropout(p)
    with pytest.raises(ValueError, match="dropout: p must be a probability"):
        F.dropout(tl.ones(1), p)


def test_repr():
    assert repr(nn.Dropout(0.2)) == "Dropout(p=0.2, inplace=False)"


@pytest.mark.parametrize(("layer", "shape"), [(nn.Dropout1d(), (40, 30, 3)), (nn.Dropout2d(), (40, 30, 2, 2))])
def test_whole_channels_are_dropped(layer, shape):
    tl.manual_seed(0)
    out = layer(tl.ones(shape)).numpy().reshape(*shape[:2], -1)
    assert set(np.unique(out)) == {0, 2}
    assert (out == out[:, :, :1]).all()
    assert abs((out == 0).mean() - 0.5) < 0.05
    assert repr(layer) == f"{type(layer).__name__}(p=0.5, inplace=False)"


def test_channels_without_pixels_are_dropped_with_a_warning():
    with pytest.warns(UserWarning, match=r"dropout2d: an input of shape \(50, 4\) has no channels of images"):
        out = nn.Dropout2d()(tl.ones(50, 4)).numpy()
    assert set(np.unique(out)) == {0, 2} and (out != out[:, :1]).any()


def test_a_single_sequence_has_channels_first():
    out = F.dropout1d(tl.ones(200, 3)).numpy()
    assert (out == out[:, :1]).all()


def test_in_place_the_input_becomes_the_output():
    x = tl.ones(50)
    assert nn.Dropout(0.5, inplace=True)(x) is x
    assert set(x.tolist()) == {0, 2}
    y = tl.ones(50, requires_grad=True)
    z = y * 1
    F.dropout(z, 0.5, True, True).sum().backward()
    assert y.grad.tolist() == z.tolist()
