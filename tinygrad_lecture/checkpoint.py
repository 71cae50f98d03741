"""Checkpointing: compute again in backward what a part of the model would otherwise keep (Chen et al., arXiv:1604.06174)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import ops, rng, versions
from .backend import xp
from .modes import enable_grad, modes
from .tape import Gradient, Leaf, Node, Record, walk
from .tensor import Tensor
from .traced import Traced, wrap


def checkpoint(function: Callable[..., Any], *inputs: Any) -> Any:
    """function(*inputs), keeping nothing of its inside: backward runs the function a second time.

    Gradients reach the inputs and every tensor that the function closes over, such as a layer's weights. The second
    run draws the same random numbers. The function returns a Tensor or a tuple of Tensors, and must do the same
    computation each time; a second run that comes to another shape raises RuntimeError.
    """
    if not modes.recording:
        return function(*inputs)
    state = rng.get_rng_state()
    start = versions.tick()
    out = function(*inputs)
    outs = out if isinstance(out, tuple) else (out,)
    if not all(isinstance(o, Tensor) for o in outs):
        raise TypeError("checkpoint: the function must return a Tensor or a tuple of Tensors")

    # The function was recorded to see what it reads from outside: every node older than its first op. That record is
    # dropped now, and one that runs the function anew takes its place.
    flat = _flatten(outs)
    sources = [] if flat._node is None else _read_from_outside(flat._node, start)
    if not sources:
        return out
    joined = wrap(flat._array, _Rerun(function, inputs, state, flat).record(sources))
    if not isinstance(out, tuple):
        return joined.reshape(out.shape)
    pieces, end = [], 0
    for o in outs:
        start, end = end, end + o.numel()
        pieces.append(joined[start:end].reshape(o.shape).to(dtype=o.dtype))
    return tuple(pieces)


class _Rerun:
    """Stands where an op stands in a record; its backward rule is the function itself, run and differentiated."""

    name = "checkpoint"

    def __init__(
        self, function: Callable[..., Any], inputs: Sequence[Any], state: dict[str, Any], flat: Tensor
    ) -> None:
        self.function, self.inputs, self.state = function, inputs, state
        self.shape, self.dtype = flat.shape, flat.dtype

    def record(self, sources: Sequence[Node]) -> Record:
        record = object.__new__(Record)
        record.op = self  # type: ignore[assignment]
        record.nodes = sources
        # Nothing is read from these but whether they were written to: the second run would see other values.
        leaves = [node.tensor() for node in sources if isinstance(node, Leaf) and node.tensor is not None]
        record.saved = [[x._array for x in (*self.inputs, *leaves) if isinstance(x, Traced)]]
        record.shape, record.dtype, record.tensor = self.shape, self.dtype, None
        record.age = versions.tick()
        return record

    def pull_back(
        self, record: Record, nodes: Sequence[Node | None], upstream: Gradient, create_graph: bool
    ) -> Sequence[Gradient]:
        now = rng.get_rng_state()
        rng.set_rng_state(self.state)
        try:
            with enable_grad():
                out = self.function(*self.inputs)
                flat = _flatten(out if isinstance(out, tuple) else (out,))
        finally:
            rng.set_rng_state(now)
        if flat.shape != self.shape or flat._node is None:
            raise RuntimeError(
                f"checkpoint: the function gave {self.shape} at first and {flat.shape} when run again for backward; it "
                "must do the same computation each time"
            )
        found = walk(
            [(flat._node, upstream)],
            wanted=[node for node in nodes if node is not None],
            retain_graph=create_graph,
            create_graph=create_graph,
        )
        return [None if node is None else found.get(node, _zeros(node, flat, create_graph)) for node in nodes]


def _flatten(outs: Sequence[Tensor]) -> Tensor:
    """All results in one row."""
    return ops.concatenate(*(o.reshape(-1) for o in outs))


def _zeros(node: Node, like: Tensor, create_graph: bool) -> Gradient:
    zeros = xp(like._array).zeros(node.shape, node.dtype)
    return wrap(zeros) if create_graph else zeros


def _read_from_outside(root: Node, start: int) -> list[Node]:
    """The nodes older than `start` that those younger were made from."""
    seen, outside, stack = {root}, [], [root]
    while stack:
        node = stack.pop()
        if node.age < start:
            outside.append(node)
            continue
        assert isinstance(node, Record)
        for parent in node.nodes:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return outside
