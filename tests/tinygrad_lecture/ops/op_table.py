"""The table of ops: one row per op and composite of the engine; every property test runs on every row.

A row holds a Hypothesis strategy of sample calls, the reference (NumPy or a plain formula, independent of the op's own
code), and what the op promises. Samples avoid the kinks that the row names. An op without a row fails
`test_every_op_has_a_row`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import assume, strategies as st

import strategies as some
from strategies import Array, Draw, Sample, Shape
from tinygrad_lecture import ops
from tinygrad_lecture.autograd.op import Op
from tinygrad_lecture.ops.composite import Fused
from tinygrad_lecture.ops.indexing import normal_index

Samples = st.SearchStrategy[Sample]

FILES = (
    *(ops.basics, ops.composite, ops.elementwise, ops.reduction, ops.shape, ops.indexing, ops.sorting, ops.linalg),
    *(ops.fused, ops.windowed),
)

# Every op and composite by name, internal ones included. A new one is found here, whether it is exported or not.
DEFINED: dict[str, Any] = {
    name: value
    for file in FILES
    for name, value in vars(file).items()
    if hasattr(value, "__wrapped__") and value.__module__ == file.__name__ and value.__name__ == name
}


def plain_call(op: Callable[..., Any], *inputs: Any, **settings: Any) -> Any:
    """Pass a sample's inputs by position and its settings by name."""
    return op(*inputs, **settings)


@dataclass(frozen=True, repr=False)
class Row:
    """One op: its samples, its reference, and its promises.

    reference: the expected value, from NumPy arrays.  call: how a sample's inputs and settings are passed.
    kinks: where the op has no derivative; samples avoid these points.  kinds: the dtype kinds it takes (f, i, b).
    mixes: whether inputs may have different dtypes.
    keeps: the inputs (and "out") that the record keeps for backward; None for composites, which keep what their ops do.
    casts: whether a setting, not the inputs, determines the result's dtype.
    waits: the samples for which a GPU has to wait, because the size of the result depends on values, as with a mask.
    undefined: the samples for which CuPy's result is undefined.
    """

    name: str
    samples: Samples
    reference: Callable[..., Any]
    call: Callable[..., Any] = plain_call
    differentiable: bool = True
    kinks: str = ""
    kinds: str = "f"
    mixes: bool = False
    keeps: str | None = None
    casts: bool = False
    waits: Callable[[Sample], bool] = lambda sample: False
    undefined: Callable[[Sample], bool] = lambda sample: False

    def __repr__(self) -> str:
        return f"TABLE[{self.name!r}]"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """As Hypothesis prints it in a failing example."""
        printer.text(repr(self))

    @property
    def op(self) -> Any:
        """The function itself."""
        return DEFINED[self.name]

    @property
    def analytic(self) -> bool:
        """Whether the complex-step method applies."""
        return getattr(self.op, "analytic", False)

    @property
    def fused(self) -> bool:
        """Whether it has a kernel."""
        return isinstance(self.op, Fused) and self.op.kernel_backward is not None

    def run(self, inputs: Any, settings: dict[str, Any]) -> list[Any]:
        """The op's results as a list, also if there are several, as from `sort` and `split`."""
        result = self.call(self.op, *inputs, **settings)
        return list(result) if isinstance(result, tuple) else [result]

    def expected(self, sample: Sample, *inputs: Any) -> list[Array]:
        """The reference's results, from the sample's inputs or from `inputs`."""
        result = self.reference(*(inputs or sample.inputs), **sample.numpy_settings)
        return [np.asarray(r) for r in (result if isinstance(result, tuple) else (result,))]


TABLE: dict[str, Row] = {}

two = {"kinds": "fi", "mixes": True}  # promises of an op of two inputs


def always(sample: Sample) -> bool:
    return True


def row(name: str, samples: Samples, reference: Callable[..., Any], **promises: Any) -> None:
    """Add a row to the table."""
    assert name not in TABLE, f"two rows for {name}"
    if isinstance(DEFINED[name], Op) and not promises.get("differentiable", True):
        promises.setdefault("keeps", "")
    TABLE[name] = Row(name, samples, reference, **promises)


# --- elementwise, one input ----------------------------------------------------------------------------------


@st.composite
def unary(draw: Draw, low: float = -2, high: float = 2, away_from: tuple[float, ...] = ()) -> Sample:
    return Sample((draw(some.numbers(draw(some.shapes()), low, high, away_from)),))


@st.composite
def one_array(
    draw: Draw, /, settings: Callable[[Draw, Array], dict[str, Any]] = lambda draw, x: {}, **shape: int
) -> Sample:
    """An array of a drawn shape, with settings that depend on it."""
    x = draw(some.numbers(draw(some.shapes(**shape))))
    return Sample((x,), settings(draw, x))


def alone(arrays: st.SearchStrategy[Array]) -> Samples:
    """Each array as the only input."""
    return arrays.map(lambda x: Sample((x,)))


def first_of(samples: Samples) -> Samples:
    """The first input of each sample alone."""
    return samples.map(lambda sample: Sample(sample.inputs[:1]))


def of_shapes(shapes: st.SearchStrategy[Any]) -> Samples:
    """Arrays of each of the drawn shapes."""
    return shapes.flatmap(lambda drawn: st.tuples(*map(some.numbers, drawn))).map(Sample)


def its_axis(draw: Draw, x: Array) -> dict[str, Any]:
    """One axis of x."""
    return draw(some.named(axis=draw(some.one_axis(x.ndim))))  # type: ignore[no-any-return]


def its_axes(draw: Draw, x: Array) -> dict[str, Any]:
    """Some axes of x, or the default."""
    return draw(some.named(axis=draw(some.some_axes(x.ndim)))) if draw(st.booleans()) else {}


@st.composite
def with_setting(draw: Draw, samples: Samples, /, **settings: st.SearchStrategy[Any]) -> Sample:
    """Samples with settings, each of them drawn or left at its default."""
    chosen = {name: draw(values) for name, values in settings.items() if draw(st.booleans())}
    sample = draw(samples)
    return Sample(sample.inputs, {**sample.settings, **chosen})


def erf(x: Array) -> Array:
    return np.asarray(np.vectorize(math.erf, otypes=[float])(x))


def gelu(x: Array, approximate: str = "none") -> Any:
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + erf(x / np.sqrt(2)))


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


row("neg", unary(), lambda x: -x, kinds="fi", keeps="")
row("square", unary(), lambda x: x**2, kinds="fi")
row("exp", unary(), np.exp, kinds="fi", keeps="out")
row("expm1", unary(), np.expm1, kinds="fi", keeps="out")
row("log", unary(0.2, 3), np.log, kinds="fi", keeps="x")
row("log1p", unary(-0.7, 2), np.log1p, kinds="fi", keeps="x")
row("sqrt", unary(0.2, 3), np.sqrt, kinks="0", kinds="fi", keeps="out")
row("root", unary(0.2, 3), np.sqrt, kinks="0", kinds="fi", keeps="out")
row("sin", unary(), np.sin, kinds="fi", keeps="x")
row("cos", unary(), np.cos, kinds="fi", keeps="x")
row("tanh", unary(), np.tanh, kinds="fi", keeps="out")
row("erf", unary(), erf, kinds="fi", keeps="x")
row("sigmoid", unary(), sigmoid, kinds="fi", keeps="out")
row("silu", unary(), lambda x: x * sigmoid(x), kinds="fi", keeps="x")
row("gelu", with_setting(unary(), approximate=st.sampled_from(["none", "tanh"])), gelu, keeps="x out")
row("relu", unary(away_from=(0,)), lambda x: np.where(x > 0, x, 0), kinks="0", kinds="fi", keeps="out")
row(
    "leaky_relu",
    with_setting(unary(away_from=(0,)), negative_slope=st.sampled_from([0.0, 0.1, 0.5])),
    lambda x, negative_slope=0.01: np.where(x > 0, x, negative_slope * x),
    kinks="0",
    keeps="x",
)
row("abs", unary(away_from=(0,)), lambda x: np.where(x < 0, -x, x), kinks="0", kinds="fi", keeps="x")
row("sign", unary(away_from=(0,)), lambda x: 1 * (x > 0) - 1.0 * (x < 0), kinks="0", keeps="")
row("floor", unary(away_from=(-2, -1, 0, 1, 2)), np.floor, kinks="integers", keeps="")
row("ceil", unary(away_from=(-2, -1, 0, 1, 2)), np.ceil, kinks="integers", keeps="")
row("round", unary(away_from=(-1.5, -0.5, 0.5, 1.5)), np.round, kinks="halves", keeps="")
row("clone", unary(), np.copy, kinds="fib", keeps="")
row("row_major_copy", unary(), np.copy, kinds="fib", keeps="")
row("alias", unary(), np.copy, kinds="fib", keeps="")
row("log2", unary(0.3, 3), np.log2, kinds="f", keeps="x")
row("log10", unary(0.3, 3), np.log10, kinds="f", keeps="x")
row("rsqrt", unary(0.4, 3), lambda x: x**-0.5, kinks="0", kinds="f", keeps="out")


@st.composite
def clipped(draw: Draw) -> Sample:
    """One bound, both or none."""
    low, high = draw(st.sampled_from([(-1, 1), (-1.0, None), (None, 0.5), (0, 1.5), (None, None)]))
    x = draw(some.numbers(draw(some.shapes()), away_from=[b for b in (low, high) if b is not None]))
    settings = {name: bound for name, bound in (("min", low), ("max", high)) if bound is not None}
    return Sample((x,), settings)


def clip(x: Array, min: float = -math.inf, max: float = math.inf) -> Array:
    return np.where(x < min, min, np.where(x > max, max, x))


