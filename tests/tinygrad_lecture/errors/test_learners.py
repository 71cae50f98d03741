"""What a learner sees: each usual mistake is named, with what was given and what to write instead."""

import copy
import gc
import inspect
import re
import traceback
import weakref

import numpy as np
import pytest

import tinygrad_lecture as tl

t, w = tl.tensor([1.0, 2.0, 3.0]), tl.tensor([1.0, 2.0, 3.0], requires_grad=True)
x43, mask = tl.ones(4, 3), tl.tensor([True, False, True])


def declare(rule):
    @tl.op
    def sq(x, /, times=2):
        return x * x

    sq.backward(rule)


def assign(index, value):
    tl.zeros(3)[index] = value


def enter(kind):
    with kind:
        pass


def pair_of_gradients():
    @tl.op
    def product(x, b, /):
        return x * b

    product.backward("x", "b")(lambda g, x, b: (g * b, g * x))
    product(w, w).sum().backward()


MISTAKES = [
    # making a tensor
    (lambda: tl.Tensor(2, 3), TypeError, "not 3; several numbers go into one list, as in tl.tensor([1, 2])"),
    (lambda: tl.tensor(1.0, 2.0), TypeError, "not 2.0; several numbers go into one list"),
    (
        lambda: tl.tensor([1.0, None]),
        TypeError,
        "tensor: data must be numbers or nested lists of numbers, but data[1] is",
    ),
    (lambda: tl.tensor([[1, 2], [3, "4"]]), TypeError, "data[1][1] is the text '4'; convert it with float()"),
    (lambda: tl.tensor([[1, 2], [3]]), ValueError, "same length, but data[0] has length 2 and data[1] has length 1"),
    (lambda: tl.tensor([t.sum]), TypeError, "data[0] is a function; call it, with parentheses"),
    (
        lambda: tl.tensor([1.0], dtype="float33"),
        TypeError,
        "tensor: dtype must be tl.float16, tl.float32, tl.float64, tl.int32, tl.int64, tl.uint8 or tl.bool, or its "
        "name, not 'float33'",
    ),
    (lambda: tl.zeros(3, dtype="real"), TypeError, "zeros: dtype must be tl.float16, "),
    (lambda: tl.arange(3, dtype=3), TypeError, "arange: dtype must be tl.float16, "),
    (lambda: t.astype("real"), TypeError, "astype: dtype must be tl.float16, "),
    (lambda: tl.set_default_dtype("flaot"), TypeError, "a float dtype such as float32, not 'flaot'"),
    (lambda: t.to("flaot64"), ValueError, "to: no device is called 'flaot64'; devices are 'cpu', 'cuda'"),
    (
        lambda: tl.randn(x43),
        TypeError,
        "randn: the sizes of a shape must be ints, not a Tensor of shape (4, 3), float32",
    ),
    # shapes
    (lambda: x43.size[0], TypeError, "x.size is a function: write x.size(0) or x.shape[0]"),
    (
        lambda: x43.view(-1, -1),
        ValueError,
        "view: the 12 elements of shape (4, 3) do not fill shape (-1, -1); only one",
    ),
    (lambda: x43.reshape(5, -1), ValueError, "do not fill shape (5, -1), since 12 is no multiple of 5"),
    # what is made first and then used in a `with`
    (lambda: enter(tl.Graph), TypeError, "write `with tl.Graph():`, with parentheses"),
    (lambda: enter(tl.inference_mode), TypeError, "write `with tl.inference_mode():`, with parentheses"),
    (lambda: enter(tl.set_grad_enabled), TypeError, "write `with tl.set_grad_enabled(False):`, with parentheses"),
    (lambda: enter(tl.profile), TypeError, "write `with tl.profile():`, with parentheses"),
    # NumPy and its relatives
    (lambda: np.array_equal(w, [1.0, 2.0, 3.0]), RuntimeError, "np.array_equal: this tensor requires grad"),
    (lambda: np.concatenate([t, w]), RuntimeError, "lose its graph: use tl.cat or, where no gradient"),
    (lambda: np.sum(w), RuntimeError, "np.sum: this tensor requires grad, and NumPy would lose its graph: use tl.sum"),
    (lambda: np.sin(t), TypeError, "np.sin takes no Tensor, since NumPy would lose its graph: write tl.sin(x)"),
    (
        lambda: np.absolute(w),
        TypeError,
        "np.absolute takes no Tensor, since NumPy would lose its graph: write tl.abs(x)",
    ),
    (lambda: np.maximum(t, 0), TypeError, "write tl.maximum(x, y)"),
    (lambda: np.add.reduce(t), TypeError, "np.add.reduce takes no Tensor"),
    (lambda: np.array(w), RuntimeError, "as in a plot, x.detach()"),
    (
        lambda: copy.copy(w),
        RuntimeError,
        "use x.clone() or copy.deepcopy or, where no gradient is needed, as in a plot",
    ),
    # arithmetic
    (lambda: mask - mask, TypeError, "sub: bools cannot be subtracted; write a ^ b for where they differ, or convert"),
    (lambda: -mask, TypeError, "neg: bools have no negative; write ~x for not, or convert with .float()"),
    (lambda: t + None, TypeError, "not None, such as the .grad of a tensor that no backward has reached"),
    (lambda: t + t.sum, TypeError, "; call it, with parentheses"),
    (lambda: t + "1", TypeError, "not '1'; convert it with float()"),
    (lambda: t > 1 & t, TypeError, "& | ^ ~ take bools and integers, not float32; compare first, in parentheses"),
    (lambda: (t > 1) and (t < 3), ValueError, "combine conditions with & and |, as in (x > 0) & (x < 1)"),
    (lambda: f"{t:.2f}", TypeError, "the format '.2f' is for one number, not for a tensor of shape (3,): reduce it"),
    # conditions and axes
    (
        lambda: mask.where(t, 2.0),
        TypeError,
        "where: the condition must be bools, not float32; the order is tl.where(condition, a, b) or "
        "a.where(condition, b), and c != 0 makes bools of numbers",
    ),
    (lambda: tl.where(tl.tensor([1, 0, 1]), t, 0.0), TypeError, "where: the condition must be bools, not int64"),
    (
        lambda: t.masked_fill(tl.tensor([1, 0, 1]), 0.0),
        TypeError,
        "masked_fill: the mask must be bools, not int64; the order is masked_fill(x, mask, value), and mask != 0",
    ),
    (lambda: x43.sum(2), IndexError, "sum: axis 2 is out of range for a tensor with 2 axes; give 0 to 1, or -2 to -1"),
    (lambda: x43.sum("rows"), TypeError, "sum: axis must be an int, such as 0 or -1, not 'rows'"),
    (lambda: t.sum(1), IndexError, "sum: axis 1 is out of range for a tensor with 1 axes; give 0 or -1"),
    (lambda: x43.max((0, 1)), TypeError, "max: axis must be one int, such as 0 or -1, not (0, 1); for the"),
    (lambda: tl.mean(t, t), TypeError, "mean: axis must be an int, such as 0 or -1, not a"),
    (lambda: tl.max(3, 4), TypeError, "max: it takes tensors and arrays, not 3"),
    (lambda: tl.sum([t, t]), TypeError, ", or join a list with tl.stack"),
    (lambda: tl.clamp(t, (t, t)), TypeError, "clip: it takes one tensor, not a tuple of a Tensor"),
    (lambda: tl.clamp(t, max=[t, t]), TypeError, "clip: it takes one tensor, not a list of a Tensor"),
    (lambda: tl.diff((t, t), 0), TypeError, "diff: it takes one tensor"),
    (lambda: tl.equal(t, (t, t)), TypeError, "equal: it takes one tensor"),
    (lambda: tl.leaky_relu(t, slop=t), TypeError, "leaky_relu: it has no argument slop"),
    (lambda: tl.leaky_relu(t, (t, t)), TypeError, "leaky_relu: it takes one tensor"),
    (lambda: tl.unique((t, t)), TypeError, "unique: it takes one tensor"),
    (lambda: tl.relu([[t, t], [t, t]]), TypeError, "relu: it takes one tensor"),
    (lambda: tl.set_printoptions((t, t)), TypeError, "set_printoptions: precision must be a number, 0 or more, not a"),
    # settings out of range
    (lambda: t.masked_fill(mask, [1.0, 2.0, 3.0]), ValueError, "value must be one number, not of shape (3,)"),
    (lambda: tl.zeros(3).fill_(t), ValueError, "fill_: the value must be one number, not of shape (3,)"),
    (lambda: tl.layer_norm(x43, eps=-1e-5), ValueError, "layer_norm: eps must be 0 or more, not -1e-05"),
    (lambda: tl.layer_norm(x43, eps=float("nan")), ValueError, "layer_norm: eps must be 0 or more, not nan"),
    (lambda: tl.cov(t, fweights=tl.tensor([1, -1, 1])), ValueError, "cov: fweights must not be negative"),
    (lambda: tl.cov(t, aweights=-t), ValueError, "cov: aweights must not be negative"),
    (lambda: tl.cov(t, fweights=t), TypeError, "cov: fweights must be integers, not float32"),
    (lambda: tl.matrix_power(tl.eye(2), 1.5), TypeError, "matrix_power: n must be an int, not 1.5"),
    (lambda: tl.roll(t, 1.5), TypeError, "roll: shifts must be ints, not 1.5"),
    (lambda: tl.zeros(3).normal_(0, float("nan")), ValueError, "normal_: std must be 0 or more, not nan"),
    (lambda: tl.tensor(1.0).fill_diagonal_(2), ValueError, "fill_diagonal_: needs a matrix, not shape ()"),
    # in the words of the function that was called
    (lambda: tl.nansum(x43, w[0]), TypeError, "nansum: axis is a setting, to which no gradient flows"),
    (lambda: x43.T.view(12), ValueError, "view: a tensor of shape (3, 4) whose memory is not in row-major order"),
    (lambda: tl.searchsorted(x43, x43[:2]), ValueError, "searchsorted: rows of shape (4, 3) do not fit values of"),
    (lambda: tl.tril(tl.tensor(1.0)), ValueError, "tril: needs matrices, (..., n, m), not shape ()"),
    (lambda: tl.triu(t), ValueError, "triu: needs matrices, (..., n, m), not shape (3,)"),
    (lambda: x43.size("a"), TypeError, "size: axis must be an int, such as 0 or -1, not 'a'"),
    (lambda: t.item(), ValueError, "has 3 elements, not one; reduce it, as with x.mean(), or use tolist()"),
    # indices
    (lambda: t[1.0], IndexError, "an index is an int, a slice, None, ... or a tensor of integers or bools, not 1.0"),
    (lambda: t[t], IndexError, "an index must hold integers or bools, not float32; convert with .long()"),
    (lambda: t[0, 1], IndexError, "x[index]: 2 indices are too many for shape (3,)"),
    (lambda: t[mask[:2]], IndexError, "a mask of shape (2,) does not fit shape (3,)"),
    (lambda: assign(0, None), TypeError, "x[index] = value: the value must be a number, tensor or array, not None"),
    # gradients
    (lambda: tl.tensor([1, 2], requires_grad=True), TypeError, "not int64; write 1.0 for 1, or convert with .float()"),
    (lambda: setattr(w, "grad", 0), TypeError, "grad must be a Tensor or None, not an int; to clear it, x.grad = None"),
    (lambda: t.mean.backward(), TypeError, "call mean first, with parentheses, as in x.mean().backward()"),
    (
        lambda: declare(lambda x: 2 * x),
        TypeError,
        "has x as its first parameter, which is the upstream gradient: call that one g",
    ),
    (lambda: declare(lambda out: 2 * out), TypeError, "as in def _(g, out)"),
    (lambda: declare(lambda times: times), TypeError, "as in def _(g, times)"),
    (pair_of_gradients, TypeError, "returned a tuple of 2: a rule returns one gradient"),
]


