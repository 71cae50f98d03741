"""Recomputation (gradient checkpointing): backward computes intermediate values again instead of keeping them.

Chen et al., arXiv:1604.06174.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, NoReturn

import numpy as np

from .. import ops
from .. import random as rng
from ..autograd import versions
from ..autograd.memory import arrays_in, unshare
from ..autograd.modes import enable_grad, modes
from ..autograd.op import Op
from ..autograd.tape import Gradient, Leaf, Record, backward_pass
from ..backend import Array, xp
from ..inspect.observe import Observing
from ..tensor import Tensor
from ..traced import Node, Traced, wrap


def checkpoint(function: Callable[..., Any], *inputs: Any) -> Any:
    """function(*inputs), without keeping its intermediate values: backward runs the function a second time.

        y = tl.checkpoint(block, x)             # as y = block(x), with less memory and one more forward pass

    Gradients flow to the inputs and to every tensor that the function closes over, such as a layer's weights. The
    second run draws the same random numbers from tl's stream. The function must return a Tensor or a tuple of Tensors.

    The function must do the same computation each time. Backward raises RuntimeError if the second run uses other
    tensors that require grad, reads a tensor changed in place since the first run, or returns another shape or other
    values, for instance because a variable it closes over was assigned in between. On a GPU, comparing the values
    waits for the GPU. Raises TypeError if the function is not callable or returns anything but Tensors.
    """
    if not callable(function):
        raise TypeError(
            "checkpoint: the function to run comes first and its inputs after it, as in checkpoint(layer, x); "
            f"a {type(function).__name__} is not callable"
        )
    if not modes.recording:
        return function(*inputs)
    state = rng.get_rng_state()
    kept = [wrap(x._array, x._node) if isinstance(x, Traced) else x for x in inputs]  # a later x += 1 changes x._node
    start = versions.tick()
    with rng.replay(state):
        out = function(*inputs)
        state_after = rng.get_rng_state()
    rng.set_rng_state(state_after)
    outs = out if isinstance(out, tuple) else (out,)
    if not all(isinstance(o, Tensor) for o in outs):
        raise TypeError("checkpoint: the function must return a Tensor or a tuple of Tensors")

    # The first run was recorded only to find its sources, the nodes it uses from outside. One record that reruns the
    # function replaces those records. Its result is one row of all elements that require grad; each output is a slice.
    row = _in_a_row(outs)
    sources = [] if row is None else list(_used_from_outside(_inside(row, start), start))
    if row is None or not sources:
        return out
    saved = (kept, sources, [_array_of(node) for node in sources])
    record = _record(_Rerun(function, state, row), sources, saved, row, versions.tick())
    row = wrap(xp(row._array).zeros(row.shape, row.dtype), record)
    results, end = [], 0
    for o in outs:
        if o._node is not None:
            begin, end = end, end + o.numel()
            piece = row[begin:end].reshape(o.shape).to(dtype=o.dtype)
            o = wrap(o._array, piece._node)
        results.append(o)
    return tuple(results) if isinstance(out, tuple) else results[0]


class _Rerun:
    """Takes the place of an op in a record; its backward rule runs the function and differentiates that run."""

    name, saves_arrays = "checkpoint", True

    def __init__(self, function: Callable[..., Any], state: dict[str, Any], row: Tensor) -> None:
        self.function, self.state, self.shape = function, state, row.shape
        self.values = _digest(row._array)

    def vjp(
        self, record: Record, nodes: Sequence[Node | None], upstream: Gradient, create_graph: bool
    ) -> Sequence[Gradient]:
        assert record.saved is not None
        inputs, sources, arrays = record.saved
        ages = [versions.tick() for _ in sources]
        start = versions.tick()
        watch = Observing(_ChangeWatch(record.age, start)) if versions.last_write > record.age else nullcontext()
        with rng.replay(self.state), enable_grad(), watch:
            out = self.function(*inputs)
            row = _in_a_row(out if isinstance(out, tuple) else (out,))
        if row is None or row.shape != self.shape:
            now = "none that requires grad" if row is None else row.numel()
            self._refuse(f"returned {self.shape[0]} elements at first, and now {now}")
        assert row._node is not None
        inside = _inside(row, start)
        if _used_from_outside(inside, start) != dict.fromkeys(sources):
            self._refuse("uses other tensors that require grad than at first; was a variable assigned in between?")
        current = [_array_of(node) for node in sources]
        if any(new is not None and new is not old for new, old in zip(current, arrays, strict=True)):
            self._refuse("uses a tensor whose .data was replaced in between")
        if _differ(row._array, self.values):
            self._refuse(
                "returned other values than at first; pass what changes between calls as an input or bind it as a "
                "default argument, lambda x, s=s: x * s, and draw random numbers with tl, whose stream is replayed"
            )

        # Each source is replaced by a door, where this backward pass ends: if one source was computed from another, the
        # path between them belongs to the outer backward pass.
        doors = [_record(ops.elementwise.alias, (n,), ((),), n, age) for n, age in zip(record.nodes, ages, strict=True)]
        door_of: dict[Node | None, Node] = dict(zip(sources, doors, strict=True))
        for member in inside:
            member.nodes = [door_of.get(node, node) for node in member.nodes]
        found = backward_pass(
            [(row._node, upstream)],
            wanted=[door for door, node in zip(doors, nodes, strict=True) if node is not None],
            retain_graph=create_graph,
            create_graph=create_graph,
        )
        return unshare(map(found.get, doors), [upstream])

    def _refuse(self, how: str) -> NoReturn:
        name = getattr(self.function, "__qualname__", type(self.function).__name__)
        raise RuntimeError(
            f"checkpoint: run again for backward, the function {name} {how}; it must do the same computation each time"
        )


class _ChangeWatch:
    """Raises RuntimeError where an op reads memory that was written to in place between two ticks."""

    def __init__(self, since: int, until: int) -> None:
        self.since, self.until = since, until

    def saw_forward(
        self, op: Op[Any], arrays: Sequence[Any], settings: dict[str, Any], out: Array, record: Record | None
    ) -> None:
        if modes.recording:
            for array in arrays_in((arrays, tuple(settings.values()))):
                if versions.written_since(array, self.since) and not versions.written_since(array, self.until):
                    raise RuntimeError(
                        f"checkpoint: a tensor of shape {array.shape} that {op.name} reads in the function was "
                        "changed in place since the function first ran, so running it again for backward would give "
                        "other values: change a clone() instead, or change it after backward"
                    )

    def saw_backward(self, record: Record, upstream: Any, gradients: Sequence[Any]) -> None: ...


# --- values -------------------------------------------------------------------------------------------------


def _digest(row: Array) -> Array:
    """A fingerprint of a row: weighted sums of blocks, about sqrt(n) numbers for n elements."""
    lib, width = xp(row), max(math.isqrt(row.size), 1)
    row = row.astype(np.float32) if row.dtype == np.float16 else row
    weights = lib.linspace(0.5, 1.5, width, dtype=row.dtype)
    whole = row.size - row.size % width  # elements in whole blocks
    rest = row[whole:]
    with np.errstate(all="ignore"):
        sums = row[:whole].reshape(-1, width) @ weights  # (blocks, width) @ (width,) -> (blocks,)
        return lib.concatenate([sums, (rest @ weights[: rest.size]).reshape(1)])


def _differ(row: Array, digest: Array) -> bool:
    """Whether a row differs from the one that a digest was computed from, by more than rounding.

    Rounding may differ between runs on a GPU, and with some CPU libraries, which sum in another order.
    """
    lib, now = xp(row), _digest(row)
    known, finite = lib.isfinite(digest), lib.isfinite(now)
    largest = lib.where(finite, abs(now), 0).max()
    far = finite & (abs(now - digest) > np.finfo(row.dtype).eps ** 0.6 * largest)
    return bool((far | (known != finite)).any())


# --- graphs -------------------------------------------------------------------------------------------------


def _in_a_row(outs: Sequence[Tensor]) -> Tensor | None:
    """The elements of all results that require grad, as one vector; None if there are none."""
    rows = [o.reshape(-1) for o in outs if o._node is not None]
    return ops.shape.concatenate(*rows) if rows else None


def _record(op: Any, nodes: Sequence[Node | None], saved: Sequence[Sequence[Any]], like: Any, age: int) -> Record:
    """A record of `op` with the shape and dtype of `like`."""
    record = Record()
    record.op, record.nodes, record.saved, record.tensor = op, nodes, saved, None
    record.shape, record.dtype, record.age = like.shape, like.dtype, age
    return record


def _inside(row: Tensor, start: int) -> list[Record]:
    """The records made since `start` that a result was computed from."""
    records: dict[Record, None] = {}
    stack: list[Node | None] = [row._node]
    while stack:
        node = stack.pop()
        if isinstance(node, Record) and node.age >= start and node not in records:
            records[node] = None
            stack.extend(node.nodes)
    return list(records)


def _used_from_outside(records: Sequence[Record], start: int) -> dict[Node, None]:
    """The nodes that records use and that are older than `start`, or leaves made since whose tensor is still alive."""
    return {
        node: None
        for record in records
        for node in record.nodes
        if node is not None and (node.age < start or _array_of(node) is not None)
    }


def _array_of(node: Node) -> Array | None:
    """The array of a leaf whose tensor is still alive, otherwise None."""
    tensor = node.tensor() if isinstance(node, Leaf) and node.tensor is not None else None
    return None if tensor is None else tensor._array
