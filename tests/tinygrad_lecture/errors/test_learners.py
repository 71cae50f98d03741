"""What a learner sees: each usual mistake is named, with what was given and what to write instead."""

import copy
import gc
import inspect
import operator
import pickle
import re
import traceback
import weakref

import numpy as np
import pytest

import tinygrad_lecture as tl

t, w = tl.tensor([1.0, 2.0, 3.0]), tl.tensor([1.0, 2.0, 3.0], requires_grad=True)
x23, x3, x2, scalar, integers = tl.ones(2, 3), tl.ones(3), tl.ones(2), tl.ones(()), tl.tensor([0, 1])
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


SHAPES = [
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
    (lambda: tl.linear(x2, x23), ValueError, "weight of shape (2, 3), (out, in), needs x of shape (..., 3), not (2,)"),
    (lambda: x23.reshape(4, 2), ValueError, "reshape: the 6 elements of shape (2, 3) do not fill shape (4, 2)"),
]
MISTAKES = [
    *SHAPES,
    # making a tensor
    (lambda: tl.Tensor(2, 3), TypeError, "not 3; several numbers go into one list, as in tl.tensor([1, 2])"),
    (lambda: tl.tensor(1.0, 2.0), TypeError, "not 2.0; several numbers go into one list"),
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
    (lambda: tl.randn(x43), TypeError, "randn: the sizes of a shape must be ints, not a Tensor of shape (4, 3)"),
    # shapes
    (lambda: x43.size[0], TypeError, "x.size is a function: write x.size(0) or x.shape[0]"),
    (lambda: x43.view(-1, -1), ValueError, "the 12 elements of shape (4, 3) do not fill shape (-1, -1); only one"),
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
    (lambda: np.absolute(w), TypeError, "np.absolute takes no Tensor, since NumPy would lose its graph: write tl.abs"),
    (lambda: np.maximum(t, 0), TypeError, "write tl.maximum(x, y)"),
    (lambda: np.add.reduce(t), TypeError, "np.add.reduce takes no Tensor"),
    (lambda: np.arctan(t), TypeError, "compute with tl functions, or with x.detach"),
    (lambda: np.add(np.ones(3), t, out=np.ones(3)), TypeError, "np.add takes no Tensor, since NumPy would lose its"),
    (lambda: operator.iadd(np.ones(3), t), TypeError, "write a = a + x for a += x"),
    (lambda: copy.deepcopy(w * 2), RuntimeError, "only leaves can be deep-copied"),
    (lambda: pickle.dumps(w), TypeError, "a Tensor cannot be pickled: save x.numpy()"),
    (lambda: np.array(w), RuntimeError, "as in a plot, x.detach()"),
    (lambda: copy.copy(w), RuntimeError, "use x.clone() or copy.deepcopy or, where no gradient is needed, as in a"),
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
        "the mask must be bools, not int64; the order is masked_fill(",
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
    (lambda: setattr(w, "grad", 0), TypeError, "grad must be a Tensor or None, not an int; to clear it, x.grad = None"),
    (lambda: t.mean.backward(), TypeError, "call mean first, with parentheses, as in x.mean().backward()"),
    (lambda: declare(lambda x: 2 * x), TypeError, "has x as its first parameter, which is the upstream gradient: call"),
    (lambda: declare(lambda out: 2 * out), TypeError, "as in def _(g, out)"),
    (lambda: declare(lambda times: times), TypeError, "as in def _(g, times)"),
    (pair_of_gradients, TypeError, "returned a tuple of 2: a rule returns one gradient"),
    # what does not fit
    (lambda: tl.add(np.ones(2), np.ones(3)), ValueError, "add: shapes (2,) and (3,) do not broadcast"),
    (lambda: x3.expand(2), ValueError, "shape (3,) does not broadcast to (2,): only a size of 1 may change"),
    (lambda: x23.permute(0, 0), ValueError, "permute: axes (0, 0) must name each of the 2 axes of shape (2, 3) once"),
    (lambda: tl.cat([x2, x23]), ValueError, "shapes (2,), (2, 3) must be equal in every axis except axis 0"),
    (lambda: tl.cat([]), ValueError, "there are no tensors to join"),
    (lambda: tl.outer(x23, x2), ValueError, "outer: needs two vectors, not shapes (2, 3) and (2,); flatten() them"),
    (lambda: x3.split([1, 1]), ValueError, "split: sizes [1, 1] do not add up to 3, the size of axis 0 of (3,)"),
    (lambda: tl.einsum("ij,jk->ik", x23), ValueError, "names 2 operands, but 1 were given"),
    (
        lambda: tl.cross_entropy(x23, tl.tensor([0, 1, 2])),
        ValueError,
        "cross_entropy: logits of shape (2, 3), (..., classes), need targets of shape (2,), not (3,)",
    ),
    # axes and indices that are not there
    (lambda: x23.sum(axis=(0, -3)), IndexError, "sum: axis -3 is out of range for a tensor with 2 axes"),
    (lambda: x23.argmax(5), IndexError, "argmax: axis 5"),
    (lambda: x23.squeeze(2), IndexError, "squeeze: axis 2 is out of range for a tensor with 2 axes"),
    (lambda: x23.unsqueeze(4), IndexError, "unsqueeze: axis 4 is out of range; shape (2, 3) takes -3 to 2"),
    (lambda: x3[3], IndexError, "x[index]: index 3 is out of bounds for axis 0 with size 3 (called with (3,) float32"),
    (lambda: x3[[0, 7]], IndexError, "index 7 is out of bounds"),
    (lambda: tl.cross_entropy(x23, tl.tensor([0, 3])), IndexError, "range from 0 to 3, but the classes are 0 to 2"),
    (lambda: x23.topk(4), ValueError, "topk: k must be from 0 to 3, the size of axis 1 of shape (2, 3), not 4"),
    # values and dtypes that make no sense
    (lambda: tl.zeros(0).max(), ValueError, "max: a tensor of shape (0,) has no elements, so no largest or smallest"),
    (lambda: integers**-1, ValueError, "integers cannot be raised to a negative power; convert with .float() first"),
    (lambda: integers.softmax(0), TypeError, "softmax: it takes floats, not int64; convert with .to(tl.float32)"),
    (lambda: tl.cross_entropy(x23, x2), ValueError, "targets must be integers (the class of each row), not float32"),
    (lambda: x2.norm(ord=0), ValueError, "norm: ord must be positive, inf or -inf, not 0"),
    (lambda: tl.gelu(x2, approximate="no"), ValueError, 'gelu: approximate must be "none" or "tanh", not \'no\''),
    # what is no number
    (lambda: x2 * {1}, TypeError, "mul: it takes tensors, arrays and numbers, not {1}"),
    (lambda: x2 - np.array(["a", "b"]), TypeError, "sub: it takes arrays of numbers, not of <U1"),
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
        "einsum: the axes 'i' have sizes 2 and 4, which must be",
    ),
    (lambda: tl.cat(x3, x3), TypeError, "cat: pass the tensors as a list, as in cat([a, b]), and the axis after it"),
    (lambda: tl.stack(x3, x3), TypeError, "stack: pass the tensors as a list, as in stack([a, b])"),
    (lambda: tl.cat(x23), TypeError, "cat: pass the tensors as a list"),
    (lambda: tl.cat([x3, x3], 5), IndexError, "cat: axis 5 is out of range for shape (3,); to join along"),
    (lambda: tl.stack([x3, x3], 5), IndexError, "stack: axis 5 is out of range; shape (3,) takes -2 to 1"),
    (lambda: tl.stack([x23, x3]), ValueError, "stack: the shapes (2, 3), (3,) must be the same (called with [(2, 3)"),
    (lambda: tl.stack([x3] * 4 + [x2]), ValueError, "(called with a list of 5)"),
    (lambda: tl.dot(x2, x3), ValueError, "dot: needs two vectors of one length, not shapes (2,) and (3,)"),
    (lambda: tl.bmm(x23, x23), ValueError, "bmm: needs shapes (b, n, k) and (b, k, m), not (2, 3) and (2, 3); batches"),
    (lambda: x23.repeat(2), ValueError, "repeat: shape (2, 3) needs a count, 0 or more, for each of its 2 axes"),
    (lambda: x23.diagonal(dim1=0, dim2=-2), ValueError, "diagonal: an axis is named twice in (0, -2)"),
    (lambda: x3.diagonal(), IndexError, "diagonal: axis 1 is out of range for a tensor with 1 axes"),
    (lambda: x23.unbind(2), IndexError, "unbind: axis 2 is out of range"),
    (lambda: tl.randint_like(3, 2), TypeError, "randint_like: its first argument must be a Tensor, not an int"),
    # writing
    (
        lambda: tl.zeros(5).__setitem__(slice(2), x3),
        ValueError,
        "value of shape (3,) does not broadcast to x[index], which has shape (2,)",
    ),
    (
        lambda: (tl.ones(5, requires_grad=True) * 1).__setitem__(slice(2), x3),
        ValueError,
        "x[index] = value: a value of shape (3,) does not broadcast to x[index], which has shape (2,)",
    ),
    (lambda: tl.zeros(3).__setitem__(0, "a"), ValueError, "x[index] = value: could not convert string to float"),
    (lambda: tl.zeros(3).__setitem__(7, 1), IndexError, "x[index] = value: index 7 is out of bounds"),
    (lambda: setattr(tl.ones(3), "grad", x2), ValueError, "a gradient of shape (2,) does not fit a tensor of"),
    # settings without sense
    (lambda: tl.diff(x3, n=-1), ValueError, "diff: n must be 0 or more, not -1"),
    (
        lambda: tl.cross(tl.ones(1), x3),
        ValueError,
        "cross: needs vectors of three numbers along axis 0, not shapes (1,)",
    ),
    (lambda: tl.one_hot(integers, -2), ValueError, "num_classes must be 0 or more, or -1 for the largest index + 1"),
    (lambda: tl.index_select(x23, 0, x23.long()), IndexError, "index_select: index must be a vector, not of shape (2,"),
    (lambda: tl.einsum("ii->i", tl.ones(1, 3)), ValueError, "einsum: 'i' stands twice for operand 0 of shape (1, 3)"),
    (lambda: tl.zeros(3).uniform_(1, 0), ValueError, "uniform_: low must not be above high, but they are 1 and 0"),
    (lambda: tl.zeros(3).exponential_(0), ValueError, "exponential_: lambd must be above 0, not 0"),
    (lambda: tl.zeros(3).random_(3, 3), ValueError, "random_: there is no integer from 3 to 2"),
    (
        lambda: tl.func.jacobian(lambda x: ())(x3),
        TypeError,
        "the function must return a Tensor, or tuples or dicts of them, not an",
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
    (lambda: tl.randint(3, (-1,)), ValueError, "randint: the sizes"),
    (lambda: tl.randint("a"), TypeError, "randint: low and high must be ints, not 'a'"),
    (lambda: tl.full(2, "a"), TypeError, "full: fill_value must be a number, not 'a'"),
    (lambda: x23.reshape("a"), TypeError, "the sizes of a shape must be ints, not 'a'"),
    (lambda: x23.permute(0, 1.5), TypeError, "axes must be ints, not 1.5"),
    (lambda: tl.einsum(x23, x23), TypeError, "einsum: the equation comes first"),
    (lambda: tl.eye("a"), TypeError, "eye: n and m must be ints, not 'a'"),
    (lambda: tl.linspace(0, 1, 2.5), TypeError, "linspace: steps must be ints, not 2.5"),
    (lambda: tl.randperm("a"), TypeError, "randperm: n must be ints, not 'a'"),
    (lambda: tl.arange("a"), TypeError, "arange: start, end and step must be numbers, not 'a'"),
    (lambda: tl.ones_like(3), TypeError, "ones_like: its first argument must be a Tensor, not an int"),
    # functions of functions
    (
        lambda: tl.gradcheck(tl.mul, x3, x3),
        TypeError,
        "gradcheck: put all inputs in a tuple, as in gradcheck(f, (a, b)); the",
    ),
    (
        lambda: tl.gradgradcheck(tl.mul, x3, x3),
        TypeError,
        "gradgradcheck: b is missing: mul(a, b); put all inputs in a",
    ),
    (lambda: tl.gradcheck(x3, x3), TypeError, "gradcheck: the first argument must be the function to check, not a"),
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
    (lambda: tl.gt(x2, x2, out=x2), TypeError, "gt: it has no argument out: gt(a, b)"),
    (lambda: tl.softmax(x2, axs=0), TypeError, "softmax: it has no argument axs; write axis"),
    (lambda: tl.matmul(a=x2, b=x2), TypeError, "matmul: inputs go by position: matmul(a, b)"),
    (lambda: tl.outer(x2), TypeError, "outer: b is missing: outer(a, b)"),
    (lambda: tl.outer(x2, x2, b=x2), TypeError, "outer: b is given twice, by position and by name"),
    (lambda: tl.cat(x2, x2, x2), TypeError, "cat: it takes 2 arguments by position, not 3: cat(tensors, axis)"),
    (lambda: tl.op(lambda x, /: None)(x2), TypeError, "forward returned None: is a return missing?"),
    (lambda: tl.op(lambda x, /: x.detach())(x2), TypeError, "forward gets arrays, and an array has no detach"),
    (lambda: x2.sum(0, axis=0), TypeError, "sum got axis twice"),
    (lambda: x2.var(keepdims=True, keepdim=True), TypeError, "var got keepdims and keepdim, which mean the same; give"),
]


