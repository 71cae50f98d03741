"""Tensor: an array with operators, methods and, where it requires grad, a place in the graph. A method is one call."""

from __future__ import annotations

import copy
import operator
import sys
import weakref
from collections.abc import Iterator
from typing import Any, SupportsIndex, TypeAlias

import numpy as np

from . import ops
from .autograd import versions
from .autograd.modes import modes, set_grad_enabled
from .autograd.tape import Leaf, Record, backward_pass
from .backend import Array, DType, Shape, device_of, to_host, xp
from .conversion import new_array
from .ops.composite import composite
from .ops.indexing import write
from .ops.shape import normal_axes
from .traced import Traced, use, wrap

Number: TypeAlias = float  # inside the class `float`, `int` and `bool` are methods, as in PyTorch
Integer: TypeAlias = int
Flag: TypeAlias = bool
Operand: TypeAlias = "Tensor | Array | float"


class Tensor(Traced):
    """An array whose operations may be recorded, so that `backward` can find gradients.

    Tensor(data) is tl.tensor(data). Results of ops are Tensors; those made from one that requires grad require grad
    too. `grad` is None until a backward reached this tensor, then a Tensor of the same shape and dtype.
    """

    __slots__ = ()
    __array_ufunc__ = None  # NumPy's and CuPy's operators defer to ours: array + Tensor is a Tensor

    def __new__(cls, data: Any, dtype: Any = None, device: str | None = None, requires_grad: Flag = False) -> Tensor:
        made = object.__new__(cls)
        made._array, made._node, made._grad = new_array(data, dtype, device), None, None
        return made.requires_grad_() if requires_grad else made

    # --- what it is -------------------------------------------------------------------------------------

    @property
    def shape(self) -> Shape:
        """The sizes of the axes, a tuple."""
        return self._array.shape  # type: ignore[no-any-return]

    @composite
    def size(self, axis: Integer | None = None) -> Any:
        """The shape or, with an axis, its size, as in PyTorch. (How many elements: `numel()`.)"""
        return self.shape if axis is None else self.shape[normal_axes(self.ndim, axis)[0]]

    def numel(self) -> Integer:
        """How many elements there are."""
        return self._array.size  # type: ignore[no-any-return]

    @property
    def ndim(self) -> Integer:
        """How many axes there are."""
        return self._array.ndim  # type: ignore[no-any-return]

    def dim(self) -> Integer:
        """How many axes there are: ndim under PyTorch's other name."""
        return self.ndim

    @property
    def dtype(self) -> DType:
        """NumPy's dtype of the elements."""
        return self._array.dtype  # type: ignore[no-any-return]

    @property
    def device(self) -> str:
        """Where the array lives: "cpu", "cuda:0", ..."""
        return device_of(self._array)

    @property
    def is_cuda(self) -> Flag:
        """Whether the array lives on a GPU."""
        return self.device.startswith("cuda")

    @property
    def array(self) -> Array:
        """The NumPy or CuPy array itself, to read from. To write to it use `inplace()`."""
        return self._array

    @property
    def data(self) -> Tensor:
        """The same memory without the graph; assigning replaces the memory."""
        return wrap(self._array)  # type: ignore[no-any-return]

    @data.setter
    def data(self, value: Any) -> None:
        new = value if isinstance(value, Traced) else Tensor(value, device=self.device)
        if isinstance(self._node, Leaf):
            _must_be_float(new._array.dtype)
        changed = new._array.shape != self.shape or new._array.dtype != self.dtype
        self._array = new._array
        if isinstance(self._node, Record):
            self._node = None
        elif changed and self._node is not None:
            self._node = Leaf(self)

    @property
    def T(self) -> Tensor:
        """All axes reversed."""
        return ops.transpose(self)  # type: ignore[no-any-return]

    @property
    def mT(self) -> Tensor:
        """The last two axes exchanged."""
        return ops.swapaxes(self, -1, -2)

    # --- the graph --------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> Flag:
        """Whether gradients flow to this tensor."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, flag: Flag) -> None:
        self.requires_grad_(flag)

    def requires_grad_(self, flag: Flag = True) -> Tensor:
        """Ask for this tensor's gradient, or no longer. In place.

        Raises TypeError for integers, RuntimeError to switch it off for the result of a recorded op.
        """
        if not flag:
            if isinstance(self._node, Record):
                raise RuntimeError("a result of a recorded op always requires grad; use detach() for one that does not")
            self._node = None
        elif self._node is None:
            _must_be_float(self.dtype)
            self._node = Leaf(self)
        return self

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward has found, added up over all its runs; None if there was none.

        To be set to None, or a Tensor of the same shape. Raises TypeError for what is neither, ValueError for another
        shape or device.
        """
        return self._grad  # type: ignore[no-any-return]

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"a gradient is a Tensor or None, not a {type(value).__name__}")
            if value.shape != self.shape:
                raise ValueError(f"a gradient of shape {value.shape} does not fit a tensor of shape {self.shape}")
            if value.device != self.device:
                raise ValueError(f"the gradient is on {value.device}, but the tensor on {self.device}; move it there")
        self._grad = value

    @property
    def is_leaf(self) -> Flag:
        """Whether this tensor is no result of a recorded op."""
        return not isinstance(self._node, Record)

    def retain_grad(self) -> None:
        """Let backward fill `grad` of this result too. Raises RuntimeError if it does not require grad."""
        if self._node is None:
            raise RuntimeError("retain_grad: this tensor does not require grad, so no gradient comes here")
        self._node.tensor = weakref.ref(self)

    def backward(self, gradient: Any = None, retain_graph: Flag | None = None, create_graph: Flag = False) -> None:
        """Add the gradient of this tensor to `grad` of every leaf that it was computed from.

        gradient: the upstream gradient, of this tensor's shape; may be left out for a single element, where it is 1.
        retain_graph: keep the graph for another backward (by default only with create_graph).
        create_graph: record the backward itself, so that gradients can be differentiated.
        Raises RuntimeError if this tensor does not require grad, or its graph is freed, ValueError for a wrong shape.
        """
        seed = seed_for(self, gradient, create_graph)
        assert self._node is not None
        backward_pass([(self._node, seed)], retain_graph=_or(retain_graph, create_graph), create_graph=create_graph)

    def detach(self) -> Tensor:
        """The same memory as a constant: no gradient flows back through it."""
        return wrap(self._array)  # type: ignore[no-any-return]

    def clone(self) -> Tensor:
        """A copy in memory of its own; gradients flow back through it."""
        return ops.clone(self)

    # --- out of the tensor ------------------------------------------------------------------------------

    def item(self) -> Any:
        """The only element as a Python number. Raises ValueError if there are more, or none."""
        if self._array.size != 1:
            raise ValueError(
                f"item: a tensor of shape {self.shape} has {self._array.size} elements, not one; see tolist()"
            )
        return to_host(self._array).item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return to_host(self._array).tolist()

    def numpy(self) -> np.ndarray[Any, DType]:
        """The elements as a NumPy array: a read-only view, from a GPU a copy."""
        view = to_host(self._array).view()
        view.flags.writeable = False
        return view

    def __array__(self, dtype: Any = None, copy: Flag | None = None) -> np.ndarray[Any, DType]:
        if self._node is not None:
            raise RuntimeError(
                "this tensor requires grad, and NumPy would lose its graph: use tl functions, or x.detach() if the "
                "gradient is not wanted"
            )
        array = self.numpy()
        if dtype is None or np.dtype(dtype) == array.dtype:
            return array.copy() if copy else array
        if copy is False:
            raise ValueError(f"a tensor of {array.dtype} cannot become an array of {np.dtype(dtype)} without a copy")
        return array.astype(dtype)

    def __float__(self) -> Number:
        return float(self.item())

    def __int__(self) -> Integer:
        return int(self.item())

    def __index__(self) -> Integer:
        if self.dtype.kind not in "iu":
            raise TypeError(f"only an integer tensor can be an index, not {self.dtype}")
        return int(self.item())

    def __bool__(self) -> Flag:
        if self._array.size != 1:
            raise ValueError(f"a tensor of shape {self.shape} is neither true nor false; use (x == y).all() or .any()")
        return bool(self.item())

    def __len__(self) -> Integer:
        if self.ndim == 0:
            raise TypeError("a 0-d tensor has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("a 0-d tensor cannot be iterated over; its number is x.item()")
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> Flag:
        same = self == value
        return isinstance(same, Tensor) and bool(same.any())

    def __repr__(self) -> str:
        text = np.array2string(to_host(self._array), separator=", ", prefix="tensor(", precision=4)
        notes = [text]
        if self.numel() == 0 and self.ndim > 1:
            notes.append(f"shape={self.shape}")
        if self.device != "cpu":
            notes.append(f"device='{self.device}'")
        if self.dtype.name not in ("float32", "int64", "bool"):
            notes.append(f"dtype={self.dtype}")
        if isinstance(self._node, Record):
            notes.append(f"made by {self._node.name}")
        elif self._node is not None:
            notes.append("requires_grad=True")
        return f"tensor({', '.join(notes)})"

    def __format__(self, spec: str) -> str:
        return format(self.item() if self.ndim == 0 else str(self), spec)

    __hash__ = object.__hash__  # by identity, since == compares elements

    def __deepcopy__(self, memo: dict[Integer, Any]) -> Tensor:
        if isinstance(self._node, Record):
            raise RuntimeError("only leaves can be deep-copied, since a copy would lose its graph; use x.clone()")
        twin: Tensor = _as(type(self), wrap(self._array.copy()))
        memo[id(self)] = twin
        if self._node is not None:
            twin._node = Leaf(twin)
        if self.grad is not None:
            twin.grad = wrap(self.grad._array.copy())
        if hasattr(self, "__dict__"):  # of a subclass
            vars(twin).update(copy.deepcopy(vars(self), memo))
        return twin

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        raise TypeError(
            "tensors are not pickled, nor copied by copy.copy: save x.numpy(), or a model's state_dict() as "
            "safetensors; copy with x.clone() or copy.deepcopy"
        )

    # --- dtype and device -------------------------------------------------------------------------------

    def to(self, *target: Any, dtype: Any = None, device: str | None = None) -> Tensor:
        """This tensor with another dtype, on another device, or like another tensor: x.to("cuda"), x.to(tl.float64).

        The tensor itself where nothing changes. Raises ValueError for an unknown device.
        """
        for wish in target:
            if isinstance(wish, Traced):
                dtype, device = wish._array.dtype, device_of(wish._array)
            elif isinstance(wish, str) and not _is_dtype(wish):
                device = wish
            else:
                dtype = wish
        x = self if dtype is None or np.dtype(dtype) == self.dtype else self.astype(dtype)
        return x if device is None or x.device == device else ops.to_device(x, device)

    def astype(self, dtype: Any, copy: Flag = True) -> Tensor:
        """A copy with another dtype. Integers and bools are constants to the tape."""
        wanted = np.dtype(dtype)
        if not copy and wanted == self.dtype:
            return self
        x = self if wanted.kind in "fc" else self.detach()
        return ops.astype(x, wanted) if wanted != self.dtype else ops.clone(x)

    def cuda(self, index: Integer | None = None) -> Tensor:
        """On the GPU. Raises RuntimeError without CuPy or a GPU."""
        return self.to(device="cuda" if index is None else f"cuda:{index}")

    def cpu(self) -> Tensor:
        """On the CPU."""
        return self.to(device="cpu")

    def type_as(self, other: Tensor) -> Tensor:
        """With the dtype of another tensor."""
        return self.to(dtype=other.dtype)

    def float(self) -> Tensor:
        """As float32."""
        return self.to(dtype=np.float32)

    def double(self) -> Tensor:
        """As float64."""
        return self.to(dtype=np.float64)

    def half(self) -> Tensor:
        """As float16."""
        return self.to(dtype=np.float16)

    def long(self) -> Tensor:
        """As int64."""
        return self.to(dtype=np.int64)

    def int(self) -> Tensor:
        """As int32."""
        return self.to(dtype=np.int32)

    def bool(self) -> Tensor:
        """As bool: true where not 0."""
        return self.to(dtype=np.bool_)

    # --- writing ----------------------------------------------------------------------------------------

    def inplace(self) -> Array:
        """The array itself, announced as about to be written to: graphs that saved it will refuse to run.

        For optimisers and the like, which update a leaf outside of any graph. Write at once.
        """
        versions.announce_write(self._array)
        return self._array

    def _may_write(self, change: str, operand: Any) -> Flag:
        """Whether an in-place change goes straight to memory (True) or has to be recorded (False).

        Raises RuntimeError for a change that can be neither: of a leaf that requires grad, and, while recording, of
        memory that others look into as well, since they would not see the change.
        """
        involved = self._node is not None or (isinstance(operand, Traced) and operand._node is not None)
        if not (modes.recording and involved):
            return True
        if isinstance(self._node, Leaf):
            raise RuntimeError(
                f"{change} would change, in place, a leaf that requires grad, and so what gradients are asked of: do "
                "it within tl.no_grad(), or make a new tensor, as in x = x + ..."
            )
        if self._array.base is not None and not _is_last_view(self._array):
            raise RuntimeError(
                f"{change} cannot be recorded here, since x is a view, as x[0], x.T or x.reshape() are, and others use "
                "its memory too, who would not see the change: make a new tensor, as in x = x + ..., take x = "
                "x.clone() first, or assign to the tensor that it is a view of, base[index] = ..."
            )
        return False

    def _update(self, change: str, op: Any, operand: Any) -> Tensor:
        """x = op(x, operand), in place.

        While recording, this tensor takes over the result's array and node; the old memory stays for those that
        saved it. Else the result is written into the memory.
        """
        straight = self._may_write(change, operand)
        with set_grad_enabled(not straight):
            result = op(self, operand)
        if result.shape != self.shape:
            raise ValueError(f"{change}: the result's shape {result.shape} is not x's {self.shape}; write x = x + ...")
        if not np.can_cast(result.dtype, self.dtype, "same_kind"):
            raise TypeError(f"{change}: {result.dtype} does not fit into x's {self.dtype}; convert x with .to() first")
        if straight:
            self.inplace()[...] = result._array
        else:
            result = result.to(dtype=self.dtype)
            self._array, self._node = result._array, result._node
        return self

    def __setitem__(self, index: Any, value: Any) -> None:
        if self._may_write("x[index] = value", value):
            write(self.inplace(), index, value._array if isinstance(value, Traced) else value)
        else:
            result = ops.setitem(self, index, value)
            self._array, self._node = result._array, result._node

    def __iadd__(self, other: Operand) -> Tensor:
        return self._update("x += y", ops.add, other)

    def __isub__(self, other: Operand) -> Tensor:
        return self._update("x -= y", ops.sub, other)

    def __imul__(self, other: Operand) -> Tensor:
        return self._update("x *= y", ops.mul, other)

    def __itruediv__(self, other: Operand) -> Tensor:
        return self._update("x /= y", ops.div, other)

    def __ipow__(self, other: Operand) -> Tensor:
        return self._update("x **= y", ops.pow, other)

    def add_(self, other: Operand, alpha: Number = 1) -> Tensor:
        """x += alpha * other."""
        return self._update("x.add_(y)", ops.add, other if alpha == 1 else ops.mul(other, alpha))

    def sub_(self, other: Operand, alpha: Number = 1) -> Tensor:
        """x -= alpha * other."""
        return self._update("x.sub_(y)", ops.sub, other if alpha == 1 else ops.mul(other, alpha))

    def mul_(self, other: Operand) -> Tensor:
        """x *= other."""
        return self._update("x.mul_(y)", ops.mul, other)

    def div_(self, other: Operand) -> Tensor:
        """x /= other."""
        return self._update("x.div_(y)", ops.div, other)

    def copy_(self, other: Operand) -> Tensor:
        """Overwrite with other, broadcast and cast."""
        self[...] = other
        return self

    def fill_(self, value: Number) -> Tensor:
        """Overwrite with one value."""
        self[...] = value
        return self

    def zero_(self) -> Tensor:
        """Overwrite with 0."""
        return self.fill_(0)

    # --- operators --------------------------------------------------------------------------------------

    def __add__(self, other: Operand) -> Tensor:
        return ops.add(self, other)

    def __radd__(self, other: Operand) -> Tensor:
        return ops.add(other, self)

    def __sub__(self, other: Operand) -> Tensor:
        return ops.sub(self, other)

    def __rsub__(self, other: Operand) -> Tensor:
        return ops.sub(other, self)

    def __mul__(self, other: Operand) -> Tensor:
        return ops.mul(self, other)

    def __rmul__(self, other: Operand) -> Tensor:
        return ops.mul(other, self)

    def __truediv__(self, other: Operand) -> Tensor:
        return ops.div(self, other)

    def __rtruediv__(self, other: Operand) -> Tensor:
        return ops.div(other, self)

    def __pow__(self, other: Operand) -> Tensor:
        return ops.pow(self, other)

    def __rpow__(self, other: Operand) -> Tensor:
        return ops.pow(other, self)

    def __mod__(self, other: Operand) -> Tensor:
        return ops.remainder(self, other)

    def __rmod__(self, other: Operand) -> Tensor:
        return ops.remainder(other, self)

    def __floordiv__(self, other: Operand) -> Tensor:
        return ops.floor_divide(self, other)

    def __rfloordiv__(self, other: Operand) -> Tensor:
        return ops.floor_divide(other, self)

    def __matmul__(self, other: Operand) -> Tensor:
        return ops.matmul(self, other)

    def __rmatmul__(self, other: Operand) -> Tensor:
        return ops.matmul(other, self)

    def __and__(self, other: Operand) -> Tensor:
        return _on_bools(ops.logical_and, self, other)

    def __rand__(self, other: Operand) -> Tensor:
        return _on_bools(ops.logical_and, other, self)

    def __or__(self, other: Operand) -> Tensor:
        return _on_bools(ops.logical_or, self, other)

    def __ror__(self, other: Operand) -> Tensor:
        return _on_bools(ops.logical_or, other, self)

    def __xor__(self, other: Operand) -> Tensor:
        return _on_bools(ops.logical_xor, self, other)

    def __rxor__(self, other: Operand) -> Tensor:
        return _on_bools(ops.logical_xor, other, self)

    def __invert__(self) -> Tensor:
        return _on_bools(ops.logical_not, self)

    def __neg__(self) -> Tensor:
        return ops.neg(self)

    def __pos__(self) -> Tensor:
        return self

    def __abs__(self) -> Tensor:
        return ops.abs(self)

    def __getitem__(self, index: Any) -> Tensor:
        return ops.getitem(self, index)  # type: ignore[no-any-return]

    def __eq__(self, other: Operand) -> Tensor:  # type: ignore[override]
        if other is None or isinstance(other, str):
            return NotImplemented  # for Python to say False
        return ops.equal(self, other)

    def __ne__(self, other: Operand) -> Tensor:  # type: ignore[override]
        if other is None or isinstance(other, str):
            return NotImplemented
        return ops.not_equal(self, other)

    def __lt__(self, other: Operand) -> Tensor:
        return ops.less(self, other)

    def __le__(self, other: Operand) -> Tensor:
        return ops.less_equal(self, other)

    def __gt__(self, other: Operand) -> Tensor:
        return ops.greater(self, other)

    def __ge__(self, other: Operand) -> Tensor:
        return ops.greater_equal(self, other)

    # --- methods: the functions of the same names, bound ------------------------------------------------

    add, sub, mul, div, pow, square = ops.add, ops.sub, ops.mul, ops.div, ops.pow, ops.square
    neg, abs, sign, floor, ceil, round = ops.neg, ops.abs, ops.sign, ops.floor, ops.ceil, ops.round
    exp, expm1, log, log1p, sqrt = ops.exp, ops.expm1, ops.log, ops.log1p, ops.sqrt
    sin, cos, tanh, erf = ops.sin, ops.cos, ops.tanh, ops.erf
    sigmoid, relu, leaky_relu, silu, gelu = ops.sigmoid, ops.relu, ops.leaky_relu, ops.silu, ops.gelu
    maximum, minimum, clip, clamp = ops.maximum, ops.minimum, ops.clip, ops.clip
    isnan, isinf, isfinite, logical_not = ops.isnan, ops.isinf, ops.isfinite, ops.logical_not

    sum, mean, prod, cumsum = ops.sum, ops.mean, ops.prod, ops.cumsum
    var, std, norm, logsumexp = ops.var, ops.std, ops.norm, ops.logsumexp
    max, min, argmax, argmin, any, all = ops.max, ops.min, ops.argmax, ops.argmin, ops.any, ops.all
    amax, amin = ops.max, ops.min
    softmax, log_softmax = ops.softmax, ops.log_softmax

    flatten, squeeze, unsqueeze = ops.flatten, ops.squeeze, ops.unsqueeze
    swapaxes, transpose = ops.swapaxes, ops.transpose
    pad, split, chunk, unbind = ops.pad, ops.split, ops.chunk, ops.unbind

    gather, scatter_add, take, masked_fill = ops.gather, ops.scatter_add, ops.take, ops.masked_fill
    index_select, nonzero, diagonal = ops.index_select, ops.nonzero, ops.diagonal
    sort, argsort, topk, tril, triu = ops.sort, ops.argsort, ops.topk, ops.tril, ops.triu
    matmul, bmm, dot, outer = ops.matmul, ops.bmm, ops.dot, ops.outer

    def reshape(self, *shape: Any) -> Tensor:
        """x.reshape(2, -1) or x.reshape((2, -1)): the same elements in another shape."""
        return ops.reshape(self, _sizes(shape))

    def view(self, *shape: Any) -> Tensor:
        """reshape under PyTorch's other name; unlike there it copies where a view is impossible."""
        return ops.reshape(self, _sizes(shape))

    def permute(self, *axes: Any) -> Tensor:
        """x.permute(0, 2, 1) or x.permute((0, 2, 1)): the axes in another order."""
        return ops.permute(self, _sizes(axes))

    def broadcast_to(self, *shape: Any) -> Tensor:
        """Repeated along new axes and axes of size 1; a view."""
        return ops.broadcast_to(self, _sizes(shape))

    def expand(self, *shape: Any) -> Tensor:
        """broadcast_to as in PyTorch, where -1 keeps a size."""
        return ops.expand(self, _sizes(shape))  # type: ignore[no-any-return]

    def expand_as(self, other: Tensor) -> Tensor:
        """Broadcast to the shape of another tensor."""
        return ops.expand(self, other.shape)  # type: ignore[no-any-return]

    def repeat(self, *times: Any) -> Tensor:
        """x.repeat(4, 1) or x.repeat((4, 1)): laid side by side so many times along each axis, as NumPy's tile does."""
        return ops.repeat(self, _sizes(times))  # type: ignore[no-any-return]

    def contiguous(self) -> Tensor:
        """The tensor itself if its elements lie in memory row by row, else a copy that does."""
        return self if self._array.flags.c_contiguous else ops.clone(self)

    def flip(self, *axes: Any, **names: Any) -> Tensor:
        """Reversed along axes, all by default: x.flip(0), x.flip(0, 1), x.flip((0, 1))."""
        return ops.flip(self, *((_sizes(axes),) if axes else ()), **names)

    def where(self, condition: Tensor, other: Operand) -> Tensor:
        """This tensor where the condition holds, else other."""
        return ops.where(condition, self, other)


use(Tensor)


def seed_for(x: Tensor, gradient: Any, create_graph: bool) -> Any:
    """The upstream gradient to start a walk at x with: an array or, with create_graph, a Tensor."""
    if x._node is None:
        raise RuntimeError(
            "this tensor does not require grad, so there is nothing to differentiate: it was computed from constants, "
            "under no_grad(), or by an op without a gradient (comparisons, argmax, integers); "
            "set requires_grad=True on the inputs"
        )
    if gradient is None:
        if x._array.size != 1:
            raise RuntimeError(
                f"backward from shape {x.shape} needs the upstream gradient, of that shape, in x.backward(gradient) or "
                "as grad_outputs of tl.grad; or reduce to one number first, as in x.sum().backward()"
            )
        seed = wrap(xp(x._array).full(x._array.shape, 1, x._array.dtype))
    else:
        seed = gradient if isinstance(gradient, Tensor) else Tensor(gradient, x.dtype, x.device)
        if seed.shape != x.shape:
            raise ValueError(f"the upstream gradient has shape {seed.shape}, but the tensor has {x.shape}")
        if seed.device != x.device:
            raise ValueError(f"the upstream gradient is on {seed.device}, but the tensor on {x.device}; move it there")
        seed = seed.to(dtype=x.dtype)
    return seed if create_graph else seed._array


def _on_bools(op: Any, *operands: Any) -> Tensor:
    """& | ^ ~ are logical on bools; on integers they would mean bits, which nothing here needs."""
    for x in operands:
        if isinstance(x, Traced) and x._array.dtype != np.bool_:
            raise TypeError(
                f"{op.name}: & | ^ ~ take bools, not {x._array.dtype}; compare first, as in (x > 0) & (y > 0)"
            )
    return op(*operands)  # type: ignore[no-any-return]


def _sizes(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """f(2, 3) and f((2, 3)) mean the same."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    for n in sizes:
        if not hasattr(n, "__index__"):
            raise TypeError(f"the sizes of a shape, and axes, must be ints, not {n!r}")
    return tuple(map(operator.index, sizes))


def _is_last_view(view: Array) -> Flag:
    """Whether nobody but a view holds on to the array that it is a view of, as where an op made that for itself."""
    if type(view.base) is not type(view) or view.base.base is not None:
        return False
    return sys.getrefcount(view.base) == 2  # the view, and this call


def _is_dtype(name: str) -> Flag:
    """Whether NumPy knows a dtype of that name; what is none is a device's name."""
    try:
        np.dtype(name)
    except TypeError:
        return False
    return True


def _must_be_float(dtype: DType) -> None:
    if dtype.kind != "f":
        raise TypeError(f"only floats can require grad, not {dtype}; convert with .to(tl.float32)")


def _as(kind: type[Tensor], x: Tensor) -> Any:
    """x's array in a tensor of another class, as a leaf."""
    twin = object.__new__(kind)
    twin._array, twin._node, twin._grad = x._array, None, None
    return twin


def _or(flag: bool | None, default: bool) -> bool:
    return default if flag is None else flag
