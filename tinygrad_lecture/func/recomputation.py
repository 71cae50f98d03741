"""Recomputation (gradient checkpointing): backward computes intermediate values again instead of keeping them.

Source: Chen et al., arXiv:1604.06174.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from typing import Any, NoReturn

import numpy as np

from .. import ops, random as rng
from ..autograd import memory
from ..autograd.backward import backward_pass
from ..autograd.core import Gradient, Leaf, Node, Products, Record
from ..autograd.graph import ancestors, results_of_one, unshare, upstreams_of
from ..autograd.memory import arrays_in
from ..autograd.modes import enable_grad, modes
from ..autograd.op import Op
from ..backend import Array, Shape, xp
from ..errors import kind_of
from ..inspect.observe import Observer, Observing, Unseen, values_are_kept
from ..tensor import Tensor
from ..tensor_base import TensorBase, wrap
from .function import as_tuple


def checkpoint(function: Callable[..., Any], *inputs: Any) -> Any:
    """function(*inputs), without keeping intermediate values: backward runs the function a second time.

        y = tl.checkpoint(block, x)             # as y = block(x), with less memory and one more forward pass

    Gradients flow to the inputs and to every tensor that the function closes over, such as a layer's weights. The
    second run draws the same random numbers from tl's stream. Within a `tl.Graph`, which keeps every value, there is no
    second run. The function must return a Tensor or a tuple of Tensors.
    If it computes one of them from another, it is recorded as usual, and all values are kept: detach the one that you
    only look at, such as attention weights.

    The function must do the same computation each time: do not assign a variable that it closes over before backward.
    Backward raises RuntimeError if the second run uses other tensors that require grad, reads a tensor changed in place
    since the first run, or returns another shape or other values. On a GPU, comparing the values waits for the GPU.
    Raises TypeError if the function is not callable or returns anything but Tensors.
    """
    if not callable(function):
        given = kind_of(function)
        raise TypeError(f"checkpoint: the function to run comes first: checkpoint(layer, x); {given} is not callable")
    if not modes.recording or values_are_kept():
        return function(*inputs)
    state = rng.get_rng_state()
    # wrapped again, since a later x += 1 changes x._node
    kept = [wrap(x._array, x._node) if isinstance(x, TensorBase) else x for x in inputs]
    start = memory.tick()
    with rng.replay(state):
        out = function(*inputs)
        state_after = rng.get_rng_state()
    rng.set_rng_state(state_after)
    outs = as_tuple("checkpoint: the function", out)

    # The first run was recorded only to find its sources, the nodes it uses from outside. One record that reruns the
    # function replaces those records.
    traced = [o for o in outs if o._node is not None]
    inside = _inside(traced, start)
    sources = list(_used_from_outside(inside, traced, start))
    made = {o._node for o in traced if isinstance(o._node, Record)}
    if not sources or any(node in made for record in inside for node in record.nodes):  # one from another
        return out
    saved = (kept, sources, [_array_of(node) for node in sources])
    places = [i for i, o in enumerate(outs) if o._node is not None]
    results = results_of_one(_Rerun(function, state, traced), sources, saved, outs, places)
    return results if isinstance(out, tuple) else results[0]


class _Rerun:
    """The op of a checkpoint's record: its vjp runs the function again and differentiates that run."""

    name, saves_arrays = "checkpoint", True

    def __init__(self, function: Callable[..., Any], state: dict[str, Any], outs: Sequence[Tensor]) -> None:
        self.function, self.state, self.shapes = function, state, [o.shape for o in outs]
        self.digests = [_digest(o._array) for o in outs]

    def vjp(self, record: Record, nodes: Sequence[Node | None], upstream: Gradient) -> Products:
        assert record.saved is not None
        inputs, sources, arrays = record.saved
        # A boundary node replaces each source, and this backward pass ends there: if one source was computed from
        # another, the path between them belongs to the outer backward pass.
        boundary = [Record(ops.composite.alias, (n,), ((),), n) for n in record.nodes]
        recorded, start = modes.recording, memory.tick()
        watch = Observing(_ChangeWatch(record.age, start)) if memory.last_write > record.age else nullcontext()
        with Unseen(), rng.replay(self.state), enable_grad(), watch:
            out = self.function(*inputs)
        outs = [o for o in (out if isinstance(out, tuple) else (out,)) if o._node is not None]
        if (shapes := [o.shape for o in outs]) != self.shapes:
            self._refuse(f"returned {_several(self.shapes)} at first, and now {_several(shapes)}")
        inside = _inside(outs, start)
        if _used_from_outside(inside, outs, start) != dict.fromkeys(sources):
            self._refuse("uses other tensors that require grad than at first; was a variable assigned in between?")
        current = [_array_of(node) for node in sources]
        if any(new is not None and new is not old for new, old in zip(current, arrays, strict=True)):
            self._refuse("uses a tensor whose .data was replaced in between")
        if any(_differs(o._array, digest) for o, digest in zip(outs, self.digests, strict=True)):
            self._refuse(
                "returned other values than at first; pass what changes between calls as an input or bind it as a "
                "default argument, lambda x, s=s: x * s, and draw random numbers with tl, whose stream is replayed"
            )
        boundary_of: dict[Node | None, Node] = dict(zip(sources, boundary, strict=True))
        for member in inside:
            member.nodes = [boundary_of.get(node, node) for node in member.nodes]
        upstreams = upstreams_of(upstream)
        with Unseen():
            found = backward_pass(
                [(boundary_of.get(o._node, o._node), g) for o, g in zip(outs, upstreams, strict=True) if g is not None],
                targets=[end for end, node in zip(boundary, nodes, strict=True) if node is not None],
                retain_graph=recorded,
                create_graph=recorded,
            )
        gradients = unshare(map(found.get, boundary), [g for g in upstreams if g is not None])
        return [(n, g) for n, g in zip(record.nodes, gradients, strict=True) if n is not None and g is not None]

    def _refuse(self, how: str) -> NoReturn:
        name = getattr(self.function, "__qualname__", type(self.function).__name__)
        raise RuntimeError(f"checkpoint: in backward the function {name} {how}; it must compute the same each time")


