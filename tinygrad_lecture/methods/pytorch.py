"""PyTorch's other methods: what a tensor is made of, its hooks, tensors made like it, and less common functions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from .. import distributions, ops
from ..autograd.core import Leaf, Node, Record
from ..autograd.hooks import Handle, hooks_of, retain_grad, retains_grad
from ..autograd.operands import constant
from ..backend import Array, Shape, device_of, move
from ..conversion import as_dtype, as_shape, new_array
from ..errors import Elsewhere, hide_frames, refuse_several
from ..ops.composite import composite
from ..ops.shape import normal_axes
from ..tensor_base import TensorBase, array_of, wrap

T = TypeVar("T")

_CLASSES = {  # the first part of PyTorch's names for classes of tensors, such as FloatTensor
    "float16": "Half", "float32": "Float", "float64": "Double", "uint8": "Byte", "int8": "Char", "int16": "Short",
    "int32": "Int", "int64": "Long", "bool": "Bool",
}  # fmt: skip


@composite
def size(x: Any, axis: int | None = None) -> Any:
    """The shape or, with an axis, the size of that axis, as in PyTorch. `numel` is the number of elements."""
    return x.shape if axis is None else x.shape[normal_axes(x.ndim, axis)[0]]


class _Size:
    """The attribute of a class of tensors."""

    def __get__(self, x: Any, owner: type) -> Any:
        return size if x is None else _SizeOf(size, x)


class _SizeOf(functools.partial[Any]):
    """x.size of one tensor."""

    def __repr__(self) -> str:
        return f"<x.size of a tensor of shape {self.args[0].shape}: write x.size() or x.shape>"

    def __getitem__(self, axis: Any) -> Any:
        raise TypeError(f"x.size is a function: write x.size({axis}) or x.shape[{axis}]")


@dataclass(frozen=True, repr=False)
class GradFn:
    """A step of the backward pass: of the result of an op, or of a leaf, whose gradient it accumulates.

    node: the record or leaf. `x.grad_fn` makes this object, so recording costs nothing more.
    """

    node: Node

    def name(self) -> str:
        """The function that made the result, such as "mul"; "leaf" for a leaf."""
        return self.node.name if isinstance(self.node, Record) else "leaf"

    def __repr__(self) -> str:
        return f"<{self.name()}>"

    @property
    def next_functions(self) -> tuple[tuple[GradFn | None, int], ...]:
        """For each input of the op the next step, with 0; None for a constant. () once backward freed the record."""
        if self.node.saved is None:
            return ()
        return tuple((None if node is None else GradFn(node), 0) for node in self.node.nodes)

    @property
    def variable(self) -> TensorBase | None:
        """The leaf; None for the result of an op."""
        return self.node.tensor() if isinstance(self.node, Leaf) and self.node.tensor is not None else None


def cast(dtype: Any) -> Callable[[T], T]:
    """The method that converts to a dtype."""

    def method(self: Any, memory_format: Any = None) -> Any:
        return self.to(dtype=dtype)

    method.__doc__ = f"The tensor as {np.dtype(dtype)}."
    return method


class Casts(TensorBase):
    """The methods that convert to a dtype. In a class of their own, since in it `float` and `int` are not Python's."""

    __slots__ = ()
    float, double, half = cast(np.float32), cast(np.float64), cast(np.float16)
    long, int, short = cast(np.int64), cast(np.int32), cast(np.int16)
    char, byte, bool = cast(np.int8), cast(np.uint8), cast(np.bool_)