row("clip", clipped(), clip, kinks="the bounds")
row("clip_to", clipped(), clip, kinks="the bounds", keeps="x")
row(
    "astype",
    unary().map(lambda sample: Sample(sample.inputs, {"dtype": np.dtype(np.float64)})),
    lambda x, dtype: np.array(x, dtype=dtype),
    kinds="fib",
    keeps="",
    casts=True,
)
row(
    "to_device",
    unary().map(lambda sample: Sample(sample.inputs, {"device": "cpu"})),
    lambda x, device: np.copy(x),
    kinds="fib",
    keeps="",
    waits=always,
)


@st.composite
def special(draw: Draw) -> Sample:
    x = draw(some.numbers(draw(some.shapes())))
    odd = draw(some.seeds).choice([np.nan, np.inf, -np.inf, 0.0], x.shape)
    return Sample((np.where(draw(some.masks(x.shape)), x, odd),))


row("isnan", special(), lambda x: x != x, differentiable=False)
row("isinf", special(), lambda x: np.abs(x) == np.inf, differentiable=False)
row("isfinite", special(), lambda x: np.abs(x) < np.inf, differentiable=False)

# --- elementwise, two inputs, broadcast ---------------------------------------------------------------------


@st.composite
def pairs(draw: Draw, away_from: tuple[float, ...] = (), scalars: bool = True) -> Sample:
    """Two arrays that broadcast, or an array and a number on either side. The second avoids the kinks."""
    a, b = draw(some.broadcastable())
    pair = [draw(some.numbers(a)), draw(some.numbers(b, away_from=away_from))]
    if scalars and draw(st.sampled_from([True, False, False, False])):
        pair[draw(st.integers(0, 1))] = draw(some.scalars)
    return Sample(tuple(pair))


@st.composite
def untied(draw: Draw) -> Sample:
    """Pairs without ties: multiples of 0.5 against multiples of 0.5 plus 0.25."""
    a, b = draw(some.broadcastable())
    return Sample((draw(some.distinct(a, -2, 0.5)), draw(some.distinct(b, -1.75, 0.5))))


@st.composite
def tied(draw: Draw) -> Sample:
    """Pairs with ties and zeros."""
    a, b = draw(some.broadcastable())
    return Sample((draw(some.integers(a, -1, 2)) * 0.5, draw(some.integers(b, -1, 2)) * 0.5))


@st.composite
def powers(draw: Draw) -> Sample:
    """A positive base to any exponent (0 included), any base to a whole number, and a number to any exponent."""
    kind = draw(st.sampled_from(["arrays", "arrays", "number", "whole numbers", "of a number", "root"]))
    a, b = draw(some.broadcastable())
    exponent = np.where(draw(some.masks(b)), draw(some.numbers(b)), draw(some.integers(b, -1, 3)))
    if kind == "arrays":
        return Sample((draw(some.numbers(a, 0.3, 2)), exponent))
    if kind == "number":
        return Sample((draw(some.numbers(a, away_from=(0,))), draw(st.sampled_from([0, 1, 2, 3, -1, -2, 2.0, 0.0]))))
    if kind == "whole numbers":
        return Sample((draw(some.numbers(a, away_from=(0,))), draw(some.integers(b, -2, 4))))
    if kind == "of a number":
        return Sample((draw(st.sampled_from([0.7, 2, 3.0])), exponent))
    return Sample((draw(some.numbers(a, 0.3, 2)), draw(st.sampled_from([0.5, -0.5, 1.5]))))


@st.composite
def remainders(draw: Draw) -> Sample:
    """x = y * (whole number + fraction), with the fraction away from 0 and 1, where the remainder jumps."""
    a, b = draw(some.broadcastable())
    whole, fraction = draw(some.integers(a, -2, 3)), draw(some.numbers(a, 0.2, 0.8))
    size = draw(st.sampled_from([0.5, 1.0, 1.7]))  # the same for all of y, so that every pair is away from a jump
    return Sample((size * (whole + fraction), np.where(draw(some.masks(b)), size, -size)))


@st.composite
def bit_pairs(draw: Draw, low: int = -9, high: int = 10) -> Sample:
    """Two arrays of integers that broadcast."""
    a, b = draw(some.broadcastable())
    return Sample((draw(some.integers(a, -9, 10)), draw(some.integers(b, low, high))))


@st.composite
def choices(draw: Draw) -> Sample:
    condition, a, b = draw(some.broadcastable(3))
    parts = [draw(some.numbers(a)), draw(some.numbers(b))]
    if draw(st.booleans()):
        parts[draw(st.integers(0, 1))] = draw(some.scalars)
    return Sample((draw(some.masks(condition)), *parts))


row("add", pairs(), lambda a, b: a + b, **two, keeps="")
row("sub", pairs(), lambda a, b: a - b, **two, keeps="")
row("mul", pairs(), lambda a, b: a * b, **two, keeps="a b")
row("div", pairs((0,)), lambda a, b: a / b, **two, keeps="b out")
row("pow", powers(), lambda x, y: x**y, keeps="x y out")
row("remainder", remainders(), lambda x, y: x - y * np.floor(x / y), kinks="whole quotients", keeps="x y")
row("maximum", untied(), lambda a, b: np.where(a > b, a, b), kinks="ties", **two, keeps="a b")
row("minimum", untied(), lambda a, b: np.where(a < b, a, b), kinks="ties", **two, keeps="a b")
row("where", choices(), np.where, **two, keeps="condition")

row("logical_not", first_of(tied()), lambda x: x == 0, kinds="fib", differentiable=False)

comparison = {"kinds": "fi", "differentiable": False}
row("eq", tied(), lambda a, b: a == b, **comparison)
row("ne", tied(), lambda a, b: a != b, **comparison)
row("lt", tied(), lambda a, b: a < b, **comparison)
row("le", tied(), lambda a, b: a <= b, **comparison)
row("gt", tied(), lambda a, b: a > b, **comparison)
row("ge", tied(), lambda a, b: a >= b, **comparison)
row("logical_and", tied(), lambda a, b: (a != 0) & (b != 0), kinds="fib", differentiable=False)
row("logical_or", tied(), lambda a, b: (a != 0) | (b != 0), kinds="fib", differentiable=False)
row("floor_divide", remainders(), lambda a, b: np.floor(a / b), kinks="whole quotients", keeps="")
row(
    "trunc_divide",
    remainders(),
    lambda a, b: np.trunc(a / b).astype(np.result_type(a, b)),
    kinds="fi",
    kinks="whole quotients",
    keeps="",
)


@st.composite
def nearly(draw: Draw) -> Sample:
    """Pairs, some of them close, with infinities and nans; and tolerances."""
    a, b = draw(tied()).inputs
    odd = draw(some.seeds).choice([1, 1 + 1e-6, 1.001, np.inf, -np.inf, np.nan], b.shape)
    sample = Sample((np.where(a > 0, np.inf, a) if draw(st.booleans()) else a, (b + 1) * odd))
    tolerances = {"rtol": st.sampled_from([0.0, 0.01]), "atol": st.sampled_from([0.0, 0.6]), "equal_nan": st.booleans()}
    return draw(with_setting(st.just(sample), **tolerances))  # type: ignore[no-any-return]


bits = {"differentiable": False, "casts": True}  # the same for the integers of every dtype
row("isclose", nearly(), np.isclose, differentiable=False)
row("bitwise_and", bit_pairs(), lambda a, b: a & b, kinds="ib", **bits)
row("bitwise_or", bit_pairs(), lambda a, b: a | b, kinds="ib", **bits)
row("bitwise_xor", bit_pairs(), lambda a, b: a ^ b, kinds="ib", **bits)
row("bitwise_not", first_of(bit_pairs()), lambda x: ~x, kinds="ib", **bits)

# --- reductions ---------------------------------------------------------------------------------------------


def reduced_count(shape: Shape, settings: dict[str, Any]) -> int:
    """The number of elements reduced to one."""
    axis = settings.get("axis", settings.get("dim"))
    return math.prod(shape) if axis is None else math.prod(shape[a] for a in np.atleast_1d(np.array(axis, dtype=int)))


@st.composite
def reductions(
    draw: Draw, values: Callable[[Shape], st.SearchStrategy[Array]] = some.numbers, at_least: int = 0
) -> Sample:
    """An array and axes to reduce, with at least `at_least` elements per result."""
    shape = draw(some.shapes(min_side=0 if at_least == 0 else draw(st.sampled_from([0, 1, 2]))))
    settings = draw(some.reduced(len(shape)))
    if reduced_count(shape, settings) < at_least:
        shape, settings = (2, *(max(n, 1) for n in shape)), {}
    return Sample((draw(values(shape)),), settings)


@st.composite
def factors(draw: Draw, shape: Shape) -> Array:
    """Numbers with some zeros, where the gradient of a product must be exact."""
    x = draw(some.numbers(shape, away_from=(0,)))
    return np.asarray(np.where(draw(some.seeds).random(shape) < 0.15, 0.0, x))


@st.composite
def norms(draw: Draw) -> Sample:
    ord = draw(st.sampled_from([2, 1, 3, 1.5, math.inf, -math.inf, None]))
    sample = draw(reductions(some.signed_distinct, at_least=1))
    return sample if ord is None else Sample(sample.inputs, {"ord": ord, **sample.settings})


def norm(x: Array, ord: float = 2, axis: Any = None, keepdims: bool = False) -> Any:
    if math.isinf(ord):
        return (np.max if ord > 0 else np.min)(np.abs(x), axis=axis, keepdims=keepdims)
    return np.sum(np.abs(x) ** ord, axis=axis, keepdims=keepdims) ** (1 / ord)


@st.composite
def one_axis_or_all(draw: Draw) -> Sample:
    """For argmax and argmin, with ties, of which the first counts."""
    shape = draw(some.shapes(min_side=1))
    axis = draw(st.none() | some.one_axis(len(shape))) if shape else None
    return Sample((draw(some.integers(shape, 0, 3)) * 0.5,), draw(some.named(axis=axis, keepdims=draw(st.booleans()))))


