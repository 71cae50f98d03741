"""What Python and NumPy ask of a Tensor: operators, numbers, truth, length, a text, a copy; and NumPy's own functions.

NumPy's elementwise functions (ufuncs) ask the class of an argument for `__array_ufunc__`. That includes its operators:
`array + x` calls np.add(array, x), and is a Tensor; np.sin(x) says to write tl.sin(x). Its other functions ask for
`__array_function__`, and take constants as arrays.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, SupportsIndex, TypeVar

import numpy as np

from . import ops
from .autograd.core import Leaf, Record
from .autograd.modes import modes
from .backend import DType, to_host
from .errors import DtypeError, TensorError, hide_frames, remedies, warn
from .tensor_base import TensorBase, tensor_of, wrap

T = TypeVar("T")


def equality(op: Any) -> Callable[[T, Any], T]:
    """The method for x == y or x != y. What cannot be a Tensor is left to Python, which asks the other or says no."""

    def operator(self: T, other: Any) -> T:
        if other is None or isinstance(other, str) or getattr(type(other), "__array_ufunc__", other) is None:
            return NotImplemented  # type: ignore[no-any-return] # the last compares itself with arrays, as pytest.approx does
        return op(self, other)  # type: ignore[no-any-return]

    return operator


# the operator of a Tensor on the right of an array
REFLECTED = {
    "add": "__radd__", "subtract": "__rsub__", "multiply": "__rmul__", "divide": "__rtruediv__",
    "power": "__rpow__", "remainder": "__rmod__", "floor_divide": "__rfloordiv__", "matmul": "__rmatmul__",
    "bitwise_and": "__rand__", "bitwise_or": "__ror__", "bitwise_xor": "__rxor__", "equal": "__eq__",
    "not_equal": "__ne__", "less": "__gt__", "less_equal": "__ge__", "greater": "__lt__", "greater_equal": "__le__",
}  # fmt: skip


class ArrayUfunc:
    """The attribute `__array_ufunc__`: a function for NumPy, which asks the class, and None for CuPy, which asks the
    object and leaves its operators to ours if it finds None."""

    def __get__(self, instance: Any, owner: type) -> Any:
        return call_ufunc if instance is None else None


def call_ufunc(self: Any, ufunc: Any, method: str, *inputs: Any, out: Any = None, **settings: Any) -> Any:
    """What NumPy's ufunc returns for a Tensor: an operator's result. Raises DtypeError for any other call."""
    name = ufunc.__name__
    if method == "__call__" and out is None and len(inputs) == 2 and inputs[1] is self and name in REFLECTED:
        return getattr(self, REFLECTED[name])(inputs[0])
    ours = _here(name)
    if out is not None:
        remedy = "write a = a + x for a += x, which makes a Tensor, or use x.numpy()"
    elif method == "__call__" and ours:
        remedy = f"write {ours}({', '.join(['x', 'y'][: len(inputs)])})"
    else:
        remedy = "compute with tl functions, or with x.detach().numpy() if you need no gradient"
    called = name if method == "__call__" else f"{name}.{method}"
    raise DtypeError(f"np.{called} takes no Tensor, since NumPy would lose its graph: {remedy}")


def call_function(function: Callable[..., Any], args: Any, named: Any) -> Any:
    """What a NumPy function such as np.sum returns for Tensors, which it is given as arrays.

    Raises RuntimeError for a Tensor that requires grad, unless the function asks for its shape alone.
    """

    def as_array(x: Any) -> Any:
        if type(x) in (tuple, list):
            return type(x)(map(as_array, x))
        if not isinstance(x, TensorBase):
            return x
        if function in (np.shape, np.ndim, np.size):
            return x._array
        if x._node is not None:
            name = function.__name__
            remedy = f"use {_here(name) or 'tl functions'} or, to plot, x.detach()"
            raise RuntimeError(f"np.{name}: this tensor requires grad, and NumPy would lose its graph: {remedy}")
        return np.asarray(x)

    return function(*map(as_array, args), **{name: as_array(x) for name, x in named.items()})


def _here(name: str) -> str:
    """The function of this engine that computes what NumPy's of a name does, such as "tl.neg"; "" if there is none."""
    return remedies()["elsewhere"].get(name) or (f"tl.{name}" if hasattr(ops, name) else "")


