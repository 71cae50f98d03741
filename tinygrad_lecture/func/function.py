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

`tl.op` is the house's own way, with a rule for each input. A Function has one rule for all inputs, and Tensors in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import ops
from ..autograd.modes import modes, no_grad
from ..autograd.tape import Gradient, Record
from ..autograd.versions import tick
from ..autograd.views import note_sharing, window_of
from ..backend import Array, xp
from ..errors.words import kind_of
from ..tensor import Tensor
from ..traced import Node, Traced, wrap


class Context:
    """What a call of a Function hands from forward to backward: saved tensors, and attributes of your own.

    saved_tensors: in backward, the tensors given to `save_for_backward`.
    needs_input_grad: for each argument, whether it requires grad.
    """

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self.saved_tensors: tuple[Any, ...] = ()
        self._constants: tuple[Any, ...] = ()

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors until backward, which refuses to run if one was changed in place since."""
        self.saved_tensors = tensors

    def mark_non_differentiable(self, *outputs: Tensor) -> None:
        """Make these outputs constants, such as indices."""
        self._constants = outputs

    def set_materialize_grads(self, value: bool) -> None:
        """Accepted as in PyTorch; the upstream gradient of an unused output is always 0 here."""


class Function:
    """Base class of ops with a rule for all inputs at once; a subclass defines the static methods below.

    forward(ctx, *args) returns a Tensor or a tuple of Tensors, and runs without recording.
    backward(ctx, *upstream) returns a gradient for each argument of forward, None for one that needs none.
    setup_context(ctx, inputs, output), if defined, fills ctx in; forward then takes the arguments alone.
    """

    forward: Any
    backward: Any
    setup_context: Any = None

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """The outputs of forward, recorded if an argument requires grad.

        Raises TypeError if forward returns anything but Tensors.
        """
        nodes = [x._node if isinstance(x, Traced) else None for x in args]
        ctx = Context(tuple(node is not None for node in nodes))
        with no_grad():
            if cls.setup_context is None:
                out = cls.forward(ctx, *args)
            else:
                out = cls.forward(*args)
                cls.setup_context(ctx, args, out)
        outs: tuple[Any, ...] = out if isinstance(out, tuple) else (out,)
        for o in outs:
            if not isinstance(o, Traced):
                raise TypeError(f"{cls.__name__}.forward must return a Tensor or a tuple of Tensors, not {kind_of(o)}")
        if not modes.recording or not any(ctx.needs_input_grad):
            return out
        call = Call(cls, ctx, args, outs)
        results = call.record(nodes)
        return results if isinstance(out, tuple) else results[0]


class Call:
    """The op of a Function's record. Several outputs are recorded as one vector, of which each is a piece."""

    saves_arrays = True

    def __init__(self, function: type[Function], ctx: Context, args: Sequence[Any], outs: Sequence[Tensor]) -> None:
        self.name, self.rule, self.ctx, self.outs = function.__name__, function.backward, ctx, outs
        self.differentiable = [
            o._array.dtype.kind == "f" and not any(o is constant for constant in ctx._constants) for o in outs
        ]
        self.sources = [self._source(x, args) for x in ctx.saved_tensors]
        self.arrays = [x._array if isinstance(x, Traced) else x for x in ctx.saved_tensors]
        self.shapes = [o.shape for o in outs]

    def _source(self, x: Any, args: Sequence[Any]) -> Node | int | None:
        """Where a saved tensor came from: the node of an argument, or the number of an output."""
        if isinstance(x, Traced) and any(x is argument for argument in args):
            return x._node
        return next((i for i, o in enumerate(self.outs) if o is x and self.differentiable[i]), None)

    def record(self, nodes: Sequence[Node | None]) -> tuple[Any, ...]:
        """The outputs as results of one record, which alone keeps the saved arrays alive."""
        outs, self.outs, self.ctx.saved_tensors = self.outs, (), ()
        traced = [o for o, flows in zip(outs, self.differentiable, strict=True) if flows]
        if not traced:
            return tuple(outs)
        record, alone = Record(), len(outs) == 1
        vector = None if alone else ops.shape.concatenate(*(o.detach().reshape(-1) for o in traced))
        made = traced[0] if vector is None else vector
        record.op, record.nodes, record.saved, record.tensor = self, nodes, [tuple(self.arrays)], None
        record.shape, record.dtype, record.age = made.shape, made.dtype, tick()
        self.arrays = []
        if vector is None:
            return (_result(traced[0], record),)
        vector = wrap(vector._array, record)
        results, end = [], 0
        for o, flows in zip(outs, self.differentiable, strict=True):
            if flows:
                begin, end = end, end + o.numel()
                piece = vector[begin:end].reshape(o.shape).to(dtype=o.dtype)
                o = _result(o, piece._node)
            results.append(o)
        return tuple(results)

    def vjp(
        self, record: Record, nodes: Sequence[Node | None], upstream: Gradient, create_graph: bool
    ) -> Sequence[Gradient]:
        """The gradients that the Function's backward returns."""
        assert record.saved is not None
        lib = xp(upstream._array if create_graph else upstream)
        upstreams = self._pieces(upstream if create_graph else wrap(upstream))
        outputs = self._pieces(wrap(lib.zeros(record.shape, record.dtype), record)) if create_graph else upstreams
        self.ctx.saved_tensors = tuple(
            wrap(array, outputs[s]._node if isinstance(s, int) else s)
            if create_graph and s is not None
            else _constant(array)
            for array, s in zip(record.saved[0], self.sources, strict=True)
        )
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
        found: list[Gradient] = []
        for node, g in zip(nodes, gradients, strict=False):
            if node is not None and g is None:
                g = wrap(lib.zeros(node.shape, node.dtype))
            found.append(g if create_graph or not isinstance(g, Traced) else g._array)
        return found

    def _pieces(self, values: Tensor) -> list[Tensor]:
        """The part of a vector for each output; zeros for one that is not differentiable."""
        if len(self.shapes) == 1:
            return [values]
        pieces, end = [], 0
        for shape, flows in zip(self.shapes, self.differentiable, strict=True):
            size = int(np.prod(shape, dtype=int))
            if flows:
                begin, end = end, end + size
                pieces.append(values[begin:end].reshape(shape))
            else:
                pieces.append(wrap(xp(values._array).zeros(shape, values.dtype)))
        return pieces


def _result(out: Tensor, node: Node | None) -> Tensor:
    """An output with its node; it shares the memory that forward's output shares."""
    result: Tensor = wrap(out._array, node)
    if out._array.base is not None or window_of(out) is not None or out._node is not None:
        note_sharing(result, out)
    return result


def _constant(array: Array | None) -> Any:
    return None if array is None else wrap(array)
