"""`vmap`: a function of one example as a function of a batch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from .. import ops
from ..errors import kind_of
from ..random import get_rng_state, replay
from ..tensor import Tensor
from .nesting import must_be_callable
from .trees import leaves, with_leaves

Axes = Any  # an int, None, or a tree of these


def vmap(
    function: Callable[..., Any],
    in_dims: Axes = 0,
    out_dims: Axes = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """The function applied to each slice of its arguments, with the results stacked, as in PyTorch.

        dots = tl.func.vmap(tl.dot)                         # (batch, n), (batch, n) -> (batch,)
        dots(tl.ones(2, 3), tl.ones(2, 3))                  # tensor([3., 3.])

    So the gradient of each example's loss is `vmap(grad(loss), in_dims=(None, 0, 0))(parameters, x, y)`.

    It is a loop: the function runs once for each slice, so it takes as long as the loop that it stands for. PyTorch's
    runs once for all, with a batched rule for each op. What is recorded can be differentiated, and calls nest.

    in_dims: the axis to slice of every argument, or one for each in a tuple; None for an argument that all slices get
    whole. For an argument that is a tree, a tree of these. Keyword arguments are sliced along axis 0.
    out_dims: where the new axis goes in every result, or in each.
    randomness: "error" refuses a function that draws random numbers; "different" lets each slice draw its own, "same"
    gives all the same.  chunk_size: for PyTorch's signature; slices go one by one.
    Raises ValueError if there is nothing to slice or the sizes differ, TypeError for results that are no Tensors,
    RuntimeError for random numbers.
    """
    must_be_callable("vmap", function)
    if randomness not in ("error", "different", "same"):
        raise ValueError(f'vmap: randomness must be "error", "different" or "same", not {randomness!r}')

    @functools.wraps(function, updated=())
    def batched(*args: Any, **kwargs: Any) -> Any:
        arguments = (args, kwargs)
        values = leaves(arguments)
        axes = [*_axis_of_each(in_dims, args), *([0] * len(leaves(kwargs)))]
        size = _size(values, axes)
        state = get_rng_state()
        results = []
        for i in range(size):
            slices = [x if axis is None else x.select(axis, i) for x, axis in zip(values, axes, strict=True)]
            these, named = with_leaves(arguments, slices)
            with replay(state) if randomness == "same" else nullcontext():
                results.append(function(*these, **named))
        if randomness == "error" and get_rng_state() != state:
            raise RuntimeError(
                "vmap: the function drew random numbers; say whether each slice draws its own, with "
                'randomness="different", or all the same, with randomness="same"'
            )
        return _stacked(results, out_dims)

    return batched


def _axis_of_each(axes: Axes, tree: Any) -> list[int | None]:
    """An axis for each leaf of a tree: one for all, or a tree of the same form."""
    if axes is None or isinstance(axes, int):
        return [axes] * len(leaves(tree))
    fits = isinstance(tree, dict) if isinstance(axes, dict) else isinstance(tree, (tuple, list))
    if not fits or len(axes) != len(tree):
        raise ValueError(f"vmap: the axes {axes!r} do not fit {kind_of(tree)}; give one axis, or one for each part")
    pairs = ((axes[key], tree[key]) for key in (tree if isinstance(tree, dict) else range(len(tree))))
    return [axis for part in pairs for axis in _axis_of_each(*part)]


def _size(values: list[Any], axes: list[int | None]) -> int:
    """The number of slices, which must be the same for all that are sliced."""
    sizes: set[int] = set()
    for x, axis in zip(values, axes, strict=True):
        if axis is not None:
            if not isinstance(x, Tensor) or not x.ndim:
                raise ValueError(f"vmap: {kind_of(x)} has no axis {axis} to slice; to pass it whole, in_dims has None")
            sizes.add(x.size(axis))
    if len(sizes) != 1:
        said = f"the axes to slice have sizes {sorted(sizes)}" if sizes else "there is no axis to slice"
        raise ValueError(f"vmap: {said}; in_dims must name one axis of the same size of each argument, or None")
    (size,) = sizes
    if not size:
        raise ValueError("vmap: the axis to slice is empty, so the function cannot be called to see what it returns")
    return size


def _stacked(results: list[Any], out_dims: Axes) -> Any:
    """The results of all slices, each Tensor with a new axis."""
    first = results[0]
    axes = _axis_of_each(out_dims, first)
    for x in leaves(first):
        if not isinstance(x, Tensor):
            raise TypeError(f"vmap: the function must return a Tensor, or tuples or dicts of them, not {kind_of(x)}")
    columns = zip(*map(leaves, results), strict=True)
    stacked = [x[0] if axis is None else ops.stack(x, axis) for x, axis in zip(columns, axes, strict=True)]
    return with_leaves(first, stacked)
