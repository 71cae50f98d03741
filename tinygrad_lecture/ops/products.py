"""Products of vectors and matrices beside `matmul`: einsum, tensordot, cross, ...; distances between points."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from ..autograd.op import Value, op
from ..backend import row_major, xp
from ..errors import broadcast_message
from ..kernels.blas import one_thread
from .arrangement import roll
from .basics import matmul, sum
from .composite import composite
from .copying import as_floats, astype, where
from .elementwise import root
from .indexing import diagonal, main_diagonal
from .reduction import norm
from .shape import normal_axes, permute, reshape, squeeze, swapaxes

__all__ = ["bmm", "cdist", "cross", "dot", "einsum", "kron", "outer", "tensordot", "trace"]


@matmul.explains
def _(a: Value, b: Value) -> str | None:
    if a.ndim == 0 or b.ndim == 0:
        return "a 0-d tensor has no rows and columns; multiply with *"
    inner_a, inner_b = a.shape[-1], b.shape[-2] if b.ndim > 1 else b.shape[0]
    if inner_a != inner_b:
        one = "transpose" if inner_a in b.shape[-2:] or inner_b in a.shape[-2:] else "reshape"
        return (
            f"{a.shape} @ {b.shape}: the inner sizes {inner_a} and {inner_b} differ, and (n, k) @ (k, m) needs them "
            f"equal; {one} one of them"
        )
    return broadcast_message([a.shape[:-2], b.shape[:-2]])


@composite
def outer(a: Value, b: Value) -> Value:
    """The outer product of two vectors, (n,) and (m,) -> (n, m): result[i, j] = a[i] * b[j].

    Raises ValueError for tensors that are not vectors.
    """
    if a.ndim != 1 or b.ndim != 1:
        raise ValueError(f"needs two vectors, not shapes {a.shape} and {b.shape}; flatten() them first")
    return a[:, None] * b


@composite
def dot(a: Value, b: Value) -> Value:
    """The dot product of two vectors, (n,) and (n,) -> (): sum of a[i] * b[i]. Raises ValueError for other shapes."""
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"needs two vectors of one length, not shapes {a.shape} and {b.shape}; see also matmul")
    return matmul(a, b)


@composite
def bmm(a: Value, b: Value) -> Value:
    """The matrix products of two batches: (b, n, k) @ (b, k, m) -> (b, n, m). Raises ValueError for other shapes."""
    if not (a.ndim == b.ndim == 3 and a.shape[0] == b.shape[0] and a.shape[2] == b.shape[1]):
        raise ValueError(
            f"needs shapes (b, n, k) and (b, k, m), not {a.shape} and {b.shape}; batches broadcast in matmul"
        )
    return matmul(a, b)


@composite
def trace(x: Value) -> Value:
    """The sum of the diagonal of a matrix, (n, m) -> (). Raises ValueError for other shapes.

    tl.trace(tl.tensor([[1.0, 2.0], [3.0, 4.0]]))       # tensor(5.)
    """
    if x.ndim != 2:
        raise ValueError(f"needs a matrix, not shape {x.shape}; for the last two axes sum their diagonal")
    n = min(x.shape)
    return sum(main_diagonal(x[:n, :n]))


@composite
def tensordot(a: Value, b: Value, axis: Any = 2) -> Value:
    """The product of a and b summed over pairs of axes; the other axes of a come first, then those of b.

    axis (also `dims`): a pair of lists, axes of a and axes of b, or an int k for the last k of a with the first k of b.
    Raises ValueError for axes of different sizes, IndexError for an axis out of range.

        tl.tensordot(tl.ones(2, 3, 4), tl.ones(4, 3, 5), ([1, 2], [1, 0])).shape        # (2, 5)
    """
    if isinstance(axis, int):
        axis = range(a.ndim - axis, a.ndim), range(axis)
    of_a, of_b = (
        normal_axes(x.ndim, axes if isinstance(axes, int) else tuple(axes))
        for x, axes in zip((a, b), axis, strict=True)
    )
    if [a.shape[i] for i in of_a] != [b.shape[i] for i in of_b]:
        raise ValueError(f"axes {of_a} of shape {a.shape} and axes {of_b} of shape {b.shape} must have equal sizes")
    free_a = tuple(i for i in range(a.ndim) if i not in of_a)
    free_b = tuple(i for i in range(b.ndim) if i not in of_b)
    n = math.prod(a.shape[i] for i in of_a)
    rows, columns = (tuple(x.shape[i] for i in free) for x, free in ((a, free_a), (b, free_b)))
    left = reshape(permute(a, free_a + of_a), (math.prod(rows), n))
    right = reshape(permute(b, of_b + free_b), (n, math.prod(columns)))
    return reshape(matmul(left, right), rows + columns)


@composite
def kron(a: Value, b: Value) -> Value:
    """The Kronecker product: a with every element replaced by that element times b; (n, m), (p, q) -> (n p, m q).

    tl.kron(tl.tensor([1, 10]), tl.tensor([1, 2]))      # tensor([ 1,  2, 10, 20])
    """
    rank = max(a.ndim, b.ndim)
    left, right = ((1,) * (rank - x.ndim) + tuple(x.shape) for x in (a, b))
    apart = tuple(n for size in left for n in (size, 1)), tuple(n for size in right for n in (1, size))
    product = reshape(a, apart[0]) * reshape(b, apart[1])  # (n, 1, m, 1) * (1, p, 1, q)
    return reshape(product, tuple(n * p for n, p in zip(left, right, strict=True)))


@composite
def cross(a: Value, b: Value, axis: int | None = None) -> Value:
    """The cross product of vectors of three numbers along an axis, broadcast.

    axis (also `dim`): an int; None (the default) is the first axis of size 3, as in PyTorch.
    Raises ValueError if there is no such axis, IndexError for an axis out of range.

        tl.cross(tl.tensor([1, 0, 0]), tl.tensor([0, 1, 0]))        # tensor([0, 0, 1])
    """
    shape = np.broadcast_shapes(a.shape, b.shape)
    if axis is None:
        axis = next((i for i, n in enumerate(shape) if n == 3), 0)
    (axis,) = normal_axes(len(shape), axis)
    last = axis - len(shape)  # counted from the back it is the same axis of both
    if any(x.ndim < -last or x.shape[last] != 3 for x in (a, b)):
        raise ValueError(f"needs vectors of three numbers along axis {axis}, not shapes {a.shape} and {b.shape}")
    return roll(a, -1, last) * roll(b, -2, last) - roll(a, -2, last) * roll(b, -1, last)  # a1 b2 - a2 b1, ...


@partial(composite, name="cross")
def cross_along(a: Value, b: Value, axis: int = -1) -> Value:
    """`cross` under torch.linalg's name, where the axis (also `dim`) is the last by default."""
    return cross(a, b, axis)


