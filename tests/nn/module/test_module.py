"""Module: children and parameters, state, operations on the whole module; FunctionLayer."""

import copy
import inspect

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from nn.module import FunctionLayer


class Block(nn.Module):
    """Two parameters, a child, a persistent and a non-persistent buffer, and other attributes."""

    def __init__(self):
        self.scale = nn.Parameter(tl.ones(3))
        self.inner = nn.Linear(3, 2)
        self.shift = nn.Parameter(tl.zeros(2))
        self.note = "not a tensor"
        self.constant = tl.ones(5)
        self.register_buffer("seen", tl.tensor(0))
        self.register_buffer("mask", tl.ones(3), persistent=False)

    def forward(self, x):
        return self.inner(x * self.scale * self.mask) + self.shift


class Pair(nn.Module):
    def __init__(self):
        self.a = Block()
        self.b = Block()
        self.b.inner = self.a.inner  # shared

    def forward(self, x):
        return self.a(x) + self.b(x)


def names(pairs):
    return [name for name, _ in pairs]


# --- children, parameters, buffers --------------------------------------------------------------------------


def test_a_parameter_is_a_copy_that_requires_grad():
    data = tl.zeros(2)
    parameter = nn.Parameter(data)
    data.fill_(1)
    assert isinstance(parameter, tl.Tensor)
    assert parameter.requires_grad
    assert parameter.is_leaf
    assert parameter.tolist() == [0, 0]
    assert repr(parameter).startswith("Parameter containing:\ntensor(")
    assert not nn.Parameter(tl.tensor([1, 2]), requires_grad=False).requires_grad
    with pytest.raises(TypeError, match="int64"):
        nn.Parameter(tl.tensor([1, 2]))


def test_own_parameters_come_first_then_the_childrens():
    assert names(Block().named_parameters()) == ["scale", "shift", "inner.weight", "inner.bias"]
    assert names(Block().named_parameters(recurse=False)) == ["scale", "shift"]
    assert names(Block().named_parameters(prefix="top", recurse=False)) == ["top.scale", "top.shift"]
    assert names(Block().named_buffers()) == ["seen", "mask"]
    assert [p.shape for p in Block().parameters()] == [(3,), (2,), (2, 3), (2,)]
    assert len(list(Block().buffers())) == 2


def test_shared_modules_and_parameters_are_listed_once():
    pair = Pair()
    assert names(pair.named_parameters()) == [
        *("a.scale", "a.shift", "a.inner.weight", "a.inner.bias"),
        *("b.scale", "b.shift"),
    ]
    assert len(names(pair.named_parameters(remove_duplicate=False))) == 8
    assert names(pair.named_modules()) == ["", "a", "a.inner", "b"]
    assert names(pair.named_modules(remove_duplicate=False)) == ["", "a", "a.inner", "b", "b.inner"]
    assert names(pair.named_children()) == ["a", "b"]
    assert list(pair.children()) == [pair.a, pair.b]
    assert len(list(pair.modules())) == 4


def test_a_parameter_cannot_be_replaced_by_a_tensor():
    layer = nn.Linear(2, 2)
    with pytest.raises(TypeError, match=r"Linear\.weight is a Parameter.*nn\.Parameter"):
        layer.weight = tl.zeros(2, 2)
    layer.weight = nn.Parameter(tl.zeros(2, 2))
    layer.bias = None
    assert layer(tl.ones(1, 2)).tolist() == [[0, 0]]


def test_registering_buffers():
    module = Block()
    module.seen = tl.tensor(7)  # still the buffer
    assert module.state_dict()["seen"].item() == 7
    module.register_buffer("later", None)
    assert "later" not in module.state_dict()
    module.later = tl.zeros(1)
    assert "later" in module.state_dict()
    assert names(Block().named_buffers()) == ["seen", "mask"]  # another instance is unaffected
    with pytest.raises(ValueError, match=r"'a\.b'"):
        module.register_buffer("a.b", tl.zeros(1))
    with pytest.raises(ValueError, match="'forward'"):
        module.register_buffer("forward", tl.zeros(1))
    with pytest.raises(TypeError, match="Tensor or None, not"):
        module.register_buffer("c", [1.0])


