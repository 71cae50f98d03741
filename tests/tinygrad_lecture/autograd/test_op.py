"""Declaring ops and rules: what a student's own op gets, and is told."""

import gc
import weakref

import numpy as np
import pytest

import tinygrad_lecture as tl
from gradchecks import make
from tinygrad_lecture.func import Function


@tl.op
def scaled_power(x, y, /, scale=2.0):
    """scale * x ** y."""
    return scale * x**y


@scaled_power.backward("x")
def _(g, x, y, scale):
    return g * scale * y * x ** (y - 1)


@scaled_power.backward("y")
def _(g, x, out):
    return g * out * tl.log(x)


def test_a_rule_gets_inputs_settings_and_the_output_by_name():
    x = tl.tensor([2.0, 3.0], dtype=tl.float64, requires_grad=True)
    y = tl.tensor([1.0, 2.0], dtype=tl.float64, requires_grad=True)
    scaled_power(x, y, scale=5.0).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [5, 30])
    np.testing.assert_allclose(y.grad.numpy(), [10 * np.log(2), 45 * np.log(3)])


def test_a_rule_written_with_ops_serves_higher_orders():
    x = tl.tensor([2.0], dtype=tl.float64, requires_grad=True)
    (first,) = tl.grad(scaled_power(x, 3), x, create_graph=True)
    (second,) = tl.grad(first, x, create_graph=True)
    (third,) = tl.grad(second, x)
    assert (first.item(), second.item(), third.item()) == (24, 24, 12)


def test_shapes_and_dtypes_may_be_asked_for_and_keep_no_array_alive():
    def rule(g, x_shape, x_dtype, x_device):
        assert (x_shape, x_dtype, x_device) == ((3,), np.float64, "cpu")
        return np.full(x_shape, g, x_dtype)

    total = make(lambda x, /: x.sum(), x=rule)
    leaf = tl.ones(3, dtype=tl.float64, requires_grad=True)
    x = leaf * 2
    memory = weakref.ref(x._array)
    y = total(x)
    del x
    gc.collect()
    assert memory() is None
    y.backward()
    assert leaf.grad.tolist() == [2, 2, 2]


def test_only_what_the_rules_of_tracked_inputs_ask_for_is_kept():
    a, b = tl.ones(3, requires_grad=True), tl.ones(3)
    fresh = b * 1
    memory = weakref.ref(a._array)
    y = a * fresh  # the rule for a wants b; none is needed for b, so a is not kept
    assert all(kept is not a._array for values in y._node.saved for kept in values)
    assert memory() is not None


def test_any_number_of_inputs():
    @tl.op
    def weighted(*arrays, weights):
        return sum(w * a for w, a in zip(weights, arrays, strict=True))

    @weighted.backward
    def _(upstream, index, arrays, shapes, weights):
        assert len(arrays) == 2
        assert shapes == [(2,), (1,)]
        return upstream * weights[index]

    a, b = tl.ones(2, requires_grad=True), tl.ones(1, requires_grad=True)
    weighted(a, b, weights=[3.0, 4.0]).sum().backward()
    assert a.grad.tolist() == [3, 3]
    assert b.grad.tolist() == [8]


def test_a_fused_op_runs_its_definition_for_reference_and_higher_orders():
    calls = []

    @tl.fused
    def square(x, /):
        calls.append("definition")
        return x * x

    def forward(x):
        calls.append("kernel")
        return x * x

    def backward(g, needs, x):
        calls.append("kernel backward")
        return (g * 2 * x,)

    square.kernel(forward, backward)
    x = tl.tensor([3.0], requires_grad=True)
    square(x).backward()
    assert calls == ["kernel", "kernel backward"]
    with tl.reference():
        square(x)
    assert calls.pop() == "definition"
    (first,) = tl.grad(square(x), x, create_graph=True)
    (second,) = tl.grad(first, x)
    assert (first.item(), second.item()) == (6, 2)


