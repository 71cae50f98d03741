"""Linear, Identity, and MLP, the lecture's network."""

import pytest

import nn
import tinygrad_lecture as tl


def test_float64_in_a_layer_of_float32_is_warned_of():
    with pytest.warns(UserWarning, match=r"the input is float64 and the weights are float32.*with .float\(\)"):
        nn.Linear(3, 2)(tl.ones(4, 3, dtype=tl.float64))
    nn.Linear(3, 2)(tl.ones(4, 3, dtype=tl.int64))
    nn.Linear(3, 2).double()(tl.ones(4, 3, dtype=tl.float64))


def test_a_bias_that_does_not_fit_is_named_where_the_input_fits():
    layer = nn.Linear(3, 2)
    layer.bias = nn.Parameter(tl.zeros(5))
    with pytest.raises(ValueError, match=r"in Linear: linear: .*bias of shape"):
        layer(tl.zeros(1, 3))


def test_the_last_layer_has_no_activation_unless_asked():
    assert [type(layer) for layer in nn.MLP([2, 3, 1])] == [nn.Linear, nn.ReLU, nn.Linear]
    assert [type(layer) for layer in nn.MLP((2, 1))] == [nn.Linear]


def test_an_activation_may_be_any_function():
    model = nn.MLP([2, 3, 3, 1], lambda: nn.LeakyReLU(0.2), bias=False, dtype=tl.float64)
    assert model[1] is not model[3]
    assert model[3].negative_slope == 0.2
    assert [p.shape for p in model.parameters()] == [(3, 2), (3, 3), (1, 3)]
    assert model[0].weight.dtype == tl.float64