class _ChangeWatch(Observer):
    """Raises RuntimeError where an op reads memory that was written to in place between two ticks."""

    def __init__(self, since: int, until: int) -> None:
        self.since, self.until = since, until

    def saw_forward(
        self, op: Op[Any], arrays: Sequence[Any], settings: dict[str, Any], out: Array, record: Record | None
    ) -> None:
        if modes.recording:
            for array in arrays_in((arrays, tuple(settings.values()))):
                if memory.written_since(array, self.since) and not memory.written_since(array, self.until):
                    raise RuntimeError(
                        f"checkpoint: a tensor of shape {array.shape} that {op.name} reads in the function was "
                        "changed in place since the function first ran, so running it again for backward would give "
                        "other values: change a clone() instead, or change it after backward"
                    )


# --- values -------------------------------------------------------------------------------------------------


def _digest(values: Array) -> Array:
    """A fingerprint of an array: weighted sums of blocks, about sqrt(n) numbers for n elements."""
    lib, width = xp(values), max(math.isqrt(values.size), 1)
    values = values.reshape(-1).astype(np.float32 if values.dtype == np.float16 else values.dtype, copy=False)
    weights = lib.linspace(0.5, 1.5, width, dtype=values.dtype)
    whole = values.size - values.size % width  # elements in whole blocks
    rest = values[whole:]
    with np.errstate(all="ignore"):
        sums = values[:whole].reshape(-1, width) @ weights  # (blocks, width) @ (width,) -> (blocks,)
        return lib.concatenate([sums, (rest @ weights[: rest.size]).reshape(1)])


def _differs(values: Array, digest: Array) -> bool:
    """Whether an array differs, by more than rounding, from the one that has this digest.

    Rounding may differ between runs on a GPU, and with some CPU libraries, which sum in another order.
    """
    lib, now = xp(values), _digest(values)
    known, finite = lib.isfinite(digest), lib.isfinite(now)
    largest = lib.where(finite, abs(now), 0).max()
    far = finite & (abs(now - digest) > np.finfo(values.dtype).eps ** 0.6 * largest)
    return bool((far | (known != finite)).any())


# --- graphs -------------------------------------------------------------------------------------------------


def _several(shapes: Sequence[Shape]) -> str:
    return ", ".join(f"a tensor of shape {shape}" for shape in shapes) or "none that requires grad"


def _inside(results: Iterable[Tensor], start: int) -> list[Record]:
    """The records made since `start` that results were computed from."""
    nodes = ancestors((result._node for result in results), start)
    return [node for node in nodes if isinstance(node, Record)]


def _used_from_outside(records: Sequence[Record], outs: Sequence[Tensor], start: int) -> dict[Node, None]:
    """The nodes that records use or outs have, if older than `start`, or leaves made since whose tensor is alive."""
    used = [node for record in records for node in record.nodes] + [o._node for o in outs]
    return {node: None for node in used if node is not None and (node.age < start or _array_of(node) is not None)}


def _array_of(node: Node) -> Array | None:
    """The array of a leaf whose tensor is still alive, otherwise None."""
    tensor = node.tensor() if isinstance(node, Leaf) and node.tensor is not None else None
    return None if tensor is None else tensor._array
