"""vmap: slices, axes, trees, random numbers; with gradients inside and outside."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lecture as tl
from tinygrad_lecture import func


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
    tree = {"x": numbers(2, 3), "pair": (numbers(3, 2), 5)}

    def f(tree, *, scale):
        a, factor = tree["pair"]
        return {"product": tree["x"] @ a * factor * scale}, (tree["x"],)

    axes = ({"x": 0, "pair": (1, None)},)
    result, (x,) = func.vmap(f, axes, out_dims=({"product": 0}, 1))(tree, scale=tl.tensor([1.0, 2.0]))
    a, b = tree["x"].numpy(), tree["pair"][0].numpy()
    np.testing.assert_allclose(result["product"].numpy(), [5 * a[0] @ b[:, 0], 10 * a[1] @ b[:, 1]])
    np.testing.assert_array_equal(x.numpy(), a.T)


def test_what_it_returns_can_be_differentiated():
    w, x = numbers(3).requires_grad_(), numbers(5, 3, seed=1)
    func.vmap(lambda x: (w * x).sum() ** 2)(x).sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), 2 * (x.numpy() @ w.detach().numpy()) @ x.numpy())
    total = lambda w: func.vmap(lambda x: (w * x).sum() ** 2)(x).sum()  # noqa: E731
    np.testing.assert_allclose(func.grad(total)(w.detach()).numpy(), w.grad.numpy())
