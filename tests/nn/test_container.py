"""Containers of modules and of parameters; MLP, a Sequential."""

import pytest

import nn
import tinygrad_lecture as tl


def test_sequential_with_names():
    model = nn.Sequential({"hidden": nn.Linear(2, 3), "out": nn.Linear(3, 1)})
    assert list(model.state_dict())[::2] == ["hidden.weight", "out.weight"]
    assert model[1] is model.out
    for name in ("forward", "a.b", ""):
        with pytest.raises(KeyError, match="cannot be a name"):
            nn.Sequential({name: nn.ReLU()})


def test_a_slice_of_a_subclass_does_not_call_its_init():
    model = nn.MLP([2, 3, 1])
    part = model[:2]
    assert [type(layer) for layer in part] == [nn.Linear, nn.ReLU]
    assert part[0] is model[0] and type(part) is type(model)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (nn.ReLU, "holds Module objects, not the class ReLU"),
        ("x", "not 'x'"),
        ([nn.ReLU()], r"unpack it, as in nn.Sequential\(\*layers\)"),
        (nn.Tanh, r"make one, with parentheses: Tanh\(\)"),
        (tl.relu, r"such as nn.ReLU\(\) for tl.relu"),
    ],
)
def test_only_modules_are_held(what, message):
    for make in (lambda: nn.Sequential(what), lambda: nn.ModuleList([nn.Tanh(), what])):
        with pytest.raises(TypeError, match=message):
            make()


def test_an_mlp_ends_without_activation_and_any_function_makes_the_others():
    assert [type(layer) for layer in nn.MLP([2, 3, 1])] == [nn.Linear, nn.ReLU, nn.Linear]
    assert [type(layer) for layer in nn.MLP((2, 1))] == [nn.Linear]
    model = nn.MLP([2, 3, 3, 1], lambda: nn.LeakyReLU(0.2), bias=False)
    assert model[1] is not model[3] and model[3].negative_slope == 0.2
    assert [p.shape for p in model.parameters()] == [(3, 2), (3, 3), (1, 3)]


# --- parameters and dicts -----------------------------------------------------------------------------------


def test_a_list_of_parameters():
    own = nn.Parameter(tl.ones(2))
    held = nn.ParameterList([own, tl.zeros(3)])
    assert held[0] is own
    assert isinstance(held[1], nn.Parameter)
    held.append(tl.zeros(1)).extend([tl.zeros(4)])
    held[-1] = tl.zeros(5)
    assert [p.shape for p in held] == [(2,), (3,), (1,), (5,)]
    assert [name for name, _ in held.named_parameters()] == ["0", "1", "2", "3"]
    assert held[:1][0] is own
    with pytest.raises(IndexError, match="index 4 is out of range for 4 parameters"):
        _ = held[4]
    with pytest.raises(TypeError, match="ParameterList holds Parameter objects, not "):
        held.append([1.0])


def test_a_dict():
    a, b, c = nn.Tanh(), nn.Tanh(), nn.Tanh()
    held = nn.ModuleDict({"a": a, "b": b})
    assert list(held) == ["a", "b"]
    held["b"] = c  # keeps its place
    held.update([("d", b)])
    assert list(held.values()) == [a, c, b]
    assert held.pop("a") is a
    del held["d"]
    assert list(held.items()) == [("b", c)]
    for name in ("keys", "forward", "a.b", "", "training"):
        with pytest.raises(KeyError, match=f"ModuleDict: '{name}' cannot be a name"):
            held[name] = a
    for name in ("a", "training"):
        with pytest.raises(KeyError, match=name):
            _ = held[name]


def test_modules_find_the_contents_of_dicts():
    model = nn.Module()
    model.layers = nn.ModuleDict({"one": nn.Linear(1, 2)})
    model.scales = nn.ParameterList([tl.ones(3)])
    assert list(model.state_dict()) == ["layers.one.weight", "layers.one.bias", "scales.0"]
    with pytest.raises(TypeError, match="ModuleDict holds Module objects, not "):
        model.layers["two"] = 2
