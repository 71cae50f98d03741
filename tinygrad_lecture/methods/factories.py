"""Tensors made like another one: with its dtype and on its device, unless others are given."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.operands import constant
from ..backend import Array, Shape, device_of, move
from ..conversion import as_dtype, as_shape, new_array
from ..traced import wrap
from .attributes import AttributeMethods


class FactoryMethods(AttributeMethods):
    """The methods of a Tensor that make new ones like it."""

    __slots__ = ()

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
        array = np.full(as_shape((size,), "new_full"), constant(fill_value, "fill_value", "new_full"), dtype)
        return _finished(move(array, device or device_of(self._array)), requires_grad)

    def new_zeros(self, *size: Any, **options: Any) -> Any:
        """A Tensor of zeros, new_zeros(2, 3) or new_zeros((2, 3)); by default with this dtype and device."""
        return self.new_full(as_shape(size, "new_zeros"), 0, **options)

    def new_ones(self, *size: Any, **options: Any) -> Any:
        """A Tensor of ones, new_ones(2, 3) or new_ones((2, 3)); by default with this dtype and device."""
        return self.new_full(as_shape(size, "new_ones"), 1, **options)

    new_empty = new_zeros


def _finished(array: Array, requires_grad: bool) -> Any:
    result = wrap(array)
    return result.requires_grad_() if requires_grad else result
