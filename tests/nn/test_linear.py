"""Linear, Identity, and MLP, the lecture's network."""

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl


def test_it_is_a_matrix_product_plus_a_bias():
    layer = nn.Linear(3, 2)
    for shape in ((3,), (5, 3), (4, 5, 3)):
        x = tl.randn(*shape)
        wanted = x.numpy() @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
        np.testing.assert_allclose(layer(x).detach().numpy(), wanted, rtol=1e-5, atol=1e-6)
    assert nn.Linear(3, 2, bias=False)(tl.zeros(1, 3)).tolist() == [[0, 0]]
    assert list(nn.Linear(3, 2, bias=False).state_dict()) == ["weight"]


def test_gradients_reach_its_parameters():
    layer = nn.Linear(3, 2, dtype=tl.float64)
    x = tl.randn(5, 3, dtype=tl.float64)
    (layer(x) * layer(x)).sum().backward()
    g = 2 * layer(x).detach().numpy()
    np.testing.assert_allclose(layer.weight.grad.numpy(), g.T @ x.numpy())
    np.testing.assert_allclose(layer.bias.grad.numpy(), g.sum(0))


def test_initial_parameters_fill_pytorchs_range_evenly():
    layer = nn.Linear(100, 400)
    for parameter in layer.parameters():
        values = parameter.detach().numpy()
        assert abs(values).max() <= 0.1
        assert abs(values).max() > 0.099
        assert abs(values.std() - 0.1 / 3**0.5) < 0.003
        assert abs(values.mean()) < 0.01


def test_same_seed_same_parameters():
    def weights(seed):
        tl.manual_seed(seed)
        return nn.Linear(4, 4).weight.tolist()

    assert weights(1) == weights(1)
    assert weights(1) != weights(2)


def test_the_dtype_argument():
    layer = nn.Linear(2, 2, dtype=tl.float64)
    assert {p.dtype for p in layer.parameters()} == {np.dtype(np.float64)}
    assert layer(tl.zeros(1, 2, dtype=tl.float64)).dtype == tl.float64


def test_float64_in_a_layer_of_float32_is_warned_of():
    with pytest.warns(UserWarning, match=r"the input is float64 and the weights are float32.*with .float\(\)"):
        nn.Linear(3, 2)(tl.ones(4, 3, dtype=tl.float64))
    nn.Linear(3, 2)(tl.ones(4, 3, dtype=tl.int64))
    nn.Linear(3, 2).double()(tl.ones(4, 3, dtype=tl.float64))


def test_wrong_sizes_are_explained():
    for sizes in (("3", 2), (3.0, 2), (tl.ones(4, 3), 2)):
        with pytest.raises(TypeError, match="Linear: in_features must be an int, not "):
            nn.Linear(*sizes)
    with pytest.raises(ValueError, match="Linear: in_features must be at least 1, not 0"):
        nn.Linear(0, 2)
    with pytest.raises(ValueError, match=r"in Linear: wanted \(\.\.\., 784\), got \(32, 28, 28\)"):
        nn.Linear(784, 16)(tl.zeros(32, 28, 28))
    with pytest.raises(ValueError, match=r"in Linear: .*2"):
        nn.Linear(3, 2)([1.0, 2.0])
    layer = nn.Linear(3, 2)
    layer.bias = nn.Parameter(tl.zeros(5))
    with pytest.raises(ValueError, match=r"in Linear: linear: .*bias of shape"):  # x fits
        layer(tl.zeros(1, 3))


def test_identity_ignores_its_arguments():
    x = tl.ones(2)
    assert nn.Identity(54, unused=True)(x) is x


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
