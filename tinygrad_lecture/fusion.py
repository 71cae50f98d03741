"""A fused op is a definition plus a kernel.

The definition composes ops, as on the lecture's slide: a learner reads it, higher derivatives differentiate it. A
kernel is a pair of plain array functions that compute the same in fewer passes and one record. Where there is no
kernel for an array's library, or within `reference()`, the definition runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .backend import is_array, library_of
from .modes import modes
from .op import Op, P
from .tape import Gradient, Node, Record, walk
from .traced import Traced, wrap


@dataclass(frozen=True)
class Kernel:
    """forward(*inputs, **settings) -> out, and backward(g, needs, *inputs, [out=out], **settings) -> gradients.

    needs: a bool per input; the gradient of an input that needs none may be None. The output is kept for backward
    if `backward` has a parameter called out.
    """

    forward: Callable[..., Any]
    backward: Callable[..., tuple[Any, ...]]
    keeps_out: bool


class Fused(Op[P]):
    """An op given by its definition; see the module's docstring. Made by the decorator `fused`."""

    def __init__(self, definition: Callable[P, Any]) -> None:
        super().__init__(definition)
        self.definition: Callable[..., Any] = definition
        self.kernels: dict[str, Kernel] = {}
        self.forward = self._run_kernel

    def kernel(
        self,
        forward: Callable[..., Any],
        backward: Callable[..., tuple[Any, ...]],
        libraries: Sequence[str] = ("numpy", "cupy"),
    ) -> None:
        """Put a kernel behind the definition, for arrays of the libraries named."""
        keeps_out = "out" in inspect.signature(backward).parameters
        for library in libraries:
            self.kernels[library] = Kernel(forward, backward, keeps_out)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        if modes.reference or self._kernel_for(args) is None:
            inputs, settings = self._bind(args, kwargs)
            return self.definition(*inputs, **settings)
        return super().__call__(*args, **kwargs)

    def _kernel_for(self, inputs: Sequence[Any]) -> Kernel | None:
        """The kernel for the first input's library; none for a 0-d input or integers, which kernels do not take."""
        array = inputs[0]._array if isinstance(inputs[0], Traced) else inputs[0]
        if is_array(array) and array.ndim and array.dtype.kind == "f":
            return self.kernels.get(library_of(array).kernels)
        return None

    def _run_kernel(self, *arrays: Any, **settings: Any) -> Any:
        kernel = self._kernel_for(arrays)
        assert kernel is not None
        return kernel.forward(*arrays, **settings)

    def _save(
        self, arrays: Sequence[Any], nodes: Sequence[Node | None], out: Any, settings: dict[str, Any]
    ) -> list[Sequence[Any]]:
        """All inputs, since the definition needs them if a higher derivative is asked for; the settings; the output."""
        kernel = self._kernel_for(arrays)
        assert kernel is not None
        return [arrays, [settings], [out] if kernel.keeps_out else []]

    def pull_back(
        self, record: Record, nodes: Sequence[Node | None], upstream: Gradient, create_graph: bool
    ) -> Sequence[Gradient]:
        """By the kernel or, when the result itself is to be differentiated, by differentiating the definition."""
        assert record.saved is not None
        arrays, (settings,), out = record.saved
        if create_graph:
            inputs = [wrap(a, n) if is_array(a) else a for a, n in zip(arrays, record.nodes, strict=True)]
            return pull_back_through(lambda *x: self.definition(*x, **settings), inputs, nodes, upstream)
        kernel = self._kernel_for(arrays)
        assert kernel is not None
        needs = [node is not None for node in nodes]
        kept = {"out": out[0]} if out else {}
        return kernel.backward(upstream, needs, *arrays, **kept, **settings)


def pull_back_through(
    function: Callable[..., Any], inputs: Sequence[Any], nodes: Sequence[Node | None], upstream: Gradient
) -> list[Gradient]:
    """Differentiate `function` at `inputs`, recording: one gradient, a Tensor, per input with a node.

    Each input is used through an alias, so that one tensor passed twice has two gradients.
    """
    from .ops.elementwise import alias  # the definitions' floor, above this one

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
        None if node is None else found[node] if node in found else 0 * a
        for node, a in zip(wanted, aliases, strict=True)
    ]


def fused(definition: Callable[P, Any]) -> Fused[P]:
    """Make a fused op of its definition; give it kernels with `.kernel(forward, backward)`."""
    return Fused(definition)
