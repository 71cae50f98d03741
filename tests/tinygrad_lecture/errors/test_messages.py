"""Errors speak the user's language: for each kind of bad input, the op, the shapes, and what to do."""

import inspect
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lecture as tl
from tinygrad_lecture.errors import messages as errors
from tinygrad_lecture.ops import composite as names

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
        "linear: weight of shape (2, 3), (out, in), needs x of shape (..., 3), not (2,)",
    ),
    (lambda: x23.reshape(4, 2), ValueError, "reshape: the 6 elements of shape (2, 3) do not fill shape (4, 2)"),
    (lambda: x23.reshape(-1, -1), ValueError, "reshape: the 6 elements of shape (2, 3) do not fill shape (-1, -1)"),
    (lambda: x3.expand(2), ValueError, "shape (3,) does not broadcast to (2,): only a size of 1 may change"),
    (lambda: x23.permute(0, 0), ValueError, "permute: axes (0, 0) must name each of the 2 axes of shape (2, 3) once"),
    (lambda: tl.cat([x2, x23]), ValueError, "shapes (2,), (2, 3) must be equal in every axis except axis 0"),
    (lambda: tl.cat([]), ValueError, "there are no tensors to join"),
    (
        lambda: tl.outer(x23, x2),
        ValueError,
        "outer: needs two vectors, not shapes (2, 3) and (2,); flatten() them first",
    ),
    (lambda: x3.split([1, 1]), ValueError, "split: sizes [1, 1] do not add up to 3, the size of axis 0 of (3,)"),
    (lambda: tl.einsum("ij,jk->ik", x23), ValueError, "names 2 operands, but 1 were given"),
    (
        lambda: tl.cross_entropy(x23, tl.tensor([0, 1, 2])),
        ValueError,
        "cross_entropy: logits of shape (2, 3), (..., classes), need targets of shape (2,), not (3,)",
    ),
    # axes and indices that are not there
    (lambda: x23.sum(2), IndexError, "sum: axis 2 is out of range for a tensor with 2 axes; give 0 to 1, or -2"),
    (lambda: x23.sum(axis=(0, -3)), IndexError, "sum: axis -3 is out of range for a tensor with 2 axes"),
    (lambda: x23.argmax(5), IndexError, "argmax: axis 5"),
    (lambda: x23.squeeze(2), IndexError, "squeeze: axis 2 is out of range for a tensor with 2 axes"),
    (lambda: x23.unsqueeze(4), IndexError, "unsqueeze: axis 4 is out of range; shape (2, 3) takes -3 to 2"),
    (
        lambda: x3[3],
        IndexError,
        "x[index]: index 3 is out of bounds for axis 0 with size 3 (called with (3,) float32, 3)",
    ),
    (lambda: x3[0, 0], IndexError, "2 indices are too many for shape (3,)"),
    (lambda: x3["a"], IndexError, "an index is an int, a slice, None, ... or a tensor of integers or bools, not 'a'"),
    (lambda: x3[[0, 7]], IndexError, "index 7 is out of bounds"),
    (
        lambda: tl.cross_entropy(x23, tl.tensor([0, 3])),
        IndexError,
        "targets range from 0 to 3, but the classes are 0 to 2",
    ),
    (lambda: x23.topk(4), ValueError, "topk: k must be from 0 to 3, the size of axis 1 of shape (2, 3), not 4"),
    # values and dtypes that make no sense
    (
        lambda: tl.zeros(0).max(),
        ValueError,
        "max: a tensor of shape (0,) has no elements, so no largest or smallest one",
    ),
    (
        lambda: integers**-1,
        ValueError,
        "pow: integers cannot be raised to a negative power; convert with .float() first (called with (2,) int64, -1)",
    ),
    (lambda: -(x2 > 0), TypeError, "neg: bools have no negative; write ~x for not, or convert with .float()"),
    (lambda: integers.softmax(0), TypeError, "softmax: it takes floats, not int64; convert with .to(tl.float32)"),
    (lambda: tl.cross_entropy(x23, x2), ValueError, "targets must be integers (the class of each row), not float32"),
    (lambda: x2.norm(ord=0), ValueError, "norm: ord must be positive, inf or -inf, not 0"),
    (lambda: tl.gelu(x2, approximate="no"), ValueError, 'gelu: approximate must be "none" or "tanh", not \'no\''),
    # what is no number
    (lambda: x2 + "a", TypeError, "add: it takes tensors, arrays and numbers, not 'a'; convert it with float()"),
    (lambda: x2 * {1}, TypeError, "mul: it takes tensors, arrays and numbers, not {1}"),
    (lambda: x2 - np.array(["a", "b"]), TypeError, "sub: it takes arrays of numbers, not of <U1"),
    (lambda: x2 + None, TypeError, "add: it takes tensors, arrays and numbers, not None"),
    (lambda: x2 @ 3, TypeError, "matmul: a 0-d tensor has no rows and columns; multiply with *"),
    (lambda: x2 @ "a", TypeError, "matmul: it takes tensors, arrays and numbers, not 'a'"),
    (lambda: integers + 2**70, ValueError, "add: "),
    # functions made of ops, by their own names and with what they were given
    (lambda: x23.var(7), IndexError, "var: axis 7 is out of range for a tensor with 2 axes; give 0 to 1"),
    (lambda: x23.std(axis=7), IndexError, "std: axis 7"),
    (lambda: x23.norm(axis=7), IndexError, "norm: axis 7"),
    (lambda: x23.prod(7), IndexError, "prod: axis 7"),
    (lambda: x23.split(2, 7), IndexError, "split: axis 7 is out of range for a tensor with 2 axes"),
    (lambda: x23.chunk(2, axis=-3), IndexError, "chunk: axis -3 is out of range for a tensor with 2 axes"),
    (lambda: x23.flatten(0, 5), IndexError, "flatten: axis 5 is out of range"),
    (lambda: x23.transpose(0, 5), IndexError, "transpose: axis 5 is out of range for a tensor with 2 axes"),
    (lambda: x23.topk(1, axis=7), IndexError, "topk: axis 7"),
    (lambda: x23.take([9], 1), IndexError, "take: index 9 is out of bounds for axis 1 with size 3"),
    (lambda: x23.gather(1, tl.tensor([[7], [7]])), IndexError, "gather: index 7 is out of bounds"),
    (lambda: x23.masked_fill(tl.ones(4) > 0, 1), ValueError, "masked_fill: shapes (4,) and (2, 3) do not broadcast"),
    (lambda: tl.flatten(3), TypeError, "flatten: it takes tensors and arrays, not 3 (called with 3)"),
    (lambda: tl.one_hot(x2), TypeError, "one_hot: indices must be integers, not float32; convert with .long()"),
    (
        lambda: tl.einsum("ij,ij->i", x23, tl.ones(4, 3)),
        ValueError,
        "einsum: the axes 'i' have sizes 2 and 4, which must be equal (called with 'ij,ij->i', (2, 3) ",
    ),
    (
        lambda: tl.cat(x3, x3),
        TypeError,
        "cat: pass the tensors as a list, as in cat([a, b]), and the axis after it (called with (3,) float32, (3,) ",
    ),
    (lambda: tl.stack(x3, x3), TypeError, "stack: pass the tensors as a list, as in stack([a, b])"),
    (lambda: tl.cat(x23), TypeError, "cat: pass the tensors as a list"),
    (lambda: tl.cat([x3, x3], 5), IndexError, "cat: axis 5 is out of range for shape (3,); to join along"),
    (lambda: tl.stack([x3, x3], 5), IndexError, "stack: axis 5 is out of range; shape (3,) takes -2 to 1"),
    (
        lambda: tl.stack([x23, x3]),
        ValueError,
        "stack: the shapes (2, 3), (3,) must be the same (called with [(2, 3) float32, (3,) float32])",
    ),
    (lambda: tl.stack([x3] * 4 + [x2]), ValueError, "(called with a list of 5)"),
    (lambda: tl.dot(x2, x3), ValueError, "dot: needs two vectors of one length, not shapes (2,) and (3,)"),
    (lambda: tl.bmm(x23, x23), ValueError, "bmm: needs shapes (b, n, k) and (b, k, m), not (2, 3) and (2, 3); batches"),
    (lambda: x23.expand(4, 4), ValueError, "expand: shape (2, 3) does not broadcast to (4, 4)"),
    (lambda: x23.repeat(2), ValueError, "repeat: shape (2, 3) needs a count, 0 or more, for each of its 2 axes"),
    (lambda: x23.diagonal(dim1=0, dim2=-2), ValueError, "diagonal: an axis is named twice in (0, -2)"),
    (lambda: x3.diagonal(), IndexError, "diagonal: axis 1 is out of range for a tensor with 1 axes"),
    (lambda: x23.unbind(2), IndexError, "unbind: axis 2 is out of range"),
    (lambda: tl.randint_like(3, 2), TypeError, "randint_like: its first argument must be a Tensor, not an int"),
    # writing
    (
        lambda: tl.zeros(5).__setitem__(slice(2), x3),
        ValueError,
        "x[index] = value: a value of shape (3,) does not broadcast to x[index], which has shape (2,)",
    ),
    (
        lambda: (tl.ones(5, requires_grad=True) * 1).__setitem__(slice(2), x3),
        ValueError,
        "x[index] = value: a value of shape (3,) does not broadcast to x[index], which has shape (2,)",
    ),
    (lambda: tl.zeros(3).__setitem__(0, "a"), ValueError, "x[index] = value: could not convert string to float"),
    (lambda: tl.zeros(3).__setitem__(7, 1), IndexError, "x[index] = value: index 7 is out of bounds"),
    (lambda: setattr(tl.ones(3), "grad", x2), ValueError, "a gradient of shape (2,) does not fit a tensor of"),
    (lambda: setattr(tl.ones(3), "grad", 1.0), TypeError, "grad must be a Tensor or None, not a float"),
    # settings without sense
    (lambda: tl.masked_fill(x3, x3 > 0, x3), ValueError, "masked_fill: value must be one number, not of shape (3,)"),
    (lambda: tl.diff(x3, n=-1), ValueError, "diff: n must be 0 or more, not -1"),
    (lambda: tl.cov(x23, fweights=tl.ones(1)), ValueError, "cov: fweights must be a tensor with one for each of 3"),
    (lambda: tl.cov(x23, aweights=[1, 2]), ValueError, "with one for each of 3 observations, not [1, 2]"),
    (
        lambda: tl.cross(tl.ones(1), x3),
        ValueError,
        "cross: needs vectors of three numbers along axis 0, not shapes (1,)",
    ),
    (lambda: tl.one_hot(integers, -2), ValueError, "num_classes must be 0 or more, or -1 for the largest index + 1"),
    (
        lambda: tl.index_select(x23, 0, x23.long()),
        IndexError,
        "index_select: index must be a vector, not of shape (2, 3)",
    ),
    (lambda: tl.einsum("ii->i", tl.ones(1, 3)), ValueError, "einsum: 'i' stands twice for operand 0 of shape (1, 3)"),
    (lambda: tl.zeros(3).normal_(0, -1), ValueError, "normal_: std must be 0 or more, not -1"),
    (lambda: tl.zeros(3).uniform_(1, 0), ValueError, "uniform_: low must not be above high, but they are 1 and 0"),
    (lambda: tl.zeros(3).exponential_(0), ValueError, "exponential_: lambd must be above 0, not 0"),
    (lambda: tl.zeros(3).random_(3, 3), ValueError, "random_: there is no integer from 3 to 2"),
    (
        lambda: tl.func.jacobian(lambda x: ())(x3),
        TypeError,
        "jacobian: the function must return a Tensor, or tuples or dicts of them, not an empty tuple",
    ),
    # making tensors
    (lambda: tl.tensor([1j]), TypeError, "tensor: tensors hold no complex numbers"),
    (lambda: tl.tensor([1.0], dtype="complex64"), TypeError, "tensor: tensors hold no complex numbers"),
    (lambda: tl.zeros("a"), TypeError, "zeros: the sizes of a shape must be ints, not 'a'"),
    (lambda: tl.ones(2.5), TypeError, "ones: the sizes of a shape must be ints, not 2.5"),
    (lambda: tl.zeros(-1), ValueError, "zeros: the sizes of a shape must not be negative, but -1 is"),
    (lambda: tl.full((2, -3), 1), ValueError, "full: the sizes of a shape must not be negative, but -3 is"),
    (lambda: tl.empty(-1), ValueError, "empty: the sizes"),
    (lambda: tl.rand(-1), ValueError, "rand: the sizes"),
    (lambda: tl.randn("a"), TypeError, "randn: the sizes"),
    (lambda: tl.randint(3, (-1,)), ValueError, "randint: the sizes"),
    (lambda: tl.randint("a"), TypeError, "randint: low and high must be ints, not 'a'"),
    (lambda: tl.full(2, "a"), TypeError, "full: fill_value must be a number, not 'a'"),
    (lambda: x23.reshape("a"), TypeError, "the sizes of a shape must be ints, not 'a'"),
    (lambda: x23.permute(0, 1.5), TypeError, "axes must be ints, not 1.5"),
    (lambda: tl.einsum(x23, x23), TypeError, "einsum: the equation comes first"),
    (lambda: x23.norm("nuc"), ValueError, "norm: ord must be positive, inf or -inf, not 'nuc'"),
    (lambda: tl.eye("a"), TypeError, "eye: n and m must be ints, not 'a'"),
    (lambda: tl.linspace(0, 1, 2.5), TypeError, "linspace: steps must be ints, not 2.5"),
    (lambda: tl.randperm("a"), TypeError, "randperm: n must be ints, not 'a'"),
    (lambda: tl.arange("a"), TypeError, "arange: start, end and step must be numbers, not 'a'"),
    (lambda: tl.ones_like(3), TypeError, "ones_like: its first argument must be a Tensor, not an int"),
    # functions of functions
    (
        lambda: tl.gradcheck(tl.mul, x3, x3),
        TypeError,
        "gradcheck: put all inputs in a tuple, as in gradcheck(f, (a, b)); the other arguments are keyword-only",
    ),
    (
        lambda: tl.gradgradcheck(tl.mul, x3, x3),
        TypeError,
        "gradgradcheck: mul(a, b) cannot be called with 1 input (missing a required argument: 'b'); put all",
    ),
    (
        lambda: tl.gradcheck(x3, x3),
        TypeError,
        "gradcheck: the first argument must be the function to check, not a Tensor",
    ),
    (lambda: tl.checkpoint(x3, x3), TypeError, "checkpoint: the function to run comes first and its inputs after it"),
    (lambda: tl.func.jacobian(tl.exp, x3), TypeError, "jacobian makes a function: write jacobian(f)(x), not"),
    (lambda: tl.func.hessian(tl.exp, x3), TypeError, "hessian makes a function: write hessian(f)(x)"),
    (lambda: tl.func.grad(tl.exp, x3), TypeError, "grad makes a function: write grad(f)(x)"),
    (lambda: tl.func.value_and_grad(tl.exp, x3), TypeError, "value_and_grad makes a function"),
    (lambda: tl.func.grad(x3), TypeError, "grad: the function to differentiate comes first; a Tensor of shape (3,)"),
    (lambda: tl.func.vjp(x3, x3), TypeError, "vjp: the function to differentiate comes first"),
    (lambda: tl.func.jvp(x3, (x3,), (x3,)), TypeError, "jvp: the function to differentiate comes first"),
    (lambda: tl.func.hvp(x3, (x3,), (x3,)), TypeError, "hvp: the function to differentiate comes first"),
    # arguments too many, too few, or twice
    (lambda: tl.exp(), TypeError, "exp: x is missing: exp(x) (called with nothing)"),
    (lambda: tl.add(x2), TypeError, "add: b is missing: add(a, b)"),
    (lambda: tl.exp(x2, 3), TypeError, "exp takes at most 1 arguments, not 2"),
    (
        lambda: tl.pad(x23, (1, 2, 3, 4)),
        ValueError,
        "pad: pad_width (1, 2, 3, 4) does not fit shape (2, 3): give a pair",
    ),
    (
        lambda: tl.pad(x23, -1),
        ValueError,
        "for each axis, as in ((0, 0), (1, 2)) for the last axis only, or one pair or int for",
    ),
    (lambda: tl.clip(x2, "a"), TypeError, "clip: min must be a number or None, not 'a'"),
    (lambda: x23.gather(1, x23 > 0), IndexError, "gather: index must hold integers (the element to take along axis 1)"),
    (lambda: x2 + 1j, TypeError, "add: tensors hold no complex numbers; split them into .real and .imag"),
    (lambda: np.array([1j, 2j]) * x2, TypeError, "mul: tensors hold no complex numbers"),
    (lambda: x2.sum(times=2), TypeError, "sum: it has no argument times; it has axis, keepdims"),
    (lambda: tl.softmax(x2, axs=0), TypeError, "softmax: it has no argument axs; write axis"),
    (lambda: tl.matmul(a=x2, b=x2), TypeError, "matmul: inputs go by position: matmul(a, b)"),
    (lambda: tl.outer(x2), TypeError, "outer: b is missing: outer(a, b)"),
    (lambda: tl.outer(x2, x2, b=x2), TypeError, "outer: b is given twice, by position and by name"),
    (lambda: tl.cat(x2, x2, x2), TypeError, "cat: it takes 2 arguments by position, not 3: cat(tensors)"),
    (lambda: tl.op(lambda x, /: None)(x2), TypeError, "forward returned None: is a return missing?"),
    (lambda: tl.op(lambda x, /: x.detach())(x2), TypeError, "forward gets arrays, and an array has no detach"),
    (lambda: type(tl.no_grad).__enter__(tl.no_grad), TypeError, "write `with tl.no_grad():`, with parentheses"),
    (lambda: tl.nn, AttributeError, "write nn, after `import nn`"),
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


