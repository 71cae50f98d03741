"""What rearranging, joining and scattering refuse, and their views and methods."""

import numpy as np
import pytest

import tinygrad_lecture as tl

X = tl.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tl.roll(X, 1, 2), IndexError, "roll: axis 2 is out of"),
        (lambda: tl.moveaxis(X, (0, 1), 0), ValueError, "must name the same number of axes"),
        (lambda: tl.diag(tl.ones(2, 2, 2)), ValueError, "diag: needs a vector or a matrix"),
        (lambda: tl.trace(tl.ones(3)), ValueError, "trace: needs a matrix"),
        (
            lambda: X.repeat_interleave(tl.tensor([1, 2]), dim=1),
            ValueError,
            "2 repeats do not fit the size 3 of axis 1",
        ),
        (lambda: X.unfold(1, 4, 1), ValueError, "size must be from 0 to 3, and step at least 1"),
        (lambda: X.unfold(1, 2, 0), ValueError, "size must be from 0 to 3, and step at least 1"),
        (lambda: tl.masked_select(X, X), TypeError, "masked_select: the mask must be bools, not float32"),
        (lambda: tl.meshgrid(X), ValueError, "meshgrid: needs vectors"),
        (lambda: tl.meshgrid(X[0], indexing="yx"), ValueError, 'indexing must be "ij" or "xy", not \'yx\''),
        (lambda: tl.cross(X, tl.ones(2, 3), dim=0), ValueError, "needs vectors of three numbers along axis 0"),
        (lambda: tl.tensordot(X, X, 1), ValueError, r"axes \(1,\) of shape \(2, 3\) and axes \(0,\) of shape \(2, 3\)"),
        (lambda: X.scatter(2, tl.tensor([[0]]), 1.0), IndexError, "axis 2 is out of range"),
        (lambda: X.scatter_reduce(0, tl.tensor([[0]]), X, "max"), ValueError, 'reduce must be "sum", "prod"'),
        (lambda: tl.cumprod(X, 2), IndexError, "cumprod: axis 2 is out of"),
    ],
)
def test_bad_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_view_stays_a_view_and_a_copy_a_copy():
    x = X.clone()
    assert np.shares_memory(x.movedim(0, 1).numpy(), x.numpy())
    for copied in (x.diag(), x.roll(0), x[:, :1].cumprod(1)):
        assert not np.shares_memory(copied.numpy(), x.numpy())


def test_scatter_takes_a_number_by_name_or_in_the_place_of_src():
    index = tl.tensor([[2], [0]])
    for y in (
        X.scatter(1, index, 9.0),
        tl.scatter(X, dim=1, index=index, value=9.0),
        X.scatter(-1, index, tl.full((2, 1), 9.0)),
    ):
        assert y.tolist() == [[0, 1, 9], [9, 4, 5]]


def test_of_a_repeated_index_the_last_one_counts():
    x, src = tl.zeros(2, requires_grad=True), tl.tensor([1.0, 2.0], requires_grad=True)
    y = tl.scatter(x, 0, tl.tensor([0, 0]), src)
    assert y.tolist() == [2, 0]
    y.sum().backward()
    assert (x.grad.tolist(), src.grad.tolist()) == ([0, 1], [0, 1])


@pytest.mark.parametrize("reduce", ["sum", "prod", "mean", "amax", "amin"])
@pytest.mark.parametrize("dtype", ["int64", "float16"])
def test_scatter_reduce_keeps_the_dtype(reduce, dtype):
    x, src = tl.tensor([5, 7], dtype=dtype), tl.tensor([1, 2, 3], dtype=dtype)
    y = x.scatter_reduce(0, tl.tensor([0, 0, 0]), src, reduce)
    assert y.dtype == dtype
    assert y.tolist() == [
        {"sum": 11, "prod": 30, "mean": 2.75 if dtype == "float16" else 2, "amax": 5, "amin": 1}[reduce],
        7,
    ]
    assert x.scatter_reduce(0, tl.zeros(0, dtype=tl.int64), src[:0], reduce, include_self=False).tolist() == [5, 7]


def test_repeats_may_differ_and_may_be_a_tensor():
    y = tl.repeat_interleave(X, tl.tensor([2, 0, 1]), dim=1)
    assert y.tolist() == [[0, 0, 2], [3, 3, 5]]
