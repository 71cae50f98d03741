"""Linear algebra: matmul, outer, dot, bmm and einsum."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from ..autograd.op import Value, op
from ..backend import Shape, in_rows, xp
from ..errors.messages import broadcast_complaint
from ..kernels.blas import one_thread
from ..kernels.product import batched, product
from ..kernels.rows import as_rows
from ..traced import Traced
from .composite import composite
from .elementwise import astype
from .reduction import sum
from .shape import squeeze, swapaxes

__all__ = ["bmm", "dot", "einsum", "matmul", "outer"]


@op(analytic=True)
def matmul(a: Value, b: Value, /) -> Value:
    """The matrix product a @ b: (..., n, k) @ (..., k, m) -> (..., n, m).

    The axes before the last two broadcast. A vector a counts as a row, a vector b as a column; that axis is dropped
    from the result: (k,) @ (k, m) -> (m,), (n, k) @ (k,) -> (n,), (k,) @ (k,) -> (). The result has the common dtype.
    Raises ValueError for inner sizes that differ and for 0-d tensors.

        tl.matmul(tl.ones(2, 3), tl.ones(3, 4)).shape       # (2, 4)
    """
    if b.ndim == 2 <= a.ndim and a.shape[-1] == b.shape[0]:  # one large product is faster than a batch of small ones
        return product(as_rows(a), b).reshape(*a.shape[:-1], b.shape[-1])
    return batched(a, b)


@matmul.backward("a")
def _(g: Value, b: Value, a_shape: Shape) -> Value:
    if b.ndim == 1:
        return g[..., None] * b  # (..., n, 1) * (k,) -> (..., n, k)
    if len(a_shape) == 1:
        return matmul(b, g[..., None])[..., 0]  # (..., k, m) @ (..., m, 1) -> (..., k)
    return matmul(g, swapaxes(b, -1, -2))  # g b^T: (..., n, m) @ (..., m, k) -> (..., n, k)


@matmul.backward("b")
def _(g: Value, a: Value, b_shape: Shape) -> Value:
    if a.ndim == 1:
        return a[:, None] * g[..., None, :] if len(b_shape) > 1 else a * g  # (k, 1) * (..., 1, m) -> (..., k, m)
    if len(b_shape) == 1:
        return matmul(swapaxes(a, -1, -2), g[..., None])[..., 0]  # (..., k, n) @ (..., n, 1) -> (..., k)
    if len(b_shape) == 2:  # one product that also sums over the batch
        a, g = as_rows(a), as_rows(g)
    return matmul(swapaxes(a, -1, -2), g)  # a^T g: (..., k, n) @ (..., n, m) -> (..., k, m)


@matmul.explains
def _(a: Value, b: Value) -> str | None:
    if a.ndim == 0 or b.ndim == 0:
        return "a 0-d tensor has no rows and columns; multiply with *"
    inner_a, inner_b = a.shape[-1], b.shape[-2] if b.ndim > 1 else b.shape[0]
    if inner_a != inner_b:
        remedy = (
            "transpose one of them" if inner_a in b.shape[-2:] or inner_b in a.shape[-2:] else "reshape one of them"
        )
        return (
            f"{a.shape} @ {b.shape}: the inner sizes {inner_a} and {inner_b} differ, and (n, k) @ (k, m) needs them "
            f"equal; {remedy}"
        )
    return broadcast_complaint([a.shape[:-2], b.shape[:-2]])


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


# --- einsum -------------------------------------------------------------------------------------------------


@op(analytic=True)
@one_thread
def contract(*operands: Value, inputs: tuple[str, ...], output: str) -> Value:
    """einsum with explicit subscripts: no letter twice in an operand, each letter in another operand or the output."""
    out = xp(*operands).einsum(",".join(inputs) + "->" + output, *operands, optimize=True)
    return in_rows(out) if len(operands) > 1 else out  # of one, as in "ij->ji", it is a view


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
    beforehand, an axis of size 1 that broadcasts is taken away, and a repeated letter becomes two letters joined by an
    identity matrix.

        a, b = tl.ones(2, 3), tl.ones(3, 4)
        tl.einsum("ik,kj->ij", a, b).shape      # (2, 4)
        tl.einsum("ij->j", a)                   # tensor([2., 2., 2.])
    """
    if not isinstance(equation, str):
        raise TypeError('the equation comes first, as in einsum("ij,jk->ik", a, b)')
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    terms, output = _parse(equation, [operand.ndim for operand in operands])
    fresh = (letter for letter in _LETTERS if letter not in "".join(terms))
    inputs: list[str] = []
    arrays = list(operands)
    for position, letters in enumerate(tuple(terms)):  # identity matrices are appended to terms
        seen = ""
        for axis, letter in enumerate(letters):
            if letter in seen:
                twin = next(fresh)
                array = operands[position]._array if isinstance(operands[position], Traced) else operands[position]
                first = letters.index(letter)
                if array.shape[axis] != array.shape[first]:
                    raise ValueError(
                        f"{letter!r} stands twice for operand {position} of shape {array.shape}, so its axes {first} "
                        f"and {axis} must have the same size"
                    )
                arrays.append(xp(array).eye(array.shape[axis], dtype=array.dtype))
                terms.append(letter + twin)
                letter = twin
            seen += letter
        inputs.append(seen)
    inputs += terms[len(inputs) :]
    arrays = _promoted(arrays)  # before one has no axes left, for then it would not promote the others
    sizes: dict[str, int] = {}
    for letters, array in zip(inputs, arrays, strict=True):
        for letter, size in zip(letters, array.shape, strict=True):
            sizes[letter] = builtins.max(size, sizes.get(letter, 1))
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
