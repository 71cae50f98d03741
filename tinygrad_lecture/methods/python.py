"""What Python and NumPy ask of a Tensor: its numbers, its truth, its length, a text, a copy."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, SupportsIndex, TypeVar

import numpy as np

from ..autograd.core import Leaf, Record
from ..backend import DType, to_host
from ..errors.kinds import TensorError
from ..errors.users_line import hide_frames
from ..traced import Traced, wrap
from ..ufuncs import ArrayUfunc, call_function
from .bound import BoundMethods

T = TypeVar("T", bound=Traced)


class PythonMethods(BoundMethods):
    """A Tensor as Python's and NumPy's functions see it."""

    __slots__ = ()
    __array_ufunc__ = ArrayUfunc()  # array + Tensor is a Tensor

    def item(self: Any) -> Any:
        """The only element, as a Python number. Raises ValueError unless there is exactly one."""
        if self._array.size != 1:
            raise TensorError(
                f"item: a tensor of shape {self.shape} has {self._array.size} elements, not one; reduce it, "
                "as with x.mean(), or use tolist()"
            )
        return to_host(self._array).item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return to_host(self._array).tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray[Any, DType]:
        """The elements as a NumPy array: a read-only view, or a copy from a GPU.

        To write, take a copy, x.numpy().copy(), or change the tensor itself, x[index] = value.
        Raises RuntimeError if this tensor requires grad, unless forced.
        """
        if self._node is not None and not force:
            hide_frames()
            raise RuntimeError(
                "numpy: this tensor requires grad, and NumPy would lose its graph; write x.detach().numpy()"
            )
        view = to_host(self._array).view()
        view.flags.writeable = False
        return view

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, DType]:
        if self._node is not None:
            raise RuntimeError(
                "this tensor requires grad, and NumPy would lose its graph: use tl functions or, where no gradient is "
                "needed, as in a plot, x.detach()"
            )
        array = self.numpy()
        if dtype is None or np.dtype(dtype) == array.dtype:
            return array.copy() if copy else array
        if copy is False:
            raise ValueError(f"a tensor of {array.dtype} cannot become an array of {np.dtype(dtype)} without a copy")
        return array.astype(dtype)

    def __array_function__(self, function: Any, types: Any, args: Any, named: Any) -> Any:
        return call_function(function, args, named)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self: Any) -> int:
        if self.dtype.kind not in "iu":
            raise TypeError(f"only an integer tensor can be an index, not one of {self.dtype}")
        return int(self.item())

    def __bool__(self: Any) -> bool:
        if self._array.size != 1:
            raise TensorError(
                f"a tensor of shape {self.shape} is neither true nor false: ask for .all() or .any(), and combine "
                "conditions with & and |, as in (x > 0) & (x < 1)"
            )
        return bool(self.item())

    def __len__(self) -> int:
        if self._array.ndim == 0:
            raise TypeError("a 0-d tensor has no length")
        return len(self._array)

    def __iter__(self: T) -> Iterator[T]:
        x: Any = self
        if x.ndim == 0:
            raise TypeError("a 0-d tensor cannot be iterated over; get its number with x.item()")
        return (x[i] for i in range(len(x)))

    def __contains__(self, value: Any) -> bool:
        same = self == value
        return isinstance(same, Traced) and bool(same._array.any())

    def __repr__(self: Any) -> str:
        from ..inspect.printing import text_of

        return text_of(self)

    def _repr_html_(self: Any) -> str:
        """What a notebook shows: shape, dtype, device, what made it, and its numbers on a tint."""
        from ..inspect.notebook import tensor_html

        return tensor_html(self)

    def __format__(self: Any, spec: str) -> str:
        if spec and self.numel() != 1:
            raise TypeError(
                f"the format {spec!r} is for one number, not for a tensor of shape {self.shape}: reduce it, as with "
                "x.mean(), or take x[0]"
            )
        return format(self.item() if spec or self.ndim == 0 else str(self), spec)

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:
        if isinstance(self._node, Record):
            raise RuntimeError("only leaves can be deep-copied: a copied result would lose its graph; use x.clone()")
        twin = object.__new__(type(self))
        twin._array, twin._node, twin._grad = self._array.copy(), None, None
        memo[id(self)] = twin
        if self._node is not None:
            twin._node = Leaf(twin)
        if self.grad is not None:
            twin.grad = wrap(self.grad._array.copy())
        if hasattr(self, "__dict__"):  # a subclass's attributes
            vars(twin).update(copy.deepcopy(vars(self), memo))
        return twin

    def __copy__(self: Any) -> Any:
        if self._node is not None:
            raise RuntimeError(
                "this tensor requires grad, and copy.copy would lose its graph: use x.clone() or copy.deepcopy or, "
                "where no gradient is needed, as in a plot, x.detach()"
            )
        return self.clone()

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        raise TypeError("a Tensor cannot be pickled: save x.numpy() with np.save, or a model with nn.weights.save_file")
