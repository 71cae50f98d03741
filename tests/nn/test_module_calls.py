"""functional_call leaves a module as it was; threads that train at once."""

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl
from process import at_once
from tinygrad_lecture.random import replay


class WithBuffer(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(2, 2)
        self.register_buffer("shift", tl.ones(2))

    def forward(self, x, *, factor=1.0):
        return self.layer(x) * factor + self.shift


def test_parameters_and_buffers_are_replaced_for_one_call():
    model, x = WithBuffer(), tl.tensor([[1.0, 2.0]])
    own = model.layer.weight
    replaced = {"layer.weight": tl.eye(2), "layer.bias": tl.zeros(2), "shift": tl.tensor([10.0, 20.0])}
    assert nn.functional_call(model, replaced, x).tolist() == [[11.0, 22.0]]
    assert nn.functional_call(model, replaced, (x,), {"factor": 2.0}).tolist() == [[12.0, 24.0]]
    shift = {"shift": replaced.pop("shift")}
    assert nn.functional_call(model, (replaced, shift), x).tolist() == [[11.0, 22.0]]
    assert model.layer.weight is own and model.shift.tolist() == [1.0, 1.0]


def test_gradients_flow_to_the_replacements():
    model, x = nn.Linear(2, 1, bias=False), tl.tensor([[3.0, 4.0]])
    weight = tl.zeros(1, 2, requires_grad=True)
    nn.functional_call(model, {"weight": weight}, x).sum().backward()
    assert weight.grad.tolist() == [[3.0, 4.0]] and model.weight.grad is None
    hessian = tl.func.hessian(lambda w: (nn.functional_call(model, {"weight": w}, x) ** 2).sum())(weight.detach())
    assert hessian.reshape(2, 2).tolist() == [[18.0, 24.0], [24.0, 32.0]]


def test_a_shared_parameter_is_replaced_everywhere_by_either_name():
    layer = nn.Linear(2, 2, bias=False)
    twice, x = nn.Sequential(layer, layer), tl.ones(1, 2)
    for name in ("0.weight", "1.weight"):
        assert nn.functional_call(twice, {name: 2 * tl.eye(2)}, x).tolist() == [[4.0, 4.0]]


def test_a_failed_call_restores_the_module():
    model = nn.Linear(2, 2)
    own = model.weight
    with pytest.raises(ValueError, match=r"wanted \(..., 2\), got \(3,\)"):
        nn.functional_call(model, {"weight": tl.eye(2)}, tl.ones(3))
    assert model.weight is own


def test_a_shared_parameter_cannot_be_two():
    layer = nn.Linear(2, 2, bias=False)
    twice, x, a = nn.Sequential(layer, layer), tl.ones(1, 2), tl.eye(2)
    assert nn.functional_call(twice, {"0.weight": a, "1.weight": a}, x).tolist() == [[1.0, 1.0]]
    with pytest.raises(ValueError, match=r"0.weight and 1.weight are shared, but got two different tensors"):
        nn.functional_call(twice, {"0.weight": a, "1.weight": tl.eye(2)}, x)


def test_bad_replacements_are_refused():
    model = nn.Linear(2, 2)
    with pytest.raises(KeyError, match="Linear has no parameter or buffer 'weigth'"):
        nn.functional_call(model, {"weigth": tl.eye(2)}, tl.ones(2))
    with pytest.raises(TypeError, match="weight must be a Tensor, not list"):
        nn.functional_call(model, {"weight": [[1.0]]}, tl.ones(2))
    with pytest.raises(ValueError, match=r"weight must have shape \(2, 2\), not \(3, 3\)"):
        nn.functional_call(model, {"weight": tl.eye(3)}, tl.ones(2))


THREADS = 4


def in_own_stream(i):
    return replay(dict(np.random.PCG64(i).state))


def test_gradients_flow_through_a_shared_frozen_model_at_once():
    body = nn.Sequential(nn.Linear(5, 8), nn.LayerNorm(8), nn.Tanh()).requires_grad_(False)
    before = [p.tolist() for p in body.parameters()]

    def train(i):
        with in_own_stream(i):
            x, head = tl.randn(4, 5, requires_grad=True), nn.Linear(8, 1)
            for _ in range(20):
                (head(body(x)).square().mean() + (body[0].weight.T * 0.1).sum()).backward()
            return x.grad.tolist(), head.weight.grad.tolist()

    alone = [train(i) for i in range(THREADS)]
    assert at_once(THREADS, train) == alone
    assert [p.tolist() for p in body.parameters()] == before
