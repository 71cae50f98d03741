"""Parameters that are computed from others: their value, what is trained and saved, how to undo it."""

import copy

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from nn.utils import remove_weight_norm, spectral_norm, weight_norm
from nn.utils.parametrize import is_parametrized, register_parametrization, remove_parametrizations


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).mT


class Doubled(nn.Module):
    def forward(self, x):
        return 2 * x

    def right_inverse(self, x):
        return x / 2


def names(module):
    return [name for name, _ in module.named_parameters()]


def test_a_parameter_is_computed_each_time_it_is_read():
    layer = nn.Linear(3, 3)
    assert register_parametrization(layer, "weight", Symmetric()) is layer
    assert names(layer) == ["bias", "parametrizations.weight.original"]
    assert layer.weight.tolist() == layer.weight.mT.tolist()
    x = tl.randn(2, 3)
    layer(x).sum().backward()
    original = layer.parametrizations.weight.original
    assert original.grad.tril(-1).tolist() == [[0] * 3] * 3
    original.data.fill_(7)
    assert layer.weight.tolist() == [[7] * 3] * 3
    assert (type(layer).__name__, isinstance(layer, nn.Linear)) == ("ParametrizedLinear", True)


def test_with_an_inverse_the_value_stays_and_can_be_assigned():
    layer = nn.Linear(2, 2)
    before = layer.weight.tolist()
    register_parametrization(layer, "weight", Doubled())
    assert layer.weight.tolist() == before
    layer.weight = tl.ones(2, 2)
    assert layer.parametrizations.weight.original.tolist() == [[0.5] * 2] * 2
    assert layer.weight.tolist() == [[1] * 2] * 2


def test_parametrizations_are_composed_and_other_instances_are_unaffected():
    layer, other = nn.Linear(2, 2), nn.Linear(2, 2)
    register_parametrization(layer, "weight", Symmetric())
    value = layer.weight
    register_parametrization(layer, "weight", Doubled())
    assert layer.weight.tolist() == (2 * value).tolist()
    assert len(layer.parametrizations.weight) == 2
    assert is_parametrized(layer) and is_parametrized(layer, "weight") and not is_parametrized(layer, "bias")
    assert not is_parametrized(other)
    assert isinstance(other.weight, nn.Parameter)


def test_removing_gives_an_ordinary_parameter_with_the_present_value():
    layer = nn.Linear(3, 3)
    register_parametrization(layer, "weight", Symmetric())
    value, original = layer.weight.tolist(), layer.parametrizations.weight.original
    remove_parametrizations(layer, "weight")
    assert layer.weight is original
    assert layer.weight.tolist() == value
    assert (type(layer), names(layer)) == (nn.Linear, ["bias", "weight"])


def test_a_computed_buffer_stays_a_buffer():
    module = nn.Module()
    module.register_buffer("mask", tl.ones(2, 2))
    register_parametrization(module, "mask", Doubled())
    assert names(module) == []
    assert list(module.state_dict()) == ["parametrizations.mask.original"]


def test_a_model_with_computed_parameters_is_copied_saved_and_loaded():
    layer = weight_norm(nn.Linear(3, 2))
    twin = copy.deepcopy(layer)
    twin.parametrizations.weight.original0.data.fill_(1)
    assert layer.weight.tolist() != twin.weight.tolist()
    layer.load_state_dict(twin.state_dict())
    assert layer.weight.tolist() == twin.weight.tolist()


def test_weight_norm_trains_length_and_direction_apart():
    layer = nn.Linear(3, 2)
    before = layer.weight.detach().numpy().copy()
    weight_norm(layer)
    np.testing.assert_allclose(layer.weight.detach().numpy(), before, rtol=1e-6)
    layer.parametrizations.weight.original0.data.fill_(5)
    np.testing.assert_allclose(np.linalg.norm(layer.weight.detach().numpy(), axis=1), [5, 5], rtol=1e-6)
    remove_weight_norm(layer)
    assert names(layer) == ["bias", "weight"]


def test_spectral_norm_makes_the_largest_singular_value_one():
    layer = spectral_norm(nn.Linear(4, 3))
    for _ in range(30):
        layer(tl.ones(1, 4))
    assert np.linalg.svd(layer.weight.detach().numpy())[1][0] == pytest.approx(1, rel=1e-4)
    layer.eval()
    assert layer.weight.tolist() == layer.weight.tolist()


def test_bad_parametrizations_are_refused():
    layer = nn.Linear(3, 2)
    with pytest.raises(ValueError, match="Linear has no parameter or buffer 'w'"):
        register_parametrization(layer, "w", Doubled())
    with pytest.raises(ValueError, match=r"weight is a Tensor of shape \(2, 3\), float32, but the .* of shape \(6,\)"):
        register_parametrization(layer, "weight", nn.Flatten(0))
    with pytest.raises(ValueError, match="bias of Linear has no parametrization"):
        remove_parametrizations(layer, "bias")
    with pytest.raises(ValueError, match="weight is computed from several; leave_parametrized=True"):
        remove_parametrizations(weight_norm(layer), "weight", leave_parametrized=False)
    with pytest.raises(ValueError, match="spectral_norm: Linear has no parameter 'w'"):
        spectral_norm(nn.Linear(1, 1), "w")
