"""The backward pass: the walk of `core.py`, with what a user may ask of it put around the rules of each record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from . import hooks, versions
from .accumulation import accumulate_grad
from .contract import check_saved
from .core import VJP, Gradient, Node, Products, Record, plus, walk
from .modes import modes, set_grad_enabled
from .wanted import Wanted


def backward_pass(
    seeds: Iterable[tuple[Node, Gradient]],
    *,
    wanted: Iterable[Node] | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> dict[Node, Gradient]:
    """Reverse-mode differentiation: from the upstream gradients of the seeds to the gradients of what they depend on.

    Gradients that reach leaves accumulate in `.grad`.

    wanted: return the gradients of these nodes instead, and visit only records that lead to them.
    retain_graph: keep what the records saved, for another pass.
    create_graph: gradients and saved values are Tensors, so the same rules are recorded as they run.
    Raises RuntimeError if the graph was freed, or a saved array was written to in place.
    """
    sums: dict[Node, Gradient] = {}
    for node, upstream in seeds:
        sums[node] = plus(sums[node], upstream) if node in sums else upstream
    only = None if wanted is None else Wanted(set(wanted), sums)
    observer = modes.observer
    reached: list[Node] = []  # leaves
    freed: list[Node] = []  # stands for the nodes of every freed record: at the end the leaves reached, so that a later
    # tl.grad knows what is lost

    def vjp(record: Record, nodes: Sequence[Node | None], upstream: Gradient) -> Products:
        if record.saved is None or record.age < versions.last_write:
            check_saved(record)
        products = record.op.vjp(record, nodes, upstream)
        if observer is not None:
            observer.saw_backward(record, upstream, by_input(products, nodes))
        if record.op.saves_arrays and not retain_graph:
            record.nodes, record.saved = freed, None
        return products

    def arrive(leaf: Node) -> None:
        reached.append(leaf)
        if only is not None:
            only.collect(leaf, hooks.arrive(leaf, sums.pop(leaf), accumulate=False))
        elif type(leaf.tensor) is hooks.Hooked:
            hooks.arrive(leaf, sums.pop(leaf), accumulate=True)
        else:
            accumulate_grad(leaf, sums.pop(leaf))

    step: VJP = vjp if only is None else only.around(vjp)
    turns: list[tuple[float, Node]] = []
    if hooks.in_use:
        turns = hooks.turns_of_leaves(sums, None if only is None else only.targets)
        step = hooks.around(step, only is None, turns, arrive)
    with set_grad_enabled(create_graph), np.errstate(all="ignore"):
        walk(sums, step)
        for leaf in [*(leaf for _, leaf in turns), *sums]:
            if leaf in sums:
                arrive(leaf)
    freed.extend(reached)
    return {} if only is None else only.found


def by_input(products: Products, nodes: Sequence[Node | None]) -> list[Gradient]:
    """The gradient for each input of a record, None for one that has none."""
    rest = [*products]
    return [rest.pop(0)[1] if rest and node is rest[0][0] else None for node in nodes]
