"""The methods that end in an underscore, and `+=`: each changes a tensor in place and returns it.

`in_place` makes the method of an op, so `x.exp_()` is x = exp(x), by the rules of `inplace.py`. The others overwrite x.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np

from .. import ops, random
from ..autograd.views import note_sharing, window_of
from ..backend import Array, device_of, xp
from ..errors import TensorError
from ..inplace import announced, assign, become_view, update
from ..traced import Traced, wrap


def in_place(op: Callable[..., Any]) -> Callable[..., Any]:
    """The method that replaces a tensor by op(tensor, ...)."""
    name = f"{op.__name__}_"

    def method(self: Any, *args: Any, **settings: Any) -> Any:
        return update(self, f"x.{name}()", op, *args, **settings)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"Replace x by {op.__name__}(x, ...), in place; arguments as there. Returns x."
    return method


def each_in_place(*functions: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """`in_place` of each op."""
    return map(in_place, functions)


def reshaping(op: Callable[..., Any]) -> Callable[..., Any]:
    """The method that makes a tensor the view op(tensor, ...), of another shape."""
    name = f"{op.__name__}_"

    def method(self: Any, *args: Any, **settings: Any) -> Any:
        return become_view(self, f"x.{name}()", op, *args, **settings)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"Make x the view {op.__name__}(x, ...), in place; arguments as there. Returns x."
    return method


class InPlaceMethods(Traced):
    """The methods of a Tensor that change it in place."""

    __slots__ = ()

    def inplace(self) -> Array:
        """The array itself, to write to right away, as optimisers do.

        Backward through a graph that saved the array then raises RuntimeError.
        """
        return announced(self)

    def __setitem__(self, index: Any, value: Any) -> None:
        assign(self, index, value)

    def __iadd__(self, other: Any) -> Self:
        return update(self, "x += y", ops.add, other)

    def __isub__(self, other: Any) -> Self:
        return update(self, "x -= y", ops.sub, other)

    def __imul__(self, other: Any) -> Self:
        return update(self, "x *= y", ops.mul, other)

    def __itruediv__(self, other: Any) -> Self:
        return update(self, "x /= y", ops.div, other)

    def __ipow__(self, other: Any) -> Self:
        return update(self, "x **= y", ops.pow, other)

    def add_(self, other: Any, alpha: float = 1) -> Self:
        """Add alpha * other in place: x += alpha * other."""
        return update(self, "x.add_(y)", ops.add, ops.elementwise.scaled(other, alpha))

    def sub_(self, other: Any, alpha: float = 1) -> Self:
        """Subtract alpha * other in place: x -= alpha * other."""
        return update(self, "x.sub_(y)", ops.sub, ops.elementwise.scaled(other, alpha))

    def addcmul_(self, tensor1: Any, tensor2: Any, value: float = 1) -> Self:
        """Add value * tensor1 * tensor2 in place."""
        return self.add_(ops.mul(tensor1, tensor2), value)

    def addcdiv_(self, tensor1: Any, tensor2: Any, value: float = 1) -> Self:
        """Add value * tensor1 / tensor2 in place."""
        return self.add_(ops.div(tensor1, tensor2), value)

    def lerp_(self, end: Any, weight: Any) -> Self:
        """Move towards end in place: x += weight * (end - x)."""
        return self.add_(ops.mul(ops.sub(end, self), weight))

    mul_, div_, pow_, remainder_ = in_place(ops.mul), in_place(ops.div), in_place(ops.pow), in_place(ops.remainder)
    neg_, abs_, sign_, square_ = in_place(ops.neg), in_place(ops.abs), in_place(ops.sign), in_place(ops.square)
    floor_, ceil_, round_ = in_place(ops.floor), in_place(ops.ceil), in_place(ops.round)
    exp_, expm1_, log_, log1p_ = in_place(ops.exp), in_place(ops.expm1), in_place(ops.log), in_place(ops.log1p)
    sqrt_, sin_, cos_, tanh_ = in_place(ops.sqrt), in_place(ops.sin), in_place(ops.cos), in_place(ops.tanh)
    sigmoid_, relu_, leaky_relu_ = in_place(ops.sigmoid), in_place(ops.relu), in_place(ops.leaky_relu)
    clip_ = clamp_ = in_place(ops.clip)
    masked_fill_, scatter_add_ = in_place(ops.masked_fill), in_place(ops.scatter_add)
    tril_, triu_ = in_place(ops.tril), in_place(ops.triu)

    tan_, sinh_, cosh_ = each_in_place(ops.tan, ops.sinh, ops.cosh)
    asin_, acos_, atan_, atan2_ = each_in_place(ops.asin, ops.acos, ops.atan, ops.atan2)
    asinh_, acosh_, atanh_, hypot_ = each_in_place(ops.asinh, ops.acosh, ops.atanh, ops.hypot)
    exp2_, log2_, log10_, xlogy_, logit_ = each_in_place(ops.exp2, ops.log2, ops.log10, ops.xlogy, ops.logit)
    rsqrt_, reciprocal_, trunc_, frac_ = each_in_place(ops.rsqrt, ops.reciprocal, ops.trunc, ops.frac)
    erf_, erfc_, erfinv_, lgamma_, digamma_ = each_in_place(ops.erf, ops.erfc, ops.erfinv, ops.lgamma, ops.digamma)
    floor_divide_, fmod_, nan_to_num_ = each_in_place(ops.floor_divide, ops.fmod, ops.nan_to_num)
    cumsum_, cumprod_ = each_in_place(ops.cumsum, ops.cumprod)
    scatter_, scatter_reduce_ = each_in_place(ops.scatter, ops.scatter_reduce)
    eq_, ne_, lt_, le_, gt_, ge_ = each_in_place(ops.eq, ops.ne, ops.lt, ops.le, ops.gt, ops.ge)
    logical_and_, logical_or_ = each_in_place(ops.logical_and, ops.logical_or)
    logical_xor_, logical_not_ = each_in_place(ops.logical_xor, ops.logical_not)
    bitwise_and_, bitwise_or_ = each_in_place(ops.bitwise_and, ops.bitwise_or)
    bitwise_xor_, bitwise_not_ = each_in_place(ops.bitwise_xor, ops.bitwise_not)
    bitwise_left_shift_, bitwise_right_shift_ = each_in_place(ops.bitwise_left_shift, ops.bitwise_right_shift)

    squeeze_, unsqueeze_ = reshaping(ops.squeeze), reshaping(ops.unsqueeze)
    transpose_, swapaxes_ = reshaping(ops.transpose), reshaping(ops.swapaxes)

    def t_(self) -> Self:
        """Transpose a matrix in place. Returns the tensor."""
        return become_view(self, "x.t_()", ops.transpose)

    def clamp_min_(self, min: Any) -> Self:
        """Raise the elements below min to min, in place."""
        return update(self, "x.clamp_min_()", ops.clip, min)

    def clamp_max_(self, max: Any) -> Self:
        """Lower the elements above max to max, in place."""
        return update(self, "x.clamp_max_()", ops.clip, None, max)

    # --- overwriting ------------------------------------------------------------------------------------

    def copy_(self, other: Any, non_blocking: bool = False) -> Self:
        """Overwrite the elements with other, broadcast and converted to this dtype. non_blocking: has no effect."""
        if isinstance(other, Traced):
            other = other.to(device=device_of(self._array))  # type: ignore[attr-defined]
        self[...] = other
        return self

    def fill_(self, value: float) -> Self:
        """Overwrite the elements with one value. Raises ValueError for several."""
        if np.ndim(value):
            raise TensorError(f"fill_: the value must be one number, not of shape {np.shape(value)}; for more, copy_")
        self[...] = value
        return self

    def zero_(self) -> Self:
        """Overwrite the elements with 0."""
        return self.fill_(0)

    def fill_diagonal_(self, fill_value: float) -> Self:
        """Overwrite the diagonal of a matrix with one value. Raises ValueError for a tensor of fewer than two axes."""
        if self._array.ndim < 2:
            raise TensorError(f"fill_diagonal_: needs a matrix, not shape {self._array.shape}")
        n = min(self._array.shape)
        self[(range(n),) * self._array.ndim] = fill_value
        return self

    def uniform_(self, low: float = 0, high: float = 1, *, generator: random.Generator | None = None) -> Self:
        """Overwrite with random numbers, uniform from low to high. Raises ValueError for low above high."""
        if low > high:
            raise TensorError(f"uniform_: low must not be above high, but they are {low} and {high}")
        with random.drawing_from(generator):
            drawn = random.uniform(self._array.shape, self._array.dtype, device_of(self._array))
        return self._overwritten(drawn * (high - low) + low)

    def normal_(self, mean: float = 0, std: float = 1, *, generator: random.Generator | None = None) -> Self:
        """Overwrite with normal random numbers of this mean and standard deviation. Raises ValueError for std < 0."""
        if not std >= 0:
            raise TensorError(f"normal_: std must be 0 or more, not {std}")
        with random.drawing_from(generator):
            drawn = random.normal(self._array.shape, self._array.dtype, device_of(self._array))
        return self._overwritten(drawn * std + mean)

    def bernoulli_(self, p: Any = 0.5, *, generator: random.Generator | None = None) -> Self:
        """Overwrite with random numbers that are 1 with probability p, a number or a tensor, else 0."""
        return self._overwritten(random.bernoulli(self._array, p._array if isinstance(p, Traced) else p, generator))

    def random_(self, low: int = 0, high: int | None = None, *, generator: random.Generator | None = None) -> Self:
        """Overwrite with random integers from low to high - 1; with one argument, from 0 to it - 1."""
        if high is None:
            largest = 2 ** (np.finfo(self._array.dtype).nmant + 1) if self._array.dtype.kind == "f" else 2**31 - 1
            low, high = 0, low or largest
        if low >= high:
            raise TensorError(f"random_: there is no integer from {low} to {high - 1}")
        with random.drawing_from(generator):
            drawn = random.integers(low, high, self._array.shape, self._array.dtype, device_of(self._array))
        return self._overwritten(drawn)

    def exponential_(self, lambd: float = 1, *, generator: random.Generator | None = None) -> Self:
        """Overwrite with exponential random numbers of mean 1 / lambd. Raises ValueError unless lambd > 0."""
        if not lambd > 0:
            raise TensorError(f"exponential_: lambd must be above 0, not {lambd}")
        with random.drawing_from(generator):
            drawn = random.uniform(self._array.shape, self._array.dtype, device_of(self._array))
        return self._overwritten(-xp(drawn).log1p(-drawn) / lambd)

    def _overwritten(self, values: Array | Traced) -> Self:
        self[...] = values if isinstance(values, Traced) else wrap(values)  # a Tensor where a parameter is one
        return self

    def detach_(self) -> Self:
        """Take this tensor out of the graph: it becomes a constant. Returns the tensor."""
        self._node = None
        if window_of(self) is not None:
            note_sharing(self, self)
        return self