def test_the_array_librarys_own_error_is_not_shown_above():
    with pytest.raises(ValueError, match="add") as caught:
        x2 + x3
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "operands could not be broadcast" in str(caught.value.__context__)


def test_an_error_inside_the_users_own_op_is_shown_since_it_has_the_line():
    @tl.op
    def mine(x, /):
        return x + np.ones(7)

    with pytest.raises(ValueError, match="mine: operands could not be broadcast") as caught:
        mine(x2)
    assert isinstance(caught.value.__cause__, ValueError)


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


def test_the_graph_and_its_errors_know_functions_by_the_names_that_users_call():
    x = tl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    for name, y in (
        ("x[index]", x[1:]),
        ("cat", tl.cat([x, x])),
        ("stack", tl.stack([x, x])),
        ("einsum", tl.einsum("i,i->", x, x)),
        ("var", x.var()),
        ("std", x.std()),
        ("split", x.split(2)[1]),
        ("sort", x.sort().values),
        ("softmax", tl.softmax(x)),
        ("exp", x.exp()),
    ):
        assert y.grad_fn.node.name == name
        y.sum().backward()
        if name in ("einsum", "var", "std", "softmax", "exp"):  # the others save no arrays
            with pytest.raises(RuntimeError, match=f"freed what {name} saved"):
                y.backward(tl.ones_like(y))
    with tl.reference():
        assert tl.layer_norm(x).grad_fn.node.name == "layer_norm"


