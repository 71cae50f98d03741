"""Layers made from functions: settings are fields, in signatures and in repr; weights of a loss are buffers."""

import inspect

import pytest

import nn
import tinygrad_lecture as tl
from nn.module import FunctionLayer


def scaled(x, factor, shift=0.0):
    return x * factor + shift


class Scaled(FunctionLayer, function=scaled):
    """factor · x + shift."""

    factor: float
    shift: float = 1.0


def test_settings_are_arguments_attributes_and_repr():
    assert list(inspect.signature(Scaled).parameters) == ["factor", "shift"]
    layer = Scaled(2.0)
    assert layer(tl.tensor([1.0, 2.0])).tolist() == [3, 5]
    layer.shift = 0.0
    assert layer(tl.tensor([1.0, 2.0])).tolist() == [2, 4]
    assert repr(layer) == "Scaled(factor=2.0, shift=0.0)"
    with pytest.raises(TypeError, match=r"Scaled: factor is missing: Scaled\(factor\)"):
        Scaled()


def test_a_subclass_may_have_an_init_of_its_own_and_more_inputs():
    class Twice(Scaled):
        def __init__(self):
            super().__init__(2.0, shift=0.0)

        def forward(self, x, y):
            return self.call_function(x + y)

    assert Twice()(tl.ones(2), tl.ones(2)).tolist() == [4, 4]


@pytest.mark.parametrize("order", [("shift", "factor"), ("factor", "shift")])
def test_settings_reach_the_function_by_name_in_any_order(order):
    fields = {"__annotations__": dict.fromkeys(order, float), "__doc__": "Scaled.", "__module__": __name__}
    kind = type(FunctionLayer)("Other", (FunctionLayer,), fields, function=scaled)
    assert kind(factor=2.0, shift=3.0)(tl.tensor([1.0])).tolist() == [5]


def test_weights_of_a_loss_are_buffers():
    loss = nn.CrossEntropyLoss(tl.tensor([1.0, 2.0]))
    assert list(loss.state_dict()) == ["weight"] and loss.double().weight.dtype == tl.float64
    assert not list(nn.CrossEntropyLoss().state_dict())


def test_functions_for_sequences_and_images_have_names_and_signatures_of_their_own():
    assert (nn.functional.conv1d.__name__, nn.functional.max_pool2d.__name__) == ("conv1d", "max_pool2d")
    assert next(iter(inspect.signature(nn.functional.conv2d).parameters)) == "input"
