"""Errors speak the user's language: for each kind of bad input, the op, the shapes, and what to do."""

import inspect
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lecture as tl
from tinygrad_lecture import errors, names

x23, x3, x2, scalar = tl.ones(2, 3), tl.ones(3), tl.ones(2), tl.ones(())
integers = tl.tensor([0, 1])

CASES = [
    # shapes that do not fit
    (
        lambda: x23 + x2,
        ValueError,
        "add: shapes (2, 3) and (2,) do not broadcast: axis -1 has sizes 2 and 3, which must be equal or 1; reshape, "
        "transpose or unsqueeze one of them (called with (2, 3) float32, (2,) float32)",
    ),
    (lambda: tl.ones(4, 3) * x23, ValueError, "axis -2 has sizes 2 and 4"),
    (lambda: tl.where(x2 > 0, x3, 0), ValueError, "where: shapes (2,) and (3,) do not broadcast"),
    (
        lambda: x23 @ x23,
        ValueError,
        "matmul: (2, 3) @ (2, 3): the inner sizes 3 and 2 differ, and (n, k) @ (k, m) needs them equal; transpose one "
        "of them",
    ),
    (lambda: x23 @ tl.ones(5), ValueError, "the inner sizes 3 and 5 differ"),
    (lambda: x23 @ scalar, ValueError, "a 0-d tensor has no rows and columns; multiply with *"),
    (lambda: tl.ones(2, 1, 3) @ tl.ones(4, 3, 1), ValueError, "matmul: shapes (2,) and (4,) do not broadcast"),
    (
        lambda: tl.linear(x2, x23),
        ValueError,
        "linear: weight (2, 3) is (out, in) and wants x of shape (..., 3), got (2,)",
    ),
    (lambda: x23.reshape(4, 2), ValueError, "reshape: the 6 elements of shape (2, 3) do not fill shape (4, 2)"),
    (lambda: x23.reshape(-1, -1), ValueError, "reshape: the 6 elements of shape (2, 3) do not fill shape (-1, -1)"),
    (lambda: x3.expand(2), ValueError, "shape (3,) does not broadcast to (2,): a size may change only from 1"),
    (
        lambda: x23.permute(0, 0),
        ValueError,
        "permute: axes (0, 0) are no order of the 2 axes of shape (2, 3); name each once",
    ),
    (lambda: tl.cat([x2, x23]), ValueError, "shapes (2,), (2, 3) must agree in all sizes but that of axis 0"),
    (lambda: tl.cat([]), ValueError, "there is nothing to join"),
    (
        lambda: tl.outer(x23, x2),
        ValueError,
        "outer: needs two vectors, not shapes (2, 3) and (2,); flatten() them first",
    ),
    (lambda: x3.split([1, 1]), ValueError, "split: sizes [1, 1] do not add up to 3, the size of axis 0 of (3,)"),
    (lambda: tl.einsum("ij,jk->ik", x23), ValueError, "names 2 operands, and 1 are given"),
    (
        lambda: tl.cross_entropy(x23, tl.tensor([0, 1, 2])),
        ValueError,
        "cross_entropy: logits (2, 3) are (..., classes) and want targets of shape (2,), got (3,)",
    ),
    # axes and indices that are not there
    (lambda: x23.sum(2), IndexError, "sum: axis 2 is out of bounds"),
    (lambda: x23.sum(axis=(0, -3)), IndexError, "sum: axis -3 is out of bounds"),
    (lambda: x23.argmax(5), IndexError, "argmax: axis 5"),
    (lambda: x23.squeeze(2), IndexError, "squeeze: axis 2 is out of range for shape (2, 3)"),
    (lambda: x23.unsqueeze(4), IndexError, "unsqueeze: axis 4 is out of range; shape (2, 3) takes -3 to 2"),
    (lambda: x3[3], IndexError, "index 3 is out of bounds for axis 0 with size 3 (called with (3,) float32)"),
    (lambda: x3[0, 0], IndexError, "too many indices"),
    (lambda: x3["a"], IndexError, "only integers, slices"),
    (lambda: x3[[0, 7]], IndexError, "index 7 is out of bounds"),
    (
        lambda: tl.cross_entropy(x23, tl.tensor([0, 3])),
        IndexError,
        "targets run from 0 to 3, and there are classes 0 to 2",
    ),
    (lambda: x23.topk(4), ValueError, "topk: k = 4 of the 3 elements along axis 1 of shape (2, 3)"),
    # values and dtypes that make no sense
    (
        lambda: tl.zeros(0).max(),
        ValueError,
        "max: there is no largest or smallest element of nothing, and a tensor of shape (0,) has none",
    ),
    (
        lambda: integers**-1,
        ValueError,
        "pow: Integers to negative integer powers are not allowed. (called with (2,) int64, -1)",
    ),
    (lambda: -(x2 > 0), TypeError, "neg: The numpy boolean negative"),
    (lambda: integers.softmax(0), TypeError, "take floats, not int64; convert with .to(tl.float32)"),
    (
        lambda: tl.cross_entropy(x23, x2),
        ValueError,
        "targets must be integers, the number of each row's class, not float32",
    ),
    (lambda: x2.norm(ord=0), ValueError, "norm: ord must be positive, inf or -inf, not 0"),
    (lambda: tl.gelu(x2, approximate="no"), ValueError, 'gelu: approximate must be "none" or "tanh", not \'no\''),
    # what is no number
    (lambda: x2 + "a", TypeError, "add: it takes tensors, arrays and numbers, not 'a' (called with (2,) float32, 'a')"),
    (lambda: x2 * {1}, TypeError, "mul: it takes tensors, arrays and numbers, not {1}"),
    (lambda: x2 - np.array(["a", "b"]), TypeError, "sub: it takes arrays of numbers, not of <U1"),
    (lambda: x2 + None, TypeError, "add: "),
    (lambda: x2 @ 3, TypeError, "matmul: "),
    (lambda: x2 @ "a", TypeError, "matmul: it takes tensors, arrays and numbers, not 'a'"),
    (lambda: integers + 2**70, ValueError, "add: "),
    # arguments too many, too few, or twice
    (lambda: tl.exp(), TypeError, "exp: exp() missing 1 required positional argument: 'x' (called with nothing)"),
    (lambda: tl.add(x2), TypeError, "add: add() missing 1 required positional argument: 'b'"),
    (lambda: tl.exp(x2, 3), TypeError, "exp takes at most 1 arguments, not 2"),
    (lambda: x2.sum(times=2), TypeError, "sum: sum() got an unexpected keyword argument 'times'"),
    (lambda: x2.sum(0, axis=0), TypeError, "sum got axis twice"),
    (lambda: x2.sum(dim=0, axis=0), TypeError, "sum got dim and axis, which mean the same; give one"),
    (
        lambda: x2.var(keepdims=True, keepdim=True),
        TypeError,
        "var got keepdims and keepdim, which mean the same; give one",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES, ids=[message[:40] for *_, message in CASES])
def test_bad_input_is_explained(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


@pytest.mark.parametrize(("call", "error", "message"), CASES[:10], ids=[message[:40] for *_, message in CASES[:10]])
def test_under_no_grad_and_in_reference_mode_as_well(call, error, message):
    with tl.no_grad(), tl.reference(), pytest.raises(error):
        call()


def test_the_librarys_own_error_is_kept_as_the_cause():
    with pytest.raises(ValueError, match="add") as caught:
        x2 + x3
    assert "operands could not be broadcast" in str(caught.value.__cause__)


def test_plain_arrays_are_explained_as_tensors_are():
    with pytest.raises(ValueError, match=r"add: shapes \(2,\) and \(3,\) do not broadcast"):
        tl.add(np.ones(2), np.ones(3))


def test_a_complaint_that_fails_itself_gives_way_to_the_librarys_error():
    @tl.op
    def picky(x, /):
        raise ValueError("the real reason")

    @picky.explains
    def _(x):
        raise ZeroDivisionError

    with pytest.raises(ValueError, match=r"picky: the real reason \(called with \(2,\) float32\)"):
        picky(x2)


def test_an_argument_is_described_in_a_few_characters():
    assert errors.describe(np.ones((2, 3), "float32")) == "(2, 3) float32"
    assert errors.describe(2.5) == "2.5"
    assert errors.describe(list(range(100))) == "a list"


# --- broadcasting -------------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.integers(0, 3), max_size=3).map(tuple), max_size=3))
def test_broadcasting_is_complained_of_exactly_where_numpy_refuses(shapes):
    complaint = errors.broadcast_complaint(shapes)
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        assert complaint is not None
        axis = int(re.search(r"axis (-\d)", complaint)[1])
        sizes = {shape[axis] for shape in shapes if len(shape) >= -axis}
        assert len(sizes - {1}) > 1, f"axis {axis} is not at fault"
    else:
        assert complaint is None


# --- one name for two ---------------------------------------------------------------------------------------


def test_pytorchs_names_become_numpys():
    assert names.numpy_names("f", {"dim": 1, "keepdim": True}) == {"axis": 1, "keepdims": True}
    assert names.numpy_names("f", {"dims": [0, 1]}) == names.numpy_names("f", {"axis": [0, 1]}) == {"axis": (0, 1)}
    assert names.numpy_names("f", {"eps": 1}) == {"eps": 1}
    given = {"dim": 0}
    names.numpy_names("f", given)
    assert given == {"dim": 0}, "the caller's dict was changed"


def test_a_composite_keeps_its_name_signature_and_words():
    @names.composite
    def spread(x, axis=None):
        """Its words."""
        return x, axis

    assert spread(1, dim=2) == spread(1, 2) == (1, 2)
    assert (spread.__name__, spread.__doc__, str(inspect.signature(spread))) == (
        "spread",
        "Its words.",
        "(x, axis=None)",
    )