def test_a_function_that_hands_its_input_on_leaves_its_name():
    x = tl.tensor(1.0, requires_grad=True) * 2
    assert x.contiguous() is x
    assert x.grad_fn.node.name == "mul"
    assert tl.split(x=x.reshape(1), split_size=1)[0].grad_fn.node.name == "split"


def test_an_error_from_within_is_not_raised_twice():
    with pytest.raises(IndexError, match="std: axis 7") as caught:
        x23.std(7)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


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


# --- rules that return what is no gradient --------------------------------------------------------------------------


def student_op(rule):
    @tl.op
    def student(x, /):
        return x * x

    student.backward(rule)
    return student


BAD_RULES = [
    (lambda g: None, False, "returned None: is a return missing?"),
    (lambda g: 2.0, False, "returned a float; a gradient is an array of its input's shape"),
    (lambda g: [1, 2, 3], False, "returned a list of 3: a rule returns one gradient"),
    (lambda g: (g, g), False, "returned a tuple of 2: a rule returns one gradient"),
    (lambda g: tl.tensor(g) * 2, False, "returned a Tensor, but it was given arrays"),
    (lambda g: np.ones(3, np.float32), True, "returned an array under create_graph=True"),
    (lambda g: None, True, "returned None: is a return missing?"),
]


