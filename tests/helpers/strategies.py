"""Hypothesis strategies for the arguments of ops: shapes, values away from kinks, axes, and every kind of index.

Shapes and settings are drawn piece by piece, so failures shrink to small ones. The values of an array come from one
drawn seed: this is fast, and keeps values away from given kinks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Shape: TypeAlias = tuple[int, ...]
Draw: TypeAlias = Callable[..., Any]  # the first argument of an @st.composite function

NUMPY_NAMES = {"dim": "axis", "keepdim": "keepdims", "dims": "axis"}


@dataclass(frozen=True)
class Sample:
    """One call of an op. inputs: arrays (float arrays get gradients), numbers and None."""

    inputs: tuple[Any, ...]
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """NumPy returns scalars for 0-d results; they become 0-d arrays, so that only Python's numbers are numbers."""
        inputs = tuple(np.asarray(x) if isinstance(x, np.generic) else x for x in self.inputs)
        object.__setattr__(self, "inputs", inputs)

    @property
    def numpy_settings(self) -> dict[str, Any]:
        """The settings under NumPy's names: axis for dim, keepdims for keepdim."""
        return {NUMPY_NAMES.get(name, name): value for name, value in self.settings.items()}


# --- shapes -------------------------------------------------------------------------------------------------


def shapes(min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 3) -> st.SearchStrategy[Shape]:
    """Shapes, including 0-d and empty ones unless min_dims and min_side exclude them; most are not empty."""
    sides = [n for n in (1, 2, 3, 4, 2, 3, 2, 0) if min_side <= n <= max_side]
    return st.lists(st.sampled_from(sides), min_size=min_dims, max_size=max_dims).map(tuple)


@st.composite
def narrower(draw: Draw, shape: Shape) -> Shape:
    """A shape that broadcasts to `shape`: leading axes left out, others of size 1."""
    dropped = draw(st.integers(0, len(shape)))
    return tuple(1 if draw(st.booleans()) else n for n in shape[dropped:])


@st.composite
def broadcastable(draw: Draw, count: int = 2, max_dims: int = 3, min_side: int = 0) -> list[Shape]:
    """Shapes that broadcast together; often one of them is the full shape."""
    full = draw(shapes(max_dims=max_dims, min_side=min_side))
    found = [draw(narrower(full)) for _ in range(count)]
    if draw(st.booleans()):
        found[draw(st.integers(0, count - 1))] = full
    return found


# --- values -------------------------------------------------------------------------------------------------


seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@st.composite
def numbers(
    draw: Draw, shape: Shape, low: float = -2, high: float = 2, away_from: Sequence[float] = (), margin: float = 0.1
) -> Array:
    """float64 numbers of [low, high], none within `margin` of the kinks `away_from`."""
    values = draw(seeds).uniform(low, high, shape).round(3)
    for kink in away_from:
        aside = np.where(values < kink, kink - margin, kink + margin)
        values = np.where(np.abs(values - kink) < margin, aside, values)
    return np.asarray(values)


@st.composite
def distinct(draw: Draw, shape: Shape, start: float = -1, step: float = 0.25) -> Array:
    """start, start + step, ... in random order: no ties, and none near."""
    return np.asarray(start + step * draw(seeds).permutation(int(np.prod(shape))).reshape(shape))


@st.composite
def signed_distinct(draw: Draw, shape: Shape) -> Array:
    """Numbers of both signs whose absolute values are distinct and not 0."""
    sizes = draw(distinct(shape, start=0.5))
    return np.asarray(sizes * np.where(draw(seeds).random(shape) < 0.5, -1, 1))


@st.composite
def integers(draw: Draw, shape: Shape, low: int, high: int) -> Array:
    """int64 numbers from low to high - 1, with ties."""
    return np.asarray(draw(seeds).integers(low, max(high, low + 1), shape))


@st.composite
def masks(draw: Draw, shape: Shape) -> Array:
    """Arrays of bools."""
    return np.asarray(draw(seeds).random(shape) < 0.6)


scalars = st.sampled_from([-1.5, -1.0, 0.5, 2.0, 3.0])


# --- layouts: the same numbers in another memory order ------------------------------------------------------


def _every_other(x: Array) -> Array:
    wide = np.zeros(tuple(2 * n for n in x.shape), x.dtype)
    every_other: tuple[Any, ...] = (..., *[slice(None, None, 2)] * x.ndim)
    view: Array = wide[every_other]
    view[...] = x
    return view


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "transposed": lambda x: x.T.copy().T,
    "first axes swapped": lambda x: x.swapaxes(0, 1).copy().swapaxes(0, 1) if x.ndim > 1 else x,
    "last axes swapped": lambda x: x.swapaxes(-1, -2).copy().swapaxes(-1, -2) if x.ndim > 1 else x,
    "negative strides": lambda x: np.flip(np.flip(x).copy()),
    "every other element": _every_other,
    "stride 0": lambda x: np.broadcast_to(x[:1], x.shape) if x.ndim else x,  # other numbers: the first row is repeated
}


# --- axes ---------------------------------------------------------------------------------------------------