@pytest.mark.parametrize(("call", "error", "message"), MISTAKES, ids=[message[:40] for *_, message in MISTAKES])
def test_a_mistake_is_named_with_what_to_write(call, error, message):
    with pytest.raises(error, match=re.escape(message)) as caught:
        call()
    name, reason, *_ = f"{caught.value}: ".split(": ")
    assert name != reason, "the name stands there twice"
    shown = [chained for chained in (caught.value.__cause__, caught.value.__context__) if chained is not None]
    assert caught.value.__suppress_context__ or not shown, "NumPy's own error stands above"
    assert caught.value.__cause__ is None or "forward" in message


@pytest.mark.parametrize(("call", "error", "message"), SHAPES, ids=[message[:40] for *_, message in SHAPES])
def test_under_no_grad_and_in_reference_mode_as_well(call, error, message):
    with tl.no_grad(), tl.reference(), pytest.raises(error):
        call()


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


def test_misuse_is_a_plain_type_error_and_a_wrong_dtype_one_of_both_kinds():
    for misuse in (lambda: x2.sum(times=2), lambda: x2 + None, lambda: tl.outer(x2)):
        with pytest.raises(TypeError) as caught:
            misuse()
        assert type(caught.value) is TypeError
    with pytest.raises(tl.DtypeError):
        integers.softmax(0)


def test_format_reaches_the_number_of_a_0_d_tensor():
    assert f"{tl.tensor(1.5):.3f} {tl.tensor(7):>3} {tl.tensor(2.0)}" == "1.500   7 2.0"
    assert f"{tl.tensor([1.0])} {tl.tensor([1.0]):.2f}" == "tensor([1.]) 1.00"


def test_pythons_round_and_pytests_approx_know_tensors():
    x = tl.tensor([7.46, -2.5], dtype=tl.float64)
    assert round(x).tolist() == [7, -2]
    assert round(x, 1).tolist() == [7.5, -2.5]
    assert x == pytest.approx(x.numpy() + 1e-9)
    assert x != pytest.approx(x.numpy() + 1)
    assert x.sum() == pytest.approx(4.96)


def test_a_constant_is_plotted():
    pyplot = pytest.importorskip("matplotlib.figure")
    axes = pyplot.Figure().subplots()
    (line,) = axes.plot(t, t * 2)
    assert line.get_ydata().tolist() == [2, 4, 6]
    axes.imshow(x43)
    with pytest.raises(RuntimeError, match=r"as in a plot, x.detach\(\)"):
        axes.plot(w)