@composite
def cdist(x: Value, y: Value, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Value:
    """The distances between all points of x, (..., n, d), and all of y, (..., m, d): (..., n, m).

    p: the order of the norm of a difference, 2 for the Euclidean distance (the default); see `norm`. The gradient of a
    distance of 0 is 0. Raises ValueError for another number of coordinates.

    compute_mode: as in PyTorch, the Euclidean distances of more than 25 points are computed from a product of matrices,
    |x - y|² = |x|² + |y|² - 2 x·y, which rounds: equal points may have a small distance. "use_mm_for_euclid_dist" does
    this always, "donot_use_mm_for_euclid_dist" never, and takes memory for n times m differences.

        tl.cdist(tl.tensor([[0.0, 0.0]]), tl.tensor([[3.0, 4.0], [0.0, 1.0]]))      # tensor([[5., 1.]])
    """
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ValueError(f"needs points (..., n, d) and (..., m, d), not shapes {x.shape} and {y.shape}")
    x, y = as_floats(x), as_floats(y)
    large = max(x.shape[-2], y.shape[-2]) > 25 and "if_necessary" in compute_mode
    if p == 2 and (large or compute_mode == "use_mm_for_euclid_dist"):
        return _by_product(x, y)
    return norm(x[..., :, None, :] - y[..., None, :, :], p, -1)  # (..., n, m, d) -> (..., n, m)


def _by_product(x: Value, y: Value) -> Value:
    """The Euclidean distances, with |x - y|² = |x|² + |y|² - 2 x·y. A rounded square below 0 counts as 0."""
    lengths = sum(x * x, -1, True) + swapaxes(sum(y * y, -1, True), -1, -2)  # (..., n, m)
    squares = lengths - 2 * matmul(x, swapaxes(y, -1, -2))
    return root(where(squares > 0, squares, 0))


# --- einsum -------------------------------------------------------------------------------------------------


@op(analytic=True)
@one_thread
def contract(*operands: Value, inputs: tuple[str, ...], output: str) -> Value:
    """einsum with explicit subscripts: no letter twice in an operand, each letter in another operand or the output."""
    out = xp(*operands).einsum(",".join(inputs) + "->" + output, *operands, optimize=True)
    return row_major(out) if len(operands) > 1 else out  # of one, as in "ij->ji", it is a view


@contract.backward
def _(g: Value, index: int, operands: list[Value], inputs: tuple[str, ...], output: str) -> Value:
    others = [operand for i, operand in enumerate(operands) if i != index]
    subscripts = [letters for i, letters in enumerate(inputs) if i != index]
    # the upstream gradient takes the operand's place: the same einsum, with output and this input exchanged
    return contract(g, *others, inputs=(output, *subscripts), output=inputs[index])


@contract.explains
def _(*operands: Value, inputs: tuple[str, ...], output: str) -> str | None:
    sizes: dict[str, set[int]] = {}
    for letters, operand in zip(inputs, operands, strict=True):
        for letter, size in zip(letters, operand.shape, strict=True):
            sizes.setdefault(letter, set()).add(size)
    for letter, found in sizes.items():
        if len(found) > 1:
            return f"the axes {letter!r} have sizes {' and '.join(map(str, sorted(found)))}, which must be equal"
    return None


@composite
def einsum(equation: str, *operands: Any) -> Value:
    """Einstein summation: multiplies the operands and sums over the letters that the output does not name.

    operands: tensors, one by one or in a list.
    equation: a letter for each axis of each operand, as in "bik,bkj->bij". As in NumPy: `...` stands for axes that
    broadcast, a letter repeated within an operand takes a diagonal, and without `->` the output has the letters that
    occur once, in alphabetical order. Raises ValueError for an equation that does not fit the operands, TypeError if it
    is not the first argument.

    The gradient with respect to an operand is again an einsum: the upstream gradient takes the operand's place, and
    the output gets its subscripts. To make that hold for every equation, an axis that only one operand names is summed
    beforehand, an axis of size 1 that broadcasts is taken away, and of a repeated letter the diagonal is taken.

        a, b = tl.ones(2, 3), tl.ones(3, 4)
        tl.einsum("ik,kj->ij", a, b).shape      # (2, 4)
        tl.einsum("ij->j", a)                   # tensor([2., 2., 2.])
    """
    if not isinstance(equation, str):
        raise TypeError('the equation comes first, as in einsum("ij,jk->ik", a, b)')
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    terms, output = _parse(equation, [operand.ndim for operand in operands])
    arrays, inputs = list(operands), list(terms)
    for position, letters in enumerate(terms):
        for letter in dict.fromkeys(letters):
            while letters.count(letter) > 1:
                array, first, second = arrays[position], letters.index(letter), letters.rindex(letter)
                if array.shape[first] != array.shape[second]:
                    raise ValueError(
                        f"{letter!r} stands twice for operand {position} of shape {operands[position].shape}, so its "
                        "axes must have the same size"
                    )
                arrays[position] = diagonal(array, 0, first, second)  # as a last axis, in place of the two
                letters = letters[:first] + letters[first + 1 : second] + letters[second + 1 :] + letter
        inputs[position] = letters
    arrays = _promoted(arrays)  # before one has no axes left, for then it would not promote the others
    sizes: dict[str, int] = {}
    for letters, array in zip(inputs, arrays, strict=True):
        for letter, size in zip(letters, array.shape, strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    for position, letters in enumerate(inputs):
        shape = arrays[position].shape
        stretched = tuple(a for a, letter in enumerate(letters) if shape[a] == 1 != sizes[letter])
        if stretched:
            arrays[position] = squeeze(arrays[position], stretched)
            inputs[position] = "".join(c for a, c in enumerate(letters) if a not in stretched)
    for position, letters in enumerate(inputs):
        elsewhere = output + "".join(inputs[:position] + inputs[position + 1 :])
        lone = tuple(axis for axis, letter in enumerate(letters) if letter not in elsewhere)
        if lone:
            arrays[position] = sum(arrays[position], lone)
            inputs[position] = "".join(letter for letter in letters if letter in elsewhere)
    return contract(*arrays, inputs=tuple(inputs), output=output)


def _promoted(arrays: list[Any]) -> list[Any]:
    """The operands with the floats among them in their common dtype; if there are none, the integers."""
    floats = [x for x in arrays if x.dtype.kind == "f"]
    dtypes = {x.dtype for x in floats or arrays if x.ndim}
    if len(dtypes) < 2:
        return arrays
    common = np.result_type(*dtypes)
    return [astype(x, common) if x.dtype != common and (x.dtype.kind == "f" or not floats) else x for x in arrays]


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _parse(equation: str, ranks: list[int]) -> tuple[list[str], str]:
    """The subscripts of each operand and of the output, with letters in place of ellipses."""
    left, arrow, output = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ValueError(f"{equation!r} names {len(terms)} operands, but {len(ranks)} were given")
    letters = set(left) - set(",.")
    if not letters <= set(_LETTERS) or not set(output) <= letters | set("."):
        raise ValueError(f"{equation!r} may use letters, commas and ..., and in the output only letters from the left")
    spare = [letter for letter in _LETTERS if letter not in letters]
    widest = 0
    for position, (term, rank) in enumerate(zip(terms, ranks, strict=True)):
        hidden = rank - len(term.replace("...", ""))
        if hidden < 0 or (hidden > 0 and "..." not in term):
            raise ValueError(f"{term!r} in {equation!r} does not name the {rank} axes of operand {position}")
        terms[position] = term.replace("...", "".join(spare[:hidden][::-1]))
        widest = max(widest, hidden)
    dots = "".join(spare[:widest][::-1])
    if not arrow:
        once = "".join(sorted(letter for letter in letters if left.count(letter) == 1))
        output = ("..." if "..." in left else "") + once
    return terms, output.replace("...", dots)
