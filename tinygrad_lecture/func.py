"""Derivatives as functions of functions: `tl.func.grad(f)` is f's gradient, as `torch.func` has it.

All come from the one reverse walk; where more is needed the walk itself is differentiated. They nest: `grad(grad(f))`.
Functions take Tensors and return Tensors; Tensors that they close over are constants to the transform, but the
result can still be differentiated with respect to them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from . import ops
from .creation import zeros_like
from .modes import enable_grad, is_grad_enabled
from .tape import Leaf, Node, Record
from .tensor import Tensor
from .transforms import grad as gradients

Function: TypeAlias = Callable[..., Any]
Argnums: TypeAlias = int | tuple[int, ...]


def grad(function: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """The gradient of a function that returns one number, as a function of the same arguments.

    argnums: which arguments to differentiate by; an int gives one gradient, a tuple a tuple of them. With has_aux the
    function returns (number, anything), and the result is (gradient, anything).
    Raises RuntimeError if the function returns more than one number or does not depend on an argument.
    """
    both = value_and_grad(function, argnums, has_aux)

    @functools.wraps(function)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, result = both(*args, **kwargs)
        return (result, value[1]) if has_aux else result

    return gradient


def value_and_grad(function: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Like `grad`, for the pair (value, gradient) at the cost of the gradient."""

    @functools.wraps(function)
    def both(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        positions = (argnums,) if isinstance(argnums, int) else argnums
        inner = list(args)
        for position in positions:
            inner[position] = _variable(args[position])
        with enable_grad():
            returned = function(*inner, **kwargs)
        value, aux = returned if has_aux else (returned, None)
        if not isinstance(value, Tensor) or value.numel() != 1:
            shape = getattr(value, "shape", type(value).__name__)
            raise RuntimeError(f"grad: the function must return one number as a Tensor, not {shape}; see jacobian")
        wanted = [inner[position] for position in positions]
        found = gradients(value, wanted, create_graph=_goes_on(value, wanted))
        value = _outside(value, wanted)
        return (value, aux) if has_aux else value, found[0] if isinstance(argnums, int) else found

    return both


def vjp(function: Function, *primals: Tensor) -> tuple[Any, Callable[..., tuple[Tensor, ...]]]:
    """(function(*primals), pull_back), where pull_back(v) gives the vector-Jacobian products, one per primal.

    v: an upstream gradient of the result's shape, or a tuple of them if the function returns a tuple.
    An input that the function ignores has a gradient of zeros. pull_back may be called again.
    """
    inner = [_variable(x) for x in primals]
    with enable_grad():
        out = function(*inner)
    outs = out if isinstance(out, tuple) else (out,)

    def pull_back(*vectors: Any) -> tuple[Tensor, ...]:
        given = vectors[0] if len(vectors) == 1 and isinstance(vectors[0], tuple) else vectors
        if len(given) != len(outs):
            raise ValueError(f"vjp: the function has {len(outs)} results, but {len(given)} vectors are given")
        return _pull(outs, inner, given)

    outside = tuple(_outside(o, inner) for o in outs)
    return (outside if isinstance(out, tuple) else outside[0]), pull_back


def jvp(function: Function, primals: Sequence[Tensor], tangents: Sequence[Tensor]) -> tuple[Any, Any]:
    """(function(*primals), the Jacobian-vector product): how the result moves as the primals move along the tangents.

    Computed by reverse mode alone: the vector-Jacobian product is linear in its vector, so differentiating it by
    that vector transposes it once more.
    """
    if len(primals) != len(tangents):
        raise ValueError(f"jvp: {len(primals)} primals, but {len(tangents)} tangents")
    for position, (x, t) in enumerate(zip(primals, tangents, strict=True)):
        if x.shape != t.shape:
            raise ValueError(f"jvp: primal {position} has shape {x.shape}, its tangent {t.shape}")
    inner = [_variable(x) for x in primals]
    with enable_grad():
        out = function(*inner)
        outs = out if isinstance(out, tuple) else (out,)
        vectors = [zeros_like(o, requires_grad=True) for o in outs]
        products = _pull(outs, inner, vectors, create_graph=True)
        pairing = sum((p * t).sum() for p, t in zip(products, tangents, strict=True))
    moved = tuple(
        zeros_like(o) if m is None else m
        for o, m in zip(outs, _unless_constant(pairing, vectors, create_graph=is_grad_enabled()), strict=True)
    )
    moved = tuple(_outside(m, [*inner, *vectors]) for m in moved)
    outside = tuple(_outside(o, inner) for o in outs)
    return (outside, moved) if isinstance(out, tuple) else (outside[0], moved[0])


def jacobian(function: Function, argnums: Argnums = 0) -> Function:
    """The Jacobian of a function with one Tensor as result, as a function: shape (*result's shape, *argument's shape).

    One backward walk per element of the result.
    """

    @functools.wraps(function)
    def matrix(*args: Any, **kwargs: Any) -> Any:
        positions = (argnums,) if isinstance(argnums, int) else argnums
        inner = list(args)
        for position in positions:
            inner[position] = _variable(args[position])
        with enable_grad():
            out = function(*inner, **kwargs)
        wanted = [inner[position] for position in positions]
        rows = []
        for element in range(out.numel()):
            unit = zeros_like(out).reshape(-1)
            unit[element] = 1
            rows.append(_pull((out,), wanted, (unit.reshape(out.shape),)))
        blocks = tuple(
            ops.stack([row[i] for row in rows]).reshape(*out.shape, *x.shape)
            if rows
            else zeros_like(x).reshape(-1)[:0].reshape(*out.shape, *x.shape)
            for i, x in enumerate(wanted)
        )
        return blocks[0] if isinstance(argnums, int) else blocks

    return matrix


def hessian(function: Function, argnums: int = 0) -> Function:
    """The matrix of second derivatives of a function that returns one number: shape (*argument's, *argument's)."""
    return jacobian(grad(function, argnums), argnums)


def hvp(function: Function, primals: Sequence[Tensor], tangents: Sequence[Tensor]) -> tuple[Tensor, Any]:
    """(function(*primals), the Hessian times the tangents), without the Hessian: the gradient of <gradient, tangents>.

    One product per primal: a Tensor for one primal, else a tuple.
    """
    inner = [_variable(x) for x in primals]
    with enable_grad():
        value = function(*inner)
        slopes = _pull((value,), inner, (None,), create_graph=True)
        pairing = sum((s * t).sum() for s, t in zip(slopes, tangents, strict=True))
    products = _unless_constant(pairing, inner, create_graph=_goes_on(value, inner))
    products = tuple(zeros_like(x) if p is None else p for x, p in zip(inner, products, strict=True))
    return _outside(value, inner), products[0] if len(products) == 1 else products


# --- shared -------------------------------------------------------------------------------------------------


def _variable(x: Tensor) -> Tensor:
    """x as a node of its own: of the outer graph if x is in one, so that transforms nest; else a new leaf."""
    if not isinstance(x, Tensor):
        raise TypeError(f"only Tensors can be differentiated by, not {type(x).__name__}; make one with tl.tensor()")
    if x.requires_grad and is_grad_enabled():
        return ops.alias(x)
    return x.detach().requires_grad_()


def _pull(
    outs: Sequence[Tensor], inner: Sequence[Tensor], vectors: Sequence[Any], create_graph: bool = False
) -> tuple[Tensor, ...]:
    """Vector-Jacobian products with the graph kept, zeros for what nothing depends on."""
    live = [(o, v) for o, v in zip(outs, vectors, strict=True) if o.requires_grad]
    if not live:
        return tuple(zeros_like(x) for x in inner)
    found = gradients(
        [o for o, _ in live],
        inner,
        [v for _, v in live],
        retain_graph=True,
        create_graph=create_graph or any(_goes_on(o, inner) for o, _ in live),
        allow_unused=True,
    )
    return tuple(zeros_like(x) if g is None else g for x, g in zip(inner, found, strict=True))


def _unless_constant(x: Any, inputs: Sequence[Tensor], create_graph: bool) -> tuple[Tensor | None, ...]:
    if not (isinstance(x, Tensor) and x.requires_grad):
        return (None,) * len(inputs)
    return gradients(x, inputs, create_graph=create_graph, allow_unused=True)


def _goes_on(out: Tensor, inner: Sequence[Tensor]) -> bool:
    """Whether, while recording, a result depends on more than the transform's own variables."""
    return is_grad_enabled() and bool(_sources(out._node) - {x._node for x in inner if isinstance(x._node, Leaf)})


def _outside(out: Tensor, inner: Sequence[Tensor]) -> Tensor:
    """A result as the caller sees it: still recorded if it depends on something of the caller's, else a constant."""
    return out if _goes_on(out, inner) else out.detach()


def _sources(node: Node | None) -> set[Node]:
    """The leaves that a node was computed from."""
    seen: set[Node] = set()
    stack = [] if node is None else [node]
    leaves: set[Node] = set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node, Record):
            stack.extend(parent for parent in node.nodes if parent is not None)
        else:
            leaves.add(node)
    return leaves
