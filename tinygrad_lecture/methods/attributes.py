"""What a tensor is made of: how many elements, which memory, what PyTorch calls its class; casts to small integers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors.call import refuse_several
from ..ops.composite import composite
from ..traced import Traced
from .in_place import InPlaceMethods

if TYPE_CHECKING:
    from ..inspect.printing import GradFn

_CLASSES = {  # the first part of PyTorch's names for classes of tensors, such as FloatTensor
    "float16": "Half", "float32": "Float", "float64": "Double", "uint8": "Byte", "int8": "Char", "int16": "Short",
    "int32": "Int", "int64": "Long", "bool": "Bool",
}  # fmt: skip


class AttributeMethods(InPlaceMethods):
    """Attributes of a Tensor beside shape, dtype and device."""

    __slots__ = ()

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

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether the memory is in row-major order. memory_format: has no effect."""
        return bool(self._array.flags.c_contiguous)

    def is_floating_point(self) -> bool:
        """Whether the elements are floats."""
        return bool(self._array.dtype.kind == "f")

    def equal(self, other: Any) -> bool:
        """Whether both have the same shape and the same elements, as one bool. Element by element, see `eq`."""
        refuse_several("equal", [other])
        theirs = other._array if isinstance(other, Traced) else other
        return np.shape(theirs) == self._array.shape and bool((self._array == theirs).all())

    @property
    def grad_fn(self) -> GradFn | None:
        """The step that backward starts with at the result of an op, with a name and `next_functions`; else None."""
        from ..inspect.printing import grad_fn

        return grad_fn(self)

    # --- dtypes -----------------------------------------------------------------------------------------

    def type(self: Any, dtype: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Any:
        """PyTorch's name of the class, as "torch.FloatTensor" or, given a dtype, the tensor with that dtype.

        non_blocking, memory_format: have no effect.
        """
        if dtype is not None:
            return self.to(dtype=_by_class(dtype))
        return f"torch.{'cuda.' if self.is_cuda else ''}{_CLASSES.get(self.dtype.name, self.dtype.name)}Tensor"


def _by_class(dtype: Any) -> Any:
    """The dtype of a class such as torch.FloatTensor, or of its name; anything else as it is."""
    if isinstance(dtype, type):
        return getattr(dtype, "kind", dtype)
    names = {f"{kind}Tensor": name for name, kind in _CLASSES.items()}
    return names.get(dtype.rpartition(".")[2], dtype) if isinstance(dtype, str) else dtype