@pytest.mark.parametrize("wrapped", [lambda y: y, lambda y: y.exp() * 2], ids=["at the leaf", "further up"])
@pytest.mark.parametrize(("rule", "create_graph", "message"), BAD_RULES, ids=[said[:22] for *_, said in BAD_RULES])
def test_what_is_no_gradient_is_refused_with_the_name_of_the_op(rule, create_graph, message, wrapped):
    for x in (tl.ones(3, requires_grad=True), tl.ones(3, requires_grad=True) * 1):
        y = wrapped(student_op(rule)(x)).sum()
        with pytest.raises(TypeError, match=re.escape(f"the backward rule of student {message}")):
            y.backward(create_graph=create_graph)


@pytest.mark.parametrize(("rule", "create_graph", "message"), BAD_RULES, ids=[said[:22] for *_, said in BAD_RULES])
def test_gradcheck_says_so_too(rule, create_graph, message):
    check = tl.gradgradcheck if create_graph else tl.gradcheck
    with pytest.raises(tl.GradcheckError, match="the backward rule of student returned") as caught:
        check(student_op(rule), tl.ones(3, dtype=tl.float64))
    assert caught.value.culprit == "student"
    assert caught.value.hint in ("returned-none", "no-array", "numpy-in-rule")


@pytest.mark.parametrize("function", [np.exp, lambda x: np.where(x > 0, 2 * x, x)])
def test_a_rule_of_numpy_functions_gets_a_note_under_create_graph(function):
    op = student_op(lambda g: g * function(g))
    x = tl.ones(3, requires_grad=True)
    op(x).sum().backward()
    upstream = tl.ones(3, requires_grad=True)
    with pytest.raises((TypeError, RuntimeError)) as caught:
        op(x).backward(upstream, create_graph=True)
    (note,) = caught.value.__notes__
    assert "raised by the backward rule of student; for higher derivatives" in note
    assert "write it with operators and tl functions, such as tl.exp(x) for np.exp(x)" in note


def test_any_error_of_a_rule_names_the_op():
    op = student_op(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError) as caught:
        op(tl.ones(3, requires_grad=True)).sum().backward()
    assert caught.value.__notes__ == ["raised by the backward rule of student"]


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
