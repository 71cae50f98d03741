"""The names of nn.functional, and what all of them refuse."""

import inspect

import pytest

import nn
import tinygrad_lecture as tl

F = nn.functional


def test_the_engines_ops_are_reexported():
    assert all(hasattr(F, name) for name in F.__all__)
    assert F.softmax is tl.softmax


@pytest.mark.parametrize("name", F.__all__)
def test_a_tuple_of_tensors_is_no_tensor(name):
    function, x = getattr(F, name), tl.ones(2, 4, 4, 4)
    parameters = inspect.signature(getattr(function, "forward", function)).parameters.values()
    others = [x] * (sum(p.default is p.empty for p in parameters) - 1)
    for several in ((x, x), [x, x], [[x, x], [x, x]]):
        with pytest.raises(TypeError, match=rf"^{name}: it takes one tensor, .* take its first"):
            function(several, *others)


def test_an_rnn_before_a_layer_says_what_to_take():
    model = nn.Sequential(nn.GRU(4, 8), nn.Linear(8, 2))
    with pytest.raises(TypeError, match=r"^in layer 1 \(Linear\): linear: it takes one tensor, .* take its first"):
        model(tl.ones(5, 3, 4))
