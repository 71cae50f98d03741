"""torch.autograd and torch.func: signatures as PyTorch has them; with the extra parity, its results."""

import numpy as np
import pytest

import nn
import nn.torch as torch
import tinygrad_lecture as tl
from tinygrad_lecture.func.trees import leaves

CASES = {
    "jacobian": "A.jacobian(lambda x: x.sum(0) ** 2, x)",
    "jacobian of a tuple": "A.jacobian(lambda x, y: (x * y, y.sum()), (x, y))",
    "hessian": "A.hessian(lambda x: (x ** 3).sum(), x)",
    "hessian of a tuple": "A.hessian(lambda x, y: (x * y ** 2).sum(), (x, y))",
    "vjp": "A.vjp(lambda x: x.exp().sum(0), x, y[0])",
    "vjp of a number": "A.vjp(lambda x, y: (x * y).sum(), (x, y))",
    "jvp": "A.jvp(lambda x, y: x * y.sin(), (x, y), (y, x))",
    "hvp": "A.hvp(lambda x: (x ** 3).sum(), x, y)",
    "hvp of a tuple": "A.hvp(lambda x, y: (x ** 2 * y).sum(), (x, y), (y, x))",
    "vhp": "A.vhp(lambda x: (x ** 3).sum(), x, y)",
}


def found(library, case):
    x = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]])
    names = {"A": library.autograd.functional, "x": library.tensor(x), "y": library.tensor(x[::-1] + 1)}
    return leaves(eval(CASES[case], names))


@pytest.mark.parity
@pytest.mark.parametrize("case", CASES)
def test_functional_gives_what_pytorch_gives(case):
    reference = pytest.importorskip("torch")
    for a, b in zip(found(reference, case), found(torch, case), strict=True):
        assert b.shape == a.shape
        np.testing.assert_allclose(b.numpy(), a.numpy(), rtol=1e-12)


def test_results_are_constants_unless_create_graph():
    x = tl.tensor([1.0, 2.0], requires_grad=True)
    f = lambda x: (x**3).sum()  # noqa: E731
    assert not torch.autograd.functional.jacobian(f, x).requires_grad
    slope = torch.autograd.functional.jacobian(f, x, create_graph=True)
    slope.sum().backward()
    assert x.grad.tolist() == [6, 12]


def test_gradient_before_value():
    gradient, value = torch.func.grad_and_value(lambda x: (x**2).sum())(tl.tensor([1.0, 2.0]))
    assert (gradient.tolist(), value.item()) == ([2, 4], 5)


def test_an_ensemble_runs_as_one_model():
    models = [nn.Linear(3, 2) for _ in range(4)]
    parameters, buffers = torch.func.stack_module_state(models)
    x = tl.randn(5, 3)
    call = lambda p, b, x: torch.func.functional_call(models[0], {**p, **b}, (x,))  # noqa: E731
    y = torch.vmap(call, in_dims=(0, 0, None))(parameters, buffers, x)
    np.testing.assert_allclose(y.detach().numpy(), [model(x).detach().numpy() for model in models], rtol=1e-6)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_anomalies_are_found_from_a_call_on_until_another():
    x = tl.tensor(-1.0, requires_grad=True)
    try:
        torch.autograd.set_detect_anomaly(True)
        with pytest.raises(RuntimeError, match="sqrt made the first nan"):
            x.sqrt()
    finally:
        torch.autograd.set_detect_anomaly(False)
    assert x.sqrt().isnan()
    with torch.autograd.set_detect_anomaly(True), pytest.raises(RuntimeError, match="nan"):
        x.sqrt()
    assert x.sqrt().isnan()


def test_gradcheck_answers_with_a_bool():
    x = tl.tensor([0.5, 2.0], dtype=tl.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: x**3, x, eps=1e-6, atol=1e-4) is True
    assert torch.autograd.gradgradcheck(lambda x: x**3, (x,), fast_mode=True) is True


def test_variable_is_the_tensor():
    x = tl.ones(2)
    assert torch.autograd.Variable(x, requires_grad=True) is x
    assert x.requires_grad


def test_backward_from_several_tensors():
    x = tl.ones(2, requires_grad=True)
    torch.autograd.backward([x.sum(), x * 2], [None, tl.tensor([1.0, 3.0])])
    assert x.grad.tolist() == [3, 7]
    with pytest.raises(NotImplementedError, match="inputs is not here"):
        torch.autograd.backward(x.sum(), inputs=[x])
