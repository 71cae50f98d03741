"""Forward hooks: they see each call, may replace the output, and can be removed."""

import copy

import nn
import tinygrad_lecture as tl


def test_a_hook_sees_module_inputs_and_output():
    seen = []
    layer = nn.Linear(2, 1)
    layer.register_forward_hook(lambda *call: seen.append(call))
    x = tl.ones(3, 2)
    y = layer(x)
    assert seen == [(layer, (x,), y)]


def test_its_return_value_replaces_the_output():
    layer = nn.Identity()
    layer.register_forward_hook(lambda module, inputs, output: output + 1)
    layer.register_forward_hook(lambda module, inputs, output: None)
    layer.register_forward_hook(lambda module, inputs, output: output * 10)
    assert layer(tl.ones(1)).tolist() == [20]


def test_handles_remove_their_own_hook_only():
    layer = nn.Identity()
    first = layer.register_forward_hook(lambda module, inputs, output: output + 1)
    layer.register_forward_hook(lambda module, inputs, output: output * 10)
    first.remove()
    first.remove()
    assert layer(tl.ones(1)).tolist() == [10]
    with layer.register_forward_hook(lambda module, inputs, output: output + 5):
        assert layer(tl.ones(1)).tolist() == [15]
    assert layer(tl.ones(1)).tolist() == [10]
    assert nn.Identity()(tl.ones(1)).tolist() == [1]  # another instance


def test_dropping_the_handle_keeps_the_hook():
    layer = nn.Identity()
    for _ in range(5):
        layer.register_forward_hook(lambda module, inputs, output: output + 1)
    assert layer(tl.zeros(1)).tolist() == [5]


def test_a_hook_may_remove_itself():
    layer = nn.Identity()
    handle = layer.register_forward_hook(lambda *call: handle.remove())
    layer.register_forward_hook(lambda module, inputs, output: output + 1)
    assert [layer(tl.zeros(1)).item() for _ in range(2)] == [1, 1]


def test_hooks_are_not_saved():
    layer = nn.Linear(2, 1)
    layer.register_forward_hook(lambda *call: None)
    assert list(layer.state_dict()) == ["weight", "bias"]
    assert copy.deepcopy(layer)(tl.ones(1, 2)).shape == (1, 1)
