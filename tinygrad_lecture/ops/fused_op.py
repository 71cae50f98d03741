"""Fused ops: a definition plus a kernel.

The definition composes ops, as on the lecture's slide: learners read it, and higher derivatives differentiate it. The
kernel is a pair of array functions, forward and backward, that compute the same in fewer passes and one record. Without
a kernel, or within `reference()`, the definition runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from itertools import compress
from typing import Any, Concatenate

import numpy as np

from ..autograd.backward import backward_pass
from ..autograd.core import Gradient, Node, Products, Record
from ..autograd.op import Op
from ..autograd.op_definition import P
from ..autograd.operands import Kept
from ..autograd.rule_checks import add_facts
from ..backend import FLOAT16, FLOAT32, FLOAT64, is_array, xp
from ..tensor_base import TENSORS, array_of, wrap
from .composite import composite
from .copying import alias, called_in_float32


class Fused(Op[P]):
    """An op with a definition and maybe a kernel. Made by the decorator `tl.fused`; see there.

    With a kernel a call is one record: the kernel's functions run forward and backward, but the definition under
    create_graph. It saves all inputs, since the definition needs them.
    """

    kernel_backward: Any = None  # a function, if there is a kernel
    of_forward: tuple[str, ...] = ()  # what it asks for of the forward pass

    def __init__(self, definition: Callable[Concatenate[Any, P], Any]) -> None:
        super().__init__(definition, differentiable=True, analytic=False, casts=False)
        self.definition = composite(definition)
        self.in_float32: Callable[..., Any] = composite(
            lambda *args, **kwargs: called_in_float32(self, args, kwargs), self.name
        )

    def kernel(
        self, forward: Callable[..., Any], backward: Callable[..., tuple[Any, ...]], *, views: bool = True
    ) -> None:
        """Set the kernel: two functions of arrays.

        views: False if the output never shares memory with an input, which then is not looked for.

        forward(*inputs, **settings) returns the output. backward(g, needs, *inputs, **settings) returns a gradient per
        input, or None where `needs` (a bool per input) is False. If `backward` has a parameter named

            out     the output is kept for it
            kept    forward is called with keep=True where the call is recorded, and returns (output, kept): arrays,
                    or tuples and lists of them, that it has computed anyway or that spare backward work
        """
        asked = inspect.signature(backward).parameters
        self.of_forward = tuple(name for name in ("out", "kept") if name in asked)
        keeps_out = "out" in asked
        self.forward, self.kernel_backward, self.saves_arrays, self.views = forward, backward, True, views
        self.kernel_dtypes = frozenset({FLOAT32, FLOAT64, np.dtype(np.longdouble)})
        self.recorded_forward = self.keeping if "kept" in asked else forward
        self.saver = lambda arrays, out, settings, nodes: (arrays, (settings,), (out,) if keeps_out else ())

    def keeping(self, *arrays: Any, **settings: Any) -> Kept:
        """The kernel's result, and what it keeps for backward."""
        return Kept(*self.forward(*arrays, keep=True, **settings))

    def by_definition(self, *inputs: Any, **settings: Any) -> Any:
        """What the definition computes: without a kernel, within `reference()`, and for 0-d inputs and integers.

        Float16 is computed in float32, by either.
        """
        half = bool(inputs) and getattr(array_of(inputs[0]), "dtype", None) == FLOAT16
        run: Any = self.in_float32 if half else self.definition
        return run(*inputs, **settings)

    def vjp(self, record: Record, nodes: Sequence[Node | None], upstream: Gradient) -> Products:
        """The vector-Jacobian products, from the kernel or, under create_graph, from the definition."""
        assert record.saved is not None
        arrays, (settings,), out, *kept = record.saved
        if type(upstream) in TENSORS:
            inputs = [wrap(a, n) if is_array(a) else a for a, n in zip(arrays, record.nodes, strict=True)]
            return vjp_through(lambda *x: self.__wrapped__(*x, **settings), inputs, nodes, upstream)
        needs = [node is not None for node in nodes]
        if self.of_forward:
            settings = {**settings, **dict(zip(self.of_forward, (*out, *kept), strict=True))}
        try:
            gradients = self.kernel_backward(upstream, needs, *arrays, **settings)
        except Exception as error:
            add_facts(error, record, 0, upstream)
            raise
        return [*compress(zip(nodes, gradients, strict=True), needs)]  # type: ignore[list-item]


def vjp_through(
    function: Callable[..., Any], inputs: Sequence[Any], nodes: Sequence[Node | None], upstream: Gradient
) -> Products:
    """The gradients of a function of Tensors at `inputs`, recorded: a Tensor for each input with a node.

    Each input is passed as an alias, so a tensor passed twice gets two gradients.
    """
    aliases = [x if node is None else alias(x) for x, node in zip(inputs, nodes, strict=True)]
    out = function(*aliases)
    used = [(node, a) for node, a in zip(nodes, aliases, strict=True) if node is not None]
    found = backward_pass(
        [(out._node, upstream)], targets=[a._node for _, a in used], retain_graph=True, create_graph=True
    )
    return [
        (node, found[a._node] if a._node in found else wrap(xp(a._array).zeros(a.shape, a.dtype))) for node, a in used
    ]


def fused(definition: Callable[Concatenate[Any, P], Any]) -> Fused[P]:
    """Make a fused op from its definition, a composition of ops; `.kernel(forward, backward)` adds a kernel.

        @tl.fused
        def swish(x, /, beta=1.0):
            return x * tl.sigmoid(beta * x)

    Without a kernel the definition runs, under the op's name in errors and in the graph.
    """
    return Fused(definition)
