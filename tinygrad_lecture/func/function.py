"""Function: an op as PyTorch's `torch.autograd.Function` writes it, a class with `forward` and `backward`.

    class Square(tl.func.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):                   # the upstream gradient
            (x,) = ctx.saved_tensors
            return 2 * x * g

    y = Square.apply(x)

`tl.op` is this library's own way, with a rule for each input. A Function has one rule for all inputs, and it gets
Tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from ..autograd.core import Gradient, Node, Products, Record
from ..autograd.graph import nodes_of_outputs, results_of_one, upstreams_of
from ..autograd.modes import modes, no_grad
from ..backend import xp
from ..errors import kind_of
from ..tensor import Tensor
from ..tensor_base import TensorBase, array_of, wrap


class Context:
    """What a call of a Function hands from forward to backward: saved tensors, and attributes of your own.

    saved_tensors: in backward, the tensors given to `save_for_backward`.
    needs_input_grad: for each argument, whether it requires grad.
    """

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self.saved_tensors: tuple[Any, ...] = ()

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors until backward, which refuses to run if one was changed in place since."""
        self.saved_tensors = tensors


class Function:
    """Base class of ops with a rule for all inputs at once; a subclass defines the static methods below.

    forward(ctx, *args) returns a Tensor or a tuple of Tensors, and runs without recording.
    backward(ctx, *upstream) returns a gradient for each argument of forward, None for one that needs none.
    Raises TypeError for a call of the class itself: a Function is applied, by `apply`.
    """

    forward: Any
    backward: Any = None

    def __new__(cls, *args: Any) -> Any:
        raise TypeError(f"{cls.__name__}: a Function is not made, but applied: write {cls.__name__}.apply(x)")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """The outputs of forward, recorded if an argument requires grad.

        Raises TypeError if forward returns anything but Tensors.
        """
        nodes = [x._node if isinstance(x, TensorBase) else None for x in args]
        ctx = Context(tuple(node is not None for node in nodes))
        with no_grad():
            out = cls.forward(ctx, *args)
        outs = as_tuple(f"{cls.__name__}.forward", out)
        if not modes.recording or not any(ctx.needs_input_grad):
            return out
        results = _Apply(cls, ctx, args, outs).record(nodes, outs)
        return results if isinstance(out, tuple) else results[0]


class _Apply:
    """The op of a Function's record."""

    saves_arrays = True

    def __init__(self, function: type[Function], ctx: Context, args: Sequence[Any], outs: Sequence[Tensor]) -> None:
        self.name, self.rule, self.ctx = function.__name__, function.backward, ctx
        self.differentiable = [i for i, o in enumerate(outs) if o._array.dtype.kind == "f"]
        self.sources = [self._source(x, args, outs) for x in ctx.saved_tensors]
        self.zeros = [partial(xp(o._array).zeros, o.shape, o.dtype) for o in outs]

    def _source(self, x: Any, args: Sequence[Any], outs: Sequence[Tensor]) -> Node | int | None:
        """Where a saved tensor came from: the node of an argument, or the number of an output."""
        if isinstance(x, TensorBase) and any(x is argument for argument in args):
            return x._node  # type: ignore[no-any-return]
        return next((i for i in self.differentiable if outs[i] is x), None)

    def record(self, nodes: Sequence[Node | None], outs: Sequence[Tensor]) -> tuple[Any, ...]:
        """The outputs as results of one record, which alone keeps the saved arrays alive."""
        saved = [tuple(map(array_of, self.ctx.saved_tensors))]
        self.ctx.saved_tensors = ()
        return results_of_one(self, nodes, saved, outs, self.differentiable)

    def vjp(self, record: Record, nodes: Sequence[Node | None], upstream: Gradient) -> Products:
        """The gradients that the Function's backward returns."""
        assert record.saved is not None
        recorded = modes.recording
        upstreams = [wrap(zeros()) for zeros in self.zeros]
        made = nodes_of_outputs(record, [upstreams[i] for i in self.differentiable])
        outputs = dict(zip(self.differentiable, made, strict=True))
        for i, g in zip(self.differentiable, upstreams_of(upstream), strict=True):
            if g is not None:
                upstreams[i] = g if recorded else wrap(g)
        self.ctx.saved_tensors = tuple(
            None if array is None else wrap(array, (outputs[s] if isinstance(s, int) else s) if recorded else None)
            for array, s in zip(record.saved[0], self.sources, strict=True)
        )
        if self.rule is None:
            raise NotImplementedError(f"{self.name} has no backward; define backward(ctx, g) in its class")
        try:
            returned = self.rule(self.ctx, *upstreams)
        finally:
            self.ctx.saved_tensors = ()
        gradients = returned if isinstance(returned, tuple) else (returned,)
        if len(gradients) < len(nodes) or any(g is not None for g in gradients[len(nodes) :]):
            raise RuntimeError(
                f"{self.name}.backward returned {len(gradients)} gradients for {len(nodes)} arguments of forward; "
                "return one for each, None for those that need none"
            )
        products = []
        for node, g in zip(nodes, gradients, strict=False):
            if node is not None:
                g = wrap(xp(upstreams[0]._array).zeros(node.shape, node.dtype)) if g is None else g
                products.append((node, g if recorded or not isinstance(g, TensorBase) else g._array))
        return products


def as_tuple(function: str, out: Any) -> tuple[Tensor, ...]:
    """What a function returned, a Tensor or a tuple of Tensors, as a tuple. Raises TypeError for anything else.

    function: what the error calls it.
    """
    outs = out if isinstance(out, tuple) else (out,)
    for o in outs:
        if not isinstance(o, TensorBase):
            raise TypeError(f"{function} must return a Tensor or a tuple of Tensors, not {kind_of(o)}")
    return outs
