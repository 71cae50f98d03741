"""Tensor: an array with operators and methods and, if it requires grad, a node in the graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import ops
from .autograd.backward import backward_pass, seed_for
from .autograd.core import Leaf, Record
from .autograd.memory import note_sharing, owner_of
from .backend import Array, DType, Shape, device_of
from .conversion import ANY, as_device, as_dtype, as_shape, device as Device, new_array, parse_target
from .errors import DtypeError, TensorError, kind_of, warn
from .in_place import InPlaceMethods
from .ops.composite import composite
from .python_methods import PythonMethods, equality
from .pytorch_methods import PyTorchMethods
from .tensor_base import TensorBase, set_tensor_type, tensor_of, wrap


class Tensor(PythonMethods, InPlaceMethods, PyTorchMethods):
    """An array whose operations are recorded if it requires grad, so that `backward` can compute gradients.

        x = tl.tensor([1.0, 2.0, 3.0], requires_grad=True)
        y = (x * x).sum()
        y.backward()
        x.grad                                      # tensor([2., 4., 6.])

    Tensor(data) is tl.tensor(data), and raises the errors of `tensor`. Results of ops are Tensors, and require grad if
    an input does. `grad` is None until a backward reaches this tensor, then a Tensor of the same shape and dtype.
    It holds an array, a node of the graph (of the chain rule, `autograd/core.py`; None for a constant) and a gradient.
    """

    __slots__ = ()

    def __new__(cls, data: Any, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
        made = tensor_of(cls, new_array(data, dtype, device))
        return made.requires_grad_() if requires_grad else made  # type: ignore[no-any-return]

    def backward(self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False) -> None:
        """Add the gradient of this tensor to `grad` of every leaf that it was computed from.

        gradient: the upstream gradient, of this tensor's shape; 1 by default if it has a single element.
        retain_graph: keep the graph for another backward (by default only with create_graph).
        create_graph: record the backward pass itself, so that gradients can be differentiated.
        Raises RuntimeError if this tensor does not require grad, its graph was freed, or a saved value was changed in
        place; ValueError for a gradient of another shape.
        """
        __tracebackhide__ = True  # see `hide_frames`
        seed = seed_for(self, gradient, create_graph)
        assert self._node is not None
        retain_graph = create_graph if retain_graph is None else retain_graph
        backward_pass([(self._node, seed)], retain_graph=retain_graph, create_graph=create_graph)

    # --- operators --------------------------------------------------------------------------------------

    __add__, __radd__ = ops.add.operators()
    __sub__, __rsub__ = ops.sub.operators()
    __mul__, __rmul__ = ops.mul.operators()
    __truediv__, __rtruediv__ = ops.div.operators()
    __pow__, __rpow__ = ops.pow.operators()
    __matmul__, __rmatmul__ = ops.matmul.operators()
    __floordiv__, __rfloordiv__ = ops.floor_divide.operators()
    __mod__, __rmod__ = ops.remainder.operators()
    __and__, __rand__ = ops.bitwise_and.operators()
    __or__, __ror__ = ops.bitwise_or.operators()
    __xor__, __rxor__ = ops.bitwise_xor.operators()
    __lt__, __gt__ = ops.lt.operators()[0], ops.gt.operators()[0]
    __le__, __ge__ = ops.le.operators()[0], ops.ge.operators()[0]
    __eq__, __ne__ = equality(ops.eq), equality(ops.ne)  # type: ignore[assignment]
    __neg__, __abs__, __invert__ = ops.neg, ops.abs, ops.bitwise_not
    __hash__ = object.__hash__  # by identity, since == compares elements

    def __pos__(self) -> Tensor:
        return self

    def __getitem__(self, index: Any) -> Tensor:
        return ops.indexing.getitem(self, index)  # type: ignore[no-any-return]

    # --- the graph --------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are computed for this tensor."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        self.requires_grad_(flag)

    def requires_grad_(self, flag: bool = True) -> Tensor:
        """Start, or stop, computing gradients for this tensor, of any shape. In place; returns the tensor.

        Raises TypeError for integers, RuntimeError for stopping at the result of a recorded op.
        """
        if not flag:
            if isinstance(self._node, Record):
                raise RuntimeError("the result of a recorded op always requires grad; use detach() to get a constant")
            if self._node is not None:
                self._leaf, self._node = self._node, None
        elif self._node is None:
            _must_be_float(self.dtype)
            before = getattr(self, "_leaf", None)  # what was recorded before it stopped requiring grad leads there
            fits = before is not None and (before.shape, before.dtype) == (self.shape, self.dtype)
            self._node = before if fits else Leaf(self)
        return self

    @property
    def grad(self) -> Tensor | None:
        """The gradient, summed over all runs of backward; None before the first.

        Set it to None or to a Tensor of the same shape and dtype. Raises TypeError for anything else, ValueError for
        another shape or device. Warns for the result of an op without `retain_grad`, which never gets one.
        """
        if self._grad is None and isinstance(self._node, Record) and self._node.tensor is None:
            warn(
                f"this tensor is the result of {self._node.name}, not a leaf, so backward leaves its grad None. Call "
                "retain_grad() on it before backward; or, for a step of gradient descent, write "
                "`with tl.no_grad(): w -= lr * w.grad`, since w = w - lr * w.grad makes a new w that is no leaf"
            )
        return self._grad  # type: ignore[no-any-return]

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"grad must be a Tensor or None, not {kind_of(value)}; to clear it, x.grad = None")
            if value.shape != self.shape:
                raise TensorError(f"a gradient of shape {value.shape} does not fit a tensor of shape {self.shape}")
            if value.dtype != self.dtype:
                raise DtypeError(f"a gradient of {value.dtype} does not fit a tensor of {self.dtype}; convert it by to")
            if value.device != self.device:
                raise TensorError(f"the gradient is on {value.device}, but the tensor on {self.device}; move it there")
            if isinstance(value._array, np.ndarray) and not value._array.flags.writeable:
                value = value.clone()  # backward will add to it
        self._grad = value

    @property
    def is_leaf(self) -> bool:
        """Whether this tensor is not the result of a recorded op."""
        return not isinstance(self._node, Record)

    def detach(self) -> Tensor:
        """A constant with the same shape and memory: no gradient flows back through it."""
        constant: Tensor = wrap(self._array)
        note_sharing(constant, self, detached=True)
        return constant

    # --- shape, dtype, device ---------------------------------------------------------------------------

    @property
    def shape(self) -> Shape:
        """The sizes of the axes, a tuple."""
        return self._array.shape  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._array.ndim  # type: ignore[no-any-return]

    @property
    def dtype(self) -> DType:
        """The dtype of the elements, one of NumPy's."""
        return self._array.dtype  # type: ignore[no-any-return]

    @property
    def device(self) -> Device:
        """The device of the array, a text: "cpu", "cuda:0", ..."""
        return as_device(device_of(self._array))

    @property
    def T(self) -> Tensor:
        """A view with all axes reversed, the transpose of a matrix: (n, m) -> (m, n)."""
        return ops.transpose(self)  # type: ignore[no-any-return]

    @property
    def mT(self) -> Tensor:
        """A view with the last two axes swapped, the transpose of each matrix: (..., n, m) -> (..., m, n)."""
        return ops.swapaxes(self, -1, -2)

    # --- memory -----------------------------------------------------------------------------------------

    @property
    def is_cuda(self) -> bool:
        """Whether the array is on a GPU."""
        return self.device.startswith("cuda")

    @property
    def array(self) -> Array:
        """The array: on the CPU a read-only view, on a GPU the CuPy array itself. To write to it, use `inplace()`."""
        if not isinstance(self._array, np.ndarray):
            return self._array
        view = self._array.view()
        view.setflags(write=False)
        return view

    def data_ptr(self) -> int:
        """The address of the first element in memory; tied parameters have the same address."""
        array = self._array
        return array.ctypes.data if isinstance(array, np.ndarray) else array.data.ptr

    @property
    def data(self) -> Tensor:
        """A Tensor with the same shape and memory, and no graph. Assigning to it replaces the memory."""
        return self.detach()

    @data.setter
    def data(self, value: Any) -> None:
        new = value if isinstance(value, TensorBase) else Tensor(value, device=self.device)
        if isinstance(self._node, Leaf):
            _must_be_float(new._array.dtype)
        if new._array is self._array:  # as after x.data -= 0.1 * x.grad
            return
        changed = new._array.shape != self.shape or new._array.dtype != self.dtype
        self._array, self._window = new._array, None
        if isinstance(value, TensorBase):
            note_sharing(self, value)
        if changed:
            self._grad, before = None, self._node  # the gradient had the old shape or dtype
            self._node = Leaf(self) if isinstance(before, Leaf) else None
            if isinstance(before, Leaf):
                self._node.hooks = before.hooks

    def clone(self) -> Tensor:
        """A copy of the same shape in its own memory; gradients flow back through it."""
        return ops.clone(self)

    # --- conversion to another dtype or device ----------------------------------------------------------

    def to(
        self, *target: Any, dtype: Any = None, device: str | None = None, non_blocking: bool = False, copy: bool = False
    ) -> Tensor:
        """A Tensor of this shape with another dtype or device, or those of a tensor: x.to("cuda"), x.to(tl.float64).

        The tensor itself if nothing changes, but a copy with copy=True. non_blocking: has no effect.
        Raises ValueError for an unknown device.
        """
        dtype, device = parse_target(target, dtype, device)
        x = self if dtype is None or dtype == self.dtype else self.astype(dtype)
        x = x if device is None or x.device == device else ops.shape.to_device(x, device)
        return ops.clone(x) if copy and x is self else x

    def astype(self, dtype: Any, copy: bool = True) -> Tensor:
        """A copy of the same shape with another dtype.

        Integers and bools are constants: no gradient flows back through them.
        copy: copy even if the dtype stays.
        """
        wanted = as_dtype(dtype, "astype")
        if not copy and wanted == self.dtype:
            return self
        x = self if wanted.kind in "fc" else self.detach()
        return ops.shape.astype(x, wanted) if wanted != self.dtype else ops.clone(x)

    def cuda(self, index: Any = None, non_blocking: bool = False) -> Tensor:
        """The tensor on a GPU, in its shape. non_blocking: has no effect. Raises RuntimeError without CuPy or a GPU."""
        return self.to(device="cuda" if index is None else f"cuda:{index}" if isinstance(index, int) else index)

    def cpu(self) -> Tensor:
        """The tensor on the CPU, in its shape."""
        return self.to(device="cpu")

    # --- methods: the functions of the same names, bound ------------------------------------------------

    # isort: off
    from .ops import (  # type: ignore[misc]
        abs, add, all, allclose, amax, amin, any, argmax, argmin, argsort, bmm, ceil, chunk, clip, cos, cumprod, cumsum,
        diag, diagonal, div, dot, eq, erf, exp, expm1, flatten, floor, floor_divide, gather, ge, gelu, gt, index_add,
        isclose, isfinite, isinf, isnan, le, leaky_relu, log, log10, log1p, log2, log_softmax,
        logical_and, logical_not, logical_or, logsumexp, lt, masked_fill, matmul, max, maximum, mean,
        median, min, minimum, moveaxis, mul, ne, neg, nonzero, norm, outer, pad, pow, prod, relu, remainder,
        repeat_interleave, roll, round, rsqrt, scatter, scatter_add, sigmoid, sign, silu, sin, softmax, sort, split,
        sqrt, square, squeeze, std, sub, sum, swapaxes, take, tanh, topk, transpose, tril, triu, unbind,
        unique, unsqueeze, var,
    )  # fmt: skip

    # isort: on
    clamp = clip

    def reshape(self, *shape: Any) -> Tensor:
        """The same elements in another shape: x.reshape(2, -1) or x.reshape((2, -1))."""
        return ops.reshape(self, as_shape(shape, least=-1))

    @composite
    def view(self, *shape: Any) -> Tensor:
        """A view of the same memory in another shape, as in PyTorch; `reshape` copies where there is none.

        Raises ValueError where the memory's order allows no such view, as after a transpose.
        """
        result = ops.reshape(self, as_shape(shape, least=-1))
        if not self._array.flags.c_contiguous and owner_of(result._array) is not owner_of(self._array):
            raise TensorError(
                f"view: a tensor of shape {self.shape} whose memory is not in row-major order, as after a transpose, "
                f"has no view of shape {result.shape}; write reshape, which copies here, or contiguous() before view"
            )
        return result

    def permute(self, *axes: Any) -> Tensor:
        """The axes in another order: x.permute(0, 2, 1) or x.permute((0, 2, 1)) for (n, m, k) -> (n, k, m)."""
        return ops.permute(self, as_shape(axes, what="axes", least=ANY))

    def broadcast_to(self, *shape: Any) -> Tensor:
        """A view repeated to another shape, along new axes in front and axes of size 1."""
        return ops.broadcast_to(self, as_shape(shape, least=-1))

    def expand(self, *shape: Any) -> Tensor:
        """A view broadcast to another shape, as in PyTorch: -1 keeps a size."""
        return ops.expand(self, as_shape(shape, least=-1))  # type: ignore[no-any-return]

    def repeat(self, *times: Any) -> Tensor:
        """The tensor repeated along each axis, like NumPy's tile: x.repeat(4, 1) or x.repeat((4, 1)).

        Here (n, m) -> (4 n, m). Raises ValueError for fewer numbers than axes.
        """
        return ops.shape.repeat(self, as_shape(times, what="the numbers of repetitions", least=ANY))  # type: ignore[no-any-return]

    def contiguous(self) -> Tensor:
        """The tensor itself if its memory is in row-major order, else a copy in its shape."""
        return ops.shape.contiguous(self)  # type: ignore[no-any-return]

    def flip(self, *axes: Any, **names: Any) -> Tensor:
        """The elements reversed along axes, by default all, in their shape: x.flip(0), x.flip(0, 1), x.flip((0, 1))."""
        return ops.flip(self, *((as_shape(axes, what="axes", least=ANY),) if axes else ()), **names)

    def where(self, condition: Tensor, other: Any) -> Tensor:
        """The elements of this tensor where the condition, bools, is true, else those of other; all three broadcast."""
        return ops.where(condition, self, other)


set_tensor_type(Tensor)


def _must_be_float(dtype: DType) -> None:
    """Raise TypeError unless a dtype is a float."""
    if dtype.kind != "f":
        raise DtypeError(f"only floats can require grad, not {dtype}; write 1.0 for 1, or convert with .float()")
