"""Hooks of modules: they see each call and its gradients, may replace them, and can be removed."""

import math

import pytest

import nn
import tinygrad_lecture as tl


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


# --- before forward, and with settings ----------------------------------------------------------------------


class Scaled(nn.Module):
    def forward(self, x, y=0.0, scale=1.0):
        return (x + y) * scale


def test_a_pre_hook_sees_the_inputs_and_may_replace_them():
    layer, seen = Scaled(), []
    layer.register_forward_pre_hook(lambda module, inputs: seen.append((module, inputs)))
    layer.register_forward_pre_hook(lambda module, inputs: inputs[0] + 1)
    layer.register_forward_pre_hook(lambda module, inputs: (inputs[0], 5.0))
    x = tl.ones(1)
    assert layer(x).tolist() == [7]
    assert seen == [(layer, (x,))]


def test_hooks_with_kwargs_see_and_replace_settings():
    layer, seen = Scaled(), []
    layer.register_forward_pre_hook(lambda module, inputs, settings: (inputs, {"scale": 3.0}), with_kwargs=True)
    layer.register_forward_pre_hook(lambda module, inputs, settings: None, with_kwargs=True)
    layer.register_forward_hook(lambda *call: seen.append(call), with_kwargs=True)
    x = tl.ones(1)
    y = layer(x, scale=2.0)
    assert y.tolist() == [3]
    assert seen == [(layer, (x,), {"scale": 3.0}, y)]


# --- backward -----------------------------------------------------------------------------------------------


def test_gradients_can_be_replaced_at_both_ends():
    layer = nn.Linear(1, 1)
    layer.register_full_backward_pre_hook(lambda module, go: (go[0] * 2,))
    layer.register_full_backward_pre_hook(lambda module, go: go[0] * 5)
    layer.register_full_backward_hook(lambda module, gi, go: (gi[0] * 100,))
    x = tl.ones(1, 1, requires_grad=True)
    layer(x).backward()
    assert layer.bias.grad.tolist() == [10]
    assert x.grad.item() == pytest.approx(1000 * layer.weight.item())


def test_a_module_whose_inputs_need_no_gradient_sees_those_of_its_outputs():
    layer, seen = nn.Linear(1, 1), []
    layer.register_full_backward_hook(lambda module, gi, go: seen.append((gi, go[0].tolist())))
    layer(tl.ones(2, 1)).sum().backward()
    assert seen == [((None,), [[1], [1]])]


def test_several_inputs_and_outputs_with_constants_among_them():
    class Two(nn.Module):
        def forward(self, a, name, index, b):
            return a * 2, name, b[index] * 3

    layer, seen = Two(), []
    layer.register_full_backward_hook(
        lambda module, gi, go: seen.append([None if g is None else g.tolist() for g in (*gi, *go)])
    )
    a, b = tl.ones(2, requires_grad=True), tl.ones(3, requires_grad=True)
    p, name, q = layer(a, "n", tl.tensor([0, 2]), b)
    (p.sum() + q.sum()).backward()
    assert name == "n"
    assert seen == [[[2, 2], None, None, [3, 0, 3], [1, 1], None, [1, 1]]]


def test_higher_derivatives_go_through_backward_hooks():
    layer = nn.Tanh()
    layer.register_full_backward_hook(lambda module, gi, go: (gi[0] * 2,))
    x = tl.tensor(0.5, requires_grad=True)
    (first,) = tl.grad(layer(x), [x], create_graph=True)
    (second,) = tl.grad(first, [x])
    t = math.tanh(0.5)
    assert first.item() == pytest.approx(2 * (1 - t * t))
    assert second.item() == pytest.approx(2 * 2 * -2 * t * (1 - t * t), rel=1e-5)  # the hook ran in this pass too


def test_what_goes_in_and_comes_out_may_be_changed_in_place():
    class Relu(nn.Module):
        def forward(self, x):
            return x.relu_()

    layer, seen = Relu(), []
    layer.register_full_backward_hook(lambda module, gi, go: seen.append(gi[0].tolist()))
    x = tl.tensor([-1.0, 2.0], requires_grad=True)
    layer(x * 1).mul_(3).sum().backward()
    assert seen == [[0, 3]]
    assert x.tolist() == [-1, 2]


def test_a_wrong_number_of_gradients_is_refused():
    layer = nn.Tanh()
    layer.register_full_backward_hook(lambda module, gi, go: (gi[0], gi[0]))
    with pytest.raises(RuntimeError, match="the hook returned 2 gradients in place of 1"):
        layer(tl.ones(1, requires_grad=True)).sum().backward()
