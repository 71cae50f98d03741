"""Methods that end in an underscore: each does in place what its op does, with the gradient."""

import pytest

import tinygrad_lecture as tl

CHANGES = {
    "add_": lambda x: x + 2,
    "sub_": lambda x: x - 2,
    "mul_": lambda x: x * 2,
    "div_": lambda x: x / 2,
    "pow_": lambda x: x**2,
    "remainder_": lambda x: x % 2,
    "clamp_min_": lambda x: x.clip(2),
    "clamp_max_": lambda x: x.clip(None, 2),
}
PLAIN = (
    *("neg", "abs", "sign", "square", "floor", "ceil", "round", "exp", "expm1", "log", "log1p", "sqrt"),
    *("sin", "cos", "tanh", "sigmoid", "relu", "leaky_relu"),
    *("tan", "sinh", "cosh", "asinh", "atan", "exp2", "log2", "log10", "rsqrt", "reciprocal", "trunc", "frac"),
    *("erf", "erfc", "lgamma", "digamma", "nan_to_num"),
)


@pytest.mark.parametrize("name", [*CHANGES, *(f"{name}_" for name in PLAIN)])
def test_a_method_changes_the_tensor_as_its_op_does(name):
    def changed(x):
        if name in CHANGES:
            return getattr(x, name)(2)
        return getattr(x, name)()

    expected = CHANGES[name] if name in CHANGES else getattr(tl, name[:-1])
    start = tl.tensor([0.5, 1.25, 3.5])
    x = start.clone()
    view = x[1:]
    assert changed(x) is x
    assert x.equal(expected(start))
    assert view.equal(x[1:])
    a, b = (start.clone().requires_grad_() for _ in range(2))
    changed(a * 1).sum().backward()
    expected(b * 1).sum().backward()
    assert a.grad.equal(b.grad)
    with pytest.raises(RuntimeError, match="a leaf that requires grad"):
        changed(a)


def test_methods_with_more_arguments():
    x = tl.tensor([1.0, 2.0, 3.0])
    assert x.clamp_(1.5, max=2.5).tolist() == [1.5, 2, 2.5]
    assert x.masked_fill_(x > 2, 9.0).tolist() == [1.5, 2, 9]
    assert x.lerp_(tl.zeros(3), 0.5).tolist() == [0.75, 1, 4.5]
    assert x.addcmul_(tl.ones(3), tl.tensor([1.0, 2.0, 3.0]), value=2).tolist() == [2.75, 5, 10.5]
    assert x.addcdiv_(tl.ones(3), tl.full((3,), 2.0), value=-1).tolist() == [2.25, 4.5, 10]
    assert x.copy_(tl.tensor([1, 2, 3])).tolist() == [1, 2, 3]
    assert x.scatter_add_(0, tl.tensor([0, 0]), tl.ones(2)).tolist() == [3, 2, 3]
    assert tl.ones(2, 2).tril_().tolist() == [[1, 0], [1, 1]]
    assert tl.zeros(2, 3).fill_diagonal_(5).tolist() == [[5, 0, 0], [0, 5, 0]]


def test_in_place_forms_of_other_functions():
    x = tl.tensor([[3.0, 1.0], [2.0, 4.0]])
    assert x.clone().cumsum_(1).tolist() == [[3, 4], [2, 6]]
    assert x.clone().scatter_(1, tl.tensor([[1], [0]]), 9.0).tolist() == [[3, 9], [9, 4]]
    assert x.clone().gt_(2).tolist() == [[1, 0], [0, 1]]
    assert (x > 2).logical_not_().tolist() == [[False, True], [True, False]]
    assert tl.tensor([5, 6]).bitwise_and_(3).tolist() == [1, 2]
    assert x.clone().fmod_(2).tolist() == [[1, 1], [0, 0]]


def test_shapes_change_in_place_with_the_gradient():
    w = tl.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    x = w * 1
    view = x[:, 1:]
    assert x.squeeze_(0) is x
    assert (x.shape, x.unsqueeze_(1).shape, x.transpose_(0, 1).shape) == ((3,), (3, 1), (1, 3))
    x.t_()
    assert x.shape == (3, 1)
    (x * tl.tensor([[1.0], [2.0], [3.0]])).sum().backward()
    assert w.grad.tolist() == [[1, 2, 3]]
    x[1] = 7  # the views of the memory see it
    assert view.tolist() == [[7, 3]]
    with pytest.raises(RuntimeError, match=r"x.t_\(\) would change the shape of a leaf that requires grad"):
        w.t_()


def test_what_does_not_fit_is_an_error_of_both_kinds():
    for kind in (RuntimeError, ValueError):
        with pytest.raises(kind, match=r"x.mul_\(\): the result has shape"):
            tl.ones(2).mul_(tl.ones(3, 1))
    for kind in (RuntimeError, TypeError):
        with pytest.raises(kind, match=r"x.exp_\(\): float32 does not fit into x's int64"):
            tl.tensor([1, 2]).exp_()


def test_random_methods_fill_with_numbers_of_the_range():
    tl.manual_seed(0)
    x = tl.zeros(1000)
    assert -3 <= x.uniform_(-3, -1).min().item() < -2.9 < -1.1 < x.max().item() <= -1
    assert 4.8 < x.normal_(5, 2).mean().item() < 5.2
    assert sorted(set(x.random_(3, 6).tolist())) == [3, 4, 5]
    assert sorted(set(x.random_(2).tolist())) == [0, 1]
    assert 1.8 < x.exponential_(0.5).mean().item() < 2.2
    leaf = tl.zeros(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf that requires grad"):
        leaf.normal_()
    with tl.no_grad():
        assert leaf.normal_() is leaf
    assert leaf.requires_grad


def test_detach_makes_a_result_a_constant():
    w = tl.ones(2, requires_grad=True)
    h = w * 3
    (h * w).sum().backward()
    assert h.detach_() is h
    assert not h.requires_grad
    w.grad = None
    (h * w).sum().backward()
    assert w.grad.tolist() == [3, 3]