def test_a_kernel_keeps_values_of_its_own_where_the_call_is_recorded():
    calls = []

    @tl.fused
    def square(x, /):
        return x * x

    def forward(x, *, keep=False):
        calls.append(keep)
        return (x * x, [2 * x]) if keep else x * x

    square.kernel(forward, lambda g, needs, x, *, kept: (g * kept[0],))
    x = tl.tensor([3.0], requires_grad=True)
    assert square(x.array)[0] == 9
    with tl.no_grad():
        square(x)
    assert calls == [False, False]
    square(x).backward()
    assert calls.pop() is True
    assert x.grad.item() == 6
    (first,) = tl.grad(square(x), x, create_graph=True)
    assert tl.grad(first, x)[0].item() == 2


def test_an_optional_input_that_is_not_given_is_none_for_the_rules():
    @tl.op
    def scaled(x, w=None, /):
        return x * (1 if w is None else w)

    @scaled.backward("x")
    def _(g, w):
        return g if w is None else g * w

    @scaled.backward("w")
    def _(g, x):
        return g * x

    x = tl.tensor([1.0, 2.0], requires_grad=True)
    (alone,) = tl.grad(scaled(x).sum(), x)
    with_w = tl.grad(scaled(x, x).sum(), x, create_graph=True)[0]
    assert alone.tolist() == [1, 1]
    assert with_w.tolist() == [2, 4]


def number_in(k):
    """The number in a setting of any shape."""
    while not isinstance(k, float):
        k = k[0]
    return k


@pytest.mark.parametrize("wrap", [lambda k: k, lambda k: (k,), lambda k: [k], lambda k: ([k],)])
@pytest.mark.parametrize("kind", [np.array, list])
def test_a_setting_that_the_caller_changes_afterwards_has_been_copied(wrap, kind):
    scaled = make(lambda x, /, k=(): x * number_in(k), x=lambda g, k: g * number_in(k))
    x, k = tl.tensor([1.0, 2.0], requires_grad=True), kind([3.0])
    y = scaled(x, k=wrap(k)).sum()
    k[0] = 100
    y.backward()
    assert x.grad.tolist() == [3, 3]
    with pytest.raises(TypeError, match="k is a setting"):
        scaled(x, k=wrap(x))


# --- Function: an op as a class with forward and backward, as PyTorch's programs write it ---------------------


class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * g


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


class ExpAndCos(Function):
    """Two outputs, of which it saves one."""

    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(x, y)
        return y, x.cos()

    @staticmethod
    def backward(ctx, by_exp, by_cos):
        x, y = ctx.saved_tensors
        return by_exp * y - by_cos * x.sin()


class Sorted(Function):
    """An output that is an integer has no gradient."""

    @staticmethod
    def forward(ctx, x):
        values, indices = x.sort()
        ctx.save_for_backward(indices)
        return values, indices

    @staticmethod
    def backward(ctx, g, by_indices):
        assert not by_indices.any()
        (indices,) = ctx.saved_tensors
        return tl.zeros_like(g).scatter(0, indices, g)


def numbers(*shape, seed=0):
    return tl.tensor(np.random.default_rng(seed).uniform(0.5, 2, shape), requires_grad=True)


FUNCTIONS = {
    "Cube": (Cube.apply, (numbers(3),)),
    "Scaled": (lambda x, w: Scaled.apply(x, w, 2.0), (numbers(2, 3), numbers(3, seed=1))),
    "Scaled, with a bias": (
        lambda x, w, b: Scaled.apply(x, w, 2.0, b),
        (numbers(2, 3), numbers(3, seed=1), numbers(3, seed=2)),
    ),
    "ExpAndCos": (ExpAndCos.apply, (numbers(2, 3),)),
    "Sorted": (lambda x: Sorted.apply(x)[0], (numbers(4),)),
    "one within another": (lambda x: Cube.apply(ExpAndCos.apply(x)[0]), (numbers(3),)),
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