@pytest.mark.parametrize(("call", "error", "message"), MISTAKES, ids=[message[:40] for *_, message in MISTAKES])
def test_a_mistake_is_named_with_what_to_write(call, error, message):
    with pytest.raises(error, match=re.escape(message)) as caught:
        call()
    name, reason, *_ = f"{caught.value}: ".split(": ")
    assert name != reason, "the name stands there twice"
    shown = [chained for chained in (caught.value.__cause__, caught.value.__context__) if chained is not None]
    assert caught.value.__suppress_context__ or not shown, "NumPy's own error stands above"


@pytest.mark.parametrize(
    "call", [lambda: x43 @ x43, lambda: x43.std(7), lambda: t[7], lambda: tl.zeros(2, dtype="real")]
)
def test_a_notebook_shows_the_users_line_and_the_one_that_raised(call):
    with pytest.raises((ValueError, IndexError, TypeError)) as caught:
        call()
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    shown = [frame for frame in frames[:-1] if not frame.f_locals.get("__tracebackhide__")]
    assert {frame.f_code.co_filename for frame in shown} == {__file__}


@pytest.mark.parametrize("fail", [lambda x: x @ x, lambda x: x.std(7), lambda x: tl.tensor([x, None])])
def test_an_error_that_was_handled_keeps_no_tensor_alive(fail):
    def failed():
        x = tl.ones(4, 3)
        try:
            fail(x)
        except (ValueError, IndexError, TypeError):
            return weakref.ref(x)

    gc.disable()
    try:
        assert failed()() is None
    finally:
        gc.enable()


