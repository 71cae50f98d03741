"""Nesting of transforms: each has its own variables, and records only results that depend on anything else.

A transform differentiates with respect to new nodes, its variables. What depends on them alone is a constant to the
caller. What also depends on a Tensor from outside, such as one closed over or an outer transform's variable, stays
recorded, so that the caller can differentiate it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..autograd.core import Leaf, Node
from ..autograd.modes import enable_grad, is_grad_enabled
from ..creation import zeros, zeros_like
from ..errors import kind_of
from ..inplace import noting_changes
from ..tensor import Tensor
from .arguments import Argnums, Function
from .gradients import grad
from .trees import leaves, map_leaves


def with_variables(name: str, argnums: Argnums, args: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[Any]]:
    """The arguments with variables at the positions `argnums`, and these: Tensors or trees of them.

    Raises ValueError for a position out of range, TypeError for an argument with anything but float Tensors.
    """
    inner = list(args)
    positions = (argnums,) if isinstance(argnums, int) else argnums
    for position in positions:
        if not -len(args) <= position < len(args):
            raise ValueError(
                f"{name}: argnums {argnums} does not fit a call with {len(args)} positional arguments; count from 0"
            )
        inner[position] = variables(name, args[position])
    return tuple(inner), [inner[position] for position in positions]


def variables(name: str, tree: Any) -> Any:
    """The tree with a new variable for each of its Tensors."""
    return map_leaves(lambda x: variable(name, x), tree)


def variable(name: str, x: Any) -> Tensor:
    """x as a new node: an alias if x is in an outer graph, so that transforms nest; otherwise a new leaf."""
    if not isinstance(x, Tensor):
        raise TypeError(
            f"{name}: can differentiate only with respect to Tensors, not {kind_of(x)}; use tl.tensor(data)"
        )
    if x.dtype.kind != "f":
        raise TypeError(f"{name}: can differentiate only with respect to floats, not {x.dtype}; convert with .float()")
    if x.requires_grad:
        with enable_grad():  # under no_grad too: what `vjp_fn` makes later may be differentiated with respect to x
            return ops.copying.alias(x)
    return x.detach().requires_grad_()


def depends_on_outside(x: Tensor, own: Sequence[Tensor]) -> bool:
    """Whether x depends on more than a transform's own variables: on a leaf, or on a node older than they are.

    False under no_grad, where the caller wants no graph.
    """
    if not is_grad_enabled():
        return False
    born = min((variable._node.age for variable in own if variable._node is not None), default=0)
    seen: set[Node | None] = {None, *(variable._node for variable in own if isinstance(variable._node, Leaf))}
    stack = [x._node]
    while stack:
        node = stack.pop()
        if node in seen or node is None:
            continue
        if isinstance(node, Leaf) or node.age < born:
            return True
        seen.add(node)
        stack.extend(node.nodes)
    return False


def seen_from_outside(x: Tensor, own: Sequence[Tensor]) -> Tensor:
    """A result for the caller: still recorded if it depends on anything from outside, otherwise a constant."""
    return x if x._node is None or depends_on_outside(x, own) else x.detach()


def all_seen_from_outside(tree: Any, own: Sequence[Tensor]) -> Any:
    """The tree with each of its Tensors as `seen_from_outside`; other leaves stay."""
    return map_leaves(lambda x: seen_from_outside(x, own) if isinstance(x, Tensor) else x, tree)


def run(function: Function, own: Sequence[Tensor], *args: Any, **kwargs: Any) -> Any:
    """What a function returns, recorded. A captured tensor that it changes in place is then as `seen_from_outside`."""
    with enable_grad(), noting_changes() as changed:
        returned = function(*args, **kwargs)
    needed = {id(x) for x in leaves(returned)}
    for reference in changed:
        x: Any = reference()
        if x is not None and id(x) not in needed and x._node is not None and not depends_on_outside(x, own):
            x.detach_()
    return returned


def vjps(
    outs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    cotangents: Sequence[Any],
    *,
    own: Sequence[Tensor] | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> tuple[Tensor, ...]:
    """The vector-Jacobian products, one per input; zeros for an input that no output depends on.

    own: the transform's variables, by default the inputs. The products are recorded if they depend on anything else
    or, with create_graph, always.
    """
    own = inputs if own is None else own
    live = [(o, v) for o, v in zip(outs, cotangents, strict=True) if o.requires_grad]
    if not live:
        return tuple(zeros_like(x) for x in inputs)
    record = create_graph or any(depends_on_outside(x, own) for pair in live for x in pair if isinstance(x, Tensor))
    found = grad(
        [o for o, _ in live],
        inputs,
        [v for _, v in live],
        retain_graph=retain_graph or record,
        create_graph=record,
        allow_unused=True,
    )
    products = tuple(zeros_like(x) if g is None else g for x, g in zip(inputs, found, strict=True))
    return products if create_graph else tuple(seen_from_outside(p, own) for p in products)


def inner_product(products: Sequence[Tensor], tangents: Sequence[Tensor]) -> Tensor:
    """The inner product of two lists of Tensors, as one number: each product times its tangent, summed."""
    first, *rest = ((p * t).sum() for p, t in zip(products, tangents, strict=True))
    return sum(rest, start=first)


def jacobians(out: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The Jacobian of one result with respect to each input. Its rows are the vjps with the unit vectors."""
    rows = []
    for element in range(out.numel()):
        unit = zeros(out.numel(), dtype=out.dtype, device=out.device)
        unit[element] = 1
        rows.append(vjps((out,), inputs, (unit.reshape(out.shape),), retain_graph=True))
    if not rows:
        return [zeros(*out.shape, *x.shape, dtype=x.dtype, device=x.device) for x in inputs]
    return [
        ops.stack(column).reshape(*out.shape, *x.shape)  # (elements, *x.shape) -> (*out.shape, *x.shape)
        for x, column in zip(inputs, zip(*rows, strict=True), strict=True)
    ]
