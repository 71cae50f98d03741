"""Rows of factorizations, powers, distances and block matrices; and of turned arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import strategies as some
from op_table import regular, row
from strategies import Array, Draw, Sample


@st.composite
def tall_or_wide(draw: Draw, ranks: bool = False) -> Sample:
    """Matrices (..., m, n) far from singular: part of a square one. Without 0, where LAPACK's signs of Q and R jump."""
    a = draw(regular(low=2))
    a = np.where(a == 0, 0.25, a)
    n = a.shape[-1]
    rows, columns = draw(st.sampled_from([(n, n), (n, n - 1), (n - 1, n)]))
    a = a[..., :rows, :columns]
    return Sample((a * np.where(np.arange(columns) > 0, 0.0, 1.0) if ranks and draw(st.booleans()) else a,))


@st.composite
def least_squares(draw: Draw) -> Sample:
    (a,) = draw(tall_or_wide()).inputs
    a = a[(0,) * (a.ndim - 2)] if 0 not in a.shape else np.eye(2)
    shape = (a.shape[0],) if draw(st.booleans()) else (a.shape[0], draw(st.integers(1, 2)))
    return Sample((a, draw(some.numbers(shape))))


@st.composite
def triangular(draw: Draw) -> Sample:
    a = draw(regular(low=1))
    n, k = a.shape[-1], draw(st.integers(1, 2))
    settings = {"upper": draw(st.booleans()), "left": draw(st.booleans()), "unitriangular": draw(st.booleans())}
    b = draw(some.numbers((n, k) if settings["left"] else (k, n)))
    return Sample((a, b), settings)


def triangle(a: Array, upper: bool, unitriangular: bool = False) -> Array:
    t = (np.triu if upper else np.tril)(a)
    return np.where(np.eye(a.shape[-1], dtype=bool), 1, t) if unitriangular else t


def solve_triangular(a: Array, b: Array, upper: bool, left: bool, unitriangular: bool) -> Array:
    inverse = np.linalg.inv(triangle(a, upper, unitriangular))
    return np.asarray(inverse @ b if left else b @ inverse)


@st.composite
def factors(draw: Draw, right: bool) -> Sample:
    """Cholesky factors, and right-hand sides."""
    a = np.linalg.cholesky(draw(regular(low=1, definite=True)))
    settings = {"upper": True} if draw(st.booleans()) else {}
    lower = a.swapaxes(-1, -2) if settings else a
    b = (draw(some.numbers((a.shape[-1], 2))),) if right else ()
    return Sample((*b, np.asarray(lower)), settings)


def whole(l: Array, upper: bool = False) -> Array:  # noqa: E741 - a lower triangle
    l = np.tril(l.swapaxes(-1, -2) if upper else l)  # noqa: E741
    return np.asarray(l @ l.swapaxes(-1, -2))


row("qr", tall_or_wide(), lambda a: tuple(np.linalg.qr(a)))
row(
    "qr_stacked",
    tall_or_wide().filter(lambda s: s.inputs[0].shape[-2] >= s.inputs[0].shape[-1]),
    lambda a: np.concatenate(np.linalg.qr(a), -2),
    keeps="out",
)
row("pinv", tall_or_wide(), np.linalg.pinv, keeps="a out")
row(
    "lstsq",
    least_squares(),
    lambda a, b: np.linalg.pinv(a) @ b,
    call=lambda op, a, b: op(a, b).solution,
    waits=lambda sample: True,
)
row(
    "matrix_rank",
    tall_or_wide(ranks=True).filter(lambda s: s.inputs[0].size),
    np.linalg.matrix_rank,
    differentiable=False,
)
row("solve_triangular", triangular(), solve_triangular, mixes=False)
row("cholesky_solve", factors(right=True), lambda b, a, upper=False: np.linalg.inv(whole(a, upper)) @ b)
row("cholesky_inverse", factors(right=False), lambda a, upper=False: np.linalg.inv(whole(a, upper)))
row(
    "logdet",
    regular(definite=True).map(lambda a: Sample((a,))),
    lambda a: np.linalg.slogdet(a).logabsdet,
    smooth=True,
)
row(
    "matrix_power",
    regular().flatmap(lambda a: st.integers(-2, 4).map(lambda n: Sample((a,), {"n": n}))),
    np.linalg.matrix_power,
)

# --- distances, diagonals and blocks ------------------------------------------------------------------------


@st.composite
def points(draw: Draw) -> Sample:
    """Points of two kinds, with no coordinate in common."""
    batch = draw(some.shapes(max_dims=1))
    n, m, d = (draw(st.integers(1, 3)) for _ in range(3))
    x, y = draw(some.numbers((*batch, n, d), -2, -0.3)), draw(some.numbers((*batch, m, d), 0.3, 2))
    return Sample((x, y), {"p": draw(st.sampled_from([1, 2.0, 3.0]))} if draw(st.booleans()) else {})


def cdist(x: Array, y: Array, p: float = 2.0) -> Any:
    return (np.abs(x[..., :, None, :] - y[..., None, :, :]) ** p).sum(-1) ** (1 / p)


@st.composite
def vectors_to_embed(draw: Draw) -> Sample:
    x = draw(some.numbers(draw(some.shapes(min_dims=1))))
    settings = {"offset": draw(st.integers(-2, 2))} if draw(st.booleans()) else {}
    if draw(st.booleans()):
        axes = draw(st.permutations(range(x.ndim + 1)))[:2]
        settings.update(zip(draw(st.sampled_from([("axis1", "axis2"), ("dim1", "dim2")])), axes, strict=True))
    return Sample((x,), settings)


def diag_embed(x: Array, offset: int = 0, axis1: int = -2, axis2: int = -1, **named: int) -> Array:
    axis1, axis2 = named.get("dim1", axis1), named.get("dim2", axis2)
    n = x.shape[-1] + abs(offset)
    full = np.zeros((*x.shape[:-1], n, n), x.dtype)
    for i in range(x.shape[-1]):
        full[..., i + max(-offset, 0), i + max(offset, 0)] = x[..., i]
    return np.moveaxis(full, (-2, -1), (axis1, axis2))


@st.composite
def turns(draw: Draw) -> Sample:
    x = draw(some.numbers(draw(some.shapes(min_dims=2))))
    settings: dict[str, Any] = {"k": draw(st.integers(-2, 5))} if draw(st.booleans()) else {}
    if draw(st.booleans()):
        settings["axis"] = tuple(draw(st.permutations(range(x.ndim)))[:2])
    return Sample((x,), settings)


@st.composite
def numbers_of_places(draw: Draw) -> Sample:
    shape = draw(some.shapes(min_dims=1, min_side=1))
    return Sample((draw(some.integers(draw(some.shapes()), 0, int(np.prod(shape)))),), {"shape": shape})


row(
    "cross_along",
    some.numbers((2, 2, 3)).map(lambda x: Sample((x[0], x[1]))),
    np.cross,
    kinds="fi",
    mixes=True,
)
row("cdist", points(), cdist, kinks="0")
row("diag_embed", vectors_to_embed(), diag_embed, kinds="fi")
row("rot90", turns(), lambda x, k=1, axis=(0, 1): np.rot90(x, k, axis), kinds="fib")
row("unravel_index", numbers_of_places(), np.unravel_index, kinds="i", differentiable=False)