def test_the_grad_of_a_result_is_warned_of_at_the_users_line():
    v = tl.tensor(1.0, requires_grad=True)
    for step in range(2):
        ((v - 3) ** 2).backward()
        if step:
            with pytest.warns(UserWarning, match=r"the result of sub, not a leaf.*with tl.no_grad\(\): w -=") as caught:
                assert v.grad is None
            assert caught[0].filename == __file__
            assert caught[0].lineno == inspect.currentframe().f_lineno - 2
        else:
            v = v - 0.1 * v.grad
    kept = w.sum() * 2
    kept.retain_grad()
    assert kept.grad is None  # no warning before backward: it will have one
    kept.backward()
    assert kept.grad.item() == 1
    w.grad = None


NUMPYS = [
    *(np.sum, np.mean, np.max, np.std, np.any, np.argmax, np.cumsum, np.size, np.shape, np.squeeze, np.nonzero),
    lambda x: np.sum(x, axis=0, keepdims=True, dtype=np.float64),
    lambda x: np.concatenate([x, x]),
    lambda x: np.array_equal(x, x43.numpy()),
    lambda x: np.where(x > 0, x, 0.0),
]


@pytest.mark.parametrize("call", NUMPYS)
def test_numpys_functions_take_constants_as_arrays(call):
    ours, numpys = call(x43), call(x43.numpy())
    assert type(ours) is type(numpys)
    np.testing.assert_array_equal(ours, numpys)