def test_registering_parameters_and_modules():
    module = nn.Module()
    module.register_parameter("weight", nn.Parameter(tl.ones(2)))
    module.register_parameter("bias", None)
    module.add_module("first", nn.Linear(2, 2))
    module.add_module("second", None)
    assert names(module.named_parameters()) == ["weight", "first.weight", "first.bias"]
    assert (module.bias, module.second) == (None, None)
    module.register_parameter("weight", nn.Parameter(tl.zeros(2)))  # replaces it
    with pytest.raises(TypeError, match=r"w must be a Parameter or None, not a Tensor of shape \(1,\)"):
        module.register_parameter("w", tl.ones(1))
    with pytest.raises(TypeError, match="layer must be a Module or None, not the class ReLU"):
        module.add_module("layer", nn.ReLU)


def test_modules_parameters_and_buffers_are_found_by_name():
    pair = Pair()
    assert pair.get_submodule("") is pair
    assert pair.get_submodule("a.inner") is pair.a.inner
    assert pair.get_parameter("a.inner.weight") is pair.a.inner.weight
    with pytest.raises(AttributeError, match=r"get_submodule: Pair\.a has no module 'outer'; its modules are inner"):
        pair.get_submodule("a.outer.x")
    with pytest.raises(AttributeError, match="get_parameter: Linear has no parameter 'w'; it has weight, bias"):
        pair.get_parameter("a.inner.w")


# --- state --------------------------------------------------------------------------------------------------


def test_state_has_dotted_keys_and_shares_memory():
    block = Block()
    state = block.state_dict()
    assert list(state) == ["scale", "shift", "seen", "inner.weight", "inner.bias"]
    assert not any(tensor.requires_grad for tensor in state.values())
    state["scale"].fill_(5)
    assert block.scale.tolist() == [5, 5, 5]
    assert block.state_dict(keep_vars=True)["scale"] is block.scale


def test_loading_may_take_over_memory_and_dtype():
    layer, weight = nn.Linear(2, 1), tl.ones(1, 2, dtype=tl.float64)
    held = layer.weight
    layer.load_state_dict({"weight": weight, "bias": np.zeros(1)}, assign=True)
    assert layer.weight is held
    assert (layer.weight.dtype, layer.bias.dtype) == (tl.float64, tl.float32)
    weight.fill_(3)
    assert layer.weight.tolist() == [[3, 3]]


def test_loading_makes_two_modules_equal():
    one, other = Block(), Block()
    weight = other.inner.weight
    assert other.load_state_dict(one.state_dict()) == ([], [])
    assert other.inner.weight is weight
    x = tl.randn(4, 3)
    assert other(x).tolist() == one(x).tolist()
    weight.inplace()[...] = 0
    assert one(x).tolist() != other(x).tolist()  # copied, not shared


def test_loading_lists_every_error_and_changes_nothing():
    block = Block()
    before = {key: tensor.tolist() for key, tensor in block.state_dict().items()}
    state = {
        "scale": tl.zeros(3),
        "shift": tl.zeros(4),
        "seen": tl.tensor(1.5),
        "inner.weight": "words",
        "extra": tl.zeros(1),
    }
    with pytest.raises(ValueError, match="state does not fit Block; nothing changed") as error:
        block.load_state_dict(state)
    assert str(error.value).split("\n  ")[1:] == [
        "shift has shape (4,), wanted (2,)",
        "seen has dtype float32, which cannot be converted to int64",
        "inner.weight is of type str, wanted a Tensor or an array",
        "missing: inner.bias",
        "unexpected: extra",
    ]
    assert {key: tensor.tolist() for key, tensor in block.state_dict().items()} == before


