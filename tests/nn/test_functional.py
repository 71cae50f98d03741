"""Activations, dropout and losses where a table of values is not enough: in place, nan, masks, ignored targets."""

import inspect
import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

import nn
import tinygrad_lecture as tl
from strict_cupy import no_synchronisation

F = nn.functional
X = np.array([[-3.0, -0.5, 0.0, 0.5, 3.0]])

# --- activations --------------------------------------------------------------------------------------------


IN_PLACE = "ReLU ReLU6 LeakyReLU ELU SiLU"


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


def test_a_leaf_that_requires_grad_is_not_overwritten():
    with pytest.raises(RuntimeError, match=r"relu_\(x\) would change a leaf that requires grad in place"):
        nn.ReLU(inplace=True)(tl.tensor(X, requires_grad=True))


@pytest.mark.parametrize("name", ["relu", "relu6", "elu"])
def test_a_nan_stays_and_passes_the_gradient(name):
    x = tl.tensor(math.nan, requires_grad=True)
    y = getattr(F, name)(x)
    assert math.isnan(y.detach().item())
    assert tl.grad(y, x)[0].item() == 1


# --- dropout ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("p", [0.1, 0.9])
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


def test_evaluation_returns_the_input():
    x = tl.randn(3, 4)
    for p in (0.0, 0.5, 1.0):
        assert nn.Dropout(p).eval()(x) is F.dropout(x, p, training=False) is F.dropout(x, 0.0) is x


@given(st.floats(0, 0.99), st.sampled_from([tl.float16, tl.float32, tl.float64]))
def test_the_gradient_has_the_same_mask(p, dtype):
    x = tl.ones(7, 5, dtype=dtype, requires_grad=True)
    out = F.dropout(x, p)
    out.sum().backward()
    assert out.dtype == x.grad.dtype == dtype
    assert x.grad.tolist() == out.tolist()


@pytest.mark.parametrize("p", [-0.1, float("nan")])
def test_a_p_outside_0_to_1_is_refused(p):
    for call in (nn.Dropout, lambda p: F.dropout(tl.ones(1), p)):
        with pytest.raises(ValueError, match="ropout: p must be a probability"):
            call(p)


def test_whole_channels_are_dropped_and_with_a_warning_where_they_have_no_pixels():
    tl.manual_seed(0)
    for shape in ((40, 30, 3), (40, 30, 2, 2)):
        out = nn.Dropout2d()(tl.ones(shape)).numpy().reshape(*shape[:2], -1)
        assert set(np.unique(out)) == {0, 2} and (out == out[:, :, :1]).all()
        assert abs((out == 0).mean() - 0.5) < 0.05
    with pytest.warns(UserWarning, match=r"dropout2d: an input of shape \(50, 4\) has no channels of images"):
        out = nn.Dropout2d()(tl.ones(50, 4)).numpy()
    assert set(np.unique(out)) == {0, 2} and (out != out[:, :1]).any()


def test_in_place_the_input_becomes_the_output():
    x = tl.ones(50)
    assert nn.Dropout(0.5, inplace=True)(x) is x and set(x.tolist()) == {0, 2}
    y = tl.ones(50, requires_grad=True)
    z = y * 1
    F.dropout(z, 0.5, True, True).sum().backward()
    assert y.grad.tolist() == z.tolist()


# --- losses -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [None, tl.tensor([1.0, 2.0, 3.0])])
@pytest.mark.parametrize("label_smoothing", [0, 0.1])
def test_the_mean_of_nothing_is_nan_and_its_gradient_0(weight, label_smoothing):
    x = tl.randn(2, 3, requires_grad=True)
    loss = F.cross_entropy(x, tl.tensor([1, 1]), weight, ignore_index=1, label_smoothing=label_smoothing)
    assert np.isnan(loss.detach().item())
    loss.backward()
    assert not x.grad.numpy().any()
    assert F.cross_entropy(x, tl.tensor([1, 1]), weight, ignore_index=1, reduction="sum").item() == 0


def test_a_loss_never_broadcasts():
    for loss in (F.l1_loss, F.huber_loss, F.smooth_l1_loss, F.kl_div, F.binary_cross_entropy):
        with pytest.raises(ValueError, match=rf"{loss.__name__}: input \(2, 3\) and target \(3,\) must have the same"):
            loss(tl.zeros(2, 3), tl.zeros(3))


@pytest.mark.parametrize("name", F.__all__)
def test_a_tuple_of_tensors_is_no_tensor(name):
    function, x = getattr(F, name), tl.ones(2, 4, 4, 4)
    parameters = inspect.signature(getattr(function, "forward", function)).parameters.values()
    others = [x] * (sum(p.default is p.empty for p in parameters) - 1)
    for several in ((x, x), [[x, x], [x, x]]):
        with pytest.raises(TypeError, match=rf"^{name}: it takes one tensor, .* take its first"):
            function(several, *others)
