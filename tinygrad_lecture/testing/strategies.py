"""Hypothesis strategies for what ops are called with: shapes, arrays, arrays that broadcast, axes, indices.

    arrays()                        a float64 array of up to 3 axes; shrinks to array(0.)
    arrays((2, st.integers(1, 3)))  a shape may have strategies for sizes
    broadcastable(2)                two arrays whose shapes broadcast
    matrices("nk", "km")            arrays that share sizes: one letter an axis

Numbers are multiples of a quarter, so that a small failing input is read at a glance.
"""

# Without `from __future__ import annotations`: Hypothesis builds types from the annotations of composite strategies.
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ..backend import Shape

__all__ = ["arrays", "broadcastable", "indices", "matrices", "numbers", "same_shape", "shapes", "with_axis"]


def shapes(min_dims: int = 0, max_dims: int = 3, min_side: int = 1, max_side: int = 3) -> SearchStrategy[Shape]:
    """Shapes: tuples of sizes."""
    return st.lists(st.integers(min_side, max_side), min_size=min_dims, max_size=max_dims).map(tuple)


@cache
def numbers(low: float = -3, high: float = 3, zero: bool = True) -> SearchStrategy[float]:
    """Multiples of a quarter between low and high; whole, small and positive ones are the simplest."""
    quarters = [n / 4 for n in range(round(4 * low), round(4 * high) + 1) if n or zero]
    return st.sampled_from(sorted(quarters, key=lambda x: (x != round(x), abs(x), x < 0)))


@st.composite
def arrays(
    draw: st.DrawFn, shape: Any = None, low: float = -3, high: float = 3, dtype: Any = np.float64, zero: bool = True
) -> Any:
    """Arrays of a shape (sizes, or strategies for sizes; by default any shape), with numbers between low and high.

    zero=False leaves 0 out, where functions such as relu have no derivative.
    """
    if shape is None:
        shape = draw(shapes())
    elif isinstance(shape, SearchStrategy):
        shape = draw(shape)
    sizes = tuple(draw(n) if isinstance(n, SearchStrategy) else n for n in np.atleast_1d(np.array(shape, dtype=object)))
    count = int(np.prod(sizes))
    values = draw(st.lists(numbers(low, high, zero), min_size=count, max_size=count))
    return np.array(values, dtype=dtype).reshape(sizes)


@st.composite
def same_shape(draw: st.DrawFn, /, count: int = 2, max_dims: int = 2, **options: Any) -> Any:
    """Tuples of arrays of one shape."""
    shape = draw(shapes(max_dims=max_dims))
    return tuple(draw(arrays(shape, **options)) for _ in range(count))


@st.composite
def broadcastable(draw: st.DrawFn, /, count: int = 2, max_dims: int = 3, **options: Any) -> Any:
    """Tuples of arrays whose shapes broadcast: some lack leading axes, some have size 1 where others have more."""
    full = draw(shapes(max_dims=max_dims))
    found = []
    for _ in range(count):
        kept = draw(st.integers(0, len(full)))
        shape = [1 if draw(st.booleans()) else n for n in full[len(full) - kept :]]
        found.append(draw(arrays(tuple(shape), **options)))
    return tuple(found)


@st.composite
def matrices(draw: st.DrawFn, /, *letters: str, max_side: int = 3, min_side: int = 1, **options: Any) -> Any:
    """Tuples of arrays whose axes are named by letters: `matrices("nk", "km")` for a matrix product.

    The same letter has the same size everywhere; a letter in capitals has a size of at least 2.
    """
    if not letters:
        raise TypeError('matrices: name the axes of each array by letters, as matrices("nk", "km")')
    sizes: dict[str, int] = {}
    for letter in "".join(letters):
        if letter not in sizes:
            sizes[letter] = draw(st.integers(max(min_side, 2) if letter.isupper() else min_side, max_side))
    return tuple(draw(arrays(tuple(sizes[c] for c in name), **options)) for name in letters)


def indices(size: int, shape: Any = None) -> SearchStrategy[Any]:
    """Arrays of whole numbers from 0 to size - 1, with repeats."""
    of_shape = shapes(min_dims=1, max_dims=2) if shape is None else st.just(shape)
    return of_shape.flatmap(
        lambda sizes: st.lists(
            st.integers(0, size - 1), min_size=int(np.prod(sizes)), max_size=int(np.prod(sizes))
        ).map(lambda values: np.array(values, dtype=np.int64).reshape(sizes))
    )


@st.composite
def with_axis(draw: st.DrawFn, /, min_dims: int = 1, none: bool = False, **options: Any) -> Any:
    """An array and the setting `axis`, from 0 or from the end; with none=True also None."""
    x = draw(arrays(shapes(min_dims=min_dims), **options))
    axes: list[int | None] = list(range(-x.ndim, x.ndim)) if x.ndim else [None]
    return x, {"axis": draw(st.sampled_from(axes + [None] * (1 if none and x.ndim else 0)))}


def together(inputs: Any) -> SearchStrategy[Any]:
    """One strategy of tuples of arguments, from that or from a strategy for each argument."""
    if isinstance(inputs, Sequence):
        return st.tuples(*inputs)
    strategy: SearchStrategy[Any] = inputs
    return strategy.map(lambda drawn: drawn if isinstance(drawn, tuple) else (drawn,))
