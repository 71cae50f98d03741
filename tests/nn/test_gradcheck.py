"""nn.gradcheck: inputs and parameters, on a copy, with names in the report."""

import numpy as np
import pytest

import nn
import tinygrad_lecture as tl


@tl.op
def halved(x, /):
    return x * x


@halved.backward
def _(g, x):
    return g * x  # where it should be 2 * x


class Scaled(nn.Module):
    def __init__(self):
        self.scale = nn.Parameter(tl.ones(3))
        self.inner = nn.Linear(3, 3)

    def forward(self, x, shift=0.0):
        return self.inner(x) * halved(self.scale) + shift


def test_a_wrong_rule_inside_is_found_and_the_parameter_named():
    with pytest.raises(tl.GradcheckError, match=r"of Scaled with respect to scale \(input 1\), shape \(3,\), is wrong"):
        nn.gradcheck(Scaled(), tl.randn(2, 3))
    report = nn.gradcheck(Scaled(), tl.randn(2, 3), raise_exception=False)
    assert not report and report.error.culprit == "halved"
    inner = Scaled()
    inner.scale.requires_grad_(False)
    assert nn.gradcheck(inner, tl.randn(2, 3), {"shift": tl.ones(3)}).checked == 6 + 9 + 3


def test_a_shared_parameter_is_checked_once_with_all_its_uses():
    class Tied(nn.Module):
        def __init__(self):
            self.there, self.back = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
            self.back.weight = self.there.weight

        def forward(self, x):
            return self.back(tl.tanh(self.there(x)))

    report = nn.gradcheck(Tied(), tl.randn(3, 2))
    assert report and report.checked == 6 + 4
    x, model = tl.randn(3, 2), Tied()
    slope = tl.grad(nn.functional_call(model, {"back.weight": model.there.weight}, x).sum(), [model.there.weight])[0]
    assert tl.any(slope != 0) and tl.any(nn.functional_call(model, {"there.weight": tl.zeros(2, 2)}, x) == 0)


def test_the_module_and_the_inputs_are_unchanged():
    model, x = nn.MLP([3, 4, 2], nn.Tanh), tl.randn(5, 3)
    before = {name: p.detach().numpy().copy() for name, p in model.named_parameters()}
    assert nn.gradcheck(model, x)
    assert not x.requires_grad and x.dtype == tl.float32
    for name, p in model.named_parameters():
        assert p.dtype == tl.float32 and p.grad is None and np.array_equal(p.detach().numpy(), before[name])


def test_inputs_that_require_grad_are_checked():
    a, b = tl.randn(2, requires_grad=True), tl.randn(2)

    class Product(nn.Module):
        def forward(self, x, y):
            return x * y

    assert nn.gradcheck(Product(), (a, b)).checked == 2
    assert nn.gradcheck(Product(), (a.detach(), b)).checked == 4


def test_a_function_is_refused():
    with pytest.raises(TypeError, match=r"must be a Module, not function; for a function use tl.gradcheck"):
        nn.gradcheck(lambda x: x, tl.randn(2))


def test_a_wrong_number_of_input_names_is_refused():
    with pytest.raises(ValueError, match="2 input_names for 1 inputs"):
        tl.gradcheck(tl.exp, tl.tensor([1.0], dtype=tl.float64), input_names=["x", "y"])