def test_numpy_may_ask_for_the_shape_of_what_requires_grad():
    assert (np.size(w), np.shape(w), np.ndim(w), np.size(x43, 1)) == (3, (3,), 1, 3)


def test_pythons_round_divmod_and_pytests_approx_know_tensors():
    x = tl.tensor([7.46, -2.5], dtype=tl.float64)
    assert round(x).tolist() == [7, -2]
    assert round(x, 1).tolist() == [7.5, -2.5]
    assert [part.tolist() for part in divmod(x, 2)] == [[3, -2], pytest.approx([1.46, 1.5])]
    assert divmod(7, tl.tensor(2))[1].item() == 1
    assert x == pytest.approx(x.numpy() + 1e-9)
    assert x != pytest.approx(x.numpy() + 1)
    assert x.sum() == pytest.approx(4.96)


def test_an_array_on_the_left_works_as_a_tensor_does():
    array = np.array([1.0, 2.0, 3.0])
    y = array + w
    assert isinstance(y, tl.Tensor)
    assert y.requires_grad
    for ours, numpys in (
        (array - t, array - t.numpy()),
        (array / t, array / t.numpy()),
        (array**t, array ** t.numpy()),
        (array % t, array % t.numpy()),
        (array // t, array // t.numpy()),
        (array @ t, array @ t.numpy()),
        (array > t, array > t.numpy()),
        (array <= t, array <= t.numpy()),
        (array != t, array != t.numpy()),
        (np.float64(2) * t, 2 * t.numpy()),
    ):
        assert isinstance(ours, tl.Tensor)
        np.testing.assert_allclose(ours.numpy(), numpys)


def test_a_constant_is_plotted():
    pyplot = pytest.importorskip("matplotlib.figure")
    axes = pyplot.Figure().subplots()
    (line,) = axes.plot(t, t * 2)
    assert line.get_ydata().tolist() == [2, 4, 6]
    axes.imshow(x43)
    with pytest.raises(RuntimeError, match=r"as in a plot, x.detach\(\)"):
        axes.plot(w)
