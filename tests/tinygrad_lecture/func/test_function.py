"""Function: an op as a class with forward and backward, as PyTorch's programs write it."""

import numpy as np
import pytest

import tinygrad_lecture as tl
from tinygrad_lecture.func import Function


class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * g


class Exp(Function):
    """Saves its output."""

    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0]


class Scaled(Function):
    """Takes a number, which has no gradient, and asks which gradients are needed."""

    asked: tuple[bool, ...] = ()

    @staticmethod
    def forward(ctx, x, w, factor, bias=None):
        ctx.save_for_backward(x, w, bias)
        ctx.factor = factor
        y = x * w * factor
        return y if bias is None else y + bias

    @staticmethod
    def backward(ctx, g):
        x, w, bias = ctx.saved_tensors
        Scaled.asked = ctx.needs_input_grad
        by_x = g * w * ctx.factor if ctx.needs_input_grad[0] else None
        by_w = (g * x * ctx.factor).sum(0) if ctx.needs_input_grad[1] else None
        return by_x, by_w, None, None if bias is None else g.sum(0)


class SinAndCos(Function):
    """Two outputs."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin(), x.cos()

    @staticmethod
    def backward(ctx, by_sin, by_cos):
        (x,) = ctx.saved_tensors
        return by_sin * x.cos() - by_cos * x.sin()


class Sorted(Function):
    """An output that is an integer, and one that is said to have no gradient."""

    @staticmethod
    def forward(ctx, x):
        values, indices = x.sort()
        spread = values[-1] - values[0]
        ctx.mark_non_differentiable(indices, spread)
        ctx.save_for_backward(indices)
        return values, indices, spread

    @staticmethod
    def backward(ctx, g, by_indices, by_spread):
        assert not by_indices.any() and not by_spread.any()
        (indices,) = ctx.saved_tensors
        return tl.zeros_like(g).scatter(0, indices, g)


def numbers(*shape, seed=0):
    return tl.tensor(np.random.default_rng(seed).uniform(0.5, 2, shape), requires_grad=True)


FUNCTIONS = {
    "Cube": (Cube.apply, (numbers(3),)),
    "Exp": (Exp.apply, (numbers(2, 3),)),
    "Scaled": (lambda x, w: Scaled.apply(x, w, 2.0), (numbers(2, 3), numbers(3, seed=1))),
    "Scaled, with a bias": (
        lambda x, w, b: Scaled.apply(x, w, 2.0, b),
        (numbers(2, 3), numbers(3, seed=1), numbers(3, seed=2)),
    ),
    "SinAndCos": (SinAndCos.apply, (numbers(3),)),
    "Sorted": (lambda x: Sorted.apply(x)[0], (numbers(4),)),
    "one within another": (lambda x: Cube.apply(Exp.apply(x)), (numbers(3),)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_and_second_gradients_are_right(name):
    function, inputs = FUNCTIONS[name]
    assert tl.gradcheck(function, inputs)
    assert tl.gradgradcheck(function, inputs)


def variant(base, **methods):
    """The Function with other static methods."""
    return type("Variant", (base,), {name: staticmethod(method) for name, method in methods.items()})


def flattened(ctx, x):
    ctx.shape = x.shape
    return x.view(-1)


def test_variants_of_rules():
    x = numbers(3)
    with pytest.raises(tl.GradcheckError, match="wrong in 3 of 3"):
        tl.gradcheck(variant(Cube, backward=lambda ctx, g: 2 * ctx.saved_tensors[0] ** 2 * g).apply, x)
    variant(Cube, backward=lambda ctx, g: None).apply(x).sum().backward()  # None stands for zeros
    assert x.grad.tolist() == [0, 0, 0]
    too_few = variant(Scaled, backward=lambda ctx, g: g)
    with pytest.raises(RuntimeError, match=r"Variant.backward returned 1 gradients for 3 arguments of forward"):
        too_few.apply(numbers(2, 3), x, 2.0).sum().backward()
    with pytest.raises(TypeError, match=r"Variant.forward must return a Tensor or a tuple of Tensors, not an int"):
        variant(Cube, forward=lambda ctx, x: 3).apply(x)
    a_view = variant(Function, forward=flattened, backward=lambda ctx, g: g.view(ctx.shape))
    assert tl.gradcheck(a_view.apply, numbers(2, 3))
    import nn.torch as torch

    once = torch.autograd.function.once_differentiable(Cube.backward)
    assert tl.gradcheck(variant(Cube, backward=once).apply, x)


def test_an_argument_that_is_the_output_has_the_gradient_of_the_rule():
    """The identity forward, with the gradient's sign changed: of domain-adversarial training (Ganin, 2016)."""
    x = numbers(3)
    y = variant(Function, forward=lambda ctx, x: x, backward=lambda ctx, g: -g).apply(x)
    assert y is not x
    y.sum().backward()
    assert x.grad.tolist() == [-1, -1, -1]


def test_forward_records_nothing_and_its_result_one_step():
    x = numbers(3)
    y = Cube.apply(x)
    assert y.grad_fn.next_functions[0][0].name() == "leaf"
    assert y.grad_fn.name() == "Cube"
    assert not Cube.apply(x.detach()).requires_grad
    with tl.no_grad():
        assert not Cube.apply(x).requires_grad


def test_a_saved_tensor_may_not_change_until_backward():
    x = numbers(3) * 1
    y = Cube.apply(x)
    x.inplace()[...] = 0
    with pytest.raises(RuntimeError, match="Cube saved for backward was changed in place"):
        y.sum().backward()