class PythonMethods(TensorBase):
    """A Tensor as Python's and NumPy's functions see it."""

    __slots__ = ()
    __array_ufunc__ = ArrayUfunc()  # array + Tensor is a Tensor

    def item(self: Any) -> Any:
        """The only element, as a Python number. Raises ValueError unless there is exactly one."""
        if self._array.size != 1:
            n, remedy = self._array.size, "reduce it, as with x.mean(), or use tolist()"
            raise TensorError(f"item: a tensor of shape {self.shape} has {n} elements, not one; {remedy}")
        number = to_host(self._array).item()
        if number != number and isinstance(self._node, Record):
            warn(
                "item: the number is nan, and so will be the gradients. Training most often gets there by a learning "
                "rate that is too large: make it smaller; `with tl.detect_anomaly():` names the op that made the first"
            )
        return number

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
            raise RuntimeError("numpy: this tensor requires grad, and an array has no graph; write x.detach().numpy()")
        view = to_host(self._array).view()
        view.flags.writeable = False
        return view

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, DType]:
        if self._node is not None:
            raise RuntimeError("it requires grad, and NumPy would lose its graph: use tl functions, or x.detach()")
        array = self.numpy()
        if dtype is None or np.dtype(dtype) == array.dtype:
            return array.copy() if copy else array
        if copy is False:
            raise ValueError(f"a tensor of {array.dtype} cannot become an array of {np.dtype(dtype)} without a copy")
        return array.astype(dtype)

    def __array_function__(self, function: Any, types: Any, args: Any, named: Any) -> Any:
        return call_function(function, args, named)

    def __float__(self) -> float:
        if self._node is not None and modes.recording:
            warn("float: this tensor requires grad, and a number has no graph; write x.item(), or tl.exp for math.exp")
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self: Any) -> int:
        if self.dtype.kind not in "iu" or self._array.size != 1:
            raise TypeError(f"only an integer tensor of one element can be an index, not {self.dtype} of {self.shape}")
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

    def __repr__(self: Any) -> str:
        from .inspect.printing import text_of

        return text_of(self)

    def _repr_html_(self: Any) -> str:
        """What a notebook shows: shape, dtype, device, what made it, and its numbers on a tint."""
        from .inspect.notebook import tensor_html

        return tensor_html(self)

    def __format__(self: Any, spec: str) -> str:
        if spec and self.numel() != 1:
            remedy = "reduce it, as with x.mean(), or take x[0]"
            raise TypeError(f"the format {spec!r} is for one number, not for a tensor of shape {self.shape}: {remedy}")
        return format(self.item() if spec or self.ndim == 0 else str(self), spec)

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:
        if isinstance(self._node, Record):
            raise RuntimeError("only leaves can be deep-copied: a copied result would lose its graph; use x.clone()")
        twin = tensor_of(type(self), self._array.copy())
        memo[id(self)] = twin
        if self._node is not None:
            twin._node = Leaf(twin)
        if self.grad is not None:
            twin.grad = wrap(self.grad._array.copy())
        vars(twin).update(copy.deepcopy(vars(self), memo))
        return twin

    def __copy__(self: Any) -> Any:
        if self._node is not None:
            remedy = "use x.clone() or copy.deepcopy or, to plot, x.detach()"
            raise RuntimeError(f"this tensor requires grad, and copy.copy would lose its graph: {remedy}")
        return self.clone()

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        raise TypeError("a Tensor cannot be pickled: save x.numpy() with np.save, or a model with nn.weights.save_file")