class PyTorchMethods(Casts):
    """Methods of a Tensor that a reader meets later than those of `tensor.py`."""

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

    size = _Size()
    draw = Elsewhere("tl.Graph(x).draw(path) before backward, or tl.page(x, path)")
    zero_grad = Elsewhere("x.grad = None")
    append = Elsewhere("tl.cat([x, y]), or tl.stack of a list")

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
        theirs = array_of(other)
        return np.shape(theirs) == self._array.shape and bool((self._array == theirs).all())

    @property
    def grad_fn(self) -> GradFn | None:
        """The step that backward starts with at the result of an op, with a name and `next_functions`; else None."""
        return GradFn(self._node) if isinstance(self._node, Record) else None

    # --- dtypes -----------------------------------------------------------------------------------------

    def type(self: Any, dtype: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Any:
        """PyTorch's name of the class, as "torch.FloatTensor" or, given a dtype, the tensor with that dtype.

        non_blocking, memory_format: have no effect.
        """
        if dtype is not None:
            return self.to(dtype=_by_class(dtype))
        return f"torch.{'cuda.' if self.is_cuda else ''}{_CLASSES.get(self.dtype.name, self.dtype.name)}Tensor"

    # --- hooks ------------------------------------------------------------------------------------------

    def register_hook(self, hook: Callable[[Any], Any]) -> Handle:
        """Call hook(gradient) in each backward pass, once the gradient of this tensor is complete.

            h.register_hook(lambda g: print(g.norm()))
            handle = h.register_hook(lambda g: 0.1 * g)     # this flows on
            handle.remove()

        If it returns a Tensor, that replaces the gradient, for `grad` and for what this tensor was computed from.
        Several hooks run in the order in which they were registered. A hook does not record, unless create_graph.
        Raises RuntimeError if this tensor does not require grad.
        """
        self._require_grad("register_hook")
        return Handle(hooks_of(self).before, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Any], Any]) -> Handle:
        """Call hook(tensor) each time that backward has added to `grad` of this leaf, at the end of the pass.

        With it an optimiser's step can be part of backward: each parameter is updated and its gradient let go of.
        Raises RuntimeError for the result of an op.
        """
        self._require_grad("register_post_accumulate_grad_hook")
        if hasattr(self._node, "op"):
            hide_frames()
            raise RuntimeError(
                "register_post_accumulate_grad_hook: only leaves accumulate gradients, not results; use register_hook"
            )
        return Handle(hooks_of(self).after, hook)

    def retain_grad(self) -> None:
        """Let backward fill `grad` of this result too. Raises RuntimeError if it does not require grad."""
        self._require_grad("retain_grad")
        retain_grad(self)

    @property
    def retains_grad(self) -> bool:
        """Whether this tensor is the result of an op and `retain_grad` was called on it."""
        return self._node is not None and hasattr(self._node, "op") and retains_grad(self._node)

    def _require_grad(self, method: str) -> None:
        if self._node is None:
            hide_frames()
            raise RuntimeError(f"{method}: this tensor does not require grad, so it gets no gradient")

    # --- tensors made like this one ---------------------------------------------------------------------

    def new_tensor(self, data: Any, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Any:
        """A copy of data as a Tensor with this dtype and device, unless others are given."""
        dtype, device = dtype or self._array.dtype, device or device_of(self._array)
        return wrapped(new_array(data, dtype, device), requires_grad)

    def new_full(
        self, size: int | Shape, fill_value: float, dtype: Any = None, device: str | None = None,
        requires_grad: bool = False,
    ) -> Any:  # fmt: skip
        """A Tensor with one value everywhere and this dtype and device, unless others are given."""
        dtype = as_dtype(dtype or self._array.dtype, "new_full")
        array = np.full(as_shape((size,), "new_full"), constant(fill_value, "fill_value", "new_full"), dtype)
        return wrapped(move(array, device or device_of(self._array)), requires_grad)

    def new_zeros(self, *size: Any, **options: Any) -> Any:
        """A Tensor of zeros, new_zeros(2, 3) or new_zeros((2, 3)); by default with this dtype and device."""
        return self.new_full(as_shape(size, "new_zeros"), 0, **options)

    def new_ones(self, *size: Any, **options: Any) -> Any:
        """A Tensor of ones, new_ones(2, 3) or new_ones((2, 3)); by default with this dtype and device."""
        return self.new_full(as_shape(size, "new_ones"), 1, **options)

    new_empty = new_zeros

    # --- functions as methods ---------------------------------------------------------------------------

    @composite
    def t(self: Any) -> Any:
        """The transpose of a matrix; of a vector, itself. Raises ValueError for more axes."""
        if self.ndim > 2:
            raise ValueError(f"the shape {self.shape} has more than two axes; see mT, transpose and permute")
        return self.T if self.ndim == 2 else self

    def view_as(self: Any, other: Any) -> Any:
        """The same elements in the shape of another tensor."""
        return self.view(other.shape)

    reshape_as = view_as

    def clamp_max(self: Any, max: Any) -> Any:
        """The elements, but at most max."""
        return ops.clip(self, None, max)

    @composite
    def select(self: Any, axis: int, index: int) -> Any:
        """The slice at one index of an axis, a view without that axis."""
        return self[(*[slice(None)] * normal_axes(self.ndim, axis)[0], index)]

    @composite
    def narrow(self: Any, axis: int, start: int, length: int) -> Any:
        """The slices from start to start + length - 1 of an axis, a view. Raises ValueError if it has not so many."""
        (axis,) = normal_axes(self.ndim, axis)
        size = self.shape[axis]
        first = start + size if start < 0 else start
        if not 0 <= first <= first + length <= size:
            raise ValueError(f"{length} slices from {start} on are not all within axis {axis} of shape {self.shape}")
        return self[(*[slice(None)] * axis, slice(first, first + length))]

    absolute, negative, multiply, divide, true_divide, subtract = ops.abs, ops.neg, ops.mul, ops.div, ops.div, ops.sub
    mm, mv, ravel, bernoulli, clamp_min = ops.matmul, ops.matmul, ops.flatten, distributions.bernoulli, ops.clip
    multinomial, erfc, erfinv, lgamma = distributions.multinomial, ops.erfc, ops.erfinv, ops.lgamma
    digamma, logit, xlogy, fmod, signbit = ops.digamma, ops.logit, ops.xlogy, ops.fmod, ops.signbit
    nan_to_num, nansum, nanmean, quantile = ops.nan_to_num, ops.nansum, ops.nanmean, ops.quantile
    bincount, count_nonzero, unique_consecutive, cov = ops.bincount, ops.count_nonzero, ops.unique_consecutive, ops.cov
    diff, diag_embed, cholesky_solve = ops.diff, ops.diag_embed, ops.linalg.cholesky_solve
    matrix_power, logdet, pinverse, qr = ops.matrix_power, ops.linalg.logdet, ops.linalg.pinv, ops.linalg.qr

    def tile(self: Any, *times: Any) -> Any:
        """The tensor repeated along each axis: x.tile(2) along the last, x.tile(4, 1) along the first of two."""
        counts = as_shape(times, "tile", "the numbers of repetitions")
        return ops.shape.repeat(self, (1,) * (self.ndim - len(counts)) + counts)

    def addcmul(self: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
        """The tensor plus value * tensor1 * tensor2."""
        return self + ops.mul(tensor1, tensor2) * value

    def addcdiv(self: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
        """The tensor plus value * tensor1 / tensor2."""
        return self + ops.div(tensor1, tensor2) * value

    def lerp(self: Any, end: Any, weight: Any) -> Any:
        """The way from this tensor to end, by the part weight: x + weight * (end - x)."""
        return self + weight * (end - self)


def _by_class(dtype: Any) -> Any:
    """The dtype of a class such as torch.FloatTensor, or of its name; anything else as it is."""
    if isinstance(dtype, type):
        return getattr(dtype, "kind", dtype)
    names = {f"{kind}Tensor": name for name, kind in _CLASSES.items()}
    return names.get(dtype.rpartition(".")[2], dtype) if isinstance(dtype, str) else dtype


def wrapped(array: Array, requires_grad: bool = False) -> Any:
    """A Tensor of an array."""
    result = wrap(array)
    return result.requires_grad_() if requires_grad else result