def with_correction(statistic: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, correction=1, **settings: statistic(x, ddof=correction, **settings)


corrected = {"correction": st.sampled_from([0, 1, 0.5])}
row("sum", reductions(), np.sum, kinds="fib", keeps="")
row("mean", reductions(at_least=1), np.mean, kinds="fi", keeps="")
row("var", with_setting(reductions(at_least=2), **corrected), with_correction(np.var), kinds="fi")
row("std", with_setting(reductions(some.distinct, at_least=2), **corrected), with_correction(np.std), kinks="0")
row("amax", reductions(some.distinct, at_least=1), np.max, kinks="ties", kinds="fib", keeps="x out")
row("amin", reductions(some.distinct, at_least=1), np.min, kinks="ties", kinds="fib", keeps="x out")
row("prod", reductions(factors), np.prod, kinds="fi")
row("cumsum", one_array(its_axis, min_dims=1), np.cumsum, kinds="fi", keeps="")
row("cumprod", one_array(its_axis, min_dims=1), np.cumprod, kinds="fi")
row("root_of_squares", reductions(some.signed_distinct, at_least=1), norm, kinks="0", keeps="x out")
row("norm", norms(), norm, kinks="0, and ties of the largest and smallest")
row("logsumexp", reductions(at_least=1), lambda x, **over: np.log(np.sum(np.exp(x), **over)))
row("argmax", one_axis_or_all(), np.argmax, kinds="fi", differentiable=False)
row("argmin", one_axis_or_all(), np.argmin, kinds="fi", differentiable=False)
row("any", reductions(lambda shape: some.integers(shape, 0, 2)), np.any, kinds="fib", differentiable=False)
row("all", reductions(lambda shape: some.integers(shape, 0, 2)), np.all, kinds="fib", differentiable=False)

# --- shapes -------------------------------------------------------------------------------------------------


@st.composite
def reshapes(draw: Draw) -> Sample:
    x = draw(some.numbers(draw(some.shapes())))
    shape = list(draw(st.permutations(x.shape))) + [1] * draw(st.integers(0, 2))
    if shape and x.size and draw(st.booleans()):
        shape[draw(st.integers(0, len(shape) - 1))] = -1
    elif draw(st.booleans()):
        shape = [x.size]
    return Sample((x,), {"shape": tuple(shape)})


def permutation(draw: Draw, x: Array) -> dict[str, Any]:
    return {"axes": tuple(draw(some.signed(a, x.ndim)) for a in draw(st.permutations(range(x.ndim))))}


def swap(draw: Draw, x: Array) -> dict[str, Any]:
    return {"axis0": draw(some.one_axis(x.ndim)), "axis1": draw(some.one_axis(x.ndim))}


@st.composite
def transposes(draw: Draw) -> Sample:
    """Positional arguments: no axes, two axes, or all in a tuple."""
    axes: Any = draw(st.sampled_from(["none", "two", "all"]))
    if axes == "two":
        sample = draw(one_array(swap, min_dims=1))
        return Sample(sample.inputs, {"axes": tuple(sample.settings.values())})
    sample = draw(one_array(permutation))
    return Sample(sample.inputs, {"axes": () if axes == "none" else (sample.settings["axes"],)})


def transpose(x: Array, axes: tuple[Any, ...]) -> Array:
    return np.swapaxes(x, *axes) if len(axes) == 2 else np.transpose(x, *axes)


@st.composite
def broadcasts(draw: Draw) -> Sample:
    shape = draw(some.shapes())
    return Sample((draw(some.numbers(draw(some.narrower(shape)))),), {"shape": shape})


def pads(draw: Draw, x: Array) -> dict[str, Any]:
    """pad_width in each of NumPy's forms."""
    pair = st.tuples(st.integers(0, 2), st.integers(0, 2))
    width = draw(
        st.one_of(
            st.integers(0, 2),
            pair,
            st.tuples(st.integers(0, 2)),
            st.tuples(pair),
            st.tuples(*[pair] * x.ndim),
            st.lists(pair, min_size=x.ndim, max_size=x.ndim),
        )
    )
    return {"pad_width": width, **({"value": 1.5} if draw(st.booleans()) else {})}


def pad(x: Array, pad_width: Any, value: float = 0) -> Array:
    return np.pad(x, pad_width, constant_values=value)


@st.composite
def joined(draw: Draw, stacked: bool = False) -> Sample:
    """Arrays to join: equal shapes or, unless stacked, different sizes along the axis."""
    shape = draw(some.shapes(min_dims=0 if stacked else 1))
    axis = draw(some.one_axis(len(shape) + stacked))
    arrays = []
    for _ in range(draw(st.integers(1, 3))):
        own = list(shape)
        if not stacked:
            own[axis] = draw(st.integers(0, 3))
        arrays.append(draw(some.numbers(tuple(own))))
    return Sample(tuple(arrays), draw(some.named(axis=axis)) if axis or draw(st.booleans()) else {})


def join(*arrays: Array, axis: int = 0) -> Array:
    return np.concatenate(arrays, axis)


def splits(draw: Draw, x: Array) -> dict[str, Any]:
    """Pieces of one size, or a list of sizes that add up."""
    axis = draw(some.one_axis(x.ndim))
    cuts = sorted(draw(st.lists(st.integers(0, x.shape[axis]), max_size=2)))
    sizes = np.diff([0, *cuts, x.shape[axis]]).tolist()
    return {"split_size": draw(st.integers(1, 4) | st.just(sizes)), **draw(some.named(axis=axis))}


def split(x: Array, split_size: Any, axis: int = 0) -> tuple[Array, ...]:
    n = x.shape[axis]
    cuts = np.cumsum(split_size)[:-1] if isinstance(split_size, list) else np.arange(split_size, n, split_size)
    return tuple(np.split(x, cuts, axis))


def chunk(x: Array, chunks: int, axis: int = 0) -> tuple[Array, ...]:
    return split(x, max(-(-x.shape[axis] // chunks), 1), axis)


def squeeze(x: Array, axis: Any = None) -> Array:
    wanted = range(x.ndim) if axis is None else [a % x.ndim for a in ((axis,) if isinstance(axis, int) else axis)]
    return np.squeeze(x, tuple(a for a in wanted if x.shape[a] == 1))


def some_in_a_row(draw: Draw, x: Array) -> dict[str, Any]:
    """Axes from a first to a last one, or all."""
    if x.ndim == 0 or draw(st.booleans()):
        return {}
    start = draw(st.integers(0, x.ndim - 1))
    end = draw(st.integers(start, x.ndim - 1))
    return {"start_dim": draw(some.signed(start, x.ndim)), "end_dim": draw(some.signed(end, x.ndim))}


def flatten(x: Array, start_dim: int = 0, end_dim: int = -1) -> Array:
    if x.ndim == 0:
        return x.reshape(1)
    start, end = start_dim % x.ndim, end_dim % x.ndim
    return x.reshape((*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :]))


@st.composite
def expansions(draw: Draw) -> Sample:
    """Sizes to keep are given as numbers or as -1."""
    sample = draw(broadcasts())
    (x,), shape = sample.inputs, list(sample.settings["shape"])
    for a, n in enumerate(x.shape[::-1], 1):
        if shape[-a] == n and draw(st.booleans()):
            shape[-a] = -1
    return Sample((x,), {"shape": tuple(shape)})


def expand(x: Array, shape: Shape) -> Array:
    kept = (1,) * (len(shape) - x.ndim) + x.shape
    return np.broadcast_to(x, [m if n == -1 else n for n, m in zip(shape, kept, strict=True)])


row("reshape", reshapes(), lambda x, shape: np.reshape(x, shape), kinds="fib", keeps="")
row("permute", one_array(permutation), np.transpose, kinds="fib", keeps="")
row(
    "swapaxes", one_array(swap, min_dims=1), lambda x, axis0, axis1: np.swapaxes(x, axis0, axis1), kinds="fib", keeps=""
)
row(
    "split_heads",
    one_array(
        lambda draw, x: {"heads": draw(st.sampled_from([n for n in (1, 2, 3) if x.shape[-1] % n == 0]))}, min_dims=2
    ),
    lambda x, heads: np.stack(np.split(x, heads, -1), -3),
    kinds="fib",
    keeps="",
)
row(
    "merge_heads",
    one_array(min_dims=3, min_side=1),
    lambda x: np.concatenate([*np.moveaxis(x, -3, 0)], -1),
    kinds="fib",
    keeps="",
)
row("transpose", transposes(), transpose, call=lambda op, x, axes: op(x, *axes), kinds="fib")
row("broadcast_to", broadcasts(), np.broadcast_to, kinds="fib", keeps="")
row("expand_copy", broadcasts(), np.broadcast_to, kinds="fib", keeps="")
row("expand", expansions(), expand, kinds="fib")
row(
    "repeat",
    one_array(
        lambda draw, x: {"times": tuple(draw(st.lists(st.integers(0, 2), min_size=x.ndim, max_size=x.ndim + 1)))}
    ),
    lambda x, times: np.tile(x, times),
    kinds="fib",
)
row("flip", one_array(its_axes), np.flip, kinds="fib", keeps="")
row("pad", one_array(pads, min_dims=1), pad, kinds="fi", keeps="")
row("concatenate", joined(), join, kinds="fib", mixes=True, keeps="")
row("cat", joined(), join, call=lambda op, *arrays, **axis: op(arrays, **axis), kinds="fib", mixes=True)
row(
    "stack",
    joined(stacked=True),
    lambda *arrays, axis=0: np.stack(arrays, axis),
    call=lambda op, *arrays, **axis: op(list(arrays), **axis),
    kinds="fib",
    mixes=True,
)
row("unsqueeze", one_array(lambda draw, x: its_axis(draw, x[None])), np.expand_dims, kinds="fib")
row("squeeze", one_array(its_axes, max_side=2), squeeze, kinds="fib")  # also axes of size 2, which stay
row("flatten", one_array(some_in_a_row), flatten, kinds="fib")
row("split", one_array(splits, min_dims=1), split, kinds="fib")
row(
    "chunk",
    one_array(lambda draw, x: {"chunks": draw(st.integers(1, 4)), **its_axis(draw, x)}, min_dims=1),
    chunk,
    kinds="fib",
)
row(
    "unbind",
    one_array(lambda draw, x: its_axis(draw, x) if draw(st.booleans()) else {}, min_dims=1, min_side=1),
    lambda x, axis=0: tuple(np.moveaxis(x, axis, 0)),
    kinds="fib",
)


def rolls(draw: Draw, x: Array) -> dict[str, Any]:
    """One shift of all elements, or one for each of some axes."""
    shift = st.integers(-4, 4)
    if x.ndim == 0 or draw(st.booleans()):
        return {"shifts": draw(shift)}
    axis = draw(some.one_axis(x.ndim)) if draw(st.booleans()) else tuple(range(x.ndim))
    shifts = draw(shift) if isinstance(axis, int) else tuple(draw(shift) for _ in axis)
    return {"shifts": shifts, **draw(some.named(axis=axis))}


def moves(draw: Draw, x: Array) -> dict[str, Any]:
    if draw(st.booleans()):
        return {"source": draw(some.one_axis(x.ndim)), "destination": draw(some.one_axis(x.ndim))}
    orders = [draw(st.permutations(range(x.ndim)))[: min(2, x.ndim)] for _ in range(2)]
    return {"source": orders[0], "destination": tuple(orders[1])}


def repeats(draw: Draw, x: Array) -> dict[str, Any]:
    """A number of repeats for all, or one for each slice."""
    axis = draw(st.none() | some.one_axis(x.ndim))
    n = x.size if axis is None else x.shape[axis]
    times = draw(st.integers(0, 3)) if draw(st.booleans()) else draw(some.integers((n,), 0, 3))
    return {"repeats": times, **({} if axis is None else draw(some.named(axis=axis)))}


row("roll", one_array(rolls), lambda x, shifts, axis=None: np.roll(x, shifts, axis), kinds="fib", keeps="")
row("moveaxis", one_array(moves, min_dims=1), np.moveaxis, kinds="fib")
row(
    "diag",
    with_setting(one_array(min_dims=1, max_dims=2), diagonal=st.integers(-2, 2)),
    lambda x, diagonal=0: np.diag(x, diagonal),
    kinds="fi",
)
row(
    "repeat_interleave",
    one_array(repeats, min_dims=1),
    lambda x, repeats, axis=None: np.repeat(x, repeats, axis),
    kinds="fib",
)

# --- indices ------------------------------------------------------------------------------------------------

picks = one_array(lambda draw, x: {"index": draw(some.indices(x.shape))})


@st.composite
def places(draw: Draw) -> Sample:
    shape = draw(some.shapes())
    index = draw(some.indices(shape))
    picked = np.zeros(shape)[index].shape
    return Sample((draw(some.numbers(picked)),), {"shape": shape, "index": index})


def index_transpose(x: Array, shape: Shape, index: Any) -> Array:
    return add_at(np.zeros(shape, x.dtype), x, index)


@st.composite
def picks_of_rows(draw: Draw) -> Sample:
    """An index of one integer array, as an embedding uses, with a row named twice."""
    shape = draw(some.shapes(min_dims=1, min_side=1))
    rows = draw(st.lists(st.integers(-shape[0], shape[0] - 1), min_size=1, max_size=4))
    return Sample((draw(some.numbers(shape)),), {"index": (np.array([*rows, rows[0]]),)})


def select(x: Array, index: Any) -> Array:
    """x[index] as in PyTorch: each int selects first, so it never moves the axes of arrays."""
    parts = list(index) if isinstance(index, tuple) else [index]
    arrays = any(np.ndim(part) for part in parts if isinstance(part, (np.ndarray, list)))
    for place in reversed(range(len(parts))):
        if np.ndim(parts[place]) == 0 and isinstance(parts[place], (int, np.ndarray)) and arrays:
            before = [0 if part is None else np.ndim(part) if masks(part) else 1 for part in parts[:place]]
            after = [0 if part is None else np.ndim(part) if masks(part) else 1 for part in parts[place:]]
            axis = x.ndim - sum(after) if Ellipsis in map(type_or_dots, parts[:place]) else sum(before)
            x = x.take(int(parts.pop(place)), axis)
    return x[tuple(parts)]


def masks(part: Any) -> bool:
    return isinstance(part, np.ndarray) and part.dtype == bool


def type_or_dots(part: Any) -> Any:
    return part if part is Ellipsis else type(part)


@st.composite
def puts(draw: Draw, selected: Callable[..., Array] = lambda x, index: x[index]) -> Sample:
    """A value that broadcasts to x[index], or a number."""
    sample = draw(picks | picks_of_rows())
    (x,), index = sample.inputs, sample.settings["index"]
    shape = draw(some.narrower(selected(x, index).shape))
    value = draw(some.scalars) if draw(st.sampled_from([True, False, False])) else draw(some.numbers(shape))
    return Sample((x, value), {"index": index})


def index_put(x: Array, value: Any, index: Any) -> Array:
    full = np.array(x)
    full[index] = value
    return full


def put_selected(x: Array, value: Any, index: Any) -> Array:
    full = np.array(x)
    full.reshape(-1)[select(np.arange(full.size).reshape(x.shape), index)] = value
    return full


@st.composite
def additions(draw: Draw) -> Sample:
    sample = draw(picks | picks_of_rows())
    (x,), index = sample.inputs, sample.settings["index"]
    return Sample((x, draw(some.numbers(x[index].shape))), {"index": index})


def add_at(x: Array, src: Array, index: Any) -> Array:
    full = np.array(x)
    np.add.at(full, index, src)
    return full


@st.composite
def places_along(draw: Draw) -> tuple[Shape, int, Array]:
    """A shape, an axis of it, and an index along it: no longer than the shape along the other axes."""
    shape = draw(some.shapes(min_dims=1, min_side=1))
    axis = draw(some.one_axis(len(shape)))
    sizes = [draw(st.integers(1, n)) for n in shape]
    sizes[axis] = draw(st.integers(0, 4))
    return shape, axis, draw(some.integers(tuple(sizes), -shape[axis], shape[axis]))


@st.composite
def gathers(draw: Draw) -> Sample:
    shape, axis, index = draw(places_along())
    return Sample((draw(some.numbers(shape)), index), draw(some.named(axis=axis)))


def along(index: Array, axis: int) -> tuple[Array, ...]:
    """The elements that an index along an axis names."""
    places = list(np.indices(index.shape))
    places[axis] = index
    return tuple(places)


def as_long(src: Any, index: Array) -> Any:
    """A source as far as it is used, along every axis; a number as it is."""
    return src if isinstance(src, float) else src[tuple(map(slice, index.shape))]


@st.composite
def scatters(draw: Draw) -> Sample:
    """A source at least as long as the index along every axis."""
    sample = draw(gathers())
    x, index = sample.inputs
    sizes = tuple(n + draw(st.integers(0, 1)) for n in index.shape)
    return Sample((x, index, draw(some.numbers(sizes))), sample.settings)


def takes(draw: Draw, x: Array) -> dict[str, Any]:
    axis = draw(st.none() | some.one_axis(x.ndim))
    n = x.size if axis is None else x.shape[axis]
    places = draw(some.integers(draw(some.shapes(max_dims=2)), -n, n))
    settings = {} if axis is None and draw(st.booleans()) else draw(some.named(axis=axis))
    return {"indices": places if draw(st.booleans()) else places.tolist(), **settings}


def diagonals(draw: Draw, x: Array) -> dict[str, Any]:
    settings = {"offset": draw(st.integers(-3, 3))} if draw(st.booleans()) else {}
    if draw(st.booleans()):
        axes = draw(st.permutations(range(x.ndim)))[:2]
        settings["axis1"], settings["axis2"] = (draw(some.signed(a, x.ndim)) for a in axes)
    return settings


@st.composite
def ordered(draw: Draw, ties: bool, ranks: tuple[int, int] = (0, 3)) -> Sample:
    shape = draw(some.shapes(*ranks))
    x = draw(some.integers(shape, 0, 3)) * 0.5 if ties else draw(some.distinct(shape))
    settings: dict[str, Any] = {"axis": draw(some.one_axis(x.ndim))} if x.ndim and draw(st.booleans()) else {}
    if draw(st.booleans()):
        settings["descending"] = draw(st.booleans())
    return Sample((x,), draw(some.named(**settings)))


def argsort(x: Array, axis: int = -1, descending: bool = False) -> Array:
    return np.argsort(-x if descending else x, axis=axis if x.ndim else None, kind="stable").reshape(x.shape)


def sort(x: Array, axis: int = -1, descending: bool = False) -> tuple[Array, Array]:
    places = argsort(x, axis, descending)
    return (np.take_along_axis(x, places, axis) if x.ndim else x), places


@st.composite
def tops(draw: Draw) -> Sample:
    x = draw(some.distinct(draw(some.shapes(min_dims=1))))
    axis = draw(some.one_axis(x.ndim))
    settings = {"k": draw(st.integers(0, x.shape[axis])), **draw(some.named(axis=axis))}
    if draw(st.booleans()):
        settings["largest"] = draw(st.booleans())
    return Sample((x,), settings)


def topk(x: Array, k: int, axis: int = -1, largest: bool = True) -> tuple[Array, Array]:
    values, places = sort(x, axis, largest)
    return np.take(values, range(k), axis), np.take(places, range(k), axis)


def triangle(x: Array, kept: Callable[[Any, Any], Any]) -> Array:
    i, j = np.indices(x.shape[-2:])
    return np.asarray(x * kept(i, j))


@st.composite
def masked_fills(draw: Draw) -> Sample:
    """A mask that broadcasts to x, and a number or a 0-d array as the value."""
    shape = draw(some.shapes())
    value = draw(some.scalars | some.numbers(()))
    return Sample((draw(some.numbers(shape)), draw(some.masks(draw(some.narrower(shape)))), value))


@st.composite
def classes(draw: Draw) -> Sample:
    shape = draw(some.shapes())
    number = draw(st.integers(1, 4))
    given = {"num_classes": number} if draw(st.booleans()) else {}
    return Sample((draw(some.integers(shape, 0, number)),), given)


def one_hot(indices: Array, num_classes: int | None = None) -> Array:
    n = num_classes if num_classes is not None else int(np.max(indices, initial=-1)) + 1
    return np.asarray(np.eye(n, dtype=np.int64)[indices])


def with_index(op: Callable[..., Any], x: Any, *others: Any, index: Any, **settings: Any) -> Any:
    """Call an op with the index converted by `normal_index`."""
    whole = ops.broadcast_to(ops.sum(x), settings["shape"]) if "shape" in settings else x
    return op(x, *others, index=normal_index(whole, index), **settings)


def with_axis(op: Callable[..., Any], x: Any, index: Any, *src: Any, **settings: Any) -> Any:
    return op(x, index=index, **dict(zip(["src"], src, strict=False)), **settings)


def masked(sample: Sample) -> bool:
    return some.has_mask(sample.settings["index"])


def ambiguous(sample: Sample) -> bool:
    """Whether an element is written more than once."""
    return some.names_twice(sample.settings["index"], sample.inputs[0].shape)


indexed = {"kinds": "fib", "waits": masked}
row("index_get", picks, lambda x, index: x[index], call=with_index, **indexed, keeps="")
row("index_transpose", places(), index_transpose, call=with_index, kinds="fi", waits=masked, keeps="")
row("index_put", puts(), index_put, call=with_index, kinds="fi", waits=masked, undefined=ambiguous, keeps="")
row("add_at", additions(), add_at, call=with_index, kinds="fi", waits=masked, keeps="")
row("getitem", picks, select, **indexed)
row(
    "setitem",
    puts(select),
    put_selected,
    call=lambda op, x, value, index: op(x, index, value),
    kinds="fi",
    waits=masked,
    undefined=ambiguous,
)
row("gather", gathers(), lambda x, index, axis: x[along(index, axis)], call=with_axis, kinds="fib")


row(
    "scatter_add",
    scatters(),
    lambda x, index, src, axis: add_at(x, as_long(src, index), along(index, axis)),
    call=with_axis,
    kinds="fi",
)


@st.composite
def added_slices(draw: Draw) -> Sample:
    """A vector of places on an axis, some named twice, and a slice for each."""
    shape = draw(some.shapes(min_dims=1, min_side=1))
    axis, count = draw(some.one_axis(len(shape))), draw(st.integers(0, 4))
    index = draw(some.integers((count,), -shape[axis], shape[axis]))
    source = draw(some.numbers((*shape[: axis % len(shape)], count, *shape[axis % len(shape) + 1 :])))
    return Sample(
        (draw(some.numbers(shape)), index, source),
        draw(some.named(axis=axis)) | {"alpha": draw(st.sampled_from([1, 2]))},
    )


def index_add(x: Array, index: Array, source: Array, axis: int, alpha: float) -> Array:
    return np.moveaxis(add_at(np.moveaxis(x, axis, 0), alpha * np.moveaxis(source, axis, 0), index), 0, axis)


row(
    "index_add",
    added_slices(),
    index_add,
    call=lambda op, x, index, source, **settings: op(x, index=index, source=source, **settings),
    kinds="fi",
)


@st.composite
def writes(draw: Draw) -> Sample:
    """A scatter whose index names each element once, with a source or a number."""
    x = draw(some.numbers(draw(some.shapes(min_dims=1, min_side=1))))
    axis = draw(some.one_axis(x.ndim))
    index = np.argsort(draw(some.seeds).random(x.shape), axis)[tuple(slice(draw(st.integers(1, n))) for n in x.shape)]
    index = index - np.where(draw(some.masks(index.shape)), x.shape[axis], 0)  # some counted from the end
    sizes = tuple(n + draw(st.integers(0, 1)) for n in index.shape)
    src = draw(some.scalars) if draw(st.booleans()) else draw(some.numbers(sizes))
    return Sample((x, index, src), draw(some.named(axis=axis)))


row("scatter", writes(), lambda x, i, src, axis: index_put(x, as_long(src, i), along(i, axis)), call=with_axis)
row(
    "take",
    one_array(takes, min_dims=1, min_side=1),
    lambda x, indices, axis=None: np.take(x, indices, axis),
    kinds="fib",
)
row("diagonal", one_array(diagonals, min_dims=2), np.diagonal, kinds="fib")
row(
    "main_diagonal",
    of_shapes(some.shapes(min_dims=1).map(lambda s: [(*s, s[-1])])),
    lambda x: np.diagonal(x, 0, -2, -1),
    kinds="fib",
    keeps="",
)
row(
    "diagonal_matrix",
    one_array(min_dims=1),
    lambda x: x[..., None] * np.eye(x.shape[-1], dtype=x.dtype),
    kinds="fi",
    keeps="",
)
row("nonzero", alone(some.shapes().flatmap(factors)), np.argwhere, kinds="fib", differentiable=False, waits=always)
row("argsort", ordered(ties=True, ranks=(1, 3)), argsort, kinds="fi", differentiable=False)
row("sort", ordered(ties=False), sort, kinks="ties", kinds="fi")
row("topk", tops(), topk, kinks="ties", kinds="fi")


# --- selection ------------------------------------------------------------------------------------------------


@st.composite
def selections_along(draw: Draw) -> Sample:
    """An array with no empty axis, and an axis of it."""
    shape = draw(some.shapes(min_side=1, min_dims=1))
    x = draw(some.distinct(shape))
    return Sample((x,), draw(some.named(axis=draw(some.one_axis(len(shape))), keepdims=draw(st.booleans()))))


def picking(argument: Callable[..., Array]) -> Callable[..., Any]:
    """From a reference for the index along an axis, one for (the elements at it, the index)."""

    def reference(x: Array, axis: int, keepdims: bool = False) -> Any:
        index = argument(x, axis, keepdims=True)
        both = np.take_along_axis(x, index, axis), index
        return both if keepdims else tuple(np.squeeze(part, axis) for part in both)

    return reference


def argmedian(x: Array, axis: int, keepdims: bool = False) -> Array:
    index = np.take(np.argsort(x, axis, kind="stable"), [(x.shape[axis] - 1) // 2], axis)
    return index if keepdims else np.squeeze(index, axis)


row("max", selections_along(), picking(np.argmax), kinks="ties", kinds="fi")
row("min", selections_along(), picking(np.argmin), kinks="ties", kinds="fi")
row(
    "lower_median",
    alone(some.shapes(min_side=1).flatmap(some.distinct)),
    lambda x: np.sort(x, None)[(x.size - 1) // 2],
    kinks="ties",
    kinds="fi",
    keeps="x out",
)
row("median", selections_along(), picking(argmedian), kinks="ties", kinds="fi")


@st.composite
def counts(draw: Draw) -> Sample:
    """Integers with weights."""
    x = draw(some.integers((draw(st.integers(0, 5)),), 0, 4))
    settings = {"minlength": draw(st.integers(0, 6))} if draw(st.booleans()) else {}
    return Sample((x, draw(some.numbers(x.shape))), settings)


def bincount(x: Array, weights: Array, minlength: int = 0) -> Array:
    total = np.zeros(max(int(x.max(initial=-1)) + 1, minlength), weights.dtype)
    for i, place in enumerate(x):
        total[place] += weights[i]
    return total


row("bincount", counts(), bincount, waits=always)
row("argmedian", selections_along(), argmedian, kinds="fi", differentiable=False)
row("unique", first_of(tied()), np.unique, kinds="fi", differentiable=False, waits=always)
triangles = with_setting(one_array(min_dims=2), diagonal=st.integers(-2, 2))
row("tril", triangles, lambda x, diagonal=0: triangle(x, lambda i, j: j - i <= diagonal), kinds="fi", keeps="")
row("triu", triangles, lambda x, diagonal=0: triangle(x, lambda i, j: j - i >= diagonal), kinds="fi", keeps="")
row("masked_fill", masked_fills(), lambda x, mask, value: np.where(mask, value, x))
row(
    "one_hot",
    classes(),
    one_hot,
    differentiable=False,
    casts=True,
    waits=lambda sample: "num_classes" not in sample.settings,
)

# --- linear algebra -----------------------------------------------------------------------------------------


@st.composite
def products(draw: Draw) -> Sample:
    """Matrices, vectors on either side, batches that broadcast."""
    n, k, m = draw(some.shapes(3, 3))
    batch_a, batch_b = draw(some.broadcastable(max_dims=2))
    kind = draw(st.sampled_from(["matrices", "row", "column", "vectors", "large by small"]))
    a = (k,) if kind in ("row", "vectors") else (*batch_a, n, k)
    b = (k,) if kind in ("column", "vectors") else (k, m) if kind == "large by small" else (*batch_b, k, m)
    return Sample((draw(some.numbers(a)), draw(some.numbers(b))))


# Products, diagonals, traces, axes of one operand only, ellipses that broadcast, no arrow, spaces.
EQUATIONS = """
ij,jk->ik; bij,bjk->bik; bqhd,bkhd->bhqk; ij->ji; ij->; ij->i; ij; ba; ii->i; ii->; ii; iij->j; iii->i; ij,ij->ij;
i,j->ij; i,i->; i,i; ij,kj; ij,jk,kl->il; a,a,a->a; ij,j; ijk->ik; ij,ii->j; ij , jk -> ik; ij,k->ij; ...;
...ij,...jk->...ik; ...i->...; i...->...i; ...,i->...i; ...ij->...ji; b...,b->b...; aa->a; aba->b; ba,aa->ab;
ab,a->b; ac,cbc->b; ,abc,cba->ac
""".replace("\n", "").split(";")


@st.composite
def einsums(draw: Draw) -> Sample:
    """A size for each letter, and shapes that broadcast for each ellipsis."""
    equation = draw(st.sampled_from(EQUATIONS))
    terms = equation.partition("->")[0].replace(" ", "").split(",")
    sizes = {letter: draw(st.integers(1, 3)) for letter in sorted(set("".join(terms)) - {"."})}
    dots = draw(some.broadcastable(len(terms), max_dims=2, min_side=1))
    arrays = []
    for term, hidden in zip(terms, dots, strict=True):
        shape: list[int] = []
        stretched = {letter for letter in term if term.count(letter) == 1 and draw(st.integers(0, 4)) == 0}
        for part in term.replace("...", "."):
            shape.extend(hidden if part == "." else (1 if part in stretched else sizes[part],))
        arrays.append(draw(some.numbers(tuple(shape))))
    return Sample(tuple(arrays), {"equation": equation})


@st.composite
def contractions(draw: Draw) -> Sample:
    inputs, output = draw(
        st.sampled_from(
            [(("ij", "jk"), "ik"), (("ij",), "ji"), (("i", "j"), "ji"), (("bij", "bjk", "k"), "bi"), (("ij", "ij"), "")]
        )
    )
    sizes = {letter: draw(st.integers(0, 3)) for letter in "bijk"}
    arrays = tuple(draw(some.numbers(tuple(sizes[letter] for letter in term))) for term in inputs)
    return Sample(arrays, {"inputs": inputs, "output": output})


row("matmul", products(), np.matmul, **two, keeps="a b")
row("dot", of_shapes(some.shapes(1, 1).map(lambda shape: (shape, shape))), lambda a, b: (a * b).sum(), **two)
row(
    "bmm",
    of_shapes(some.shapes(4, 4).map(lambda s: (s[:3], (s[0], *s[2:])))),
    lambda a, b: np.einsum("bij,bjk->bik", a, b),
    **two,
)
row("outer", of_shapes(st.tuples(some.shapes(1, 1), some.shapes(1, 1))), lambda a, b: np.multiply.outer(a, b), **two)
row(
    "einsum",
    einsums(),
    lambda *operands, equation: np.einsum(equation, *operands),
    call=lambda op, *operands, equation: op(equation, *operands),
    **two,
)
row(
    "contract",
    contractions(),
    lambda *operands, inputs, output: np.einsum(",".join(inputs) + "->" + output, *operands),
    kinds="fi",
    keeps="operands",
)


@st.composite
def regular(draw: Draw, low: int = 0, definite: bool = False) -> Array:
    """Matrices (..., n, n) far from singular: numbers plus 3 on the diagonal; or symmetric positive definite ones."""
    n = draw(st.integers(low, 3))
    batch = draw(some.shapes(min_dims=1, max_dims=2))  # a layout that repeats rows then repeats whole matrices
    x = draw(some.numbers((*batch, n, n), -0.5, 0.5))
    x = x + x.swapaxes(-1, -2) if definite else x * np.where(draw(some.masks((n, 1))), 1.5, -1.5)
    return np.asarray(x + 3 * np.eye(n))


@st.composite
def systems(draw: Draw, vectors: bool) -> Sample:
    """Square matrices a, and b: matrices of the same or no batch, or vectors."""
    a = draw(regular())
    n = a.shape[-1]
    batch = a.shape[:-2] if draw(st.booleans()) else ()
    if vectors and draw(st.booleans()):
        return Sample((a, draw(some.numbers((*batch, n)))))
    return Sample((a, draw(some.numbers((*batch, n, draw(st.integers(0, 3)))))))


def solve(a: Array, b: Array) -> Array:
    if b.ndim == 1 or b.shape == a.shape[:-1]:
        return (np.linalg.inv(a) @ b[..., None])[..., 0]
    return np.linalg.inv(a) @ b


@st.composite
def triangular(draw: Draw) -> Sample:
    a = draw(regular(low=1))
    return Sample((a, draw(some.numbers((a.shape[-1], draw(st.integers(1, 2)))))), {"upper": draw(st.booleans())})


def solve_triangular(a: Array, b: Array, upper: bool) -> Array:
    return np.asarray(np.linalg.inv((np.triu if upper else np.tril)(a)) @ b)


@st.composite
def factored(draw: Draw) -> Sample:
    """Right-hand sides, and Cholesky factors."""
    lower = np.linalg.cholesky(draw(regular(low=1, definite=True)))
    return Sample((draw(some.numbers((lower.shape[-1], 2))), lower))


@st.composite
def points(draw: Draw) -> Sample:
    """Points of two kinds, with no coordinate in common."""
    batch = draw(some.shapes(max_dims=1))
    n, m, d = (draw(st.integers(1, 3)) for _ in range(3))
    x, y = draw(some.numbers((*batch, n, d), -2, -0.3)), draw(some.numbers((*batch, m, d), 0.3, 2))
    return Sample((x, y), {"p": draw(st.sampled_from([1, 2.0, 3.0]))} if draw(st.booleans()) else {})


def cdist(x: Array, y: Array, p: float = 2.0) -> Any:
    return (np.abs(x[..., :, None, :] - y[..., None, :, :]) ** p).sum(-1) ** (1 / p)


row("inv", alone(regular()), np.linalg.inv, keeps="out")
row("solve", systems(vectors=True), solve, mixes=True)
row("solve_columns", systems(vectors=False), lambda a, b: np.linalg.inv(a) @ b, mixes=True, keeps="a out")
row("det", alone(regular()), np.linalg.det, keeps="a out")
row("slogdet", alone(regular()), lambda a: sum(np.linalg.slogdet(a)), call=lambda op, a: op(a).sign + op(a).logabsdet)
row("sign_of_det", alone(regular()), lambda a: np.sign(np.linalg.det(a)), differentiable=False)
row("log_of_det", alone(regular()), lambda a: np.log(abs(np.linalg.det(a))), keeps="a")
row("cholesky", alone(regular(definite=True)), lambda a: np.linalg.cholesky((a + a.swapaxes(-1, -2)) / 2), keeps="out")
row("any_norm", with_setting(one_array(min_dims=1, min_side=1), keepdims=st.booleans()), np.linalg.norm, kinks="0")
row("solve_triangular", triangular(), solve_triangular)
row("cholesky_solve", factored(), lambda b, a: np.linalg.inv(np.tril(a) @ np.tril(a).swapaxes(-1, -2)) @ b)
row("cdist", points(), cdist, kinks="0")

# --- fused --------------------------------------------------------------------------------------------------


@st.composite
def linear_layers(draw: Draw) -> Sample:
    """A batch of vectors or one vector, with the bias given, None or left out."""
    into, out = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    x = draw(some.numbers((*draw(some.shapes(max_dims=2)), into)))
    weight = draw(some.numbers((out, into)))
    bias = draw(st.sampled_from([(), (None,), "drawn"]))
    return Sample((x, weight, *((draw(some.numbers((out,))),) if bias == "drawn" else bias)))


def linear(x: Array, weight: Array, bias: Any = None) -> Array:
    y = np.tensordot(x, weight, axes=(-1, 1))
    return np.asarray(y if bias is None else y + bias)


@st.composite
def quantized_layers(draw: Draw) -> Sample:
    """A layer whose weights have 4 or 8 bits. Most of x is 0, so that sums lose no digits in float32."""
    rows, blocks, bits = draw(st.integers(0, 2)), draw(st.integers(1, 2)), draw(st.sampled_from([4, 8]))
    x = draw(some.numbers((*draw(some.shapes(max_dims=2, max_side=2)), 32 * blocks)))
    x[..., np.arange(32 * blocks) % 15 != 0] = 0
    random = np.random.default_rng(draw(st.integers(0, 99)))
    highest, kind = (256, np.uint8) if bits == 4 else (16, np.int8)
    numbers = random.integers(0, highest, (rows, 4 * bits * blocks)).astype(kind)
    return Sample((x, numbers, draw(some.numbers((rows, blocks))), draw(some.numbers((rows, blocks)))))


def dequantize(numbers: Array, scale: Array, offset: Array) -> Array:
    weight = np.zeros((len(scale), 32 * scale.shape[1]), scale.dtype)
    for i, j in np.ndindex(weight.shape):
        block, place = divmod(j, 32)
        n = numbers[i, j] if numbers.dtype == np.int8 else numbers[i, 16 * block + place % 16] >> 4 * (place // 16) & 15
        weight[i, j] = n * scale[i, block] + offset[i, block]
    return weight


def quantized_linear(x: Array, numbers: Array, scale: Array, offset: Array) -> Array:
    return linear(x, dequantize(numbers, scale, offset))


@st.composite
def rotations(draw: Draw) -> Sample:
    """Vectors of pairs, with angles that broadcast to them."""
    *lead, half = draw(some.shapes(min_dims=1, max_dims=3, max_side=2))
    x, angles = draw(some.numbers((*lead, 2 * half))), draw(some.numbers((*draw(some.narrower(tuple(lead))), half)))
    return Sample((x, np.cos(angles), np.sin(angles)))


def rotary(x: Array, cos: Array, sin: Array) -> Array:
    a, b = np.split(x, 2, axis=-1)
    turned = (a + 1j * b) * (cos + 1j * sin)
    return np.concatenate([turned.real, turned.imag], -1)


@st.composite
def rows(draw: Draw, min_dims: int = 1) -> Sample:
    """An array to normalise along an axis; no row is empty."""
    shape = draw(some.shapes(min_dims=min_dims))
    axis = draw(some.one_axis(len(shape)))
    shape = tuple(n or 1 if a == axis % len(shape) else n for a, n in enumerate(shape))
    x = draw(some.numbers(shape))
    if shape[-1] and draw(st.booleans()):
        return Sample((x,))
    return Sample((x,), draw(some.named(axis=axis)))


def softmax(x: Array, axis: int = -1) -> Array:
    return np.asarray(np.exp(x) / np.exp(x).sum(axis, keepdims=True))


@st.composite
def predictions(draw: Draw) -> Sample:
    """Predictions and targets; at least one of each for a mean."""
    settings = draw(st.sampled_from([{}, {"average": True}, {"average": False}]))
    shape = draw(some.shapes(min_side=int(settings.get("average", True))))
    return Sample((draw(some.numbers(shape)), draw(some.numbers(shape))), settings)


def squared_error(x: Array, y: Array, average: bool = True) -> Any:
    return np.vdot(x - y, x - y) / (x.size if average else 1)


@st.composite
def logits_and_targets(draw: Draw) -> Sample:
    shape, number = draw(some.shapes(max_dims=2)), draw(st.integers(1, 4))
    targets = draw(some.integers(shape, 0, number))
    return Sample((draw(some.numbers((*shape, number))), targets.astype(draw(st.sampled_from(["int64", "int32"])))))


def cross_entropy(logits: Array, targets: Array) -> Array:
    losses = np.empty(targets.shape, logits.dtype)
    for place in np.ndindex(targets.shape):
        losses[place] = -np.log(softmax(logits[place])[targets[place]])
    return losses


@st.composite
def layer_norms(draw: Draw) -> Sample:
    """One or two normalised axes of at least two elements; weight and bias given, None or left out."""
    axes = draw(st.integers(1, 2))
    normalised = draw(some.shapes(axes, axes, min_side=2))
    x = draw(some.distinct((*draw(some.shapes(max_dims=2)), *normalised)))
    kinds = draw(st.sampled_from(["", "weight", "weight bias", "None bias", "weight None", "weight bias"])).split()
    given = [None if kind == "None" else draw(some.numbers(normalised)) for kind in kinds]
    settings: dict[str, Any] = {"axes": axes} if axes > 1 or draw(st.booleans()) else {}
    if draw(st.booleans()):
        settings["eps"] = draw(st.sampled_from([1e-3, 0.1]))
    return Sample((x, *given), settings)


def layer_norm(x: Array, weight: Any = None, bias: Any = None, axes: int = 1, eps: float = 1e-5) -> Array:
    over = tuple(range(x.ndim - axes, x.ndim))
    y = (x - np.mean(x, over, keepdims=True)) / np.sqrt(np.var(x, over, keepdims=True) + eps)
    return np.asarray(y * (1 if weight is None else weight) + (0 if bias is None else bias))


def rms_norm(x: Array, weight: Any = None, axes: int = 1, eps: float = 1e-5) -> Array:
    over = tuple(range(x.ndim - axes, x.ndim))
    y = x / np.sqrt(np.mean(x**2, over, keepdims=True) + eps)
    return np.asarray(y if weight is None else y * weight)


@st.composite
def queries_and_keys(draw: Draw, floats: bool = True) -> Sample:
    """Queries and keys, with or without batch axes; the mask given (rows may be fully masked), None or left out.

    A mask holds bools, or floats that are added.
    """
    batch, d = draw(some.shapes(max_dims=2)), draw(st.integers(1, 3))
    queries, keys = draw(st.integers(0, 3)), draw(st.integers(1, 4))
    q, k = draw(some.numbers((*batch, queries, d))), draw(some.numbers((*batch, keys, d)))
    full = (*batch, queries, keys)
    mask = draw(st.sampled_from([(), (None,), "bools", "bools", *["floats"] * floats]))
    if mask == "bools":
        mask = (draw(some.masks(draw(some.narrower(full)))),)
    elif mask == "floats":
        mask = (draw(some.numbers(full)),)
    return Sample((q, k, *mask))


def attention_weights(q: Array, k: Array, mask: Any = None) -> Array:
    scores = np.einsum("...qd,...kd->...qk", q, k) / np.sqrt(q.shape[-1])
    added = mask is not None and mask.dtype.kind == "f"
    e = np.exp(scores + mask) if added else np.exp(scores) * (True if mask is None else mask)
    total = e.sum(-1, keepdims=True)
    return np.asarray(e / np.where(total == 0, 1, total))


@st.composite
def queries_keys_and_values(draw: Draw) -> Sample:
    """As above, with values; axes of size 1 in each may be broadcast; a scale, and causal or not."""
    sample = draw(queries_and_keys(floats=False))
    q, k, *mask = sample.inputs
    v = draw(some.numbers((*k.shape[:-1], draw(st.integers(1, 3)))))
    shared = [draw(st.booleans()) and x.ndim > 2 for x in (q, k, v)]
    q, k, v = (x[:1] if once else x for x, once in zip((q, k, v), shared, strict=True))
    if all(shared) and mask and mask[0] is not None:
        mask = [mask[0][:1] if mask[0].ndim == q.ndim else mask[0]]
    settings: dict[str, Any] = draw(st.sampled_from([{}, {"causal": True}, {"causal": False, "scale": 0.7}]))
    return Sample((q, k, v, *mask), settings)


def attention(q: Array, k: Array, v: Array, mask: Any = None, causal: bool = False, scale: Any = None) -> Array:
    allowed = np.tri(q.shape[-2], k.shape[-2], dtype=bool) if causal else np.array(True)
    allowed = allowed if mask is None else allowed & mask
    return attention_weights(q if scale is None else q * scale * np.sqrt(q.shape[-1]), k, allowed) @ v


row("attention_weights", queries_and_keys(), attention_weights, keeps="q k mask out")
row("attention", queries_keys_and_values(), attention, keeps="q k v mask out")
row("squared_error", predictions(), squared_error, keeps="x y")
row("linear", linear_layers(), linear, keeps="x weight bias")
row("quantized_linear", quantized_layers(), quantized_linear, keeps="x numbers scale offset")
row("quantized_rows", quantized_layers(), quantized_linear, differentiable=False)
row("dequantize", quantized_layers().map(lambda s: Sample(s.inputs[1:])), dequantize)
row("rotary", rotations(), rotary, keeps="x cos sin")
row("softmax", rows(), softmax, keeps="x out")
row("log_softmax", rows(), lambda x, axis=-1: np.log(softmax(x, axis)), keeps="x out")
row("cross_entropy", logits_and_targets(), cross_entropy, keeps="logits targets")
row("layer_norm", layer_norms(), layer_norm, keeps="x weight bias")
row("rms_norm", layer_norms().map(lambda s: Sample(s.inputs[:2], s.settings)), rms_norm, keeps="x weight")

# --- windows ------------------------------------------------------------------------------------------------


@st.composite
def gridded(draw: Draw) -> tuple[Shape, Shape, dict[str, Any]]:
    """(sizes of one or two axes, size of a window, settings of a grid): for each a number, a tuple or the default."""
    n = draw(st.integers(1, 2))

    def numbers(low: int, high: int) -> st.SearchStrategy[Any]:
        return st.integers(low, high) | st.tuples(*[st.integers(low, high)] * n)

    size = draw(st.tuples(*[st.integers(1, 3)] * n))
    padding = st.integers(-1, 2) | st.tuples(*[st.tuples(st.integers(-1, 2), st.integers(-1, 2))] * n)
    drawn = {"stride": draw(numbers(1, 3)), "dilation": draw(numbers(1, 2)), "padding": draw(padding)}
    settings = {name: value for name, value in drawn.items() if value != (0 if name == "padding" else 1)}
    _, sides, dilations = along_axes(n, **settings)
    shape = tuple(
        max(d * (k - 1) + 1 - a - b, -min(a, 0) - min(b, 0), 0) + draw(st.integers(0, 2))
        for k, d, (a, b) in zip(size, dilations, sides, strict=True)
    )
    return shape, size, settings


def along_axes(n: int, stride: Any = 1, padding: Any = 0, dilation: Any = 1) -> tuple[Any, Any, Any]:
    """Each setting with a value for each of n axes; the padding with pairs."""
    strides, dilations = ((a,) * n if isinstance(a, int) else a for a in (stride, dilation))
    return strides, ((padding, padding),) * n if isinstance(padding, int) else padding, dilations


def seen_by_windows(
    shape: Shape, size: Shape, stride: Any = 1, padding: Any = 0, dilation: Any = 1
) -> tuple[Shape, list[tuple[Any, Any, Any]]]:
    """(the numbers of places, a list of what windows see: (element of the window, place, element of the array))."""
    strides, pads, dilations = along_axes(len(shape), stride, padding, dilation)
    places = tuple(
        (m + a + b - d * (k - 1) - 1) // s + 1
        for m, (a, b), k, s, d in zip(shape, pads, size, strides, dilations, strict=True)
    )
    seen = []
    for place in np.ndindex(*places):
        for element in np.ndindex(*size):
            where = tuple(
                p * s + e * d - a for p, e, s, d, (a, _) in zip(place, element, strides, dilations, pads, strict=True)
            )
            if all(0 <= w < m for w, m in zip(where, shape, strict=True)):
                seen.append((element, place, where))
    return places, seen


@st.composite
def slid_over(draw: Draw) -> Sample:
    shape, size, settings = draw(gridded())
    return Sample((draw(some.numbers((*draw(some.shapes(max_dims=2)), *shape))),), {"size": size, **settings})


def windows_of(x: Array, size: Shape, **grid: Any) -> Array:
    lead = x.shape[: x.ndim - len(size)]
    places, seen = seen_by_windows(x.shape[len(lead) :], size, **grid)
    found = np.zeros((*lead, *size, *places), x.dtype)
    for element, place, where in seen:
        found[(..., *element, *place)] = x[(..., *where)]
    return found


@st.composite
def overlapping(draw: Draw) -> Sample:
    shape, size, settings = draw(gridded())
    places, _ = seen_by_windows(shape, size, **settings)
    x = draw(some.numbers((*draw(some.shapes(max_dims=2)), *size, *places)))
    return Sample((x,), {"shape": shape, **settings})


def overlap_add(x: Array, shape: Shape, **grid: Any) -> Array:
    n = len(shape)
    lead, size = x.shape[: x.ndim - 2 * n], x.shape[x.ndim - 2 * n : x.ndim - n]
    total = np.zeros((*lead, *shape), x.dtype)
    for element, place, where in seen_by_windows(shape, size, **grid)[1]:
        total[(..., *where)] += x[(..., *element, *place)]
    return total


@st.composite
def filtered(draw: Draw, transposed: bool = False) -> Sample:
    """Images and filters, in one or more groups, with the bias given, None or left out."""
    shape, size, settings = draw(gridded())
    places, _ = seen_by_windows(shape, size, **settings)
    groups, batch = draw(st.sampled_from([1, 1, 2])), draw(st.sampled_from([1, 2, 0]))
    into, out = draw(st.integers(0, 2)), draw(st.integers(1, 2))
    if groups > 1 or draw(st.booleans()):
        settings["groups"] = groups
    channels = groups * out
    if transposed:
        if min(least_axes(places, size, **settings)) < 1 or draw(st.booleans()):
            settings["shape"] = shape
        x = draw(some.numbers((batch, groups * out, *places)))
        channels = groups * into
    else:
        x = draw(some.numbers((batch, groups * into, *shape)))
    weight = draw(some.numbers((groups * out, into, *size)))
    bias = draw(st.sampled_from([(), (None,), "drawn"]))
    return Sample((x, weight, *((draw(some.numbers((channels,))),) if bias == "drawn" else bias)), settings)


def in_groups(x: Array, groups: int, axis: int, n: int) -> Array:
    """The channels of an axis in groups, with what a window sees of each: (..., groups, channels · window, places)."""
    lead, rest = x.shape[:axis], x.shape[axis + 1 + n :]
    return x.reshape(*lead, groups, math.prod(x.shape[axis : axis + 1 + n]) // groups, math.prod(rest))


def convolution(x: Array, weight: Array, bias: Any = None, groups: int = 1, **grid: Any) -> Array:
    n = x.ndim - 2
    found = windows_of(x, weight.shape[2:], **grid)  # (batch, in, *size, *places)
    filters = weight.reshape(groups, len(weight) // groups, math.prod(weight.shape[1:]))
    y = np.einsum("gok,bgkp->bgop", filters, in_groups(found, groups, 1, n))
    return with_bias(y.reshape(len(x), len(weight), *found.shape[2 + n :]), bias)


def with_bias(y: Array, bias: Any) -> Array:
    return np.asarray(y if bias is None else y + bias.reshape(-1, *[1] * (y.ndim - 2)))


def least_axes(places: Shape, size: Shape, groups: int = 1, **grid: Any) -> Shape:
    """The sizes of the smallest axes with so many places."""
    settings = zip(places, size, *along_axes(len(places), **grid), strict=True)
    return tuple(s * (m - 1) + d * (k - 1) + 1 - a - b for m, k, s, (a, b), d in settings)


def transposed_convolution(
    x: Array, weight: Array, bias: Any = None, *, shape: Shape | None = None, groups: int = 1, **grid: Any
) -> Array:
    shape = least_axes(x.shape[2:], weight.shape[2:], **grid) if shape is None else shape
    filters = weight.reshape(groups, len(weight) // groups, math.prod(weight.shape[1:]))
    laid = np.einsum("gok,bgop->bgkp", filters, in_groups(x, groups, 1, 0))
    laid = laid.reshape(len(x), groups * weight.shape[1], *weight.shape[2:], *x.shape[2:])
    return with_bias(overlap_add(laid, shape, **grid), bias)


@st.composite
def filtering(draw: Draw) -> Sample:
    """Upstream gradients of a convolution, and the images that it has seen."""
    images = draw(filtered())
    (x, weight), settings = images.inputs[:2], images.settings
    places = convolution(x, weight, **settings).shape[2:]
    y = draw(some.numbers((len(x), len(weight), *places)))
    return Sample((y, x), {"size": weight.shape[2:], **settings})


def filter_gradient(narrow: Array, wide: Array, size: Shape, groups: int = 1, **grid: Any) -> Array:
    found = in_groups(windows_of(wide, size, **grid), groups, 1, len(size))
    total = np.einsum("bgop,bgkp->gok", in_groups(narrow, groups, 1, 0), found)
    return total.reshape(narrow.shape[1], wide.shape[1] // groups, *size)


@st.composite
def pooled(draw: Draw) -> Sample:
    """Distinct numbers, with windows that see at least one each."""
    shape, size, settings = draw(gridded())
    places, seen = seen_by_windows(shape, size, **settings)
    if len({place for _, place, _ in seen}) < math.prod(places):
        settings.pop("padding", None)
        shape = tuple(n + 4 for n in shape)
    x = draw(some.distinct((*draw(some.shapes(max_dims=2)), *shape)))
    return Sample((x,), {"size": size, **settings})


def max_pool(x: Array, size: Shape, **grid: Any) -> Array:
    lead = x.shape[: x.ndim - len(size)]
    places, seen = seen_by_windows(x.shape[len(lead) :], size, **grid)
    found = np.full((*lead, *places), -np.inf)
    for _, place, where in seen:
        found[(..., *place)] = np.maximum(found[(..., *place)], x[(..., *where)])
    return found.astype(x.dtype)


row("windows", slid_over(), windows_of, kinds="fi", keeps="")
row("overlap_add", overlapping(), overlap_add, kinds="fi", keeps="")
row("convolution", filtered(), convolution, **two, keeps="x weight")
row("transposed_convolution", filtered(transposed=True), transposed_convolution, **two, keeps="x weight")
row("filter_gradient", filtering(), filter_gradient, **two, keeps="narrow wide")
row("max_pool", pooled(), max_pool, kinds="fi", kinks="ties", keeps="x")


# --- recurrent ----------------------------------------------------------------------------------------------


@st.composite
def sequences(draw: Draw, gates: int, states: int = 1) -> Sample:
    """Up to three sequences of up to three steps, in one or the other direction; states and weights of one or two."""
    hidden, reach = draw(st.integers(1, 2)), draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    sizes = tuple(sorted(reach, reverse=True))
    x = draw(some.numbers((sum(sizes), gates * hidden)))
    initial = [draw(some.numbers((sizes[0], hidden))) for _ in range(states)]
    weight = draw(some.numbers((gates * hidden, hidden)))
    settings = {"sizes": sizes, **draw(st.sampled_from([{}, {"reverse": True}, {"reverse": False}]))}
    return Sample((x, *initial, weight), settings)


@st.composite
def sequences_of_a_gru(draw: Draw) -> Sample:
    """With the bias given, None or left out."""
    sample = draw(sequences(3))
    bias = draw(st.sampled_from([(), (None,), "drawn", "drawn"]))
    given = (draw(some.numbers(sample.inputs[2].shape[:1])),) if bias == "drawn" else bias
    return Sample((*sample.inputs, *given), sample.settings)


@st.composite
def sequences_of_an_rnn(draw: Draw) -> Sample:
    """tanh or, away from the kink, relu."""
    sample = draw(sequences(1))
    settings = draw(st.sampled_from([{}, {"nonlinearity": "tanh"}, {"nonlinearity": "relu"}, {"nonlinearity": "relu"}]))
    sample = Sample(sample.inputs, {**sample.settings, **settings})
    sums: list[Array] = []
    rnn_states(*sample.inputs, **sample.settings, sums=sums)
    assume(settings.get("nonlinearity") != "relu" or min(abs(a).min() for a in sums) > 1e-3)
    return sample


def walked(step: Callable[..., Any], x: Array, first: Array, sizes: Any, reverse: bool) -> Array:
    """The states of each sequence for itself, one step after the other: `step` maps (x, state) to the next state."""
    dtype = np.result_type(x, first)
    starts = np.cumsum((0, *sizes))[:-1]
    out = np.empty((len(x) + len(first), first.shape[1]), dtype)
    for sequence, state in enumerate(first):
        places = [start + sequence for start, n in zip(starts, sizes, strict=True) if sequence < n]
        for place in places[::-1] if reverse else places:
            out[place] = state = step(x[place], state)
        out[len(x) + sequence] = state
    return out


def rnn_states(
    x: Array, h0: Array, weight: Array, sizes: Any, reverse: bool = False, nonlinearity: str = "tanh", sums: Any = None
) -> Array:
    """sums: a list that gets the arguments of the nonlinearity."""

    def step(x: Array, h: Array) -> Array:
        a = x + weight @ h
        if sums is not None:
            sums.append(a)
        return np.tanh(a) if nonlinearity == "tanh" else a * (a > 0)

    return walked(step, x, h0, sizes, reverse)


def gru_states(x: Array, h0: Array, weight: Array, bias: Any = None, sizes: Any = (), reverse: bool = False) -> Array:
    def step(x: Array, h: Array) -> Array:
        (r_x, z_x, n_x), (r_h, z_h, n_h) = np.split(x, 3), np.split(weight @ h + (0 if bias is None else bias), 3)
        z = sigmoid(z_x + z_h)
        return np.asarray((1 - z) * np.tanh(n_x + sigmoid(r_x + r_h) * n_h) + z * h)

    return walked(step, x, h0, sizes, reverse)


def lstm_states(x: Array, h0: Array, c0: Array, weight: Array, sizes: Any, reverse: bool = False) -> Array:
    def step(x: Array, state: Array) -> Array:
        h, c = np.split(state, 2)
        i, f, g, o = np.split(x + weight @ h, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return np.concatenate([sigmoid(o) * np.tanh(c), c])

    return walked(step, x, np.concatenate([h0, c0], axis=1), sizes, reverse)


row("rnn_states", sequences_of_an_rnn(), rnn_states, keeps="x h0 weight out")
row("gru_states", sequences_of_a_gru(), gru_states, keeps="x h0 weight bias out")
row("lstm_states", sequences(4, states=2), lstm_states, keeps="x h0 c0 weight out")
