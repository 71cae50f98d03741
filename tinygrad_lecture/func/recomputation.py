"""Checkpointing: compute again, in backward, what would else be kept until then (Chen et al., arXiv:1604.06174)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any, NoReturn

import numpy as np

from .. import ops
from .. import random as rng
from ..autograd import versions
from ..autograd.memory import unshare
from ..autograd.modes import enable_grad, modes
from ..autograd.op import Op
from ..autograd.tape import Gradient, Leaf, Node, Record, walk
from ..backend import Array, is_array, xp
from ..inspect.observe import Observing
from ..tensor import Tensor
from ..traced import Traced, wrap


def checkpoint(function: Callable[..., Any], *inputs: Any) -> Any:
    """function(*inputs), keeping nothing of its inside: backward runs the function a second time.

    Gradients reach the inputs and every tensor that the function closes over, such as a layer's weights. The second
    run draws the same random numbers from tl's stream. The function returns a Tensor or a tuple of Tensors, and must do
    the same computation each time: backward raises RuntimeError if the second run reads other tensors that require
    grad, reads what was changed in place since the first, or comes to another shape or to other values, as where a
    variable that it closes over was assigned to in between. On a GPU, comparing the values waits for the GPU.
    """
    if not callable(function):
        raise TypeError(
            "checkpoint: the function to run comes first and its inputs after it, as in checkpoint(layer, x); "
            f"{type(function).__name__} is no function"
        )
    if not modes.recording:
        return function(*inputs)
    state = rng.get_rng_state()
    kept = [wrap(x._array, x._node) if isinstance(x, Traced) else x for x in inputs]  # as they are now
    start = versions.tick()
    with rng.replay(state):
        out = function(*inputs)
        state_after = rng.get_rng_state()
    rng.set_rng_state(state_after)
    outs = out if isinstance(out, tuple) else (out,)
    if not all(isinstance(o, Tensor) for o in outs):
        raise TypeError("checkpoint: the function must return a Tensor or a tuple of Tensors")

    # The function was recorded to see what it reads from outside. That record is dropped now, and one that runs the
    # function anew takes its place: its result is all that requires grad in one row, from which each result is cut.
    row = _in_a_row(outs)
    sources = [] if row is None else list(_read_from_outside(_inside(row, start), start))
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
    """Stands where an op stands in a record; its backward rule is the function itself, run and differentiated."""

    name = "checkpoint"

    def __init__(self, function: Callable[..., Any], state: dict[str, Any], row: Tensor) -> None:
        self.function, self.state, self.shape = function, state, row.shape
        self.values = _digest(row._array)

    def pull_back(
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
            gives = "nothing that requires grad" if row is None else f"{row.numel()}"
            self._refuse(f"gave {self.shape[0]} elements at first, and now {gives}")
        assert row._node is not None
        inside = _inside(row, start)
        if _read_from_outside(inside, start) != dict.fromkeys(sources):
            self._refuse("reads other tensors that require grad than at first; was a variable of it assigned to since?")
        now = [_array_of(node) for node in sources]
        if any(new is not None and new is not old for new, old in zip(now, arrays, strict=True)):
            self._refuse("reads a tensor whose .data was replaced since")
        if _differ(row._array, self.values):
            self._refuse(
                "computes other values than at first; give it what changes between calls as an input, or bind it as a "
                "default argument, lambda x, s=s: x * s, and draw random numbers with tl, whose stream is replayed"
            )

        # The second run reads its sources through doors, at which the walk ends: what leads from one source to another
        # belongs to the walk outside.
        doors = [_record(ops.alias, (n,), ((),), n, age) for n, age in zip(record.nodes, ages, strict=True)]
        door_of: dict[Node | None, Node] = dict(zip(sources, doors, strict=True))
        for member in inside:
            member.nodes = [door_of.get(node, node) for node in member.nodes]
        found = walk(
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
    """An observer that raises RuntimeError where an op reads what was written to in place between two ticks."""

    def __init__(self, since: int, until: int) -> None:
        self.since, self.until = since, until

    def saw_forward(
        self, op: Op[Any], arrays: Sequence[Any], settings: dict[str, Any], out: Array, record: Record | None
    ) -> None:
        if modes.recording:
            for array in _arrays_in((arrays, tuple(settings.values()))):
                if versions.written_since(array, self.since) and not versions.written_since(array, self.until):
                    raise RuntimeError(
                        f"checkpoint: a tensor of shape {array.shape} that {op.name} reads in the function was "
                        "changed in place since the function first ran, so its second run, for backward, computes "
                        "something else: change a clone() instead, or change it after backward"
                    )

    def saw_backward(self, record: Record, upstream: Any, gradients: Sequence[Any]) -> None: ...


# --- values -------------------------------------------------------------------------------------------------


def _digest(row: Array) -> Array:
    """About sqrt(n) numbers that tell one row of n from another: sums, weighted, over about sqrt(n) elements each."""
    lib, width = xp(row), max(math.isqrt(row.size), 1)
    row = row.astype(np.float32) if row.dtype == np.float16 else row
    weights = lib.linspace(0.5, 1.5, width, dtype=row.dtype)
    whole = row.size - row.size % width
    rest = row[whole:]
    with np.errstate(all="ignore"):
        sums = row[:whole].reshape(-1, width) @ weights
        return lib.concatenate([sums, (rest @ weights[: rest.size]).reshape(1)])


def _differ(row: Array, digest: Array) -> bool:
    """Whether a row is another than the one that a digest was made of, rounding aside: it may differ from run to run
    on a GPU, and with some CPU libraries, since sums are taken in another order."""
    lib, now = xp(row), _digest(row)
    known, finite = lib.isfinite(digest), lib.isfinite(now)
    largest = lib.where(finite, abs(now), 0).max()
    apart = finite & (abs(now - digest) > np.finfo(row.dtype).eps ** 0.6 * largest)
    return bool((apart | (known != finite)).any())


# --- graphs -------------------------------------------------------------------------------------------------


def _in_a_row(outs: Sequence[Tensor]) -> Tensor | None:
    """All results that require grad, in one row; None if there are none."""
    rows = [o.reshape(-1) for o in outs if o._node is not None]
    return ops.concatenate(*rows) if rows else None


def _record(op: Any, nodes: Sequence[Node | None], saved: Sequence[Sequence[Any]], like: Any, age: int) -> Record:
    record = object.__new__(Record)
    record.op, record.nodes, record.saved, record.age, record.tensor = op, nodes, saved, age, None
    record.shape, record.dtype = like.shape, like.dtype
    return record


def _inside(row: Tensor, start: int) -> list[Record]:
    """The records younger than `start` that a result was made from."""
    records: dict[Record, None] = {}
    stack: list[Node | None] = [row._node]
    while stack:
        node = stack.pop()
        if isinstance(node, Record) and node.age >= start and node not in records:
            records[node] = None
            stack.extend(node.nodes)
    return list(records)


def _read_from_outside(records: Sequence[Record], start: int) -> dict[Node, None]:
    """The nodes older than `start` that records were made from, and leaves made since that somebody holds still."""
    return {
        node: None
        for record in records
        for node in record.nodes
        if node is not None and (node.age < start or _array_of(node) is not None)
    }


def _array_of(node: Node) -> Array | None:
    """The array of a leaf whose tensor is still there."""
    tensor = node.tensor() if isinstance(node, Leaf) and node.tensor is not None else None
    return None if tensor is None else tensor._array


def _arrays_in(values: Any) -> Iterator[Array]:
    if isinstance(values, (list, tuple)):
        for value in values:
            yield from _arrays_in(value)
    elif is_array(values):
        yield values
