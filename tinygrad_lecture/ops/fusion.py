"""A fused op is a definition plus a kernel.

The definition composes ops, as on the lecture's slide: a learner reads it, higher derivatives differentiate it. A
kernel is a pair of plain array functions that compute the same in fewer passes and one record. Where there is no
kernel for an array's library, or within `reference()`, the definition runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from ..autograd.modes import modes
from ..autograd.op import Op, P
from ..autograd.tape import Gradient, Node, Record, walk
from ..backend import FLOAT16, is_array, library_of, xp
from ..traced import Traced, wrap
from .composite import composite_as


class Fused(Op[P]):
    """An op given by its definition; see the module's docstring. Made by the decorator `fused`."""

    def __init__(self, definition: Callable[P, Any]) -> None:
        super().__init__(definition)
        self.definition: Callable[..., Any] = definition
        self._composed = composite_as(self.name, definition)
        self._in_float32 = composite_as(self.name, self._widened)
        self.kernels: dict[str, KernelOp] = {}

    def kernel(
        self,
        forward: Callable[..., Any],
        backward: Callable[..., tuple[Any, ...]],
        libraries: Sequence[str] = ("numpy", "cupy"),
    ) -> None:
        """Put a kernel behind the definition, for arrays of the libraries named.

        forward(*inputs, **settings) -> out, and backward(g, needs, *inputs, [out=out], **settings) -> a gradient per
        input. needs: a bool per input; the gradient of one that needs none may be None. The output is kept for backward
        if `backward` has a parameter called out.
        """
        for library in libraries:
            self.kernels[library] = KernelOp(self, forward, backward)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """By the kernel for the first input's library; by the definition where there is none, within `reference()`, and
        for 0-d inputs and integers, which kernels do not take. Either way of float16 in float32."""
        first: Any = args[0] if args else None
        array = first._array if isinstance(first, Traced) else first
        if is_array(array) and array.dtype.kind == "f":
            if array.dtype == FLOAT16:
                return self._in_float32(*args, **kwargs)
            kernel = self.kernels.get(library_of(array).kernels) if array.ndim and not modes.reference else None
            if kernel is not None:
                return kernel(*args, **kwargs)
        inputs, settings = self._bind(args, kwargs)
        return self._composed(*inputs, **settings)

    def _widened(self, *args: Any, **kwargs: Any) -> Any:
        from .half import called_in_float32  # of the ops' floor, above this one

        return called_in_float32(self, args, kwargs)


class KernelOp(Op[Any]):
    """A fused op as one record: the kernel forward and backward, the definition where backward is itself recorded."""

    def __init__(
        self, fused: Fused[Any], forward: Callable[..., Any], backward: Callable[..., tuple[Any, ...]]
    ) -> None:
        super().__init__(fused.definition)
        self.definition = fused.definition
        self.forward = forward
        self.kernel_backward = backward
        self.keeps_out = "out" in inspect.signature(backward).parameters
        self.complaint = fused.complaint

    def _save(
        self, arrays: Sequence[Any], nodes: Sequence[Node | None], out: Any, settings: dict[str, Any]
    ) -> list[Sequence[Any]]:
        """All inputs, since the definition needs them if a higher derivative is asked for; the settings; the output."""
        return [arrays, [settings], [out] if self.keeps_out else []]

    def pull_back(
        self, record: Record, nodes: Sequence[Node | None], upstream: Gradient, create_graph: bool
    ) -> Sequence[Gradient]:
        assert record.saved is not None
        arrays, (settings,), out = record.saved
        if create_graph:
            inputs = [wrap(a, n) if is_array(a) else a for a, n in zip(arrays, record.nodes, strict=True)]
            return pull_back_through(lambda *x: self.definition(*x, **settings), inputs, nodes, upstream)
        needs = [node is not None for node in nodes]
        kept = {"out": out[0]} if self.keeps_out else {}
        return _apart(self.kernel_backward(upstream, needs, *arrays, **kept, **settings))


def _apart(gradients: Sequence[Any]) -> list[Any]:
    """The gradients with copies of those that share memory with one before them: the walk adds to them in place."""
    owners: set[int] = set()
    apart = []
    for gradient in gradients:
        if gradient is not None:
            owner = id(gradient if gradient.base is None else gradient.base)
            if owner in owners:
                gradient = gradient.copy()
            owners.add(owner)
        apart.append(gradient)
    return apart


def pull_back_through(
    function: Callable[..., Any], inputs: Sequence[Any], nodes: Sequence[Node | None], upstream: Gradient
) -> list[Gradient]:
    """Differentiate `function` at `inputs`, recording: one gradient, a Tensor, per input with a node.

    Each input is used through an alias, so that one tensor passed twice has two gradients.
    """
    from .elementwise import alias  # the definitions' floor, above this one

    aliases = [x if node is None else alias(x) for x, node in zip(inputs, nodes, strict=True)]
    out = function(*aliases)
    wanted = [None if node is None else a._node for a, node in zip(aliases, nodes, strict=True)]
    found = walk(
        [(out._node, upstream)],
        wanted=[node for node in wanted if node is not None],
        retain_graph=True,
        create_graph=True,
    )
    return [
        None if node is None else found[node] if node in found else wrap(xp(a._array).zeros(a.shape, a.dtype))
        for node, a in zip(wanted, aliases, strict=True)
    ]


def fused(definition: Callable[P, Any]) -> Fused[P]:
    """Make a fused op of its definition; give it kernels with `.kernel(forward, backward)`."""
    return Fused(definition)
