"""Methods that PyTorch has beside those in `tensor.py`: questions about a tensor, and tensors made like it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import chance, ops
from ..backend import Array, Shape, device_of, move
from ..conversion import as_dtype, as_shape, new_array
from ..errors.kinds import TensorError
from ..inspect.grad_fn import GradFn, grad_fn
from ..ops.composite import composite
from ..ops.shape import normal_axes
from ..traced import Traced, wrap
from .in_place import InPlaceMethods

_CLASSES = {  # the first part of PyTorch's names for classes of tensors, such as FloatTensor
    "float16": "Half", "float32": "Float", "float64": "Double", "uint8": "Byte", "int8": "Char", "int16": "Short",
    "int32": "Int", "int64": "Long", "bool": "Bool",
}  # fmt: skip


class MoreMethods(InPlaceMethods):
    """The methods of a Tensor that are PyTorch's, and that a first reader of `tensor.py` need not know."""

    __slots__ = ()

    # --- questions --------------------------------------------------------------------------------------

    def numel(self) -> int:
        """The number of elements."""
        return self._array.size  # type: ignore[no-any-return]

    nelement = numel

    def dim(self) -> int:
        """The number of axes: PyTorch's other name for `ndim`."""
        return self._array.ndim  # type: ignore[no-any-return]

    ndimension = dim

    def element_size(self) -> int:
        """The bytes of one element."""
        return self._array.itemsize  # type: ignore[no-any-return]

    itemsize = property(element_size)

    @property
    def nbytes(self) -> int:
        """The bytes of all elements."""
        return self._array.nbytes  # type: ignore[no-any-return]

    @composite
    def stride(self, axis: int | None = None) -> Any:
        """How many elements apart in memory the neighbours along each axis are or, with an axis, along that one."""
        strides = tuple(n // self._array.itemsize for n in self._array.strides)
        return strides if axis is None else strides[axis]

    def is_contiguous(self) -> bool:
        """Whether the memory is in row-major order."""
        return bool(self._array.flags.c_contiguous)

    def is_floating_point(self) -> bool:
        """Whether the elements are floats."""
        return bool(self._array.dtype.kind == "f")

    def equal(self, other: Any) -> bool:
        """Whether both have the same shape and the same elements, as one bool. Element by element, see `eq`."""
        theirs = other._array if isinstance(other, Traced) else other
        return np.shape(theirs) == self._array.shape and bool((self._array == theirs).all())

    @property
    def grad_fn(self) -> GradFn | None:
        """The step that backward starts with at the result of an op, with a name and `next_functions`; else None."""
        return grad_fn(self)

    # --- shapes and dtypes ------------------------------------------------------------------------------

    def t(self: Any) -> Any:
        """The transpose of a matrix; of a vector, itself. Raises TensorError for more axes."""
        if self.ndim > 2:
            raise TensorError(f"t: the shape {self.shape} has more than two axes; see mT, transpose and permute")
        return self.T

    def view_as(self: Any, other: Any) -> Any:
        """The same elements in the shape of another tensor."""
        return self.view(other.shape)

    reshape_as = view_as

    def type(self: Any, dtype: Any = None) -> Any:
        """PyTorch's name of the class, as "torch.FloatTensor" or, given a dtype, the tensor with that dtype."""
        if dtype is not None:
            return self.to(dtype=_by_class(dtype))
        return f"torch.{'cuda.' if self.is_cuda else ''}{_CLASSES.get(self.dtype.name, self.dtype.name)}Tensor"

    def byte(self: Any) -> Any:
        """The tensor as uint8."""
        return self.to(dtype=np.uint8)

    def char(self: Any) -> Any:
        """The tensor as int8."""
        return self.to(dtype=np.int8)

    def short(self: Any) -> Any:
        """The tensor as int16."""
        return self.to(dtype=np.int16)

    def clamp_min(self: Any, min: Any) -> Any:
        """The elements, but at least min."""
        return ops.clip(self, min)

    def clamp_max(self: Any, max: Any) -> Any:
        """The elements, but at most max."""
        return ops.clip(self, None, max)

    @composite
    def select(self: Any, axis: int, index: int) -> Any:
        """The slice at one index of an axis, a view without that axis."""
        return self[(*[slice(None)] * normal_axes(self.ndim, axis)[0], index)]

    @composite
    def narrow(self: Any, axis: int, start: int, length: int) -> Any:
        """The slices from start to start + length - 1 of an axis, a view."""
        return self[(*[slice(None)] * normal_axes(self.ndim, axis)[0], slice(start, start + length))]

    # --- functions as methods ---------------------------------------------------------------------------

    absolute, negative, multiply, divide, true_divide, subtract = ops.abs, ops.neg, ops.mul, ops.div, ops.div, ops.sub
    remainder, floor_divide, mm, mv, ravel = ops.remainder, ops.floor_divide, ops.matmul, ops.matmul, ops.flatten
    logical_and, logical_or, logical_xor = ops.logical_and, ops.logical_or, ops.logical_xor
    bernoulli, multinomial = chance.bernoulli, chance.multinomial

    def addcmul(self: Any, a: Any, b: Any, *, value: float = 1) -> Any:
        """The tensor plus value * a * b."""
        return self + ops.mul(a, b) * value

    def addcdiv(self: Any, a: Any, b: Any, *, value: float = 1) -> Any:
        """The tensor plus value * a / b."""
        return self + ops.div(a, b) * value

    def lerp(self: Any, end: Any, weight: Any) -> Any:
        """The way from this tensor to end, by the part weight: x + weight * (end - x)."""
        return self + weight * (end - self)

    # --- tensors like this one --------------------------------------------------------------------------

    def new_tensor(self, data: Any, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Any:
        """A copy of data as a Tensor with this dtype and device, unless others are given."""
        array = new_array(data, dtype or self._array.dtype, device or device_of(self._array))
        return _finished(array, requires_grad)

    def new_full(
        self, size: int | Shape, fill_value: float, dtype: Any = None, device: str | None = None,
        requires_grad: bool = False,
    ) -> Any:  # fmt: skip
        """A Tensor with one value everywhere and this dtype and device, unless others are given."""
        dtype = as_dtype(dtype or self._array.dtype, "new_full")
        array = np.full(as_shape((size,), "new_full"), fill_value, dtype)
        return _finished(move(array, device or device_of(self._array)), requires_grad)

    def new_zeros(self, *size: Any, **options: Any) -> Any:
        """A Tensor of zeros, new_zeros(2, 3) or new_zeros((2, 3)); by default with this dtype and device."""
        return self.new_full(as_shape(size, "new_zeros"), 0, **options)

    def new_ones(self, *size: Any, **options: Any) -> Any:
        """A Tensor of ones, new_ones(2, 3) or new_ones((2, 3)); by default with this dtype and device."""
        return self.new_full(as_shape(size, "new_ones"), 1, **options)

    new_empty = new_zeros


def _by_class(dtype: Any) -> Any:
    """The dtype of a name such as "torch.FloatTensor"; anything else as it is."""
    names = {f"{kind}Tensor": name for name, kind in _CLASSES.items()}
    return names.get(dtype.rpartition(".")[2], dtype) if isinstance(dtype, str) else dtype


def _finished(array: Array, requires_grad: bool) -> Any:
    result = wrap(array)
    return result.requires_grad_() if requires_grad else result
