"""PyTorch's other methods: what a tensor is made of, its dtype's names, its hooks."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from .autograd.core import Node, Record
from .autograd.hooks import Handle, hooks_of, retain_grad
from .errors import Elsewhere, hide_frames, refuse_several
from .ops.composite import composite
from .ops.shape import normal_axes
from .tensor_base import TensorBase, array_of

T = TypeVar("T")


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


def cast(dtype: Any) -> Callable[[T], T]:
    """The method that converts to a dtype."""

    def method(self: Any) -> Any:
        return self.to(dtype=dtype)

    method.__doc__ = f"The tensor as {np.dtype(dtype)}."
    return method


class Casts(TensorBase):
    """The methods that convert to a dtype. In a class of their own, since in it `float` and `int` are not Python's."""

    __slots__ = ()
    float, double, half = cast(np.float32), cast(np.float64), cast(np.float16)
    long, int, bool = cast(np.int64), cast(np.int32), cast(np.bool_)


class PyTorchMethods(Casts):
    """Methods of a Tensor that a reader meets later than those of `tensor.py`."""

    __slots__ = ()

    def numel(self) -> int:
        """The number of elements."""
        return self._array.size  # type: ignore[no-any-return]

    def dim(self) -> int:
        """The number of axes: PyTorch's other name for `ndim`."""
        return self._array.ndim  # type: ignore[no-any-return]

    size = _Size()
    draw = Elsewhere("`with tl.Graph() as graph:` around the computation, and graph.draw(path)")
    zero_grad = Elsewhere("x.grad = None")
    append = Elsewhere("tl.cat([x, y]), or tl.stack of a list")

    def is_contiguous(self) -> bool:
        """Whether the memory is in row-major order."""
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
            raise RuntimeError("register_post_accumulate_grad_hook: only leaves accumulate; use register_hook")
        return Handle(hooks_of(self).after, hook)

    def retain_grad(self) -> None:
        """Let backward fill `grad` of this result too. Raises RuntimeError if it does not require grad."""
        self._require_grad("retain_grad")
        retain_grad(self)

    @property
    def retains_grad(self) -> bool:
        """Whether this tensor is the result of an op and `retain_grad` was called on it."""
        return self._node is not None and hasattr(self._node, "op") and self._node.tensor is not None

    def _require_grad(self, method: str) -> None:
        if self._node is None:
            hide_frames()
            raise RuntimeError(f"{method}: this tensor does not require grad, so it gets no gradient")

    @composite
    def t(self: Any) -> Any:
        """The transpose of a matrix; of a vector, itself. Raises ValueError for more axes."""
        if self.ndim > 2:
            raise ValueError(f"the shape {self.shape} has more than two axes; see mT, transpose and permute")
        return self.T if self.ndim == 2 else self


_WRITTEN_OUT = [  # PyTorch's methods that a sentence serves as well
    "bitwise_left_shift", "bitwise_right_shift", "copysign", "corrcoef", "count_nonzero", "cov", "cross",
    "cummax", "cummin", "diag_embed", "diff", "digamma", "erfinv", "fmax", "fmin", "hardshrink",
    "heaviside", "histc", "index_select", "inner", "kron", "kthvalue", "lgamma", "logaddexp", "logcumsumexp",
    "logdet", "logical_xor", "logit", "masked_select", "matrix_power", "mode", "nan_to_num", "nanmean", "nanmedian",
    "nanquantile", "nansum", "pinverse", "polygamma", "qr", "quantile", "rot90", "scatter_reduce", "signbit",
    "sinc", "trace", "unique_consecutive", "xlogy",
]  # fmt: skip
for _name in _WRITTEN_OUT:
    setattr(PyTorchMethods, _name, Elsewhere(name=_name))
