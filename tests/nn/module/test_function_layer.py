"""Functions and layers made from them: their names, settings and buffers, and what all of them refuse."""

import inspect

import pytest

import nn
import tinygrad_lecture as tl
from nn.module import FunctionLayer


def scaled(x, factor, shift=0.0):
    return x * factor + shift


class Scaled(FunctionLayer, function=scaled):
    """factor · x + shift."""


def test_settings_are_arguments_attributes_and_repr():
    assert list(inspect.signature(Scaled).parameters) == ["factor", "shift"]
    layer = Scaled(2.0, 1.0)
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


def test_a_class_keeps_its_own_init_and_gives_the_settings_to_that_of_the_base():
    class Tripled(FunctionLayer, function=scaled):
        def __init__(self):
            super().__init__(3.0, shift=1.0)

    assert Tripled()(tl.ones(1)).tolist() == [4] and not inspect.signature(Tripled).parameters


def test_settings_that_the_function_takes_by_name_alone():
    class Scaled(FunctionLayer, function=lambda x, factor, *others, shift, power=1, **more: scaled(x, factor, shift)):
        pass

    assert list(inspect.signature(Scaled).parameters) == ["factor", "shift", "power"]
    assert Scaled(2.0, shift=1.0)(tl.ones(1)).tolist() == [3]
    with pytest.raises(TypeError, match="Scaled: it takes 1 argument by position, not 2"):
        Scaled(2.0, 1.0)


def test_settings_may_have_another_order_and_fixed_values():
    class Other(FunctionLayer, function=lambda x, factor, shift, training: scaled(x, factor, shift) * training):
        order = ("shift", "factor")

    class Doubled(FunctionLayer, function=scaled):
        order = ("shift",)
        factor = 2.0

    assert Other(3.0, 2.0)(tl.tensor([1.0])).tolist() == [5] and Other(3.0, 2.0).eval()(tl.ones(1)).tolist() == [0]
    assert Doubled(3.0)(tl.tensor([1.0])).tolist() == [5]


def test_an_ops_axis_is_dim_and_its_order_leaves_settings_out():
    assert list(inspect.signature(nn.Softmax).parameters) == ["dim"]
    assert nn.Softmax(0)(tl.zeros(2, 1)).tolist() == [[0.5], [0.5]]


def test_weights_of_a_loss_are_buffers():
    loss = nn.CrossEntropyLoss(tl.tensor([1.0, 2.0]))
    assert list(loss.state_dict()) == ["weight"] and loss.double().weight.dtype == tl.float64
    assert not list(nn.CrossEntropyLoss().state_dict())


F = nn.functional


@pytest.mark.parametrize("name", F.__all__)
def test_a_tuple_of_tensors_is_no_tensor(name):
    function, x = getattr(F, name), tl.ones(2, 4, 4, 4)
    parameters = inspect.signature(getattr(function, "forward", function)).parameters.values()
    others = [x] * (sum(p.default is p.empty for p in parameters) - 1)
    for several in ((x, x), [x, x], [[x, x], [x, x]]):
        with pytest.raises(TypeError, match=rf"^{name}: it takes one tensor, .* take its first"):
            function(several, *others)
