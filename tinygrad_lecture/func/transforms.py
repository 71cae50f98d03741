"""Derivatives as functions of functions: `tl.func.grad(f)` is f's gradient, as `torch.func` has it.

All come from the one reverse walk; where more is needed the walk itself is differentiated. They nest: `grad(grad(f))`.
Functions take Tensors and return Tensors; Tensors that they close over are constants to the transform, but the
result can still be differentiated with respect to them. What a function does not depend on has a derivative of zeros.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from .. import ops
from ..autograd.modes import enable_grad, is_grad_enabled
from ..autograd.tape import Leaf
from ..creation import zeros, zeros_like
from ..tensor import Tensor
from ..traced import Node
from .gradients import grad as gradients

Function: TypeAlias = Callable[..., Any]
Argnums: TypeAlias = int | tuple[int, ...]


def grad(function: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """The gradient of a function that returns one number, as a function of the same arguments.

    argnums: which arguments to differentiate by; an int gives one gradient, a tuple a tuple of them. With has_aux the
    function returns (number, anything), and the result is (gradient, anything).
    Raises TypeError, when called, if the function returns anything but one float, or an argument is no float Tensor.
    """
    _must_make("grad", function, argnums)
    both = value_and_grad(function, argnums, has_aux)

    @functools.wraps(function, updated=())
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, result = both(*args, **kwargs)
        return (result, value[1]) if has_aux else result

    return gradient


def value_and_grad(function: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Like `grad`, for the pair (value, gradient) at the cost of the gradient."""
    _must_make("value_and_grad", function, argnums)

    @functools.wraps(function, updated=())
    def both(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        args, inner = _with_variables("grad", argnums, args)
        with enable_grad():
            returned = function(*args, **kwargs)
        if has_aux and not (isinstance(returned, tuple) and len(returned) == 2):
            raise TypeError(f"grad: with has_aux the function must return a pair, (number, aux), not {_kind(returned)}")
        value, aux = returned if has_aux else (returned, None)
        _must_be_a_number("grad", value)
        going_on: list[bool] = []

        def leave(x: Tensor) -> Tensor:
            going_on.append(_goes_on(x, inner))
            return x if going_on[-1] else x.detach()

        aux = _in_every_tensor(leave, aux)
        found = _pull((value,), inner, (None,), retain_graph=any(going_on))
        value = _outside(value, inner)
        return (value, aux) if has_aux else value, _as_asked(found, argnums)

    return both


def vjp(function: Function, *primals: Tensor) -> tuple[Any, Callable[..., tuple[Tensor, ...]]]:
    """(function(*primals), pull_back), where pull_back(v) gives the vector-Jacobian products, one per primal.

    v: an upstream gradient of the result's shape; if the function returns a tuple, one for each of its members, as a
    tuple or one by one. pull_back may be called again.
    """
    _must_be_callable("vjp", function)
    inner = [_variable("vjp", x) for x in primals]
    with enable_grad():
        out = function(*inner)
    outs = _as_tuple("vjp", out)

    def pull_back(*vectors: Any) -> tuple[Tensor, ...]:
        given = vectors[0] if len(vectors) == 1 and isinstance(vectors[0], tuple) else vectors
        if len(given) != len(outs):
            raise ValueError(f"vjp: the function has {len(outs)} results, but {len(given)} vectors are given")
        return _pull(outs, inner, given, retain_graph=True)

    results = tuple(_outside(o, inner) for o in outs)
    return (results if isinstance(out, tuple) else results[0]), pull_back


def jvp(function: Function, primals: Sequence[Tensor], tangents: Sequence[Tensor]) -> tuple[Any, Any]:
    """(function(*primals), the Jacobian-vector product): how the result moves as the primals move along the tangents.

    Computed by reverse mode alone: the vector-Jacobian product is linear in its vector, so differentiating it by
    that vector transposes it once more.
    """
    _must_be_callable("jvp", function)
    _must_pair("jvp", primals, tangents)
    inner = [_variable("jvp", x) for x in primals]
    with enable_grad():
        out = function(*inner)
        outs = _as_tuple("jvp", out)
        moving = [o for o in outs if o.requires_grad]
        vectors = [zeros_like(o, requires_grad=True) for o in moving]
        pairing = _pairing(_pull(moving, inner, vectors, create_graph=True), tangents)
    own = [*inner, *vectors]
    products = iter(_pull((pairing,), vectors, (None,), own=own))
    moves = tuple(next(products) if o.requires_grad else zeros_like(o) for o in outs)
    results = tuple(_outside(o, own) for o in outs)
    return (results, moves) if isinstance(out, tuple) else (results[0], moves[0])


def jacobian(function: Function, argnums: Argnums = 0) -> Function:
    """The Jacobian of a function of Tensors, as a function: shape (*result's shape, *argument's shape).

    A tuple of argnums gives a tuple of them; a function that returns a tuple, a tuple with what each member would
    give. One backward walk per element of the result.
    """
    _must_make("jacobian", function, argnums)

    @functools.wraps(function, updated=())
    def matrix(*args: Any, **kwargs: Any) -> Any:
        args, inner = _with_variables("jacobian", argnums, args)
        with enable_grad():
            out = function(*args, **kwargs)
        blocks = tuple(_as_asked(_rows(o, inner), argnums) for o in _as_tuple("jacobian", out))
        return blocks if isinstance(out, tuple) else blocks[0]

    return matrix


def hessian(function: Function, argnums: Argnums = 0) -> Function:
    """The matrix of second derivatives of a function that returns one number: shape (*argument's, *argument's).

    A tuple of argnums gives a tuple of tuples, block [i][j] of shape (*i-th argument's, *j-th argument's).
    """
    _must_make("hessian", function, argnums)
    return jacobian(grad(function, argnums), argnums)


def hvp(function: Function, primals: Sequence[Tensor], tangents: Sequence[Tensor]) -> tuple[Tensor, Any]:
    """(function(*primals), the Hessian times the tangents), without the Hessian: the gradient of <gradient, tangents>.

    One product per primal: a Tensor for one primal, else a tuple.
    """
    _must_be_callable("hvp", function)
    _must_pair("hvp", primals, tangents)
    inner = [_variable("hvp", x) for x in primals]
    with enable_grad():
        value = function(*inner)
        _must_be_a_number("hvp", value)
        pairing = _pairing(_pull((value,), inner, (None,), create_graph=True), tangents)
    products = _pull((pairing,), inner, (None,), retain_graph=_goes_on(value, inner))
    return _outside(value, inner), products[0] if len(products) == 1 else products


# --- the variables of a transform ---------------------------------------------------------------------------


def _with_variables(name: str, argnums: Argnums, args: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[Tensor]]:
    """The arguments with variables in the places to differentiate by, and these variables."""
    inner = list(args)
    positions = (argnums,) if isinstance(argnums, int) else argnums
    for position in positions:
        if not -len(args) <= position < len(args):
            raise ValueError(f"{name}: argnums {argnums} of a call with {len(args)} positional arguments")
        inner[position] = _variable(name, args[position])
    return tuple(inner), [inner[position] for position in positions]


def _variable(name: str, x: Any) -> Tensor:
    """x as a node of its own: of the outer graph if x is in one, so that transforms nest; else a new leaf."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}: only Tensors can be differentiated by, not {_kind(x)}; make one with tl.tensor()")
    if x.requires_grad and is_grad_enabled():
        return ops.alias(x)
    return x.detach().requires_grad_()


def _goes_on(x: Tensor, own: Sequence[Tensor]) -> bool:
    """Whether, while recording, x depends on more than a transform's own variables: on what was there before it."""
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


def _outside(x: Tensor, own: Sequence[Tensor]) -> Tensor:
    """A result as the caller sees it: still recorded if it depends on something of the caller's, else a constant."""
    return x if x._node is None or _goes_on(x, own) else x.detach()


def _in_every_tensor(change: Callable[[Tensor], Tensor], tree: Any) -> Any:
    """tree with its Tensors changed; it may be a Tensor, or tuples, lists and dicts of trees."""
    if isinstance(tree, Tensor):
        return change(tree)
    if isinstance(tree, dict):
        return {key: _in_every_tensor(change, value) for key, value in tree.items()}
    if isinstance(tree, (tuple, list)):
        members = [_in_every_tensor(change, value) for value in tree]
        return type(tree)(*members) if hasattr(tree, "_fields") else type(tree)(members)
    return tree


# --- pulling back -------------------------------------------------------------------------------------------


def _pull(
    outs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    vectors: Sequence[Any],
    *,
    own: Sequence[Tensor] | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> tuple[Tensor, ...]:
    """Vector-Jacobian products, one per input, zeros for what nothing depends on.

    They are recorded if they depend on more than the transform's `own` variables, by default the inputs; with
    create_graph, if they depend on these alone as well.
    """
    own = inputs if own is None else own
    live = [(o, v) for o, v in zip(outs, vectors, strict=True) if o.requires_grad]
    if not live:
        return tuple(zeros_like(x) for x in inputs)
    record = create_graph or any(_goes_on(x, own) for pair in live for x in pair if isinstance(x, Tensor))
    found = gradients(
        [o for o, _ in live],
        inputs,
        [v for _, v in live],
        retain_graph=retain_graph or record,
        create_graph=record,
        allow_unused=True,
    )
    products = tuple(zeros_like(x) if g is None else g for x, g in zip(inputs, found, strict=True))
    return products if create_graph else tuple(_outside(p, own) for p in products)


def _pairing(products: Sequence[Tensor], tangents: Sequence[Tensor]) -> Tensor:
    """The sum of all products times tangents: one number."""
    first, *rest = ((p * t).sum() for p, t in zip(products, tangents, strict=True))
    return sum(rest, start=first)


def _rows(out: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The Jacobians of one result, with respect to each input, row by row."""
    rows = []
    for element in range(out.numel()):
        unit = zeros(out.numel(), dtype=out.dtype, device=out.device)
        unit[element] = 1
        rows.append(_pull((out,), inputs, (unit.reshape(out.shape),), retain_graph=True))
    if not rows:
        return [zeros(*out.shape, *x.shape, dtype=x.dtype, device=x.device) for x in inputs]
    return [
        ops.stack(column).reshape(*out.shape, *x.shape)
        for x, column in zip(inputs, zip(*rows, strict=True), strict=True)
    ]


# --- what goes in and out -----------------------------------------------------------------------------------


def _as_asked(found: Sequence[Tensor], argnums: Argnums) -> Any:
    """One for an int, a tuple for a tuple."""
    return found[0] if isinstance(argnums, int) else tuple(found)


def _as_tuple(name: str, out: Any) -> tuple[Tensor, ...]:
    outs = out if isinstance(out, tuple) else (out,)
    for o in outs:
        if not isinstance(o, Tensor):
            raise TypeError(f"{name}: the function must return a Tensor or a tuple of Tensors, not {_kind(o)}")
    return outs


def _must_be_a_number(name: str, value: Any) -> None:
    if not isinstance(value, Tensor) or value.numel() != 1 or value.dtype.kind != "f":
        remedy = (
            "; reduce it, as with .sum(), or see jacobian" if isinstance(value, Tensor) and value.numel() != 1 else ""
        )
        raise TypeError(f"{name}: the function must return one float as a Tensor, not {_kind(value)}{remedy}")


def _must_be_callable(name: str, function: Any) -> None:
    if not callable(function):
        raise TypeError(f"{name}: the function to differentiate comes first; {_kind(function)} is none")


def _must_make(name: str, function: Any, argnums: Any) -> None:
    """Raise for a transform that is called with the arguments of what it makes."""
    _must_be_callable(name, function)
    if not all(isinstance(n, int) for n in (argnums if isinstance(argnums, tuple) else (argnums,))):
        raise TypeError(
            f"{name} makes a function: write {name}(f)(x), not {name}(f, x); argnums, an int or a tuple of ints, says "
            f"by which arguments, and is {_kind(argnums)}"
        )


def _must_pair(name: str, primals: Any, tangents: Any) -> None:
    """Raise unless there is a tangent for each primal, of its shape."""
    if not (isinstance(primals, (tuple, list)) and isinstance(tangents, (tuple, list))):
        raise TypeError(f"{name}: primals and tangents are tuples of Tensors, as in {name}(f, (x,), (t,))")
    if not primals or len(primals) != len(tangents):
        raise ValueError(
            f"{name}: {len(primals)} primals, but {len(tangents)} tangents; give one for each, and at least one"
        )
    for position, (x, t) in enumerate(zip(primals, tangents, strict=True)):
        if getattr(x, "shape", None) != getattr(t, "shape", None):
            raise ValueError(f"{name}: primal {position} is {_kind(x)}, its tangent {_kind(t)}; the shapes must agree")


def _kind(value: Any) -> str:
    """A value in a few words."""
    return (
        f"a Tensor of shape {value.shape}, {value.dtype}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
    )
