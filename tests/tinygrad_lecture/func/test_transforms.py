"""tl.func: each transform against derivatives known by hand, nested, and called wrongly."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tinygrad_lecture as tl
from numeric import close, constant, leaf
from tinygrad_lecture import func
from tinygrad_lecture.func.gradients import leaves, map_leaves, with_leaves


def number(value):
    return tl.tensor(value, dtype=tl.float64)


def cubes(x):
    return (x**3).sum()


# --- derivatives known by hand ------------------------------------------------------------------------------

X, Y, S, T = np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([1.0, -1.0]), np.array([2.0, 1.0])
x, y, s, t = map(tl.tensor, (X, Y, S, T))
grid = tl.tensor(np.arange(1.0, 7).reshape(2, 3))


def squared_under_no_grad(x):
    with tl.no_grad():
        c = x * x
    return (c * x).sum()


def assigned_to(x):
    y = x * 1
    y[0] = 5 * x[1]
    y += x
    return (y * y).sum()


def by_both(x, y):
    return (x * y * y).sum()


def sheet(x, y):
    return (x * x * y).sum()


KNOWN = {
    "an int argnum": (lambda: func.grad(by_both, 1)(x, y), 2 * X * Y),
    "argnums in another order": (lambda: func.grad(by_both, (1, 0))(x, y), ([6, 16], [9, 16])),
    "one tensor given twice": (lambda: func.grad(by_both, (0, 1))(y, y), ([9, 16], [18, 32])),
    "an argument that is ignored": (lambda: func.grad(lambda x, y: x.sum(), (0, 1))(x, y), ([1, 1], [0, 0])),
    # the example of Siskind & Pearlmutter, 2005: d/dx [x * d/dy (x + y)] is 1
    "x and y apart": (lambda: func.grad(lambda x: x * func.grad(lambda y: x + y)(number(1.0)))(number(3.0)), 1),
    # d/dx [x * d/dy (x y²) at 2x] = d/dx [4 x³] = 12 x²
    "no_grad inside": (lambda: func.grad(squared_under_no_grad)(constant(3)), [9]),
    "written to inside": (lambda: func.grad(assigned_to)(x), [2 * 11, 10 * 11 + 2 * 4 * 2]),
    "forward over reverse": (
        lambda: func.jvp(lambda x: func.vjp(cubes, x)[1](number(1.0))[0], (y,), (t,))[1], 6 * Y * T
    ),
    "jacobian": (lambda: func.jacobian(lambda x: x.T * 2)(grid), 2 * np.einsum("bi,aj->abij", np.eye(2), np.eye(3))),
    "jacobians of results by arguments": (
        lambda: func.jacobian(lambda x, y: (x * y, y * y), (0, 1))(x, constant(3)),
        ((3 * np.eye(2), [[1], [2]]), ([[0, 0]], [[6]])),
    ),
    "hessian in blocks": (
        lambda: func.hessian(sheet, (0, 1))(x, y),
        ((np.diag(2 * Y), np.diag(2 * X)), (np.diag(2 * X), np.zeros((2, 2)))),
    ),
    "hvp": (lambda: func.hvp(sheet, (x, y), (s, t)), (19, (2 * Y * S + 2 * X * T, 2 * X * S))),
}  # fmt: skip


def cubed(x):
    return x**3


def all_close(got, expected):
    if isinstance(got, tuple):
        for part, wanted in zip(got, expected, strict=True):
            all_close(part, wanted)
    else:
        assert got.shape == np.shape(expected)
        close(got, expected)


@pytest.mark.parametrize(("call", "expected"), KNOWN.values(), ids=KNOWN)
def test_derivatives_known_by_hand(call, expected):
    all_close(call(), expected)


# --- grad and value_and_grad --------------------------------------------------------------------------------


def test_dot_grad_and_the_arguments_are_left_alone():
    x = leaf(1, 2)
    w = leaf(3, 4)
    func.grad(lambda x: (x * w).sum())(x)
    func.hessian(lambda x: (x * w).sum())(x)
    assert (x.grad, w.grad, x.is_leaf) == (None, None, True)
    close(x, [1, 2])


# --- nesting, and tensors from outside ----------------------------------------------------------------------


def penalty(hessian):
    return (hessian * hessian).sum()


OUTSIDE = {  # a number that depends on w = (2, 3), which requires grad, and its gradient
    "a gradient": (lambda w: func.grad(lambda x: (w * x * x).sum())(y).sum(), 2 * Y),
    "a Hessian": (lambda w: penalty(func.hessian(lambda x: (w * x**3).sum())(y)), 2 * (6 * Y) ** 2 * [2, 3]),
    "an argument": (lambda w: func.grad(cubes)(w * w).sum(), 12 * np.array([2, 3]) ** 3),  # 3 w**4
    "a product": (lambda w: func.hvp(lambda x: (w * x**3).sum(), (y,), (t,))[1].sum(), 6 * Y * T),
}


@pytest.mark.parametrize(("call", "expected"), OUTSIDE.values(), ids=OUTSIDE)
def test_results_can_be_differentiated_by_what_they_depend_on_outside(call, expected):
    w = leaf(2, 3)
    call(w).backward()
    close(w.grad, expected)


def test_the_callers_graph_is_not_freed_by_a_transform():
    x = leaf(2)
    h = x.exp()
    func.grad(lambda y: (y * h).sum())(constant(3))
    func.vjp(lambda y: y * h, constant(3))[1](constant(1))
    h.sum().backward()
    close(x.grad, np.exp([2]))


def test_what_was_freed_outside_is_not_taken_for_a_constant():
    w = leaf(5)
    h = w.exp()
    h.sum().backward()
    gradient = func.grad(lambda x: (x * x * h).sum())(constant(1))
    with pytest.raises(RuntimeError, match="freed"):
        gradient.sum().backward()


def test_vjp_fn_may_be_called_again():
    out, vjp_fn = func.vjp(lambda x, y: x * y, constant(1, 2), constant(3, 4))
    close(out, [3, 8])
    assert not out.requires_grad
    for scale in (1, 10):
        by_x, by_y = vjp_fn(constant(scale, 0))
        close(by_x, [3 * scale, 0])
        close(by_y, [scale, 0])


# --- in general ---------------------------------------------------------------------------------------------

FUNCTIONS = [
    lambda x: tl.tanh(x) * x.sum(),
    lambda x: x.exp() / (1 + x * x),
    lambda x: tl.softmax(x) * 3,
    lambda x: tl.outer(x, x.sin()).reshape(-1),
    lambda x: tl.gelu(x)[::2],
    lambda x: x.cumsum(0) * x.flip(0),
]


@given(f=st.sampled_from(FUNCTIONS), n=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_the_transforms_agree_with_each_other(f, n, seed):
    rng = np.random.default_rng(seed)
    x, t = (tl.tensor(rng.uniform(-1, 1, n)) for _ in range(2))
    jacobian = func.jacobian(f)(x).numpy()
    out, vjp_fn = func.vjp(f, x)
    v = tl.tensor(rng.uniform(-1, 1, out.shape))
    close(vjp_fn(v)[0], v.numpy() @ jacobian)
    close(func.jvp(f, (x,), (t,))[1], jacobian @ t.numpy())

    def number(x):
        return (f(x) * v).sum()

    close(func.grad(number)(x), v.numpy() @ jacobian)
    hessian = func.hessian(number)(x).numpy()
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-12)
    close(func.hvp(number, (x,), (t,))[1], hessian @ t.numpy())


# --- functions of trees -------------------------------------------------------------------------------------


TREE = {"w": tl.tensor([1.0, 2.0]), "inner": [tl.tensor(3.0), (tl.tensor([4.0]),)]}


def f(tree):
    """w0² + w1² + a² b."""
    a, (b,) = tree["inner"]
    return (tree["w"] ** 2).sum() + a**2 * b.sum()


def g(tree):
    return {"square": tree["w"] ** 2, "rest": (f(tree),)}


ONES, OF_F = map_leaves(tl.ones_like, TREE), {"w": [2, 4], "inner": [24, ([9],)]}
UPSTREAM = {"square": tl.tensor([1.0, 0.0]), "rest": (tl.tensor(1.0),)}
OF_TREES = {
    "grad": (lambda: func.grad(f)(TREE), OF_F),
    "value_and_grad": (lambda: func.value_and_grad(f)(TREE), (41, OF_F)),
    "vjp": (lambda: func.vjp(g, TREE)[1](UPSTREAM), ({"w": [4, 4], "inner": [24, ([9],)]},)),
    "jvp": (lambda: func.jvp(g, (TREE,), (ONES,))[1], {"square": [2, 4], "rest": (6 + 24 + 9,)}),
    "jacobian": (
        lambda: func.jacobian(lambda tree: [tree["w"] * tree["inner"][0]])(TREE),
        [{"w": [[3, 0], [0, 3]], "inner": [[1, 2], ([[0], [0]],)]}],
    ),
    "hessian": (lambda: func.hessian(f)(TREE)["w"], {"w": [[2, 0], [0, 2]], "inner": [[0, 0], ([[0], [0]],)]}),
    "hvp": (lambda: func.hvp(f, (TREE,), (ONES,)), (41, {"w": [2, 2], "inner": [8 + 6, ([6],)]})),
}


@pytest.mark.parametrize(("call", "expected"), OF_TREES.values(), ids=OF_TREES)
def test_derivatives_have_the_form_of_the_argument(call, expected):
    assert map_leaves(lambda x: x.tolist(), call()) == expected


# --- functions of batches -----------------------------------------------------------------------------------


def numbers(*shape, seed=0):
    return tl.tensor(np.random.default_rng(seed).normal(size=shape))


@given(
    axes=st.tuples(*[st.sampled_from([None, 0, 1, -1])] * 2).filter(lambda axes: axes != (None, None)),
    out=st.sampled_from([0, 1, -1]),
)
def test_each_slice_goes_through_the_function_and_the_results_are_stacked(axes, out):
    x, y = numbers(3, 3), numbers(3, 3, seed=1)
    found = func.vmap(lambda a, b: a * 2 + b.sum(), axes, out)(x, y)
    slices = [
        [v if axis is None else v.moveaxis(axis, 0)[i] for i in range(3)] for v, axis in zip((x, y), axes, strict=True)
    ]
    wanted = [(a.numpy() * 2 + b.numpy().sum()) for a, b in zip(*slices, strict=True)]
    np.testing.assert_array_equal(found.numpy(), np.stack(wanted, out if wanted[0].ndim else 0))


def test_arguments_and_results_may_be_trees():
    tree, five = {"x": numbers(2, 3), "pair": (numbers(2, 3),)}, tl.tensor(5.0)

    def f(tree, factor, *, scale):
        (a,) = tree["pair"]
        return {"product": tree["x"] @ a * factor * scale}, (tree["x"],)

    result, (x,) = func.vmap(f, (0, None))(tree, five, scale=tl.tensor([1.0, 2.0]))
    a, b = tree["x"].numpy(), tree["pair"][0].numpy()
    np.testing.assert_allclose(result["product"].numpy(), [5 * a[0] @ b[0], 10 * a[1] @ b[1]])
    np.testing.assert_array_equal(x.numpy(), a)


def test_what_it_returns_can_be_differentiated():
    w, x = numbers(3).requires_grad_(), numbers(5, 3, seed=1)
    func.vmap(lambda x: (w * x).sum() ** 2)(x).sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), 2 * (x.numpy() @ w.detach().numpy()) @ x.numpy())
    total = lambda w: func.vmap(lambda x: (w * x).sum() ** 2)(x).sum()  # noqa: E731
    np.testing.assert_allclose(func.grad(total)(w.detach()).numpy(), w.grad.numpy())


# --- against PyTorch ----------------------------------------------------------------------------------------

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]])

CASES = {
    "grad_and_value": "F.grad_and_value(lambda x, y: (x * y).sum(), argnums=(0, 1))(x, y)",
    "vjp": "F.vjp(lambda x, y: {'a': x * y, 'b': y.sum()}, x, y)[1]({'a': x, 'b': y.sum()})",
    "jvp": "F.jvp(lambda x, y: (x * y, x.sin()), (x, y), (y, x))",
    "jacfwd": "F.jacfwd(lambda x, y: (x * y).sum(0), argnums=(0, 1))(x, y)",
    "hessian": "F.hessian(lambda x, y: (x * y ** 3).sum(), argnums=(0, 1))(x[0], y[0])",
    "per-sample gradients": "F.vmap(F.grad(lambda w, x: (w @ x).tanh().sum()), in_dims=(None, 0))(x, y)",
    "vmap over jacrev": "F.vmap(F.jacrev(lambda x: x.sin() * x.sum()))(x)",
}


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what PyTorch loads
@pytest.mark.parametrize("case", CASES)
def test_transforms_give_what_torch_func_gives(case):
    torch = pytest.importorskip("torch")
    import nn.torch as ours

    results = []
    for library in (torch, ours):
        x, y = library.tensor(X), library.tensor(X[::-1] + 1.0)
        results.append(eval(CASES[case], {"F": library.func, "x": x, "y": y}))
    theirs, found = results
    forms = [with_leaves(tree, (tuple(leaf.shape) for leaf in leaves(tree))) for tree in results]
    assert forms[0] == forms[1]
    for a, b in zip(leaves(theirs), leaves(found), strict=True):
        np.testing.assert_allclose(b.detach().numpy(), a.detach().numpy(), rtol=1e-12)
