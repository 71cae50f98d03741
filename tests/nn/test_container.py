"""Sequential and ModuleList."""

import pytest

import nn
import tinygrad_lecture as tl


def test_sequential_runs_one_after_the_other():
    first, second = nn.Linear(2, 3), nn.Linear(3, 1)
    model = nn.Sequential(first, nn.Tanh(), second)
    x = tl.randn(4, 2)
    assert model(x).tolist() == second(tl.tanh(first(x))).tolist()
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert nn.Sequential()(x) is x


def test_sequential_with_names():
    model = nn.Sequential({"hidden": nn.Linear(2, 3), "out": nn.Linear(3, 1)})
    assert list(model.state_dict())[::2] == ["hidden.weight", "out.weight"]
    assert model[1] is model.out
    for name in ("forward", "a.b", ""):
        with pytest.raises(KeyError, match="cannot be the name"):
            nn.Sequential({name: nn.ReLU()})


@pytest.mark.parametrize("container", [nn.Sequential, lambda *modules: nn.ModuleList(modules)])
def test_both_are_lists(container):
    a, b, c, d = (nn.Linear(1, 1) for _ in range(4))
    held = container(a, b, c)
    assert len(held) == 3
    assert list(held) == [a, b, c]
    assert (held[0], held[-1]) == (a, c)
    assert type(held[1:]) is type(held)
    assert list(held[::-1]) == [c, b, a]
    held[-1] = d
    assert list(held.append(c)) == [a, b, d, c]
    assert list(held.extend([a])) == [a, b, d, c, a]
    for place in (5, -6):
        with pytest.raises(IndexError, match=f"has 5 modules, so there is none at {place}"):
            _ = held[place]


def test_modules_can_be_inserted_into_a_list():
    a, b, c = nn.ReLU(), nn.Tanh(), nn.Sigmoid()
    held = nn.ModuleList([a, c])
    held.insert(1, b)
    assert list(held) == [a, b, c]
    assert [name for name, _ in held.named_children()] == ["0", "1", "2"]
    with pytest.raises(NotImplementedError, match="ModuleList computes nothing"):
        held(tl.ones(1))


def test_a_slice_of_a_subclass_does_not_call_its_init():
    model = nn.MLP([2, 3, 1])
    part = model[:2]
    assert [type(layer) for layer in part] == [nn.Linear, nn.ReLU]
    assert part[0] is model[0]


@pytest.mark.parametrize(("what", "message"), [(nn.ReLU, r"an object of the class.*not ReLU"), ("x", "modules, not str")])
def test_only_modules_are_held(what, message):
    for make in (lambda: nn.Sequential(what), lambda: nn.ModuleList([nn.Tanh(), what])):
        with pytest.raises(TypeError, match=message):
            make()


def test_an_error_says_in_which_layer():
    model = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU(), nn.Linear(4, 1)))
    with pytest.raises(ValueError, match=r"weight \(1, 4\)") as error:
        model(tl.ones(5, 2))
    assert error.value.__notes__ == [
        "in layer 1 of Sequential: Linear(in_features=4, out_features=1, bias=True)",
        "in layer 1 of Sequential: Sequential()",
    ]
