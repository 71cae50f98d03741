"""Activation modules: values and repr."""

import math

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl

F = nn.functional

X = np.array([[-3.0, -0.5, 0.0, 0.5, 3.0]])
PHI = np.array([[0.5 * (1 + math.erf(x / math.sqrt(2))) for x in X[0]]])
SOFTMAX = np.exp(X) / np.exp(X).sum()

CASES = [
    (nn.Sigmoid(), 1 / (1 + np.exp(-X)), "Sigmoid()"),
    (nn.Tanh(), np.tanh(X), "Tanh()"),
    (nn.ReLU(), np.maximum(X, 0), "ReLU()"),
    (nn.ReLU6(), np.clip(X, 0, 6), "ReLU6()"),
    (nn.Hardtanh(-2, 0.2), np.clip(X, -2, 0.2), "Hardtanh(min_val=-2, max_val=0.2)"),
    (nn.LeakyReLU(0.1), np.where(X > 0, X, 0.1 * X), "LeakyReLU(negative_slope=0.1)"),
    (nn.ELU(0.5), np.where(X > 0, X, 0.5 * np.expm1(X)), "ELU(alpha=0.5)"),
    (nn.Softplus(2), np.log1p(np.exp(2 * X)) / 2, "Softplus(beta=2, threshold=20.0)"),
    (nn.LogSigmoid(), -np.log1p(np.exp(-X)), "LogSigmoid()"),
    (nn.SiLU(), X / (1 + np.exp(-X)), "SiLU()"),
    (nn.GELU(), X * PHI, "GELU(approximate='none')"),
    (
        nn.GELU("tanh"),
        0.5 * X * (1 + np.tanh(math.sqrt(2 / math.pi) * (X + 0.044715 * X**3))),
        "GELU(approximate='tanh')",
    ),
    (nn.Softsign(), X / (1 + np.abs(X)), "Softsign()"),
    (nn.Tanhshrink(), X - np.tanh(X), "Tanhshrink()"),
    (nn.SELU(), 1.0507009873554805 * np.where(X > 0, X, 1.6732632423543772 * np.expm1(X)), "SELU()"),
    (nn.CELU(0.5), np.where(X > 0, X, 0.5 * np.expm1(X / 0.5)), "CELU(alpha=0.5)"),
    (nn.Mish(), X * np.tanh(np.log1p(np.exp(X))), "Mish()"),
    (nn.Hardsigmoid(), np.clip(X / 6 + 0.5, 0, 1), "Hardsigmoid()"),
    (nn.Hardswish(), X * np.clip(X / 6 + 0.5, 0, 1), "Hardswish()"),
    (nn.Hardshrink(1), X * (np.abs(X) > 1), "Hardshrink(lambd=1)"),
    (nn.Softshrink(), np.sign(X) * np.maximum(np.abs(X) - 0.5, 0), "Softshrink(0.5)"),
    (nn.Softmin(dim=1), SOFTMAX[:, ::-1], "Softmin(dim=1)"),
    (nn.Softmax(dim=1), SOFTMAX, "Softmax(dim=1)"),
    (nn.Softmax(), SOFTMAX, "Softmax(dim=-1)"),
    (nn.LogSoftmax(dim=1), np.log(SOFTMAX), "LogSoftmax(dim=1)"),
]


@pytest.mark.parametrize(("module", "wanted", "shown"), CASES, ids=[case[2] for case in CASES])
def test_activation(module, wanted, shown):
    np.testing.assert_allclose(module(tl.tensor(X)).numpy(), wanted, rtol=1e-12)
    assert repr(module) == shown
    assert list(module.parameters()) == []
    x = tl.tensor(X, requires_grad=True)
    module(x).sum().backward()
    assert x.grad.shape == x.shape


def test_prelu_learns_a_slope_for_all_or_for_each_channel():
    x = tl.tensor([[-2.0, -2.0], [4.0, -4.0]])
    assert nn.PReLU()(x).tolist() == [[-0.5, -0.5], [4, -1]]
    layer = nn.PReLU(2, init=0.5)
    assert repr(layer) == "PReLU(num_parameters=2)"
    layer(x).sum().backward()
    assert layer.weight.grad.tolist() == [-2, -6]
    assert nn.PReLU()(tl.tensor(-1.0)).shape == ()


def test_glu_gates_one_half_with_the_other():
    assert nn.GLU()(tl.tensor([3.0, 5.0, 0.0, 0.0])).tolist() == [1.5, 2.5]
    with pytest.raises(ValueError, match=r"glu: axis -1 of shape \(3,\) must have an even size"):
        nn.GLU()(tl.ones(3))


def test_threshold_replaces_what_is_below_it():
    assert F.threshold(tl.tensor([0.0, 1.0, 2.0]), 1, 9).tolist() == [9, 9, 2]


def test_gelu_knows_two_formulas():
    with pytest.raises(ValueError, match=r"GELU: approximate.*'sigmoid'"):
        nn.GELU("sigmoid")


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="Hardtanh: min_val must be below max_val, but they are 1 and 1"):
        nn.Hardtanh(1, 1)


IN_PLACE = [
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.ELU,
    nn.SELU,
    nn.CELU,
    nn.SiLU,
    nn.Mish,
    nn.Hardtanh,
    nn.Hardsigmoid,
    nn.Hardswish,
]


@pytest.mark.parametrize("kind", IN_PLACE)
@pytest.mark.parametrize("recorded", [False, True])
def test_in_place_the_input_becomes_the_output_with_the_same_gradient(kind, recorded):
    plain, leaf = kind(), tl.tensor(X, requires_grad=True)
    expected = plain(leaf)
    (gradient,) = tl.grad((expected**2).sum(), leaf)
    x = leaf * 1 if recorded else tl.tensor(X)
    view = x[0]
    assert kind(inplace=True)(x) is x
    assert x.equal(expected)
    assert view.equal(x[0])
    if recorded:
        (found,) = tl.grad((x**2).sum(), leaf)
        assert found.equal(gradient)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "selu", "celu", "hardtanh", "threshold"])
def test_functions_that_end_in_an_underscore_are_in_place(name):
    settings = (0.5, 2.0) if name == "threshold" else ()
    x, y = tl.tensor(X), tl.tensor(X)
    expected = getattr(F, name)(x, *settings)
    assert getattr(F, f"{name}_")(x, *settings) is x
    assert getattr(F, name)(y, *settings, inplace=True) is y
    assert x.equal(expected) and y.equal(expected)
    assert getattr(F, f"{name}_").__name__ == f"{name}_"


def test_a_leaf_that_requires_grad_is_not_overwritten():
    with pytest.raises(RuntimeError, match=r"relu_\(x\) would change a leaf that requires grad in place"):
        nn.ReLU(inplace=True)(tl.tensor(X, requires_grad=True))


def test_the_setting_inplace_is_shown():
    assert repr(nn.ReLU(True)) == "ReLU(inplace=True)"
    assert repr(nn.LeakyReLU(0.2, inplace=True)) == "LeakyReLU(negative_slope=0.2, inplace=True)"