def test_strict_false_skips_keys_but_checks_shapes():
    block = Block()
    loaded = block.load_state_dict({"scale": tl.full((3,), 2.0), "extra": tl.zeros(1)}, strict=False)
    assert loaded.missing_keys == ["shift", "seen", "inner.weight", "inner.bias"]
    assert loaded.unexpected_keys == ["extra"]
    assert block.scale.tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match=r"scale has shape \(1,\), wanted \(3,\)"):
        block.load_state_dict({"scale": tl.zeros(1)}, strict=False)


# --- the whole module at once -------------------------------------------------------------------------------


def test_training_and_evaluation_reach_every_module():
    pair = Pair()
    assert all(module.training for module in pair.modules())
    assert pair.eval() is pair
    assert not any(module.training for module in pair.modules())
    assert Pair().training
    assert pair.train().a.inner.training


class Frozen(nn.Module):
    """Its normalisation stays in evaluation mode; it saves how often it was called."""

    def __init__(self):
        self.norm, self.calls = nn.BatchNorm1d(2), 0

    def train(self, mode=True):
        super().train(mode)
        self.norm.eval()
        return self

    def forward(self, x):
        self.calls += 1
        return self.norm(x)

    def get_extra_state(self):
        return {"calls": self.calls}

    def set_extra_state(self, state):
        self.calls = state["calls"]


def test_a_module_within_is_asked_to_train_and_for_its_extra_state():
    model, other = (nn.Sequential(nn.Sequential(Frozen())) for _ in range(2))
    model.train()(tl.randn(4, 2) + 5)
    assert model[0].training and not model[0][0].norm.training
    assert model[0][0].norm.running_mean.tolist() == [0, 0]
    other.load_state_dict(model.state_dict(None, "", False))
    assert other[0][0].calls == 1
    with pytest.raises(ValueError, match=r"nothing changed\n  missing: 0\.0\._extra_state"):
        other.load_state_dict(other[0][0].norm.state_dict(None, "0.0.norm."))


def test_a_module_that_loads_by_itself_may_rename_keys():
    class Renamed(nn.Linear):
        def _load_from_state_dict(self, state_dict, prefix, *lists):
            state_dict[f"{prefix}weight"] = state_dict.pop(f"{prefix}w")
            super()._load_from_state_dict(state_dict, prefix, *lists)
            self.total = self.weight.sum().item()

    model = nn.Sequential(Renamed(2, 1, bias=False), nn.Linear(1, 1))
    state = {"0.w": tl.ones(1, 2), "1.weight": tl.ones(1, 1)}
    with pytest.raises(ValueError, match=r"does not fit Sequential\n  missing: 1\.bias"):
        model.load_state_dict(state)
    assert model.load_state_dict(state, strict=False) == (["1.bias"], []) and model[0].total == 2


def test_zero_grad_sets_none_or_zeros():
    block = Block()
    block(tl.ones(2, 3)).sum().backward()
    block.zero_grad(set_to_none=False)
    assert block.shift.grad.tolist() == [0, 0]
    block.zero_grad()
    assert all(p.grad is None for p in block.parameters())


def test_apply_visits_children_first():
    order = []
    assert Pair().a.apply(order.append) is order[-1]
    assert [type(module) for module in order] == [nn.Linear, Block]


@pytest.mark.parametrize(("move", "dtype"), [("double", tl.float64), ("half", tl.float16)])
def test_dtype_conversion_reaches_floats_and_gradients_only(move, dtype):
    block = Block()
    scale = block.scale
    block(tl.ones(2, 3)).sum().backward()
    assert getattr(block, move)() is block
    assert block.scale is scale
    assert scale.dtype == dtype
    assert scale.grad.dtype == dtype
    assert (block.mask.dtype, block.seen.dtype) == (dtype, tl.int64)
    block.zero_grad()
    block(tl.ones(2, 3, dtype=dtype)).sum().backward()
    assert scale.grad.dtype == dtype


