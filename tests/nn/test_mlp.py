"""MLP: the lecture's network."""

import pytest

import nn
import tinygrad_lecture as tl


def test_the_lectures_network_has_13_002_parameters():
    model = nn.MLP([784, 16, 16, 10], nn.Sigmoid, nn.Sigmoid)
    assert [p.numel() for p in model.parameters()] == [784 * 16, 16, 16 * 16, 16, 16 * 10, 10]
    assert sum(p.numel() for p in model.parameters()) == 13_002
    assert [type(layer) for layer in model] == [nn.Linear, nn.Sigmoid] * 3
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"]
    out = model(tl.rand(5, 784))
    assert out.shape == (5, 10)
    assert bool(((out > 0) & (out < 1)).all())


def test_the_last_layer_has_no_activation_unless_asked():
    assert [type(layer) for layer in nn.MLP([2, 3, 1])] == [nn.Linear, nn.ReLU, nn.Linear]
    assert [type(layer) for layer in nn.MLP((2, 1))] == [nn.Linear]


def test_an_activation_may_be_any_function():
    model = nn.MLP([2, 3, 3, 1], lambda: nn.LeakyReLU(0.2), bias=False, dtype=tl.float64)
    assert model[1] is not model[3]
    assert model[3].negative_slope == 0.2
    assert [p.shape for p in model.parameters()] == [(3, 2), (3, 3), (1, 3)]
    assert model[0].weight.dtype == tl.float64


@pytest.mark.parametrize("sizes", [[], [784]])
def test_it_needs_inputs_and_outputs(sizes):
    with pytest.raises(ValueError, match="at least two numbers, inputs and outputs"):
        nn.MLP(sizes)
