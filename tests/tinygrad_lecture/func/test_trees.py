"""Transforms of functions of trees: the derivative has the form of the argument, as in torch.func."""

from collections import namedtuple

import numpy as np
import pytest

import tinygrad_lecture as tl
from tinygrad_lecture import func
from tinygrad_lecture.func.trees import leaves, map_leaves, with_leaves

Point = namedtuple("Point", "x y")
TREE = {"w": tl.tensor([1.0, 2.0]), "inner": [tl.tensor(3.0), (tl.tensor([4.0]),)]}


def f(tree):
    """w0² + w1² + a² b."""
    a, (b,) = tree["inner"]
    return (tree["w"] ** 2).sum() + a**2 * b.sum()


def as_lists(tree):
    return map_leaves(lambda x: x.tolist(), tree)


def test_leaves_go_from_left_to_right_and_back():
    tree = {"a": [1, (2, 3)], "b": Point(4, {"c": 5}), "d": ()}
    assert leaves(tree) == [1, 2, 3, 4, 5]
    assert with_leaves(tree, "vwxyz") == {"a": ["v", ("w", "x")], "b": Point("y", {"c": "z"}), "d": ()}
    assert leaves(None) == [None]


def test_the_gradient_has_the_form_of_the_argument():
    wanted = {"w": [2, 4], "inner": [24, ([9],)]}
    assert as_lists(func.grad(f)(TREE)) == wanted
    value, gradient = func.value_and_grad(f)(TREE)
    assert (value.item(), as_lists(gradient)) == (41, wanted)
    both = func.grad(lambda tree, x: f(tree) * x, (1, 0))(TREE, tl.tensor(2.0))
    assert as_lists(both) == (41, {"w": [4, 8], "inner": [48, ([18],)]})


def test_vjp_and_jvp_of_trees():
    g = lambda tree: {"square": tree["w"] ** 2, "rest": (f(tree),)}  # noqa: E731
    value, vjp_fn = func.vjp(g, TREE)
    assert as_lists(value) == {"square": [1, 4], "rest": (41,)}
    (product,) = vjp_fn({"square": tl.tensor([1.0, 0.0]), "rest": (tl.tensor(1.0),)})
    assert as_lists(product) == {"w": [4, 4], "inner": [24, ([9],)]}
    moving = map_leaves(tl.ones_like, TREE)
    _, moved = func.jvp(g, (TREE,), (moving,))
    assert as_lists(moved) == {"square": [2, 4], "rest": (6 + 24 + 9,)}


def test_jacobians_and_hessians_of_trees_nest():
    blocks = func.jacobian(lambda tree: [tree["w"] * tree["inner"][0]])(TREE)
    assert as_lists(blocks) == [{"w": [[3, 0], [0, 3]], "inner": [[1, 2], ([[0], [0]],)]}]
    curvature = func.hessian(f)(TREE)
    assert curvature["w"]["w"].tolist() == [[2, 0], [0, 2]]
    assert curvature["inner"][0]["inner"][1][0].tolist() == [6]
    assert curvature["inner"][0]["inner"][0].tolist() == 8


def test_hvp_of_trees():
    value, product = func.hvp(f, (TREE,), (map_leaves(tl.ones_like, TREE),))
    assert value.item() == 41
    assert as_lists(product) == {"w": [2, 2], "inner": [8 + 6, ([6],)]}


def test_aux_beside_every_transform():
    x = tl.tensor([1.0, 2.0])
    g = lambda x: (x * x, {"n": 2, "x": x})  # noqa: E731
    value, vjp_fn, aux = func.vjp(g, x, has_aux=True)
    assert (value.tolist(), vjp_fn(x)[0].tolist(), aux["n"], aux["x"].requires_grad) == ([1, 4], [2, 8], 2, False)
    _, moved, aux = func.jvp(g, (x,), (x,), has_aux=True)
    assert (moved.tolist(), aux["n"]) == ([2, 8], 2)
    jacobian, aux = func.jacobian(g, has_aux=True)(x)
    assert (jacobian.tolist(), aux["n"]) == ([[2, 0], [0, 4]], 2)
    with pytest.raises(TypeError, match="with has_aux the function must return a pair"):
        func.vjp(lambda x: x, x, has_aux=True)


def test_a_leaf_that_is_no_float_tensor_is_refused():
    with pytest.raises(TypeError, match="grad: can differentiate only with respect to Tensors, not an int"):
        func.grad(f)({**TREE, "step": 3})
    with pytest.raises(ValueError, match="2 primals, but 1 tangents"):
        func.jvp(lambda pair: pair[0], ([tl.ones(1), tl.ones(1)],), (tl.ones(1),))


# --- against PyTorch ----------------------------------------------------------------------------------------

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]])

CASES = {
    "grad of a dict": "F.grad(lambda p: (p['a'] * p['b'] ** 2).sum())({'a': x, 'b': y})",
    "grad_and_value": "F.grad_and_value(lambda x, y: ((x * y).sum(), x * 2), argnums=(0, 1), has_aux=True)(x, y)",
    "vjp": "F.vjp(lambda x, y: {'a': x * y, 'b': y.sum()}, x, y)[1]({'a': x, 'b': y.sum()})",
    "jvp": "F.jvp(lambda x, y: (x * y, x.sin()), (x, y), (y, x))",
    "jacrev of a dict": "F.jacrev(lambda p: p['a'].sum(0) * p['b'].sum(1)[0])({'a': x, 'b': y})",
    "jacfwd": "F.jacfwd(lambda x, y: (x * y).sum(0), argnums=(0, 1))(x, y)",
    "jacrev with aux": "F.jacrev(lambda x: (x.sum(0), x * 2), has_aux=True)(x)",
    "hessian of a dict": "F.hessian(lambda p: (p['a'] ** 2 * p['b']).sum())({'a': x[0], 'b': y[0]})",
    "hessian": "F.hessian(lambda x, y: (x * y ** 3).sum(), argnums=(0, 1))(x[0], y[0])",
    "per-sample gradients": "F.vmap(F.grad(lambda w, x: (w @ x).tanh().sum()), in_dims=(None, 0))(x, y)",
    "vmap of a dict": "F.vmap(lambda p, s: p['a'] * s, in_dims=({'a': 1}, None), out_dims=1)({'a': x}, y[0, 0])",
    "vmap in vmap": "F.vmap(F.vmap(lambda a, b: a * b, in_dims=(0, None)), in_dims=(0, 0))(x, y)",
    "vmap over jacrev": "F.vmap(F.jacrev(lambda x: x.sin() * x.sum()))(x)",
    "jacrev over vmap": "F.jacrev(F.vmap(lambda x: x.sum() ** 2))(x)",
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