def test_moving_to_another_device_or_like_another_tensor():
    block = Block().to("strict", tl.float64)
    assert {t.device for t in (*block.parameters(), *block.buffers())} == {"strict"}
    assert block.scale.dtype == tl.float64
    block(tl.ones(2, 3, dtype=tl.float64, device="strict")).sum().backward()
    assert block.scale.grad.device == "strict"
    block.cpu()
    assert (block.scale.device, block.scale.grad.device) == ("cpu", "cpu")
    block.to(tl.zeros(1, device="strict"))
    assert (block.scale.device, block.scale.dtype) == ("strict", tl.float32)
    block.load_state_dict(Block().state_dict())  # from the host
    with pytest.raises(TypeError, match=r"Block\.to.*int64"):
        block.to(tl.int64)
    with pytest.raises(ValueError, match="'nowhere'"):
        block.to(device="nowhere")


def test_a_deep_copy_is_independent_and_keeps_sharing():
    pair = Pair().eval()
    twin = copy.deepcopy(pair)
    assert twin.b.inner is twin.a.inner
    assert twin.a.inner is not pair.a.inner
    twin.a.scale.inplace()[...] = 9
    assert pair.a.scale.tolist() == [1, 1, 1]
    assert isinstance(twin.a.scale, nn.Parameter)
    assert not twin.training
    twin(tl.ones(1, 3)).sum().backward()
    assert pair.a.scale.grad is None


def test_a_model_and_its_optimizer_are_deep_copied_together():
    model = nn.Linear(2, 2)
    optimizer = nn.optim.Adam(model.parameters(), lr=0.1)
    model(tl.ones(1, 2)).sum().backward()
    optimizer.step()
    twin, its = copy.deepcopy((model, optimizer))
    assert twin.weight is its.param_groups[0]["params"][0] is not model.weight
    assert twin.weight.grad is None  # as in PyTorch
    for one, steps in ((twin, its), (model, optimizer)):
        steps.zero_grad()
        one(tl.ones(1, 2)).sum().backward()
        steps.step()
    assert twin.weight.tolist() == model.weight.tolist()


def test_a_module_without_forward_raises():
    class Empty(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match="Empty has no forward"):
        Empty()(tl.ones(1))
    with pytest.raises(AttributeError):
        _ = Empty().weight


def test_a_shared_parameter_cannot_load_two_different_arrays():
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    model[1].weight = model[0].weight
    model.load_state_dict({"0.weight": tl.ones(2, 2), "1.weight": tl.ones(2, 2)})
    with pytest.raises(ValueError, match=r"0\.weight and 1\.weight are one shared parameter, but have"):
        model.load_state_dict({"0.weight": tl.zeros(2, 2), "1.weight": tl.ones(2, 2)})
    assert model[0].weight.tolist() == [[1, 1], [1, 1]]


# --- modules made of functions ------------------------------------------------------------------------------


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


def test_a_subclass_may_have_its_own_init_inputs_order_and_fixed_values():
    class Twice(Scaled):
        def __init__(self):
            super().__init__(2.0, shift=0.0)

        def forward(self, x, y):
            return self.call_function(x + y)

    class ByName(FunctionLayer, function=lambda x, factor, *others, shift, power=1, **more: scaled(x, factor, shift)):
        pass

    class Other(FunctionLayer, function=lambda x, factor, shift, training: scaled(x, factor, shift) * training):
        order = ("shift", "factor")

    class Doubled(FunctionLayer, function=scaled):
        order = ("shift",)
        factor = 2.0

    one = tl.ones(1)
    assert Twice()(one, one).tolist() == [4] and not inspect.signature(Twice).parameters
    assert list(inspect.signature(ByName).parameters) == ["factor", "shift", "power"]
    assert ByName(2.0, shift=1.0)(one).tolist() == [3]
    assert Other(3.0, 2.0)(one).tolist() == [5] and Other(3.0, 2.0).eval()(one).tolist() == [0]
    assert Doubled(3.0)(one).tolist() == [5]
    assert list(inspect.signature(nn.Softmax).parameters) == ["dim"]  # the op's axis


def test_weights_of_a_loss_are_buffers():
    loss = nn.CrossEntropyLoss(tl.tensor([1.0, 2.0]))
    assert list(loss.state_dict()) == ["weight"] and loss.double().weight.dtype == tl.float64
    assert not list(nn.CrossEntropyLoss().state_dict())