@st.composite
def signed(draw: Draw, axis: int, ndim: int) -> int:
    """An axis counted from the front or from the back."""
    return axis - ndim if draw(st.booleans()) else axis


@st.composite
def one_axis(draw: Draw, ndim: int) -> int:
    """An axis of a tensor with `ndim` axes."""
    return draw(signed(draw(st.integers(0, ndim - 1)), ndim))  # type: ignore[no-any-return]


@st.composite
def some_axes(draw: Draw, ndim: int) -> int | tuple[int, ...] | None:
    """None, one axis or a tuple of axes."""
    kind = draw(st.sampled_from(["all", "one", "some"] if ndim else ["all"]))
    if kind == "all":
        return None
    if kind == "one":
        return draw(one_axis(ndim))  # type: ignore[no-any-return]
    chosen = draw(st.lists(st.integers(0, ndim - 1), unique=True, max_size=ndim))
    return tuple(draw(signed(axis, ndim)) for axis in chosen)


@st.composite
def named(draw: Draw, /, **settings: Any) -> dict[str, Any]:
    """Settings under NumPy's names or PyTorch's."""
    if draw(st.booleans()):
        return settings
    return {{"axis": "dim", "keepdims": "keepdim"}.get(name, name): value for name, value in settings.items()}


@st.composite
def reduced(draw: Draw, ndim: int) -> dict[str, Any]:
    """axis and keepdims of a reduction, each of them drawn or left at its default."""
    settings = {"axis": draw(some_axes(ndim)), "keepdims": draw(st.booleans())}
    if settings["axis"] is None and draw(st.booleans()):
        del settings["axis"]
    if not settings["keepdims"] and draw(st.booleans()):
        del settings["keepdims"]
    return draw(named(**settings))  # type: ignore[no-any-return]


# --- indices ------------------------------------------------------------------------------------------------


@st.composite
def indices(draw: Draw, shape: Shape) -> Any:
    """An index into `shape`, of any kind NumPy knows.

    Ints, slices with positive and negative steps, None, Ellipsis, integer arrays with duplicates (also 0-d, empty and
    broadcast together), lists, boolean masks over any axes, and mixtures of these.
    """
    parts: list[Any] = [draw(_basic_part(n)) for n in shape]
    kind = draw(st.sampled_from(["basic", "integers", "mask", "both"]))
    free = [axis for axis, n in enumerate(shape) if n]
    if kind in ("integers", "both") and free:
        chosen = draw(st.lists(st.sampled_from(free), unique=True, min_size=1, max_size=1 if kind == "both" else 2))
        common = (1,) if kind == "both" else draw(st.sampled_from([(), (1,), (2,), (3,), (2, 2), (0,)]))
        for axis in chosen:
            own = tuple(1 if draw(st.booleans()) else side for side in common)
            parts[axis] = draw(integers(own, -shape[axis], shape[axis]))
    if kind in ("mask", "both") and shape:
        start = draw(st.integers(0, len(shape) - 1))
        stop = draw(st.integers(start + 1, len(shape)))
        if not any(isinstance(part, np.ndarray) for part in parts[start:stop]):
            parts[start:stop] = [draw(masks(shape[start:stop]))]
    parts = draw(_with_ellipsis(parts))
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        parts.insert(draw(st.integers(0, len(parts))), None)
    if len(parts) == 1 and draw(st.booleans()):
        part = parts[0]
        plain_list = isinstance(part, np.ndarray) and part.ndim == 1 and part.size and draw(st.booleans())
        return part.tolist() if plain_list else part
    return tuple(parts)


@st.composite
def _basic_part(draw: Draw, n: int) -> Any:
    kind = draw(st.sampled_from(["all", "slice", "int"] if n else ["all", "slice"]))
    if kind == "all":
        return slice(None)
    if kind == "int":
        return draw(st.integers(-n, n - 1))
    bound = st.one_of(st.none(), st.integers(-n - 1, n + 1))
    return slice(draw(bound), draw(bound), draw(st.sampled_from([None, 1, 2, -1, -2])))


@st.composite
def _with_ellipsis(draw: Draw, parts: list[Any]) -> list[Any]:
    """The index with trailing full slices left out, or with a run of them (maybe empty) written as an Ellipsis."""
    full = [isinstance(part, slice) and part == slice(None) for part in parts]
    if draw(st.booleans()):
        while parts and full[len(parts) - 1]:
            parts = parts[:-1]
        return parts
    if draw(st.booleans()):
        start = draw(st.integers(0, len(parts)))
        stop = start
        while stop < len(parts) and full[stop]:
            stop += 1
        return [*parts[:start], Ellipsis, *parts[stop:]]
    return parts


def has_mask(index: Any) -> bool:
    """Whether an index has a boolean array, so that the size of the result depends on values."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(np.asarray(p).dtype == bool for p in parts if isinstance(p, (np.ndarray, list, bool)))


def names_twice(index: Any, shape: Shape) -> bool:
    """Whether an index names an element more than once."""
    places = np.arange(int(np.prod(shape))).reshape(shape)[index]
    return np.unique(places).size < np.size(places)
